//! The heart of prefab: environments, their modules and releases; preparing modules, and publishing what was prepared.
//!
//! The way of one module is `run/mod.rs`: a snapshot of its files (`snapshot.rs`), a plan with a key (`plan.rs`), a compilation
//! (`executor.rs`), a row in a batch (`run/recorder.rs`). Whatever changes an environment holds it (`lock.rs`). What is shown to
//! people is not made here: functions return plain data, and a running preparation is a stream of [`Event`]s.

mod artifacts;
mod attest;
mod browse;
mod cause;
mod choose;
mod control;
mod deploy;
mod environment;
mod errors;
mod event;
mod excerpt;
mod executor;
mod folded;
mod foreign_file;
mod gc;
mod graph;
mod history;
mod import;
mod lock;
mod module_folder;
mod module_tree;
mod modules;
mod native_cache;
mod plan;
mod preparations;
mod priority;
mod publish;
mod releases;
mod report;
mod rollback;
mod run;
mod settings;
mod slots;
mod snapshot;
mod sources;
mod status;
mod trust;
mod trusting;
mod undo;
mod verify;
mod warrant;

pub use artifacts::{
    ArtifactsError, BundleArtifacts, ModuleArtifacts, artifacts, extract_artifacts, read_artifact,
};
pub use attest::{
    AttestError, BuildDefinition, Builder, Metadata, Provenance, Resource, RunDetails, Statement, attest,
};
pub use browse::{
    BrowsedState, DeploymentLine, ModuleLine, ModulePage, ModuleQuery, ModuleRun, browse_modules,
    browse_these, deployments, module_run,
};
pub use cause::Cause;
pub use choose::ModuleSelection;
pub use control::{ControlError, Controlled, Request, control, prioritise};
pub use deploy::DeployError;
pub use environment::{Environment, EnvironmentError, Platform};
pub use errors::{ErrorReport, ErrorsError, ModuleErrors, Problem, errors};
pub use event::{Event, Summary};
pub use gc::{CollectError, CollectOptions, Collection, collect};
pub use graph::{Dependents, Graph, Node, dependents, graph};
pub use history::{Action, HistoryEntry, history};
pub use import::description::DescriptionError;
pub use import::npm::SkippedPackage;
pub use lock::{Activity, Held, HoldError, LockMode};
pub use module_tree::{ModuleTree, read_module_tree, read_package_tree};
pub use modules::{
    ImportSummary, ModuleSummary, ModulesError, NpmTree, add_module, find_npm, import_found, import_npm,
    list_modules, list_modules_page, module, module_count, place_module, remove_module,
};
pub use native_cache::{open_sandbox, open_sandbox_of};
pub use prefab_sandbox::{Isolation, Sandbox, SandboxError, run_as_child};
pub use prefab_store::{CollectedRows, Note, ObjectsError, StoreError, Tally, check_blobs};
pub use preparations::{PreparationSummary, preparation, preparations};
pub use priority::Priority;
pub use publish::{PublishError, PublishSummary, Published, PublishedHow, publish};
pub use releases::{
    CompilerInspection, Fetched, Origin, ReleaseInspection, ReleaseSummary, ReleaseTarget, ReleaseTree,
    ReleasesError, inspect_release, install_release, limits_in, list_releases, read_release,
    read_release_tree, signature_path, summarise_release, vouch,
};
pub use report::causes::{CauseReport, ErrorCount, RootReport};
pub use report::diff::{
    ArtifactChange, ArtifactDiff, ContentDiff, DiffOptions, ModuleDiff, TextLimits, diff,
};
pub use report::findings::{Change, Finding};
pub use report::fuel::{FuelReport, compare_fuel};
pub use report::sides::{ReportError, Side, sides};
pub use report::verdict::{Verdict, Verdicts};
pub use report::{Difference, ModuleReport, Report, compare};
pub use rollback::{RollbackError, RollbackSummary, RolledBack, RolledBackHow, rollback};
pub use run::{PrepareError, PrepareOptions, Selection, Stop, prepare, rehearse, upgrade};
pub use settings::{Setting, SettingSource, SettingsError, list_settings, set_setting};
pub use slots::{HeldBack, Share, Slots, Standing, Terms};
pub use status::{EnvironmentState, Status, status};
pub use trust::{Allow, Refusal, RevokedPart, Vouched};
pub use trusting::{TrustChange, TrustChanged, TrustPlace, TrustingError, change_trust};
pub use undo::{UndoError, undo_upgrade};
pub use verify::{
    Agreement, Discrepancy, FileDifference, Verified, VerifyError, VerifyOptions, VerifySummary, Verifying,
    verify,
};
pub use warrant::{TrustError, environment_trust, read_trust};
