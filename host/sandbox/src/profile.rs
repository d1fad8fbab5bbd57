//! Where a compilation's fuel goes: one compilation in an engine of its own that looks at the guest's stack each time when so much
//! fuel was used. For authors of compilers; ordinary compilations have nothing to do with it.
//!
//! Where its fuel is to be looked at, the guest yields, and the epoch is moved on before it goes on: the very next thing that it does
//! then is to look at the epoch, which is where its stack can be seen. So how often is looked follows from fuel alone, and not from
//! any clock: the same compilation has the same profile on every machine. A guest looks at its fuel at the head of a loop and at the start of a
//! function, and what was used since it last did counts for the stack that it has there.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use prefab_model::{Compilation, Fuel, Limits, Task};
use wasmtime::component::Instance;
use wasmtime::{AsContext, Config, Engine, Result, Store, WasmBacktrace};

use crate::command;
use crate::component::{Compiler, LoadError, Way};
use crate::control::Control;
use crate::end::{Phase, cut};
use crate::engine::{Dialect, Engines, config_for};
use crate::guest::{Guest, Shown};
use crate::precompiled;
use crate::run::{Ended, Inputs, Run, concluded, judge};
use crate::sandbox::Sandbox;

/// The deepest stack that is seen whole.
const MOST_FRAMES: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();
/// The most different stacks that are kept; further ones count as one.
const MOST_STACKS: usize = 200_000;
/// The most bytes of a function's name.
const MOST_NAME: usize = 256;

/// What came of a compilation that was profiled.
pub struct Profile {
    /// How it ended.
    pub run: Run,
    /// Stacks, the outermost function first, with how often each was seen.
    pub stacks: BTreeMap<Vec<Arc<str>>, u64>,
}

impl Sandbox {
    /// Runs one compilation like [`Sandbox::run`], within the same limits, and looks at its stack each time when `interval` fuel was used. It
    /// runs in this process, wherever others do.
    ///
    /// # Errors
    /// [`LoadError`] if the compiler cannot be had for this.
    pub fn profile(
        &self,
        compiler: &Compiler,
        compilation: &Compilation,
        inputs: &Inputs,
        control: &Control,
        interval: Fuel,
    ) -> std::result::Result<Profile, LoadError> {
        let engines = Engines::profiling().map_err(|error| LoadError::Host(format!("{error:#}")))?;
        let exceptions = Engine::same(compiler.engine(), &self.engines.exceptions.engine);
        let dialect = if exceptions { Dialect::Exceptions } else { Dialect::Plain };
        let component = precompiled::again(engines.plain_for(dialect), compiler.instance().component())
            .map_err(|error| LoadError::Codegen(format!("{error:#}")))?;
        let compiler = engines.compiler(compiler.digest(), &component, compiler.program().cloned())?;
        let seen = Seen::default();
        let run = engines.profiled(&compiler, compilation, inputs, control, (interval, &seen));
        let stacks = std::mem::take(&mut seen.lock().stacks);
        Ok(Profile { run, stacks })
    }
}

impl Engines {
    /// Engines whose guests can be seen with their whole stacks.
    fn profiling() -> Result<Self> {
        let deep = |mut config: Config| {
            config.wasm_backtrace_max_frames(Some(MOST_FRAMES));
            config
        };
        Self::of(&deep(config_for(Dialect::Plain)), &deep(config_for(Dialect::Exceptions)))
    }

    fn profiled(
        &self,
        compiler: &Compiler,
        compilation: &Compilation,
        inputs: &Inputs,
        control: &Control,
        look: (Fuel, &Seen),
    ) -> Run {
        let started = Instant::now();
        let limits = &compilation.limits;
        self.contained(compiler, control, started, || match compiler.way() {
            Way::Command { program, run } => {
                command::compile(program, compilation, inputs, started, |limits, guest| {
                    self.call_profiled(
                        compiler,
                        limits,
                        guest,
                        (control, started),
                        look,
                        async |store, instance| command::status_async(store, instance, *run).await,
                    )
                })
            }
            Way::Contract { exports, .. } => {
                let shown = Shown::new(compilation, inputs);
                let guest = Guest::new(limits, compilation.key.as_bytes(), shown);
                let ended = self.call_profiled(
                    compiler,
                    limits,
                    guest,
                    (control, started),
                    look,
                    async |store, instance| match compilation.task {
                        Task::Compile => Ok(exports.compile_async(store, instance).await?.map(|()| None)),
                        Task::Signature => Ok(exports.signature_async(store, instance).await?.map(Some)),
                    },
                );
                concluded(ended, started, |result, output| judge(result, output, limits.output))
            }
        })
    }

    /// Makes an instance, calls it with an eye on it, and drops it.
    fn call_profiled<R, S>(
        &self,
        compiler: &Compiler,
        limits: &Limits,
        guest: Guest,
        (control, started): (&Control, Instant),
        (interval, seen): (Fuel, &Seen),
        call: impl AsyncFnOnce(&mut Store<Guest>, Instance) -> Result<R>,
    ) -> Ended<R, S> {
        let mut store = self.store(compiler, limits, guest);
        let mut heed = crate::run::heed(control.clone(), limits.deadline, started);
        let eye = seen.clone();
        store.epoch_deadline_callback(move |store| {
            if eye.due.swap(false, Ordering::Relaxed) {
                eye.look(&store);
            }
            heed(store)
        });
        store.set_epoch_deadline(1);
        let engine = compiler.engine();
        let mut phase = Phase::Instantiate;
        let result = {
            let mut work = pin!(async {
                store.set_fuel(limits.fuel.0)?;
                store.fuel_async_yield_interval(Some(interval.0.max(1)))?;
                let instance = compiler.instance().instantiate_async(&mut store).await?;
                phase = Phase::Run;
                call(&mut store, instance).await
            });
            // Nothing in there waits for anything: it yields where its fuel is to be looked at, and for no other reason.
            let mut context = Context::from_waker(Waker::noop());
            loop {
                if let Poll::Ready(result) = work.as_mut().poll(&mut context) {
                    break result;
                }
                seen.due.store(true, Ordering::Relaxed);
                engine.increment_epoch();
            }
        };
        self.ended(store, limits, phase, result)
    }
}

/// What was seen of stacks.
#[derive(Clone, Default)]
struct Seen {
    /// Whether the stack is to be looked at.
    due: Arc<AtomicBool>,
    stacks: Arc<Mutex<Stacks>>,
}

#[derive(Default)]
struct Stacks {
    stacks: BTreeMap<Vec<Arc<str>>, u64>,
    /// Names of functions that were seen, by module and place.
    names: HashMap<(String, u32), Arc<str>>,
}

impl Seen {
    fn lock(&self) -> std::sync::MutexGuard<'_, Stacks> {
        self.stacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, store: impl AsContext) {
        let backtrace = WasmBacktrace::force_capture(store);
        let mut seen = self.lock();
        let Stacks { stacks, names } = &mut *seen;
        let mut stack: Vec<Arc<str>> = backtrace
            .frames()
            .iter()
            .rev()
            .map(|frame| {
                let module = frame.module().name().unwrap_or_default();
                let place = (module.to_owned(), frame.func_index());
                let name = names.entry(place);
                Arc::clone(
                    name.or_insert_with(|| name_of(frame.func_name(), module, frame.func_index()).into()),
                )
            })
            .collect();
        if stacks.len() >= MOST_STACKS && !stacks.contains_key(&stack) {
            stack = vec!["(other stacks)".into()];
        }
        *stacks.entry(stack).or_default() += 1;
    }
}

/// A function's name as its author knows it, without what has a meaning in a folded stack.
fn name_of(name: Option<&str>, module: &str, index: u32) -> String {
    let name = match name {
        None => format!("{module}[{index}]"),
        Some(name) => demangled(name),
    };
    let plain = name.chars().map(|c| match c {
        ';' => ',',
        c if c.is_control() => '?',
        c => c,
    });
    cut(plain.collect(), MOST_NAME)
}

fn demangled(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        // Without the hash.
        return format!("{rust:#}");
    }
    let cpp = cpp_demangle::Symbol::new(name).ok().and_then(|symbol| symbol.demangle().ok());
    cpp.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_source_and_fit_into_a_folded_stack() {
        assert_eq!(name_of(Some("_ZN4core3fmt5write17h0123456789abcdefE"), "m", 1), "core::fmt::write");
        assert_eq!(name_of(Some("_Z3addii"), "m", 1), "add(int, int)");
        assert_eq!(name_of(Some("<[u8; 4]>::a\n"), "m", 1), "<[u8, 4]>::a?");
        assert_eq!(name_of(None, "shim", 7), "shim[7]");
    }
}
