//! Preparations on a server: starting one, and following it until it ends.
//!
//! The stream of events is opened before the preparation is started, so that nothing of it is missed, and again where it breaks off.

use std::io::Read;
use std::thread;
use std::time::Duration;

use prefab_model::{CompilerName, ModuleName, PreparationId, PreparationState, Task};
use prefab_prepare::{
    Activity, Controlled, Event, LockMode, PreparationSummary, ReleaseTarget, Request, Selection, Summary,
};
use serde::{Deserialize, Serialize};

use crate::connection::ClientError;
use crate::environment::EnvironmentClient;
use crate::events::{Came, Events};

/// How often a stream that broke off is opened again, one after the other, before giving up.
const TRIES: u32 = 10;
/// The pause before it is.
const AGAIN: Duration = Duration::from_secs(1);

/// How a preparation is run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct How {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    modules: Vec<ModuleName>,
    failed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    first: Vec<ModuleName>,
    lock: LockMode,
}

impl How {
    /// Which modules, those that go first, and who is refused meanwhile.
    pub fn new(selection: Selection, first: Vec<ModuleName>, lock: LockMode) -> Self {
        let (modules, failed) = match selection {
            Selection::All => (Vec::new(), false),
            Selection::Failed => (Vec::new(), true),
            Selection::Modules(modules) => (modules, false),
        };
        Self { modules, failed, first, lock }
    }
}

#[derive(Serialize)]
struct Target<'a> {
    version: String,
    how: &'a How,
}

#[derive(Deserialize)]
struct Begun {
    preparation: PreparationId,
}

/// A compilation that runs now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Compiling {
    module: ModuleName,
    compiler: CompilerName,
    task: Task,
}

#[derive(Serialize)]
struct First<'a> {
    modules: &'a [ModuleName],
}

/// What all events carry besides themselves.
#[derive(Deserialize)]
struct Around {
    preparation: Option<PreparationId>,
    compiling: Option<Vec<Compiling>>,
}

/// What a preparation that was followed came to.
pub type Watched = Result<Summary, ClientError>;

impl EnvironmentClient {
    /// Prepares modules with the environment's platform version. `reporter` is told what happens.
    pub fn prepare(&self, how: &How, reporter: &mut dyn FnMut(&Event)) -> Watched {
        self.run(reporter, || self.connection.tell("POST", &self.at(["preparations"]), how))
    }

    /// Goes to a platform version, and prepares all modules with it.
    pub fn upgrade(&self, target: &ReleaseTarget, how: &How, reporter: &mut dyn FnMut(&Event)) -> Watched {
        let version = self.version(target, reporter)?.to_string();
        self.run(reporter, || self.connection.tell("POST", &self.at(["upgrade"]), &Target { version, how }))
    }

    /// Goes back to the platform version before.
    pub fn undo_upgrade(&self, how: &How, reporter: &mut dyn FnMut(&Event)) -> Watched {
        self.run(reporter, || self.connection.tell("POST", &self.at(["upgrade", "undo"]), how))
    }

    /// Prepares with another platform version, to see what would break.
    pub fn rehearse(&self, target: &ReleaseTarget, how: &How, reporter: &mut dyn FnMut(&Event)) -> Watched {
        let version = self.version(target, reporter)?.to_string();
        self.run(reporter, || self.connection.tell("POST", &self.at(["rehearse"]), &Target { version, how }))
    }

    /// Tells the preparation that runs, or else the rehearsal, what to do.
    pub fn control(&self, request: Request) -> Result<Controlled, ClientError> {
        let running = self.running()?;
        let request = match request {
            Request::Pause => "pause",
            Request::Resume => "resume",
            Request::Cancel => "cancel",
        };
        self.connection.tell("POST", &self.at(["preparations", &running.to_string(), request]), &())
    }

    /// Tells the preparation that runs, or else the rehearsal, to take these modules next, and returns its number.
    pub fn prioritise(&self, modules: &[ModuleName]) -> Result<PreparationId, ClientError> {
        let at = self.at(["preparations", &self.running()?.to_string(), "prioritise"]);
        let heard: Begun = self.connection.tell("POST", &at, &First { modules })?;
        Ok(heard.preparation)
    }

    /// The preparation that runs, or else the rehearsal.
    fn running(&self) -> Result<PreparationId, ClientError> {
        let status = self.status()?;
        let prepares = status.holder.filter(|holder| holder.activity != Activity::Rehearse);
        let running = prepares.and_then(|holder| holder.preparation);
        let running = running.or_else(|| status.rehearsal.and_then(|rehearsal| rehearsal.preparation));
        running.ok_or(ClientError::NotThere("no preparation is running in this environment"))
    }

    fn run(
        &self,
        reporter: &mut dyn FnMut(&Event),
        begin: impl FnOnce() -> Result<Begun, ClientError>,
    ) -> Watched {
        let events = self.events(None)?;
        let Begun { preparation } = begin()?;
        let mut follower = Follower { preparation, reporter, compiling: Vec::new(), last: None, ended: None };
        let mut stream = Some(events);
        let mut tries = 0;
        loop {
            if let Some(stream) = &mut stream {
                tries = 0;
                while let Ok(Some(came)) = stream.next() {
                    if follower.hear(&came).map_err(|error| self.connection.strange(&error))? {
                        return follower.ended.ok_or_else(|| self.broke_off(preparation));
                    }
                    if came.name == "status" && self.is_over(preparation)? {
                        // The events in between are lost: it ended meanwhile, or the server was restarted.
                        return self.preparation(preparation).map(summary_of);
                    }
                }
            }
            tries += 1;
            if tries > TRIES {
                return Err(self.broke_off(preparation));
            }
            thread::sleep(AGAIN);
            stream = self.events(follower.last.as_deref()).ok();
        }
    }

    fn events(&self, last: Option<&str>) -> Result<Events<impl Read + use<>>, ClientError> {
        let after = last.map(|last| ("last-event-id", last));
        Ok(Events::new(self.connection.open(&self.at(["events"]), after.as_slice())?))
    }

    fn is_over(&self, preparation: PreparationId) -> Result<bool, ClientError> {
        let state = self.preparation(preparation)?.state;
        Ok(!matches!(state, PreparationState::Running | PreparationState::Paused))
    }

    fn broke_off(&self, preparation: PreparationId) -> ClientError {
        let known = self.preparation(preparation).ok();
        let detail =
            known.map(|known| format!("it is {:?} at {} %", known.state, known.percent).to_lowercase());
        ClientError::BrokeOff { preparation, detail }
    }
}

/// Makes of what comes over the wire what a preparation in a folder tells.
struct Follower<'a> {
    preparation: PreparationId,
    reporter: &'a mut dyn FnMut(&Event),
    compiling: Vec<Compiling>,
    last: Option<String>,
    ended: Option<Summary>,
}

impl Follower<'_> {
    /// Takes in an event. Says whether the preparation is over, and lets others at the environment.
    fn hear(&mut self, came: &Came) -> Result<bool, serde_json::Error> {
        if !came.id.is_empty() {
            self.last = Some(came.id.clone());
        }
        if came.name == "status" {
            return Ok(false);
        }
        let around: Around = serde_json::from_str(&came.data)?;
        // Before a preparation has its number, compilers are loaded for it.
        if around.preparation.is_some_and(|other| other != self.preparation) {
            return Ok(false);
        }
        if came.name == "released" {
            return Ok(around.preparation.is_some());
        }
        self.show_compiling(around.compiling.unwrap_or_default());
        // A later server may tell of what this client has not heard of.
        let Ok(event) = serde_json::from_str::<Event>(&came.data) else { return Ok(false) };
        if let Event::Finished(summary) = &event {
            self.ended = Some(summary.clone());
        }
        (self.reporter)(&event);
        Ok(false)
    }

    /// The server tells what is being compiled at each step, and not when each begins and ends.
    fn show_compiling(&mut self, now: Vec<Compiling>) {
        for one in self.compiling.iter().filter(|one| !now.contains(one)) {
            let Compiling { module, compiler, task } = one.clone();
            (self.reporter)(&Event::Compiled { module, compiler, task });
        }
        for one in now.iter().filter(|one| !self.compiling.contains(one)) {
            let Compiling { module, compiler, task } = one.clone();
            (self.reporter)(&Event::Compiling { module, compiler, task });
        }
        self.compiling = now;
    }
}

/// What is known of a preparation whose end was not seen.
fn summary_of(known: PreparationSummary) -> Summary {
    let ended = known.finished_at.unwrap_or(known.started_at);
    Summary {
        preparation: known.preparation,
        kind: known.kind,
        platform: known.platform,
        state: known.state,
        counts: known.counts,
        time: (ended - known.started_at).try_into().unwrap_or_default(),
        compiled: 0,
        fuel: prefab_model::Fuel::default(),
    }
}
