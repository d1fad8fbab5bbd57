//! Verifying: what is deployed, or prepared, is compiled again from the sources that were kept, and must come out the same, byte for
//! byte and for the same fuel; and the deployed files must be those that were published.
//!
//! What was compiled is for the ledger to say, by digests that are checked again here (`again.rs`); comparing is pure (`compare.rs`).
//! Nothing is changed, nothing is stored, and nobody is kept from anything meanwhile.

mod again;
mod compare;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use prefab_model::{Artifact, CompilerName, Fuel, ModuleName, ModulePath, ModuleState, OutcomeKind};
use prefab_sandbox::{Sandbox, Success};
use prefab_store::{Blobs, DeployedBundle, StoreError};
use semver::Version;
use serde::{Deserialize, Serialize};

pub(crate) use again::check_key;
pub use compare::FileDifference;

use crate::artifacts::{bundles, limits};
use crate::choose::{ModuleSelection, choose};
use crate::deploy::Place;
use crate::environment::Environment;
use crate::modules::ModulesError;
use crate::priority::Priority;
use crate::run::pool::{Job, Message, Pool};
use crate::run::{PrepareError, Stop};
use again::{Again, Ran};

/// Why verifying could not be gone through with.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A module that was named is not there.
    #[error(transparent)]
    Module(#[from] Box<ModulesError>),
    /// A thread failed.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A thread could not be started.
    #[error("cannot start a compiling thread")]
    Thread(#[from] std::io::Error),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is compared with what comes out of compiling again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verifying {
    /// What is deployed, with its files.
    #[default]
    Deployed,
    /// What is prepared.
    Prepared,
}

/// What to verify.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Of which modules.
    pub selection: ModuleSelection,
    /// What of them.
    pub what: Verifying,
    /// How many compilations at a time; none for one a core.
    pub jobs: Option<NonZeroUsize>,
    /// How much to stand back behind other programs.
    pub priority: Priority,
}

/// How a module's verification ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// Everything came out the same.
    Same,
    /// Something did not, or a deployed file is not what was published.
    Differs,
    /// Something could not be found out, and all else came out the same.
    Cannot,
}

/// How a module's verification ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The module.
    pub module: ModuleName,
    /// The platform version that it was compiled for.
    pub platform: Option<Version>,
    /// In one word.
    pub agreement: Agreement,
    /// How many compilations were run again and ended.
    pub compilations: u64,
    /// The fuel that they used.
    pub fuel: Fuel,
    /// What is not the same.
    pub discrepancies: Vec<Discrepancy>,
    /// What could not be found out, and why.
    pub cannot: Vec<String>,
}

/// Something that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Discrepancy {
    /// Compiling again did not succeed.
    Outcome {
        /// The compiler.
        compiler: CompilerName,
        /// How it ended now.
        now: String,
    },
    /// Compiling again took other fuel.
    Fuel {
        /// The compiler.
        compiler: CompilerName,
        /// What it took when it was compiled.
        then: Fuel,
        /// What it took now.
        now: Option<Fuel>,
    },
    /// An artifact came out otherwise.
    Artifact {
        /// The compiler.
        compiler: CompilerName,
        /// The artifact.
        path: ModulePath,
        /// What is different about it.
        #[serde(flatten)]
        how: FileDifference,
    },
    /// A deployed file is not what was published.
    Deployed {
        /// Its path in the deployed folder.
        path: String,
        /// What is different about it.
        #[serde(flatten)]
        how: FileDifference,
    },
    /// What is deployed is not the folder that the ledger says.
    Link {
        /// Where the link leads; none if there is no link.
        to: Option<PathBuf>,
    },
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifySummary {
    /// Modules that came out the same.
    pub same: u64,
    /// Modules that did not.
    pub differ: u64,
    /// Modules that could not be verified.
    pub cannot: u64,
}

/// Verifies modules. `reporter` is told of each, in the order in which they end, and before the first how many there are.
pub fn verify(
    env: &Environment,
    sandbox: &Sandbox,
    options: &VerifyOptions,
    stop: &Stop,
    reporter: &mut dyn FnMut(u64, Option<&Verified>),
) -> Result<VerifySummary, VerifyError> {
    let modules = modules(env, options)?;
    let total = modules.len() as u64;
    reporter(total, None);
    let again = Again::new(env, sandbox, stop)?;
    let order: Vec<u32> = (0..u32::try_from(modules.len()).unwrap_or(u32::MAX)).collect();
    let jobs =
        options.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let named = matches!(options.selection, ModuleSelection::Modules(_));
    let work = |job: Job, _: &_| {
        // Nothing is folded in here.
        let Job::Planned { index, .. } = job else { return Ok(None) };
        let check = Check { env, again: &again, what: options.what, named };
        Ok(check.module(&modules[index as usize])?)
    };
    let mut summary = VerifySummary::default();
    Pool { jobs, priority: options.priority, stop }.each(
        &order,
        None,
        || Ok(Vec::new()),
        work,
        |message| -> Result<(), VerifyError> {
            match message {
                Some(Message::Through(verified)) => {
                    match verified.agreement {
                        Agreement::Same => summary.same += 1,
                        Agreement::Differs => summary.differ += 1,
                        Agreement::Cannot => summary.cannot += 1,
                    }
                    reporter(total, Some(&verified));
                }
                Some(Message::Broken(error)) => return Err(error.into()),
                Some(Message::Compiling(..) | Message::Compiled(..)) | None => {}
            }
            Ok(())
        },
    )?;
    Ok(summary)
}

/// The modules that are meant. All deployed ones are also those that are no longer in the environment.
fn modules(env: &Environment, options: &VerifyOptions) -> Result<Vec<ModuleName>, VerifyError> {
    if (&options.selection, options.what) != (&ModuleSelection::All, Verifying::Deployed) {
        return Ok(choose(env, &options.selection)?);
    }
    let mut modules: Vec<ModuleName> = Vec::new();
    loop {
        let page = env.store().deployed_page(modules.last())?;
        if page.is_empty() {
            return Ok(modules);
        }
        modules.extend(page.into_iter().map(|deployment| deployment.module));
    }
}

/// Verifying one module.
struct Check<'a> {
    env: &'a Environment,
    again: &'a Again<'a>,
    what: Verifying,
    /// Whether each module was asked for by name.
    named: bool,
}

impl Check<'_> {
    /// None if it was stopped, or if there is nothing to verify of a module that nobody named.
    fn module(&self, module: &ModuleName) -> Result<Option<Verified>, StoreError> {
        let mut verified = Verified {
            module: module.clone(),
            platform: None,
            agreement: Agreement::Same,
            compilations: 0,
            fuel: Fuel(0),
            discrepancies: Vec::new(),
            cannot: Vec::new(),
        };
        let Some((platform, bundles)) = self.subject(module)? else {
            verified.agreement = Agreement::Cannot;
            verified.cannot.push(match self.what {
                Verifying::Deployed => "nothing of it is deployed".to_owned(),
                Verifying::Prepared => format!("it is not prepared: `prefab errors {module}` says why"),
            });
            return Ok(self.named.then_some(verified));
        };
        verified.platform = Some(platform);
        let mut published = Some(Vec::new());
        for bundle in &bundles {
            let kept = self.env.store().blobs().read_bundle(&bundle.bundle, limits(self.env));
            let kept = kept.map(|kept| kept.artifacts);
            let artifacts = match self.again.run(module, bundle) {
                Ok(Some(ran)) => compare(bundle, ran, kept, &mut verified),
                Ok(None) => return Ok(None),
                Err(reason) => {
                    verified.cannot.push(format!("{}: {reason}", bundle.compiler));
                    kept.map_err(|error| verified.cannot.push(error.to_string())).ok()
                }
            };
            published = published.zip(artifacts).map(|(mut all, artifacts)| {
                all.extend(artifacts);
                all
            });
        }
        if self.what == Verifying::Deployed {
            self.deployed(module, &bundles, published.as_deref(), &mut verified);
        }
        verified.agreement = match (verified.discrepancies.is_empty(), verified.cannot.is_empty()) {
            (false, _) => Agreement::Differs,
            (true, false) => Agreement::Cannot,
            (true, true) => Agreement::Same,
        };
        Ok(Some(verified))
    }

    fn subject(&self, module: &ModuleName) -> Result<Option<(Version, Vec<DeployedBundle>)>, StoreError> {
        let store = self.env.store();
        match self.what {
            Verifying::Deployed => {
                Ok(store.deployment(module)?.map(|deployment| (deployment.version, deployment.bundles)))
            }
            Verifying::Prepared => {
                let Some((preparation, result)) = store.latest_result(module)? else { return Ok(None) };
                if result.state != ModuleState::Prepared {
                    return Ok(None);
                }
                let bundles = bundles(self.env, &result)?;
                let preparation = store.preparation(preparation)?;
                Ok(bundles.zip(preparation).map(|(bundles, preparation)| (preparation.version, bundles)))
            }
        }
    }

    /// Compares the deployed files with what was published, if that is known.
    fn deployed(
        &self,
        module: &ModuleName,
        bundles: &[DeployedBundle],
        published: Option<&[Artifact]>,
        verified: &mut Verified,
    ) {
        let place = Place::of(self.env, module, bundles);
        if !place.is_deployed() {
            let to = fs::read_link(&place.link).ok();
            verified.discrepancies.push(Discrepancy::Link { to });
            return;
        }
        let Some(published) = published else { return };
        let published: BTreeMap<&str, &[u8]> =
            published.iter().map(|artifact| (artifact.path.as_str(), &artifact.bytes[..])).collect();
        match compare::folder(&place.folder, &published) {
            Ok(discrepancies) => verified
                .discrepancies
                .extend(discrepancies.into_iter().map(|(path, how)| Discrepancy::Deployed { path, how })),
            Err(error) => verified.cannot.push(format!("its deployed files cannot be read: {error}")),
        }
    }
}

/// Compares what came out with what was kept. Returns what the artifacts should be, if that can be told.
fn compare(
    bundle: &DeployedBundle,
    ran: Ran,
    kept: Result<Vec<Artifact>, StoreError>,
    verified: &mut Verified,
) -> Option<Vec<Artifact>> {
    let compiler = || bundle.compiler.clone();
    let now = ran.run.usage.fuel;
    verified.compilations += 1;
    verified.fuel.0 = verified.fuel.0.saturating_add(now.unwrap_or_default().0);
    if let Some(then) = ran.fuel.filter(|then| now != Some(*then)) {
        verified.discrepancies.push(Discrepancy::Fuel { compiler: compiler(), then, now });
    }
    let again = match ran.run.kind {
        OutcomeKind::Compiled(Success::Artifacts(artifacts)) => Ok(artifacts),
        kind => Err(again::told(&kind, &ran.run.diagnostics)),
    };
    match (again, kept) {
        (Ok(again), Ok(kept)) => {
            let discrepancies = compare::artifacts(&kept, &again);
            verified.discrepancies.extend(
                discrepancies.into_iter().map(|(path, how)| Discrepancy::Artifact {
                    compiler: compiler(),
                    path,
                    how,
                }),
            );
            Some(kept)
        }
        // The ledger still has the digest of what was kept.
        (Ok(again), Err(error)) => {
            let same = Blobs::bundle_digest(&again).is_ok_and(|digest| digest == bundle.bundle);
            let told = if same { "compiling again makes it" } else { "compiling again makes another one" };
            verified.cannot.push(format!("{error} ({told})"));
            same.then_some(again)
        }
        (Err(now), kept) => {
            verified.discrepancies.push(Discrepancy::Outcome { compiler: compiler(), now });
            kept.map_err(|error| verified.cannot.push(error.to_string())).ok()
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Cannot => "cannot be verified",
        })
    }
}
