//! What runs in the background: preparations and rehearsals, each on a thread of its own, with a row in the database while it lasts.
//!
//! The row is written once the environment is held, and removed when the run ends by itself. So those that are there when the server
//! starts are those that it, or a kill, interrupted: they go on.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use prefab_model::{ModuleName, PreparationId, PreparationState};
use prefab_prepare::{
    Event, LockMode, PrepareOptions, Priority, ReleaseTarget, Request, Selection, Stop, Summary, control,
    prepare, rehearse, undo_upgrade, upgrade,
};
use semver::Version;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::db::{Db, RunKey, RunRow};
use crate::document::words;
use crate::live::Feed;
use crate::names::{EnvironmentName, TenantName};
use crate::problem::Problem;
use crate::server::{App, Server};

/// How often what was interrupted looks whether the environment is free.
const AGAIN: Duration = Duration::from_millis(500);

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "work")]
pub(crate) enum Work {
    /// Prepare with the environment's release.
    Prepare,
    /// Go to a platform version, then prepare all.
    Upgrade {
        /// The version.
        to: Version,
    },
    /// Go back to the platform version before, then prepare all.
    Undo,
    /// Prepare with another release, to see what would break.
    Rehearse {
        /// Its version.
        with: Version,
    },
}

/// How to run it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct How {
    /// Only these modules; all if there are none.
    #[schema(value_type = Vec<words::ModuleName>)]
    pub(crate) modules: Vec<ModuleName>,
    /// Only the modules that failed or were skipped.
    pub(crate) failed: bool,
    /// Modules that go first, with all that they need.
    #[schema(value_type = Vec<words::ModuleName>)]
    pub(crate) first: Vec<ModuleName>,
    /// Who is refused meanwhile.
    #[schema(schema_with = words::lock)]
    pub(crate) lock: LockMode,
}

/// A run that is to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    #[serde(flatten)]
    pub(crate) work: Work,
    pub(crate) how: How,
}

impl Order {
    fn is_rehearsal(&self) -> bool {
        matches!(self.work, Work::Rehearse { .. })
    }

    fn options(&self) -> PrepareOptions {
        let selection = match (self.how.failed, self.how.modules.is_empty()) {
            (true, _) => Selection::Failed,
            (false, true) => Selection::All,
            (false, false) => Selection::Modules(self.how.modules.clone()),
        };
        let (first, lock) = (self.how.first.clone(), self.how.lock);
        PrepareOptions { selection, first, lock, priority: Priority::Idle, ..PrepareOptions::default() }
    }
}

/// All that runs now.
#[derive(Default)]
pub(crate) struct Runs {
    next: AtomicU64,
    running: Mutex<HashMap<u64, Running>>,
    ending: AtomicBool,
}

struct Running {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

/// Takes a run off the list when its thread ends, however it ends.
struct Gone<'a> {
    app: &'a App,
    id: u64,
}

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.app.runs().lock().remove(&self.id);
    }
}

type Started = Result<PreparationId, Problem>;

impl Runs {
    /// Starts a run, and waits until it has begun or could not.
    pub(crate) async fn start(
        &self,
        app: &App,
        tenant: TenantName,
        environment: EnvironmentName,
        who: String,
        order: Order,
    ) -> Started {
        self.begin(app, row(tenant, environment, who, &order)?, order)?.await?
    }

    /// The same on a thread that may block.
    pub(crate) fn start_blocking(
        &self,
        app: &App,
        tenant: TenantName,
        environment: EnvironmentName,
        who: String,
        order: Order,
    ) -> Started {
        self.begin(app, row(tenant, environment, who, &order)?, order)?.blocking_recv()?
    }

    /// Starts a run, and returns what will say whether it has begun.
    fn begin(&self, app: &App, row: RunRow, order: Order) -> Result<oneshot::Receiver<Started>, Problem> {
        let (sender, started) = oneshot::channel();
        self.spawn(app, row, order, sender)?;
        Ok(started)
    }

    /// Goes on with what ran when the server ended.
    pub(crate) fn resume(&self, app: &App) {
        let rows = match app.data().db().runs() {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot go on with what ran");
                return;
            }
        };
        for (row, preparation) in rows {
            let (tenant, environment) = (row.tenant.clone(), row.environment.clone());
            if has_ended(app, &row, preparation) {
                let run = RunKey {
                    tenant: &tenant,
                    environment: &environment,
                    rehearsal: row.rehearsal,
                    preparation,
                };
                forget(app, &run);
                continue;
            }
            let started = serde_json::from_str(&row.request)
                .map_err(Problem::from)
                .and_then(|order| self.spawn(app, row, order, oneshot::channel().0));
            match started {
                Ok(()) => tracing::info!(%tenant, %environment, "going on with what was interrupted"),
                Err(problem) => tracing::error!(%tenant, %environment, ?problem, "cannot go on"),
            }
        }
    }

    fn spawn(
        &self,
        app: &App,
        row: RunRow,
        order: Order,
        started: oneshot::Sender<Started>,
    ) -> Result<(), Problem> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let stop = app.stop(&row.tenant)?;
        let mut running = self.lock();
        if self.ending.load(Ordering::Relaxed) {
            return Err(Problem::new(
                axum::http::StatusCode::SERVICE_UNAVAILABLE,
                "ending",
                "the server is ending: try again when it is back",
            ));
        }
        let thread = {
            let (app, stop) = (Arc::clone(app), stop.clone());
            std::thread::Builder::new().name("prefab-run".into()).spawn(move || {
                let _gone = Gone { app: &app, id };
                run(&app, &row, &order, &stop, started);
            })?
        };
        running.insert(id, Running { stop, thread: Some(thread) });
        Ok(())
    }

    /// Asks all that runs to end, for it to go on at the next start; nothing new is started.
    pub(crate) fn ask_to_stop(&self) {
        let running = self.lock();
        self.ending.store(true, Ordering::Relaxed);
        for run in running.values() {
            run.stop.now();
        }
    }

    /// Ends all that runs, and waits until it has.
    pub(crate) fn stop(&self) {
        self.ask_to_stop();
        let threads: Vec<_> = self.lock().values_mut().filter_map(|run| run.thread.take()).collect();
        for thread in threads {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }

    /// How many run now.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a run goes on, after a restart perhaps, that upgrades this environment to this version.
pub(crate) fn goes_on_with(
    db: &Db,
    (tenant, environment): &(TenantName, EnvironmentName),
    version: &Version,
) -> Result<bool, Problem> {
    let rows = db.runs()?;
    let mut own = rows
        .iter()
        .map(|(row, _)| row)
        .filter(|row| &row.tenant == tenant && &row.environment == environment);
    Ok(own.any(|row| {
        let order = serde_json::from_str::<Order>(&row.request);
        order.is_ok_and(|order| matches!(&order.work, Work::Upgrade { to } if to == version))
    }))
}

fn row(
    tenant: TenantName,
    environment: EnvironmentName,
    who: String,
    order: &Order,
) -> Result<RunRow, Problem> {
    let (rehearsal, request) = (order.is_rehearsal(), serde_json::to_string(order)?);
    Ok(RunRow { tenant, environment, rehearsal, request, who, paused: false })
}

/// Whether a run came to its end, and the server to its own before it could forget the run. What is not known counts as not ended: to do it
/// once more does no harm.
fn has_ended(app: &App, row: &RunRow, preparation: PreparationId) -> bool {
    let state = app
        .environment(&row.tenant, &row.environment)
        .and_then(|env| Ok(prefab_prepare::preparation(&env, preparation)?))
        .map(|found| found.map(|found| found.state));
    matches!(state, Ok(Some(PreparationState::Done | PreparationState::Cancelled)))
}

/// The beginning of a run.
struct Beginning {
    /// Who waits for it, until they are told.
    waits: Option<oneshot::Sender<Started>>,
    /// What it has begun as.
    preparation: Option<PreparationId>,
}

impl Beginning {
    /// Tells whoever waits.
    fn tell(&mut self, started: Started) {
        if let Some(waits) = self.waits.take() {
            let _ = waits.send(started);
        }
    }
}

fn run(app: &App, row: &RunRow, order: &Order, stop: &Stop, started: oneshot::Sender<Started>) {
    let mut beginning = Beginning { waits: Some(started), preparation: None };
    let (tenant, environment) = (&row.tenant, &row.environment);
    let _span = tracing::info_span!("run", %tenant, %environment).entered();
    let mut ended = prepare_in(app, row, order, stop, &mut beginning);
    // Nobody waits to be told that what was interrupted cannot go on yet: it does once the environment is free. Whoever only looks who
    // holds it has the lock for a moment as well.
    while beginning.waits.as_ref().is_some_and(oneshot::Sender::is_closed)
        && ended.as_ref().is_err_and(|problem| matches!(problem.code(), "held" | "artifacts-away"))
        && !stop.is_asked()
    {
        std::thread::sleep(AGAIN);
        ended = prepare_in(app, row, order, stop, &mut beginning);
    }
    match &ended {
        Ok(summary) => {
            tracing::info!(%tenant, %environment, preparation = %summary.preparation, state = ?summary.state, "a run ended");
        }
        Err(problem) => tracing::warn!(%tenant, %environment, ?problem, "a run could not be run to its end"),
    }
    let away = ended.as_ref().is_err_and(|problem| problem.code() == "artifacts-away");
    if let Err(problem) = ended {
        beginning.tell(Err(problem));
    }
    let stopped = app.runs().is_ending() && stop.is_asked();
    let goes_on = (stopped || away) && !stop.is_called_off();
    // One that was refused has no row: the one in the table is that of whoever holds the environment.
    if let Some(preparation) = beginning.preparation.filter(|_| !goes_on) {
        forget(app, &RunKey { tenant, environment, rehearsal: row.rehearsal, preparation });
    }
}

/// Takes a run that is not to go on off the table.
fn forget(app: &App, run: &RunKey<'_>) {
    if let Err(error) = app.data().db().remove_run(run) {
        tracing::error!(error = &error as &dyn std::error::Error, "cannot record what ended");
    }
}

fn prepare_in(
    app: &App,
    row: &RunRow,
    order: &Order,
    stop: &Stop,
    beginning: &mut Beginning,
) -> Result<Summary, Problem> {
    let env = app.environment(&row.tenant, &row.environment)?.acting_as(row.who.as_str());
    let sandbox = app.sandboxes().of(Some(&row.tenant))?;
    let (sandbox, options) = (&*sandbox, order.options());
    app.heed_storage(&row.tenant)?;
    let feed = app.live().feed(&row.tenant, &row.environment);
    let meter = app.metrics().run(&row.tenant);
    let mut runs = OnFeed { feed: &feed, preparation: None };
    let mut reporter = |event: &Event| {
        if let Event::Started { preparation, .. } = event {
            runs.preparation = Some(*preparation);
        }
        meter.count(event);
        feed.tell(runs.preparation, event);
        let Event::Started { preparation, .. } = event else { return };
        beginning.preparation = Some(*preparation);
        if let Err(error) = app.data().db().put_run(row, *preparation) {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot record what runs");
        }
        if row.paused
            && let Err(error) = control(&env, Request::Pause, Some(*preparation))
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot pause what was paused");
        }
        beginning.tell(Ok(*preparation));
    };
    let target = |version: &Version| target(app, &row.tenant, version);
    let with = match &order.work {
        Work::Prepare | Work::Undo => None,
        Work::Upgrade { to: version } | Work::Rehearse { with: version } => Some(target(version)),
    };
    app.check_limits(&row.tenant, &env, with.as_ref())?;
    Ok(match &order.work {
        Work::Prepare => prepare(&env, sandbox, &options, stop, &mut reporter)?,
        Work::Upgrade { to } => upgrade(&env, sandbox, &target(to), &options, stop, &mut reporter)?,
        Work::Undo => undo_upgrade(&env, sandbox, &options, stop, &mut reporter)?,
        Work::Rehearse { with } => rehearse(&env, sandbox, &target(with), &options, stop, &mut reporter)?,
    })
}

/// A run that is told about, until it ends in whatever way.
struct OnFeed<'a> {
    feed: &'a Feed,
    preparation: Option<PreparationId>,
}

impl Drop for OnFeed<'_> {
    fn drop(&mut self) {
        if let Some(preparation) = self.preparation {
            self.feed.over(preparation);
        }
    }
}

/// A release in the data directory, or else one that the environment has installed.
pub(crate) fn target(app: &Server, tenant: &TenantName, version: &Version) -> ReleaseTarget {
    let folder: Option<PathBuf> = app.data().release(tenant, version);
    folder.map_or_else(|| ReleaseTarget::Version(version.clone()), ReleaseTarget::Manifest)
}
