//! What every thread of a preparation works with, and the one way in which a compilation comes to its end.

use crossbeam_channel::Sender;
use prefab_model::{
    Compilation, CompilerName, Fuel, ModuleName, ModulePath, OutcomeKind, SignatureDigest, Stored, Task,
};
use prefab_sandbox::Inputs;
use prefab_store::{OutcomeRow, Standing, Store, StoreError};
use tracing::field::Empty;

use super::PrepareError;
use super::pool::Message;
use super::roster::Roster;
use super::stop::Stop;
use crate::executor::{Executed, Executor};
use crate::plan::Planner;
use crate::releases::Toolchain;
use crate::slots::Turn;
use crate::snapshot::SourceProblem;

pub(super) struct Shared<'a> {
    pub(super) store: &'a Store,
    pub(super) toolchain: &'a Toolchain,
    pub(super) planner: Planner<'a>,
    pub(super) executor: Executor<'a>,
    pub(super) roster: &'a Roster,
    pub(super) stop: &'a Stop,
    /// When the preparation began, in milliseconds since 1970.
    pub(super) now: i64,
}

/// What compilations that were run, rather than known, brought.
#[derive(Default)]
pub(super) struct Fresh {
    pub(super) outcomes: Vec<OutcomeRow>,
    pub(super) signatures: Vec<(ModuleName, SignatureDigest, Vec<u8>)>,
    /// How many there were.
    pub(super) ran: u64,
    /// The fuel that they used, where it is known.
    pub(super) fuel: Fuel,
}

impl Fresh {
    /// Takes in what another compilation of the same module brought.
    pub(super) fn add(&mut self, other: Self) {
        self.outcomes.extend(other.outcomes);
        self.signatures.extend(other.signatures);
        self.ran += other.ran;
        self.fuel.0 = self.fuel.0.saturating_add(other.fuel.0);
    }
}

/// How a compilation came to its end.
pub(super) enum Ended {
    /// Its outcome is known, from before or from now.
    Known { kind: OutcomeKind },
    /// The machine was the reason, so nothing is known.
    HostTrouble(String),
    /// The compiler makes no signatures.
    NoSignature,
    /// The sources could not be read.
    Unreadable(SourceProblem),
    /// Somebody asked the preparation to stop.
    Cancelled,
}

impl Shared<'_> {
    /// Whether any compiler of the release takes this file.
    pub(super) fn takes(&self, path: &ModulePath) -> bool {
        self.toolchain.release.compilers.iter().any(|entry| entry.takes(path))
    }

    /// What compiling the module cost when it last succeeded.
    pub(super) fn past_fuel(
        &self,
        module: &ModuleName,
        compiler: &CompilerName,
    ) -> Result<Option<u64>, StoreError> {
        let usage = self.store.latest_usage(module, compiler, Task::Compile)?;
        Ok(usage.and_then(|usage| usage.fuel).map(|fuel| fuel.0))
    }

    /// Brings a compilation with the compiler at this place in the release to its end: by what is known of its key, or by running
    /// it.
    pub(super) fn ended<T>(
        &self,
        number: u16,
        compilation: &Compilation,
        standing: &Standing,
        inputs: impl FnOnce() -> Result<Inputs, SourceProblem>,
        fresh: &mut Fresh,
        tell: &Sender<Message<T>>,
    ) -> Result<Ended, PrepareError> {
        if let Some(kind) = self.known(standing, compilation)? {
            return Ok(Ended::Known { kind });
        }
        // Nothing is compiled with what was revoked, and the preparation ends.
        if self.toolchain.warrant.check().is_err() {
            self.stop.now();
            return Ok(Ended::Cancelled);
        }
        let compiler = self.toolchain.compiler(number, self.store, self.executor.sandbox)?;
        if compilation.task == Task::Signature && !compiler.is_modular() {
            return Ok(Ended::NoSignature);
        }
        // Before anything is read: who waits is to need little memory.
        let Some(turn) = Turn::wait(compilation.limits.memory, self.stop) else {
            return Ok(Ended::Cancelled);
        };
        let inputs = match inputs() {
            Ok(inputs) => inputs,
            Err(problem) => return Ok(Ended::Unreadable(problem)),
        };
        let (module, name, task) = (&compilation.module.name, &compilation.compiler_name, compilation.task);
        let span = tracing::info_span!(
            "compilation",
            %module,
            compiler = %name,
            ?task,
            outcome = Empty,
            fuel = Empty,
            memory = Empty
        );
        let _entered = span.enter();
        // Nobody listens any more only when the preparation has failed: the next send will tell.
        let _ = tell.send(Message::Compiling(module.clone(), name.clone(), task));
        let executed = self.executor.execute(&compiler, compilation, &inputs, turn.control());
        if let Ok(executed) = &executed {
            turn.end(&executed.outcome.usage, compilation.limits.fuel);
        }
        let _ = tell.send(Message::Compiled(module.clone(), name.clone(), task));
        let Executed { outcome, signature } = executed?;
        fresh.ran += 1;
        fresh.fuel.0 = fresh.fuel.0.saturating_add(outcome.usage.fuel.unwrap_or_default().0);
        fresh.signatures.extend(signature.map(|(digest, bytes)| (module.clone(), digest, bytes)));
        let kind = outcome.kind.clone();
        span.record("outcome", kind.word()).record("memory", outcome.usage.peak_memory.0);
        if let Some(fuel) = outcome.usage.fuel {
            span.record("fuel", fuel.0);
        }
        tracing::debug!(?kind, usage = ?outcome.usage, "ended");
        match kind {
            OutcomeKind::Cancelled => return Ok(Ended::Cancelled),
            OutcomeKind::HostError(text) => return Ok(Ended::HostTrouble(text)),
            OutcomeKind::Deadline => {
                let seconds = compilation.limits.deadline.as_secs();
                return Ok(Ended::HostTrouble(format!(
                    "the {name} compiler did not end within {seconds} s: try again when the machine is less busy, or raise \
                     `limits.deadline`"
                )));
            }
            _ => {}
        }
        fresh.outcomes.push(OutcomeRow { compilation: compilation.clone(), outcome, created_at: self.now });
        Ok(Ended::Known { kind })
    }

    /// The outcome that is known of a compilation, if it holds under today's limits and what it left is still there.
    fn known(
        &self,
        standing: &Standing,
        compilation: &Compilation,
    ) -> Result<Option<OutcomeKind>, StoreError> {
        let known = match standing.known(&compilation.key) {
            None if standing.has_more() => self.store.known(&compilation.module.name, &compilation.key)?,
            known => known.cloned(),
        };
        let Some(known) = known else { return Ok(None) };
        let there = match &known.kind {
            OutcomeKind::Compiled(Stored::Bundle { digest, .. }) => self.store.blobs().has_bundle(digest)?,
            _ => true,
        };
        Ok((there && known.holds_under(&compilation.limits)).then_some(known.kind))
    }
}
