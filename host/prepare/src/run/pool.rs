//! The threads that compile. Each takes the next module, works on it and sends what came of it to the one thread that owns the
//! preparation's state; nothing else is shared.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use prefab_model::{CompilerName, ModuleName, Task};
use prefab_sandbox::THREAD_STACK;

use super::PrepareError;
use super::roster::Index;
use super::stop::Stop;
use super::urgent::Places;
use crate::folded::{Request, Requests};
use crate::priority::{Priority, StoodBack};

/// Messages under way: enough that no thread waits while their owner tells watchers, few enough to hold in memory.
const UNDER_WAY: usize = 256;
/// How often a thread without work looks for some that is folded in.
const LOOK: Duration = Duration::from_millis(20);
/// How long the owner of the state waits for a message before it looks at the clock.
const TICK: Duration = Duration::from_millis(100);

/// What a worker tells.
pub(crate) enum Message<T> {
    /// A compilation begins.
    Compiling(ModuleName, CompilerName, Task),
    /// A compilation is over.
    Compiled(ModuleName, CompilerName, Task),
    /// A module is through.
    Through(T),
    /// The preparation cannot go on.
    Broken(PrepareError),
}

/// What a thread is to do next.
pub(crate) enum Job {
    /// The next module in order.
    Planned {
        /// Its place in the order.
        place: usize,
        /// What is there.
        index: Index,
    },
    /// A module that is taken in once more.
    Folded(Request),
}

/// How the threads are to work.
#[derive(Clone, Copy)]
pub(crate) struct Pool<'a> {
    /// How many there are.
    pub(crate) jobs: usize,
    pub(crate) priority: Priority,
    pub(crate) stop: &'a Stop,
}

impl Pool<'_> {
    /// Works through `order`, and through what is folded in meanwhile, which goes first. `work` runs on the pool's threads and gives nothing for a module that it had to leave; `on` is called on this
    /// thread with every message, and with none from time to time; after it `jumps`, which gives the places in the order that are to go next.
    ///
    /// # Errors
    /// The first error of `on` or `jumps`; then what is running is cancelled and nothing new is started.
    pub(crate) fn each<T: Send, E: From<std::io::Error>>(
        self,
        order: &[Index],
        folded: Option<&Requests>,
        mut jumps: impl FnMut() -> Result<Vec<usize>, E>,
        work: impl Fn(Job, &Sender<Message<T>>) -> Result<Option<T>, PrepareError> + Sync,
        mut on: impl FnMut(Option<Message<T>>) -> Result<(), E>,
    ) -> Result<(), E> {
        let places = Places::new(order.len());
        let (busy, broken) = (AtomicUsize::new(0), AtomicBool::new(false));
        let stood_back = StoodBack::default();
        // What is done on these threads is told as a part of what this one does.
        let span = tracing::Span::current();
        std::thread::scope(|scope| {
            let (sender, receiver) = bounded(UNDER_WAY);
            let threads = self.stop.share().map_or(self.jobs, |share| share.threads(self.jobs));
            for number in 0..threads.min(order.len()) {
                let (sender, work, places, busy, broken) = (sender.clone(), &work, &places, &busy, &broken);
                let stood_back = &stood_back;
                let span = span.clone();
                let body = move || {
                    let _entered = span.enter();
                    let _standing = stood_back.enter(self.priority);
                    loop {
                        self.stop.control().wait();
                        if self.stop.is_asked() || broken.load(Ordering::Relaxed) {
                            break;
                        }
                        let request = folded.and_then(Requests::next).map(Job::Folded);
                        let planned = || {
                            let place = places.next()?;
                            order.get(place).map(|index| Job::Planned { place, index: *index })
                        };
                        let job = request.or_else(planned);
                        let Some(job) = job else {
                            // While others are busy, somebody may still fold something in.
                            if folded.is_some() && busy.load(Ordering::Relaxed) > 0 {
                                std::thread::sleep(LOOK);
                                continue;
                            }
                            break;
                        };
                        busy.fetch_add(1, Ordering::Relaxed);
                        let worked = work(job, &sender);
                        busy.fetch_sub(1, Ordering::Relaxed);
                        let message = match worked {
                            Ok(Some(report)) => Message::Through(report),
                            Ok(None) => continue,
                            Err(error) => Message::Broken(error),
                        };
                        if sender.send(message).is_err() {
                            break;
                        }
                    }
                };
                let thread =
                    std::thread::Builder::new().name(format!("compile-{number}")).stack_size(THREAD_STACK);
                if let Err(error) = thread.spawn_scoped(scope, body) {
                    broken.store(true, Ordering::Relaxed);
                    return Err(error.into());
                }
            }
            drop(sender);
            loop {
                let message = match receiver.recv_timeout(TICK) {
                    Ok(message) => Some(message),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                };
                if self.stop.control().is_cancelled() {
                    stood_back.let_forward();
                }
                let heeded = on(message).and_then(|()| jumps()).map(|jumps| {
                    if !jumps.is_empty() {
                        places.jump(jumps);
                    }
                });
                if let Err(error) = heeded {
                    broken.store(true, Ordering::Relaxed);
                    self.stop.control().cancel();
                    stood_back.let_forward();
                    // Dropping the receiver lets go those that wait to send.
                    return Err(error);
                }
            }
        })
    }
}
