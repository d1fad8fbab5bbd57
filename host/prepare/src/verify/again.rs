//! One compilation, run again from what the ledger and the blobs have of it. Every digest is checked on the way.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use prefab_model::{
    Compilation, CompilerDigest, CompilerEntry, Diagnostic, EngineRevision, Fuel, ModuleName, ModulePath,
    OutcomeKind, Release, Severity, SourceDigest,
};
use prefab_sandbox::{Compiler, Inputs, Run, Sandbox};
use prefab_store::{DeployedBundle, InstalledRelease, StoreError};

use crate::environment::Environment;
use crate::releases::load_stored;
use crate::run::Stop;
use crate::slots::Turn;
use crate::sources;
use crate::warrant::Warrant;

/// Runs compilations again.
pub(super) struct Again<'a> {
    env: &'a Environment,
    sandbox: &'a Sandbox,
    stop: &'a Stop,
    /// For the patterns of the files that a compiler takes, each with what lets it be used.
    releases: Vec<(Release, Result<Warrant, String>)>,
    /// Those that were needed so far, or why they cannot be had.
    compilers: Mutex<HashMap<CompilerDigest, Result<Compiler, String>>>,
}

/// How it ended.
pub(super) struct Ran {
    pub(super) run: Run,
    /// The fuel that it took the first time.
    pub(super) fuel: Option<Fuel>,
}

impl<'a> Again<'a> {
    pub(super) fn new(
        env: &'a Environment,
        sandbox: &'a Sandbox,
        stop: &'a Stop,
    ) -> Result<Self, StoreError> {
        // One that cannot be read has no patterns: then only sources that were kept will do.
        let releases = env.store().releases()?;
        let read = |installed: &InstalledRelease| {
            let release = Release::parse(&installed.manifest).ok()?;
            let warrant = Warrant::new(env, &release, installed.provenance.signed_by);
            Some((release, warrant.map_err(|error| error.to_string())))
        };
        let releases = releases.iter().filter_map(read).collect();
        Ok(Self { env, sandbox, stop, releases, compilers: Mutex::default() })
    }

    /// Compiles the module again; none if it was stopped.
    ///
    /// # Errors
    /// In words for people, why it cannot be compiled again.
    pub(super) fn run(&self, module: &ModuleName, bundle: &DeployedBundle) -> Result<Option<Ran>, String> {
        let stored = self.env.store().outcome(module, &bundle.key).map_err(|error| error.to_string())?;
        let stored = stored.ok_or("the ledger no longer knows how it was compiled")?;
        let compilation = stored
            .compilation
            .ok_or("it was compiled by a version of prefab that did not keep what went into it")?;
        check_key(&compilation, self.sandbox.revision())?;
        self.may_run(&compilation.compiler)?;
        let compiler = self.compiler(&compilation)?;
        let inputs = self.inputs(&compilation)?;
        let Some(turn) = Turn::wait(compilation.limits.memory, self.stop) else { return Ok(None) };
        let run = self.sandbox.run(&compiler, &compilation, &inputs, turn.control());
        turn.end(&run.usage, compilation.limits.fuel);
        match &run.kind {
            OutcomeKind::Cancelled => Ok(None),
            OutcomeKind::Deadline => Err(format!(
                "compiling it again took longer than {} s: try when the machine is less busy",
                compilation.limits.deadline.as_secs()
            )),
            OutcomeKind::HostError(text) => Err(format!("compiling it again failed: {text}")),
            _ => Ok(Some(Ran { run, fuel: stored.outcome.usage.fuel })),
        }
    }

    /// Whether any release lets the compiler be used, or none is known that has it.
    fn may_run(&self, compiler: &CompilerDigest) -> Result<(), String> {
        let mut may = Ok(());
        for (release, warrant) in &self.releases {
            if !release.compilers.iter().any(|entry| entry.digest == *compiler) {
                continue;
            }
            let checked = warrant.as_ref().map_err(Clone::clone)?.check();
            may = checked.map_err(|refusal| format!("release {} is refused: {refusal}", release.version));
            if may.is_ok() {
                break;
            }
        }
        may
    }

    /// The compiler, loaded once. Threads that need it for the first time wait for each other.
    fn compiler(&self, compilation: &Compilation) -> Result<Compiler, String> {
        let mut compilers = self.compilers.lock().unwrap_or_else(PoisonError::into_inner);
        let load = || {
            let named = |entry: &&CompilerEntry| entry.digest == compilation.compiler;
            let entry = self.releases.iter().flat_map(|(release, _)| &release.compilers).find(named);
            let wish = entry.map(|entry| entry.codegen).unwrap_or_default();
            load_stored(self.env.store(), self.sandbox, &compilation.compiler, &wish)
                .map_err(|error| error.to_string())
        };
        compilers.entry(compilation.compiler).or_insert_with(load).clone()
    }

    fn inputs(&self, compilation: &Compilation) -> Result<Inputs, String> {
        let store = self.env.store();
        let mut signatures = BTreeMap::new();
        for dependency in &compilation.module.dependencies {
            let (Some(module), Some(digest)) = (&dependency.module, dependency.signature) else { continue };
            let bytes = store.signature(module, &digest).map_err(|error| error.to_string())?;
            let bytes = bytes.ok_or_else(|| {
                format!("the signature {digest} of {} is no longer in the ledger", dependency.name)
            })?;
            signatures.insert(dependency.name.clone(), bytes.into());
        }
        let files = self.files(compilation, &compilation.source)?;
        Ok(Inputs { files, signatures })
    }

    fn files(
        &self,
        compilation: &Compilation,
        source: &SourceDigest,
    ) -> Result<Vec<prefab_sandbox::SourceFile>, String> {
        let row = self.env.store().module(&compilation.module.name).map_err(|error| error.to_string())?;
        let entry =
            self.releases.iter().flat_map(|(release, _)| &release.compilers).find(|entry| {
                entry.digest == compilation.compiler && entry.name == compilation.compiler_name
            });
        let takes = entry.map(|entry| |path: &ModulePath| entry.takes(path));
        let takes = takes.as_ref().map(|takes| takes as &dyn Fn(&ModulePath) -> bool);
        sources::files(self.env, source, row.as_ref().map(|row| row.root.as_path()), takes)
    }
}

/// The key covers all that a compiler can see, and the engine. So what the ledger says was compiled can be checked against it.
///
/// # Errors
/// In words for people, what may be the reason if it is not this.
pub(crate) fn check_key(compilation: &Compilation, engine: &EngineRevision) -> Result<(), String> {
    let it = compilation.clone();
    let again = Compilation::new(
        it.task,
        it.compiler_name,
        it.compiler,
        it.contract,
        it.module,
        it.source,
        it.options,
        it.limits,
        engine,
    );
    if again.key == compilation.key {
        return Ok(());
    }
    Err(format!(
        "it was compiled by another version of the engine than this prefab has ({engine}), or the ledger was changed: use the prefab that \
         compiled it, or prepare and publish it anew"
    ))
}

/// How a compilation ended that had succeeded before, for people.
pub(super) fn told<S>(kind: &OutcomeKind<S>, diagnostics: &[Diagnostic]) -> String {
    match kind {
        OutcomeKind::Compiled(_) => "it made a signature".to_owned(),
        OutcomeKind::Rejected => {
            let error = diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error);
            format!("it was rejected: {}", error.map_or("without a reason", |error| &error.message))
        }
        OutcomeKind::OutOfFuel => "it ran out of fuel".to_owned(),
        OutcomeKind::OutOfMemory(_) => "it ran out of memory".to_owned(),
        OutcomeKind::OutputCap(_) => "it produced more than it may".to_owned(),
        OutcomeKind::Trapped(reason) => format!("the compiler trapped: {reason}"),
        OutcomeKind::Refused(reason) | OutcomeKind::HostError(reason) => reason.clone(),
        OutcomeKind::Deadline => "it took too long".to_owned(),
        OutcomeKind::Cancelled => "it was cancelled".to_owned(),
    }
}
