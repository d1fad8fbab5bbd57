//! A preparation, from the first look at the sources to the last row in the ledger.
//!
//! Two passes over the modules: every signature (`sign.rs`), then every compilation (`compile.rs`), each on a pool of threads
//! (`pool.rs`) that shares nothing but read-only state (`shared.rs`, `roster.rs`). One thread, the caller's, owns what changes
//! (`recorder.rs`): it commits batches and tells the watchers. Whoever calls holds the environment.

mod compile;
mod notes;
mod pool;
mod recorder;
mod roster;
mod select;
mod shared;
mod sign;
mod stop;

use std::num::NonZeroUsize;
use std::time::Instant;

use prefab_model::{PreparationKind, PreparationState};
use prefab_sandbox::Sandbox;
use prefab_store::{Holder, NewPreparation, StoreError};
use semver::Version;
use time::OffsetDateTime;

pub use select::Selection;
pub use stop::Stop;

use crate::environment::Environment;
use crate::event::{Event, Summary};
use crate::executor::Executor;
use crate::history::{Action, millis, record, who};
use crate::lock::{Activity, Held, Hold, HoldError};
use crate::modules::ModulesError;
use crate::plan::Planner;
use crate::priority::Priority;
use crate::releases::{ReleaseTarget, ReleasesError, Toolchain, install_held, installed};
use pool::{Message, Pool};
use recorder::Recorder;
use roster::{AllSigned, FirstPass, Index, Roster};
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
    #[error(transparent)]
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

impl PrepareError {
    /// Who holds the environment, if that is the reason.
    pub fn held(&self) -> Option<&Held> {
        match self {
            Self::Hold(HoldError::Held(held)) => Some(held),
            Self::Release(error) => error.held(),
            _ => None,
        }
    }
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
    let hold = env.hold(Activity::Prepare)?;
    prepare_held(env, &hold, sandbox, options, stop, reporter)
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
    let hold = env.hold(Activity::Upgrade)?;
    let release = match target {
        ReleaseTarget::Version(version) => installed(env, version)?,
        ReleaseTarget::Manifest(source) => install_held(env, &hold, source, sandbox, reporter)?,
    };
    let from = env.store().platform()?.map(|platform| platform.version);
    let to = release.version.clone();
    if from.as_ref() != Some(&to) {
        if let Some(from) = from.clone().filter(|from| !release.upgrades_from.matches(from)) {
            return Err(PrepareError::NotFrom { from, to, range: release.upgrades_from.to_string() });
        }
        let action = Action::Upgraded { from: from.clone(), to: to.clone() };
        let previous = env.store().platform()?.map(|platform| (platform.version, platform.release));
        let platform = prefab_store::Platform { version: to.clone(), release: release.digest, previous };
        env.store().set_platform(&platform, &crate::history::entry(OffsetDateTime::now_utc(), &action))?;
    }
    reporter(&Event::Upgraded { from, to, notes: release.notes });
    prepare_held(env, &hold, sandbox, options, stop, reporter)
}

/// The same for a caller that holds the environment already.
pub(crate) fn prepare_held(
    env: &Environment,
    hold: &Hold,
    sandbox: &Sandbox,
    options: &PrepareOptions,
    stop: &Stop,
    reporter: &mut dyn FnMut(&Event),
) -> Result<Summary, PrepareError> {
    let began = Instant::now();
    let store = env.store();
    let release = env.release()?.ok_or(PrepareError::NoPlatform)?;
    let roster = Roster::new(select::names(store)?);
    if roster.names.is_empty() {
        return Err(PrepareError::NoModules);
    }
    let toolchain = Toolchain::load(env, release, sandbox, reporter)?;
    let previous =
        store.latest_preparation()?.filter(|previous| previous.release == toolchain.release.digest);
    let selected =
        select::select(env, &roster, &options.selection, previous.as_ref().map(|previous| previous.id))?;
    let now = millis(OffsetDateTime::now_utc());
    let preparation = store.begin_preparation(&NewPreparation {
        kind: PreparationKind::Preparation,
        version: toolchain.release.version.clone(),
        release: toolchain.release.digest,
        modules: selected.len() as u64,
        started_at: now,
        holder: Holder { pid: std::process::id(), who: who() },
    })?;
    hold.runs(preparation)?;
    let span = tracing::info_span!("preparation", id = %preparation);
    let _entered = span.enter();

    let config = env.config();
    let jobs = options
        .jobs
        .or_else(|| config.jobs.and_then(|jobs| NonZeroUsize::new(jobs as usize)))
        .or_else(|| std::thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get);
    let shared = Shared {
        store,
        toolchain: &toolchain,
        planner: Planner { config, engine: sandbox.revision() },
        executor: Executor { sandbox, store, cancel: stop.cancel() },
        roster: &roster,
        now,
    };
    let pool = Pool { jobs, priority: options.priority, stop };
    let platform = toolchain.release.version.clone();
    let mut recorder = Recorder::new(store, preparation, selected.len() as u64, reporter);
    recorder.tell(&Event::Started {
        preparation,
        platform: platform.clone(),
        modules: selected.len() as u64,
        jobs,
    });
    let signed = sign_all(&shared, pool, &selected, &mut recorder)?;
    compile_all(&shared, pool, &selected, &signed, &mut recorder)?;
    drop(signed);

    let mut state = PreparationState::Done;
    if recorder.counts.ended() < recorder.counts.modules {
        if !stop.is_asked() {
            let (modules, ended) = (recorder.counts.modules, recorder.counts.ended());
            return Err(PrepareError::Unaccounted { modules, ended });
        }
        state = PreparationState::Stopped;
    } else {
        notes::failed_dependencies(store, preparation, &mut recorder)?;
    }
    recorder.commit()?;
    recorder.tell_progress();
    let mut counts = recorder.counts;
    let (compiled, fuel) = (recorder.compiled, recorder.fuel);
    if let (PreparationState::Done, Some(previous)) = (state, previous)
        && selected.len() < roster.names.len()
    {
        counts = store.carry_over_results(previous.id, preparation)?;
    }
    store.finish_preparation(preparation, state, &counts, millis(OffsetDateTime::now_utc()))?;
    record(
        env,
        OffsetDateTime::now_utc(),
        &Action::Prepared { preparation, platform: platform.clone(), counts },
    )?;
    let summary = Summary { preparation, platform, state, counts, time: began.elapsed(), compiled, fuel };
    reporter(&Event::Finished(summary.clone()));
    Ok(summary)
}

/// The first pass: over the selected modules and those that they depend on.
fn sign_all(
    shared: &Shared<'_>,
    pool: Pool<'_>,
    selected: &[Index],
    recorder: &mut Recorder<'_>,
) -> Result<Vec<Option<FirstPass>>, PrepareError> {
    let mut counted = vec![false; shared.roster.names.len()];
    for index in selected {
        counted[*index as usize] = true;
    }
    let order = select::with_dependencies(shared, selected, &counted)?;
    let mut signed: Vec<Option<FirstPass>> = Vec::new();
    signed.resize_with(shared.roster.names.len(), || None);
    recorder.begin(order.len() as u64);
    pool.each(
        &order,
        |index, tell| sign::sign(shared, index, tell),
        |message| -> Result<(), PrepareError> {
            if let Some(report) = watch(message, recorder)? {
                let at = report.index as usize;
                recorder.saw(report.snapshot, report.described, shared.roster.name(report.index));
                recorder.advance(1);
                recorder.signed(counted[at]);
                signed[at] = Some(FirstPass {
                    signed: report.signed,
                    weight: report.weight,
                    ran: report.fresh.ran > 0,
                });
                recorder.take(report.fresh);
            }
            Ok(recorder.tick()?)
        },
    )?;
    recorder.commit()?;
    Ok(signed)
}

/// The second pass: the longest first, so that the last core does not sit on the one big module.
fn compile_all(
    shared: &Shared<'_>,
    pool: Pool<'_>,
    selected: &[Index],
    signed: &AllSigned,
    recorder: &mut Recorder<'_>,
) -> Result<(), PrepareError> {
    // One more than the estimate, so that a module without anything to compile counts as well.
    let weight = |index: Index| signed[index as usize].as_ref().map_or(0, |first| first.weight + 1);
    let mut order: Vec<Index> =
        selected.iter().copied().filter(|index| signed[*index as usize].is_some()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(weight(*index)));
    recorder.begin(order.iter().map(|index| weight(*index)).sum());
    let work = |index, tell: &_| compile::compile(shared, signed, index, tell);
    pool.each(&order, work, |message| -> Result<(), PrepareError> {
        if let Some(mut report) = watch(message, recorder)? {
            recorder.advance(weight(report.index));
            recorder.take(report.fresh);
            let signed_now = signed[report.index as usize].as_ref().is_some_and(|first| first.ran);
            report.result.reused &= !signed_now;
            recorder.ended(report.result);
        }
        Ok(recorder.tick()?)
    })?;
    recorder.commit()?;
    Ok(())
}

/// Passes on what a worker tells, and gives what came of a module.
fn watch<T>(message: Option<Message<T>>, recorder: &mut Recorder<'_>) -> Result<Option<T>, PrepareError> {
    match message {
        Some(Message::Through(report)) => return Ok(Some(report)),
        Some(Message::Broken(error)) => return Err(error.into()),
        Some(Message::Compiling(module, compiler, task)) => {
            recorder.tell(&Event::Compiling { module, compiler, task });
        }
        Some(Message::Compiled(module, compiler, task)) => {
            recorder.tell(&Event::Compiled { module, compiler, task });
        }
        None => {}
    }
    Ok(None)
}
