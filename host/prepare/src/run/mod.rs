//! A preparation, from the first look at the sources to the last row in the ledger.
//!
//! Two passes over the modules: every signature (`sign.rs`), then every compilation (`compile.rs`), each on a pool of threads
//! (`pool.rs`) that shares nothing but read-only state (`shared.rs`, `roster.rs`); `passes.rs` is the order of things. One thread, the caller's, owns what changes
//! (`recorder.rs`): it commits batches and tells the watchers. Whoever calls holds the environment.

mod ahead;
mod committer;
mod compile;
mod notes;
mod passes;
pub(crate) mod pool;
mod recorder;
mod roster;
mod select;
mod shared;
mod sign;
mod stop;
mod urgent;

use std::num::NonZeroUsize;
use std::time::Instant;

use prefab_model::{ModuleName, PreparationKind, PreparationState, Release};
use prefab_sandbox::Sandbox;
use prefab_store::{Holder, NewPreparation, StoreError};
use semver::Version;
use time::OffsetDateTime;

pub use select::Selection;
pub use stop::Stop;

use crate::control::Listener;
use crate::environment::Environment;
use crate::event::{Event, Summary};
use crate::executor::Executor;
use crate::folded::Requests;
use crate::history::{Action, millis, record};
use crate::lock::{Activity, Hold, HoldError, Lock, LockMode};
use crate::modules::ModulesError;
use crate::plan::Planner;
use crate::priority::Priority;
use crate::releases::{ReleaseTarget, ReleasesError, Toolchain, install_held, toolchain, warranted};
use crate::slots::Share;
use crate::trust::Allow;
use committer::Committer;
use passes::Passes;
use pool::Pool;
use recorder::Recorder;
use shared::Shared;

/// How to prepare.
#[derive(Debug, Clone, Default)]
pub struct PrepareOptions {
    /// Which modules.
    pub selection: Selection,
    /// How many compilations at a time; none for what the configuration says, or else one a core.
    pub jobs: Option<NonZeroUsize>,
    /// How much to stand back behind other programs.
    pub priority: Priority,
    /// Modules that go first, with all that they need.
    pub first: Vec<ModuleName>,
    /// Who is refused meanwhile.
    pub lock: LockMode,
    /// What is all right this once in a release that is taken in.
    pub allow: Allow,
}

/// Why a preparation could not be run to its end. What it committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The environment is not on any release.
    #[error("the environment has no platform version yet: begin with `prefab upgrade VERSION`")]
    NoPlatform,
    /// There is nothing to prepare.
    #[error("the environment has no modules yet: add some with `prefab module add` or `prefab import npm`")]
    NoModules,
    /// The release does not upgrade from the present version.
    #[error(
        "release {to} upgrades from {range}, and the environment is on {from}: upgrade to a version in between first"
    )]
    NotFrom {
        /// The present version.
        from: Version,
        /// The release.
        to: Version,
        /// What it upgrades from.
        range: String,
    },
    /// The release, or one of its compilers, cannot be used.
    #[error(transparent)]
    Release(#[from] ReleasesError),
    /// A module that was asked for is not there.
    #[error(transparent)]
    Module(#[from] Box<ModulesError>),
    /// The environment is held.
    #[error("{0}")]
    Hold(#[from] HoldError),
    /// The ledger or the blobs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread could not be started.
    #[error("cannot start a compiling thread")]
    Thread(#[from] std::io::Error),
    /// Modules are missing from the sum: a bug.
    #[error(
        "{modules} modules took part and {ended} are accounted for: this is a bug in prefab, please report it"
    )]
    Unaccounted {
        /// How many took part.
        modules: u64,
        /// How many are accounted for.
        ended: u64,
    },
}

/// Compiles modules with the environment's release, and keeps the artifacts aside. What has been compiled before, from the same
/// sources with the same compilers, is not compiled again.
pub fn prepare(
    env: &Environment,
    sandbox: &Sandbox,
    options: &PrepareOptions,
    stop: &Stop,
    reporter: &mut dyn FnMut(&Event),
) -> Result<Summary, PrepareError> {
    let mut hold = env.hold(Activity::Prepare)?;
    prepare_held(env, &mut hold, sandbox, options, stop, reporter)
}

/// Switches the environment to a release, then prepares all modules with it. A manifest is installed first. What is deployed stays
/// as it is.
pub fn upgrade(
    env: &Environment,
    sandbox: &Sandbox,
    target: &ReleaseTarget,
    options: &PrepareOptions,
    stop: &Stop,
    reporter: &mut dyn FnMut(&Event),
) -> Result<Summary, PrepareError> {
    let mut hold = env.hold(Activity::Upgrade)?;
    let release = install_held(env, &hold, target, options.allow, sandbox, reporter)?;
    let from = env.store().platform()?;
    let to = release.version.clone();
    if from.as_ref().map(|from| &from.version) != Some(&to) {
        check_upgrade(from.as_ref().map(|from| &from.version), &release)?;
        let action =
            Action::Upgraded { from: from.as_ref().map(|from| from.version.clone()), to: to.clone() };
        let platform = prefab_store::Platform {
            version: to.clone(),
            release: release.digest,
            previous: from.as_ref().map(|from| (from.version.clone(), from.release)),
        };
        env.store()
            .set_platform(&platform, &crate::history::entry(env, OffsetDateTime::now_utc(), &action))?;
    }
    reporter(&Event::Upgraded { from: from.map(|from| from.version), to, notes: release.notes });
    prepare_held(env, &mut hold, sandbox, options, stop, reporter)
}

/// Prepares modules with a release that need not be installed, to see what would break: nothing of the environment changes,
/// and nobody is kept from anything. What it compiles need not be compiled again by the upgrade.
pub fn rehearse(
    env: &Environment,
    sandbox: &Sandbox,
    target: &ReleaseTarget,
    options: &PrepareOptions,
    stop: &Stop,
    reporter: &mut dyn FnMut(&Event),
) -> Result<Summary, PrepareError> {
    let toolchain = toolchain(env, target, options.allow, reporter)?;
    let from = env.store().platform()?.map(|platform| platform.version);
    if from.as_ref() != Some(&toolchain.release.version) {
        check_upgrade(from.as_ref(), &toolchain.release)?;
    }
    let mut hold = env.hold_rehearsal(Activity::Rehearse)?;
    let rehearsal = PreparationKind::Rehearsal;
    Running { env, sandbox, options, stop, kind: rehearsal }.run(&mut hold, &toolchain, reporter)
}

fn check_upgrade(from: Option<&Version>, to: &Release) -> Result<(), PrepareError> {
    match from {
        Some(from) if !to.upgrades_from.matches(from) => Err(PrepareError::NotFrom {
            from: from.clone(),
            to: to.version.clone(),
            range: to.upgrades_from.to_string(),
        }),
        _ => Ok(()),
    }
}

/// Prepares for a caller that holds the environment already.
pub(crate) fn prepare_held(
    env: &Environment,
    hold: &mut Hold,
    sandbox: &Sandbox,
    options: &PrepareOptions,
    stop: &Stop,
    reporter: &mut dyn FnMut(&Event),
) -> Result<Summary, PrepareError> {
    let platform = env.store().platform()?.ok_or(PrepareError::NoPlatform)?;
    let (release, warrant) = warranted(env, &platform.version)?;
    let toolchain = Toolchain::installed(release, warrant);
    let kind = PreparationKind::Preparation;
    Running { env, sandbox, options, stop, kind }.run(hold, &toolchain, reporter)
}

/// A preparation or a rehearsal that is about to run.
struct Running<'a> {
    env: &'a Environment,
    sandbox: &'a Sandbox,
    options: &'a PrepareOptions,
    stop: &'a Stop,
    kind: PreparationKind,
}

impl Running<'_> {
    fn run(
        self,
        hold: &mut Hold,
        toolchain: &Toolchain,
        reporter: &mut dyn FnMut(&Event),
    ) -> Result<Summary, PrepareError> {
        let Self { env, sandbox, options, stop, kind } = self;
        let began = Instant::now();
        let store = env.store();
        let roster = select::roster(store)?;
        if roster.names.is_empty() {
            return Err(PrepareError::NoModules);
        }
        toolchain.load_slow(store, sandbox, reporter)?;
        let previous = match kind {
            PreparationKind::Preparation => store.latest_preparation()?,
            PreparationKind::Rehearsal => store.latest_rehearsal()?,
        };
        let previous = previous.filter(|previous| previous.release == toolchain.release.digest);
        let last = previous.as_ref().map(|previous| previous.id);
        let selected = select::select(env, &roster, &options.selection, last)?;
        let first = select::closure(env, &roster, &options.first)?;
        let now = millis(OffsetDateTime::now_utc());
        let platform = toolchain.release.version.clone();
        let preparation = store.begin_preparation(&NewPreparation {
            kind,
            version: platform.clone(),
            release: toolchain.release.digest,
            modules: selected.len() as u64,
            started_at: now,
            holder: Holder { pid: std::process::id(), who: env.who() },
        })?;
        hold.runs(preparation, options.lock)?;
        let lock = match kind {
            PreparationKind::Preparation => Lock::Environment,
            PreparationKind::Rehearsal => Lock::Rehearsal,
        };
        let folded = Requests::default();
        let _listener =
            Listener::start(env, lock, preparation, hold.file().clone(), stop.clone(), folded.clone())?;
        let watch = toolchain.warrant.watch(stop)?;
        let span = tracing::info_span!("preparation", id = %preparation, %platform, ?kind);
        let _entered = span.enter();

        let shared = Shared {
            store,
            toolchain,
            planner: Planner { config: env.config(), engine: sandbox.revision() },
            executor: Executor { sandbox, store },
            roster: &roster,
            stop,
            now,
        };
        let jobs = self.jobs();
        let ended = std::thread::scope(|scope| -> Result<_, PrepareError> {
            let committer = Committer::start(scope, store)?;
            let mut recorder =
                Recorder::new(committer, preparation, kind, stop, selected.len() as u64, reporter);
            recorder.tell(&Event::Started {
                preparation,
                platform: platform.clone(),
                modules: selected.len() as u64,
                jobs,
            });
            let pool = Pool { jobs, priority: options.priority, stop };
            Passes { shared: &shared, pool, selected: &selected, first: &first, folded: &folded }
                .run(&mut recorder)?;

            let state = if recorder.counts.ended() == recorder.counts.modules {
                notes::failed_dependencies(store, preparation, &mut recorder)?;
                PreparationState::Done
            } else if stop.is_called_off() {
                PreparationState::Cancelled
            } else if stop.is_asked() {
                PreparationState::Stopped
            } else {
                let (modules, ended) = (recorder.counts.modules, recorder.counts.ended());
                return Err(PrepareError::Unaccounted { modules, ended });
            };
            recorder.commit()?;
            recorder.tell_progress();

            Ok((state, recorder.counts, recorder.compiled, recorder.fuel))
        });
        drop(watch);
        let (state, mut counts, compiled, fuel) = ended?;
        if let (PreparationState::Done, Some(last)) = (state, last)
            && selected.len() < roster.names.len()
        {
            counts = store.carry_over_results(last, preparation)?;
        }
        let ended = OffsetDateTime::now_utc();
        store.finish_preparation(preparation, state, &counts, millis(ended))?;
        let action = match kind {
            PreparationKind::Preparation => {
                Action::Prepared { preparation, platform: platform.clone(), counts }
            }
            PreparationKind::Rehearsal => {
                Action::Rehearsed { preparation, platform: platform.clone(), counts }
            }
        };
        record(env, ended, &action)?;
        if state != PreparationState::Done {
            toolchain.check_warrant()?;
        }
        let summary =
            Summary { preparation, kind, platform, state, counts, time: began.elapsed(), compiled, fuel };
        reporter(&Event::Finished(summary.clone()));
        Ok(summary)
    }

    fn jobs(&self) -> usize {
        let slots = self.stop.share().map(Share::slots);
        let jobs = self
            .options
            .jobs
            .or_else(|| self.env.config().jobs.and_then(|jobs| NonZeroUsize::new(jobs as usize)))
            .or(slots)
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get);
        slots.map_or(jobs, |slots| jobs.min(slots.get()))
    }
}
