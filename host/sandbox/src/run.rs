//! One call of a guest, from a fresh store to an outcome.
//!
//! Nothing of a call survives it: the store with all that the guest had is dropped, also after a trap.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prefab_model::{
    Artifact, Bytes, Compilation, Descriptor, Diagnostic, Fuel, Limit, Limits, ModulePath, Outcome,
    OutcomeKind, Task, Usage,
};
use wasmtime::component::Instance;
use wasmtime::{Result, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::codegen::panic_text;
use crate::component::{Compiler, Way};
use crate::contract::v1::Failure;
use crate::control::Control;
use crate::end::{self, Phase, Stop};
use crate::engine::Engines;
use crate::findings::host_error;
use crate::guest::{Guest, Shown};
use crate::limits::NoMemory;
use crate::output::Collected;
use crate::stack::with_guest_stack;

/// Handles that a guest may have at a time (ATTACKS G13).
const MAX_HANDLES: usize = 10_000;
/// What one call may bring into host memory besides an artifact, a signature or a diagnostic: paths, the list itself.
const HOSTCALL_SLACK: u64 = 1 << 20;
/// The most bytes of what a compiler says of itself.
pub(crate) const MAX_DESCRIPTOR: Bytes = Bytes(1 << 20);

/// What a compiler reads: the files of a module and the signatures of its dependencies.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The files that the compiler takes, and only those.
    pub files: Vec<SourceFile>,
    /// Signatures, by the name that the sources use for the dependency.
    pub signatures: BTreeMap<String, Arc<[u8]>>,
}

/// A file of a module.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path within the module.
    pub path: ModulePath,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

/// What a compilation that succeeded leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Success {
    /// Of a [`Task::Compile`], in the order in which they were emitted.
    Artifacts(Vec<Artifact>),
    /// Of a [`Task::Signature`].
    Signature(Vec<u8>),
}

/// How one run of a compilation ended.
pub type Run = Outcome<Success>;

impl Engines {
    /// Runs one compilation in a fresh instance and waits for its end, which comes at the latest 50 ms after its deadline.
    pub(crate) fn run(
        &self,
        compiler: &Compiler,
        compilation: &Compilation,
        inputs: &Inputs,
        control: &Control,
    ) -> Run {
        let limits = &compilation.limits;
        control.wait();
        let seat = match self.seat(compiler) {
            Ok(seat) => seat,
            Err(error) => return without_guest(OutcomeKind::HostError(error.to_string()), Instant::now()),
        };
        let compiler = &seat.compiler;
        if compilation.compiler != compiler.digest() {
            let text = format!("compilation {} is for another compiler than the one given", compilation.key);
            return without_guest(OutcomeKind::HostError(text), Instant::now());
        }
        let exports = match compiler.way() {
            Way::Contract { exports, .. } => exports,
            Way::Command { program, run } => {
                return self.run_program(compiler, (program, *run), compilation, inputs, control);
            }
        };
        let guest = Guest::new(limits, compilation.key.as_bytes(), Shown::new(compilation, inputs));
        let call = |store: &mut Store<Guest>, instance| match compilation.task {
            Task::Compile => Ok(exports.compile(store, instance)?.map(|()| None)),
            Task::Signature => Ok(exports.signature(store, instance)?.map(Some)),
        };
        self.outcome(compiler, limits, guest, control, call, |result, output| {
            judge(result, output, limits.output)
        })
    }

    /// Asks a compiler what it is.
    pub(crate) fn describe(&self, compiler: &Compiler, limits: &Limits) -> Outcome<Descriptor> {
        let limits = Limits { output: MAX_DESCRIPTOR, diagnostic_bytes: MAX_DESCRIPTOR, ..limits.clone() };
        let seat = match self.seat(compiler) {
            Ok(seat) => seat,
            Err(error) => return without_guest(OutcomeKind::HostError(error.to_string()), Instant::now()),
        };
        let compiler = &seat.compiler;
        let exports = match compiler.way() {
            Way::Contract { exports, .. } => exports,
            Way::Command { program, .. } => {
                return without_guest(OutcomeKind::Compiled(program.descriptor()), Instant::now());
            }
        };
        let guest = Guest::new(&limits, compiler.digest().as_bytes(), Shown::default());
        let call = |store: &mut Store<Guest>, instance| exports.describe(store, instance);
        self.outcome(compiler, &limits, guest, &Control::default(), call, |descriptor, _| {
            (OutcomeKind::Compiled(descriptor), Vec::new())
        })
    }

    /// Makes the call where it cannot harm this process, and puts its end into words.
    fn outcome<R, S: Send>(
        &self,
        compiler: &Compiler,
        limits: &Limits,
        guest: Guest,
        control: &Control,
        call: impl FnOnce(&mut Store<Guest>, Instance) -> Result<R> + Send,
        judge: impl FnOnce(R, Collected) -> (OutcomeKind<S>, Vec<Diagnostic>) + Send,
    ) -> Outcome<S> {
        let started = Instant::now();
        self.contained(compiler, control, started, || {
            concluded(self.call(compiler, limits, guest, control, started, call), started, judge)
        })
    }

    /// Does what has to do with guests where they have their whole stack, and where a panic is the end of nothing else.
    #[expect(clippy::unused_self, reason = "it is what the engines are used by")]
    pub(crate) fn contained<S: Send>(
        &self,
        compiler: &Compiler,
        control: &Control,
        started: Instant,
        work: impl FnOnce() -> Outcome<S> + Send,
    ) -> Outcome<S> {
        if control.is_cancelled() {
            return without_guest(OutcomeKind::Cancelled, started);
        }
        // A panic leaves nothing half-done behind that is used again: the store goes with it, the rest is only read.
        match with_guest_stack(|| panic::catch_unwind(AssertUnwindSafe(work))) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => {
                let text = panic_text(&*panic);
                tracing::error!(compiler = %compiler.digest(), %text, "the WebAssembly engine panicked");
                without_guest(
                    OutcomeKind::HostError(format!("the WebAssembly engine panicked: {text}")),
                    started,
                )
            }
            Err(error) => {
                without_guest(OutcomeKind::HostError(format!("cannot start a thread: {error}")), started)
            }
        }
    }

    /// Makes an instance, calls it, and drops it.
    pub(crate) fn call<R, S>(
        &self,
        compiler: &Compiler,
        limits: &Limits,
        guest: Guest,
        control: &Control,
        started: Instant,
        call: impl FnOnce(&mut Store<Guest>, Instance) -> Result<R>,
    ) -> Ended<R, S> {
        let mut store = self.store(compiler, limits, guest);
        store.epoch_deadline_callback(heed(control.clone(), limits.deadline, started));
        store.set_epoch_deadline(1);
        let mut phase = Phase::Instantiate;
        let result = store.set_fuel(limits.fuel.0).and_then(|()| {
            let instance = compiler.instance().instantiate(&mut store)?;
            phase = Phase::Run;
            call(&mut store, instance)
        });
        self.ended(store, limits, phase, result)
    }

    /// A store for one call, with its caps.
    pub(crate) fn store(&self, compiler: &Compiler, limits: &Limits, guest: Guest) -> Store<Guest> {
        let mut store = Store::new(&self.home_of(compiler.engine()).engine, guest);
        store.limiter(|guest| &mut guest.caps);
        let at_once = limits.output.0.max(limits.diagnostic_bytes.0).saturating_add(HOSTCALL_SLACK);
        store.set_hostcall_fuel(usize::try_from(at_once).unwrap_or(usize::MAX));
        store.set_max_component_handles(MAX_HANDLES);
        store
    }

    /// What is left of a call when it has ended.
    #[expect(clippy::unused_self, reason = "it is what the engines are used by")]
    pub(crate) fn ended<R, S>(
        &self,
        store: Store<Guest>,
        limits: &Limits,
        mut phase: Phase,
        result: Result<R>,
    ) -> Ended<R, S> {
        let result = result.map_err(|error| {
            // A start function runs while the instance is made, and takes fuel. A backtrace would not do: one that calls the
            // host in its place (a tail call) leaves none.
            if store.get_fuel().is_ok_and(|left| left < limits.fuel.0) {
                phase = Phase::Run;
            }
            match (error.downcast_ref::<Trap>(), store.data().caps.no_memory()) {
                (Some(Trap::AllocationTooLarge), Some(NoMemory::Cap)) => {
                    OutcomeKind::OutOfMemory(Limit::Memory)
                }
                (Some(Trap::AllocationTooLarge), Some(NoMemory::Machine)) => {
                    OutcomeKind::HostError("the host could not give the guest more memory".to_owned())
                }
                _ => end::outcome_of(&error, phase),
            }
        });
        let fuel = match &result {
            // What was used before a trap is lost in part (wasmtime issue 13802): rather no figure than a wrong one.
            Ok(_) | Err(OutcomeKind::OutputCap(_)) => {
                store.get_fuel().ok().map(|left| Fuel(limits.fuel.0.saturating_sub(left)))
            }
            Err(OutcomeKind::OutOfFuel) => Some(limits.fuel),
            Err(_) => None,
        };
        Ended { result, fuel, guest: store.into_data() }
    }
}

/// What is done whenever a guest looks at the epoch: it waits while it is paused, and ends when it was cancelled or its time is over.
pub(crate) fn heed(
    control: Control,
    deadline: Duration,
    started: Instant,
) -> impl FnMut(StoreContextMut<'_, Guest>) -> Result<UpdateDeadline> + Send + Sync + 'static {
    move |mut store| {
        let paused = &mut store.data_mut().paused;
        *paused += control.wait();
        if control.is_cancelled() {
            Err(Stop::Cancelled.into())
        } else if started.elapsed().saturating_sub(*paused) >= deadline {
            Err(Stop::Deadline.into())
        } else {
            Ok(UpdateDeadline::Continue(1))
        }
    }
}

/// The outcome of a call that has ended.
pub(crate) fn concluded<R, S>(
    ended: Ended<R, S>,
    started: Instant,
    judge: impl FnOnce(R, Collected) -> (OutcomeKind<S>, Vec<Diagnostic>),
) -> Outcome<S> {
    let log = ended.guest.log_text();
    let usage = Usage {
        fuel: ended.fuel,
        peak_memory: ended.guest.peak_memory(),
        time: started.elapsed().saturating_sub(ended.guest.paused),
    };
    let (kind, diagnostics) = match ended.result {
        Ok(result) => judge(result, ended.guest.output),
        Err(kind) => (kind, ended.guest.output.into_parts().1),
    };
    Outcome { kind, usage, diagnostics, log }
}

/// An outcome for which no guest ran.
pub(crate) fn without_guest<S>(kind: OutcomeKind<S>, started: Instant) -> Outcome<S> {
    let usage = Usage { time: started.elapsed(), ..Usage::default() };
    Outcome { kind, usage, diagnostics: Vec::new(), log: String::new() }
}

/// What is left of a call.
pub(crate) struct Ended<R, S> {
    pub(crate) result: std::result::Result<R, OutcomeKind<S>>,
    pub(crate) fuel: Option<Fuel>,
    pub(crate) guest: Guest,
}

/// What the end of a call means. `result` is the signature, or none if the task was to compile.
pub(crate) fn judge(
    result: std::result::Result<Option<Vec<u8>>, Failure>,
    output: Collected,
    most: Bytes,
) -> (OutcomeKind<Success>, Vec<Diagnostic>) {
    let has_error = output.has_error();
    let (artifacts, mut diagnostics) = output.into_parts();
    let kind = match result {
        Ok(_) if has_error => OutcomeKind::Rejected,
        Ok(None) => OutcomeKind::Compiled(Success::Artifacts(artifacts)),
        Ok(Some(signature)) if signature.len() as u64 > most.0 => OutcomeKind::OutputCap(Limit::Output),
        Ok(Some(signature)) => OutcomeKind::Compiled(Success::Signature(signature)),
        Err(failure) => {
            diagnostics.extend(match failure {
                Failure::Unsupported(reason) => Some(host_error("prefab/unsupported", &reason)),
                Failure::Internal(reason) => Some(host_error("prefab/internal", &reason)),
                Failure::Rejected if has_error => None,
                Failure::Rejected => Some(host_error(
                    "prefab/no-reason",
                    "The compiler rejected the module without saying why",
                )),
            });
            OutcomeKind::Rejected
        }
    };
    (kind, diagnostics)
}
