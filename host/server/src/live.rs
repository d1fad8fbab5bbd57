//! What happens in environments now, for those who watch: each environment has a numbered row of events, of which the latest are kept.
//!
//! Runs tell (`runs.rs`), the event stream reads (`api/events.rs`). A number means something only together with this start of the
//! server: whoever asks for what is not kept any more begins with how things are now.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prefab_model::{CompilerName, ModuleName, PreparationId, Task};
use prefab_prepare::Event;
use serde::Serialize;
use tokio::sync::watch;

use crate::names::{EnvironmentName, TenantName};

/// So many events of each environment are kept.
const KEPT: usize = 4096;

/// Where an event stands: in which start of the server, and where in the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventId {
    start: Arc<str>,
    number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.number)
    }
}

impl FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (start, number) = text.rsplit_once('-').ok_or(())?;
        Ok(Self { start: start.into(), number: number.parse().map_err(|_| ())? })
    }
}

/// A compilation that runs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Compiling {
    pub(crate) module: ModuleName,
    pub(crate) compiler: CompilerName,
    pub(crate) task: Task,
}

/// An event as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) name: &'static str,
    /// JSON, in one line.
    pub(crate) data: Arc<str>,
}

/// The rows of all environments.
pub(crate) struct Live {
    start: Arc<str>,
    feeds: Mutex<HashMap<(TenantName, EnvironmentName), Arc<Feed>>>,
}

impl Live {
    /// Without any event yet. `start` is to be another one at each start of the server.
    pub(crate) fn new(start: &str) -> Self {
        Self { start: start.into(), feeds: Mutex::default() }
    }

    /// The row of an environment.
    pub(crate) fn feed(&self, tenant: &TenantName, environment: &EnvironmentName) -> Arc<Feed> {
        let mut feeds = lock(&self.feeds);
        let feed = feeds
            .entry((tenant.clone(), environment.clone()))
            .or_insert_with(|| Arc::new(Feed::new(Arc::clone(&self.start))));
        Arc::clone(feed)
    }
}

/// The row of one environment.
pub(crate) struct Feed {
    start: Arc<str>,
    row: Mutex<Row>,
    /// The number of the next event.
    next: watch::Sender<u64>,
}

#[derive(Default)]
struct Row {
    /// The number of the first that is kept.
    first: u64,
    kept: VecDeque<Told>,
    compiling: HashMap<PreparationId, Vec<Compiling>>,
}

/// What comes after an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// All that happened since.
    Events(Vec<(EventId, Told)>),
    /// Some of it is not kept, or it was another start of the server: begin from here, with how things are now.
    Lost(EventId),
}

impl Feed {
    fn new(start: Arc<str>) -> Self {
        Self { start, row: Mutex::default(), next: watch::Sender::new(0) }
    }

    /// Adds what happened in a preparation or rehearsal. That single compilations begin and end is not for everybody: it is in
    /// [`Feed::compiling`], and in the next event about progress.
    pub(crate) fn tell(&self, preparation: Option<PreparationId>, event: &Event) {
        let mut row = lock(&self.row);
        let name = match event {
            Event::Compiling { module, compiler, task } => {
                let running = Compiling { module: module.clone(), compiler: compiler.clone(), task: *task };
                row.compiling.entry(preparation.unwrap_or(PreparationId(0))).or_default().push(running);
                return;
            }
            Event::Compiled { module, compiler, task } => {
                if let Some(running) = row.compiling.get_mut(&preparation.unwrap_or(PreparationId(0))) {
                    running.retain(|one| (&one.module, &one.compiler, one.task) != (module, compiler, *task));
                }
                return;
            }
            Event::Admitted { .. } => "admitted",
            Event::Upgraded { .. } => "upgraded",
            Event::Loading { .. } => "loading",
            Event::Sending { .. } => "sending",
            Event::Started { .. } => "started",
            Event::Progress { .. } => "progress",
            Event::ModuleEnded { .. } => "module-ended",
            Event::Paused => "paused",
            Event::Resumed => "resumed",
            Event::HeldBack(_) => "held-back",
            Event::LetGo => "let-go",
            Event::TryingAgain { .. } => "trying-again",
            Event::Finished(_) => "finished",
        };
        let compiling = match (event, preparation) {
            (Event::Progress { .. }, Some(id)) => row.compiling.get(&id).cloned(),
            _ => None,
        };
        // Some say it themselves.
        let said = matches!(event, Event::Started { .. } | Event::Finished(_));
        let sent = Sent { preparation: preparation.filter(|_| !said), compiling, event };
        match serde_json::to_string(&sent) {
            Ok(data) => self.push(row, Told { name, data: data.into() }),
            Err(error) => tracing::error!(%error, name, "cannot tell an event"),
        }
    }

    /// Says that a run is over, in whatever way, and lets others at the environment.
    pub(crate) fn over(&self, preparation: PreparationId) {
        let data = format!("{{\"preparation\":{preparation},\"event\":\"released\"}}");
        let mut row = lock(&self.row);
        row.compiling.remove(&preparation);
        self.push(row, Told { name: "released", data: data.into() });
    }

    /// What is being compiled now.
    pub(crate) fn compiling(&self) -> Vec<Compiling> {
        lock(&self.row).compiling.values().flatten().cloned().collect()
    }

    fn push(&self, mut row: MutexGuard<'_, Row>, told: Told) {
        if row.kept.len() == KEPT {
            row.kept.pop_front();
            row.first += 1;
        }
        row.kept.push_back(told);
        let next = row.first + row.kept.len() as u64;
        drop(row);
        self.next.send_replace(next);
    }

    /// For waiting until there is more.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.next.subscribe()
    }

    /// Where a watcher begins who has seen nothing.
    pub(crate) fn now(&self) -> EventId {
        let row = lock(&self.row);
        self.id(row.first + row.kept.len() as u64)
    }

    /// Up to `most` events after this one.
    pub(crate) fn after(&self, seen: &EventId, most: usize) -> After {
        let row = lock(&self.row);
        let next = row.first + row.kept.len() as u64;
        let known = seen.start == self.start && (row.first..=next).contains(&seen.number);
        if !known {
            return After::Lost(self.id(next));
        }
        let skip = usize::try_from(seen.number - row.first).unwrap_or(usize::MAX);
        let numbered = (seen.number + 1..).map(|number| self.id(number));
        After::Events(numbered.zip(row.kept.iter().skip(skip).take(most).cloned()).collect())
    }

    fn id(&self, number: u64) -> EventId {
        EventId { start: Arc::clone(&self.start), number }
    }
}

#[derive(Serialize)]
struct Sent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    preparation: Option<PreparationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compiling: Option<Vec<Compiling>>,
    #[serde(flatten)]
    event: &'a Event,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed() -> Arc<Feed> {
        Live::new("a1").feed(&"acme".parse().unwrap(), &"shop".parse().unwrap())
    }

    fn names(after: After) -> Vec<(String, &'static str)> {
        let After::Events(events) = after else { panic!("{after:?}") };
        events.into_iter().map(|(id, told)| (id.to_string(), told.name)).collect()
    }

    #[test]
    fn a_watcher_goes_on_after_the_last_event_it_saw_with_none_lost_and_none_twice() {
        let feed = feed();
        let begin = feed.now();
        for event in [Event::Paused, Event::Resumed, Event::Paused] {
            feed.tell(Some(PreparationId(1)), &event);
        }
        let all = [("a1-1", "paused"), ("a1-2", "resumed"), ("a1-3", "paused")];
        let all = all.map(|(id, name)| (id.to_owned(), name));
        assert_eq!(names(feed.after(&begin, 10)), all);
        assert_eq!(names(feed.after(&"a1-1".parse().unwrap(), 10)), all[1..]);
        assert_eq!(names(feed.after(&"a1-1".parse().unwrap(), 1)), all[1..2]);
        assert_eq!(names(feed.after(&"a1-3".parse().unwrap(), 10)), []);
    }

    #[test]
    fn what_is_not_kept_or_of_another_start_is_said_to_be_lost() {
        let feed = feed();
        for _ in 0..=KEPT {
            feed.tell(None, &Event::Paused);
        }
        let now = feed.now();
        assert_eq!(now.to_string(), "a1-4097");
        for seen in ["a1-0", "b2-4097", "a1-5000"] {
            assert_eq!(feed.after(&seen.parse().unwrap(), 10), After::Lost(now.clone()), "{seen}");
        }
        assert_eq!(names(feed.after(&"a1-1".parse().unwrap(), usize::MAX)).len(), KEPT);
        for text in ["", "a1", "a1-", "a1-x", "-"] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }

    #[test]
    fn progress_says_what_is_being_compiled() {
        let feed = feed();
        let id = Some(PreparationId(7));
        let (module, compiler): (ModuleName, CompilerName) =
            ("cart".parse().unwrap(), "sass".parse().unwrap());
        let task = Task::Compile;
        feed.tell(id, &Event::Compiling { module: module.clone(), compiler: compiler.clone(), task });
        let begin = feed.now();
        feed.tell(id, &Event::Progress { counts: prefab_model::Counts::default(), eta: None });
        let After::Events(events) = feed.after(&begin, 1) else { panic!() };
        let data: serde_json::Value = serde_json::from_str(&events[0].1.data).unwrap();
        assert_eq!((&data["preparation"], &data["compiling"][0]["module"]), (&7.into(), &"cart".into()));
        feed.tell(id, &Event::Compiled { module, compiler, task });
        assert_eq!(feed.compiling(), []);
    }
}
