//! One compilation by a command-line program: its runs, and what they come to.

use std::time::Instant;

use prefab_model::{Bytes, Compilation, Diagnostic, Fuel, Limits, ModulePath, Outcome, OutcomeKind, Usage};
use wasmtime::component::{ComponentExportIndex, Instance};
use wasmtime::{Result, Store};

use super::arguments::{Values, called};
use super::diagnostics::{self, Sources};
use super::{DEPENDENCIES, OUTPUT, Program, SOURCES, TEMPORARY, TOOLCHAIN, shared};
use crate::component::Compiler;
use crate::control::Control;
use crate::end::{Stop, cut};
use crate::engine::Engines;
use crate::findings::{self, host_error};
use crate::guest::{Called, Files, Guest, Shown};
use crate::media_type;
use crate::output::Declined;
use crate::run::{Ended, Inputs, Run, Success, without_guest};
use crate::wasi::Capture;

/// What is told of what a program printed, in bytes: its end.
const MAX_TOLD: usize = 2 << 10;

impl Program {
    /// What a module shows to those that depend on it. No guest has to do with it.
    pub(crate) fn signature(&self, inputs: &Inputs, limits: &Limits) -> Run {
        let started = Instant::now();
        let mut files: Vec<_> = inputs
            .files
            .iter()
            .filter(|file| (self.shares)(&file.path))
            .map(|file| (&file.path, &*file.bytes))
            .collect();
        files.sort_unstable();
        let archive = shared::pack(files.into_iter());
        let too_much = archive.len() as u64 > limits.output.0;
        let mut run = without_guest(
            if too_much {
                OutcomeKind::OutputCap(prefab_model::Limit::Output)
            } else {
                OutcomeKind::Compiled(Success::Signature(archive))
            },
            started,
        );
        run.usage.fuel = Some(Fuel(0));
        run
    }
}

impl Engines {
    /// Compiles a module with a command-line program.
    pub(crate) fn run_program(
        &self,
        compiler: &Compiler,
        (program, export): (&Program, ComponentExportIndex),
        compilation: &Compilation,
        inputs: &Inputs,
        control: &Control,
    ) -> Run {
        let started = Instant::now();
        self.contained(compiler, control, started, || {
            compile(program, compilation, inputs, started, |limits, guest| {
                self.call(compiler, limits, guest, control, started, |store, instance| {
                    status(store, instance, export)
                })
            })
        })
    }
}

/// Compiles a module by runs of a program, each of which is made by `call`.
pub(crate) fn compile(
    program: &Program,
    compilation: &Compilation,
    inputs: &Inputs,
    started: Instant,
    call: impl FnMut(&Limits, Guest) -> Ended<u8, Success>,
) -> Run {
    let mut job = Job::new(program, compilation, inputs);
    let kind = job.run_all(&compilation.limits, call);
    job.outcome(kind, started)
}

/// Calls the program and says with what status it ended.
fn status(store: &mut Store<Guest>, instance: Instance, export: ComponentExportIndex) -> Result<u8> {
    let run = instance.get_typed_func::<(), Ending>(&mut *store, export)?;
    status_of(run.call(store, ()))
}

/// The same where the program can yield.
pub(crate) async fn status_async(
    store: &mut Store<Guest>,
    instance: Instance,
    export: ComponentExportIndex,
) -> Result<u8> {
    let run = instance.get_typed_func::<(), Ending>(&mut *store, export)?;
    status_of(run.call_async(store, ()).await)
}

/// What a program says of its end.
type Ending = (std::result::Result<(), ()>,);

fn status_of(ended: Result<Ending>) -> Result<u8> {
    match ended {
        Ok((result,)) => Ok(result.is_err().into()),
        Err(error) => match error.downcast_ref::<Stop>() {
            Some(Stop::Exit(status)) => Ok(*status),
            _ => Err(error),
        },
    }
}

/// A compilation on its way.
struct Job<'a> {
    program: &'a Program,
    compilation: &'a Compilation,
    shown: Shown,
    dependencies: Vec<String>,
    capture: Capture,
    /// None while it runs.
    guest: Option<Guest>,
    fuel: Option<Fuel>,
    peak_memory: Bytes,
    extra: Vec<Diagnostic>,
}

/// How one run ended.
enum End {
    /// The next one may come.
    Done,
    /// There is no use in another.
    Failed,
    Other(OutcomeKind<Success>),
}

impl<'a> Job<'a> {
    fn new(program: &'a Program, compilation: &'a Compilation, inputs: &Inputs) -> Self {
        let limits = &compilation.limits;
        let shown = Shown::new(compilation, inputs);
        let files = Files::new(limits);
        let tree = &files.tree;
        for folder in [SOURCES, TOOLCHAIN, DEPENDENCIES] {
            tree.read_only_folder(folder);
        }
        tree.writable_folder(OUTPUT);
        tree.writable_folder(TEMPORARY);
        for (path, bytes) in &shown.files {
            tree.put(SOURCES, path.as_str(), bytes);
            // So that `{output}/{stem}.o` has its folder: many compilers make none.
            if let Some((folder, _)) = path.as_str().rsplit_once('/') {
                tree.writable_folder(&format!("{OUTPUT}/{folder}"));
            }
        }
        for (mount, bytes) in program.command().mounts.iter().zip(&program.mounts) {
            tree.put(TOOLCHAIN, mount.path.as_str(), bytes);
        }
        let mut extra = Vec::new();
        let mut dependencies = Vec::new();
        for dependency in &shown.dependencies {
            let Some(signature) = &dependency.signature else { continue };
            // It is the name of a folder there, so it must be a path.
            let files = shared::unpack(signature).filter(|_| dependency.name.parse::<ModulePath>().is_ok());
            let Some(files) = files else {
                let text = format!("What the dependency {:?} shares cannot be read", dependency.name);
                extra.push(Diagnostic {
                    severity: prefab_model::Severity::Warning,
                    ..host_error("prefab/dependency", &text)
                });
                continue;
            };
            if files.is_empty() {
                continue;
            }
            for (path, bytes) in &files {
                tree.put(&format!("{DEPENDENCIES}/{}", dependency.name), path.as_str(), bytes);
            }
            dependencies.push(dependency.name.clone());
        }
        let capture = Capture::new(limits.diagnostic_bytes.0);
        let mut guest = Guest::new(limits, compilation.key.as_bytes(), Shown::default());
        guest.files = Some(files);
        guest.capture = Some((program.command().diagnostics_from, capture.clone()));
        Self {
            program,
            compilation,
            shown,
            dependencies,
            capture,
            guest: Some(guest),
            fuel: Some(Fuel(0)),
            peak_memory: Bytes(0),
            extra,
        }
    }

    /// The files that it compiles.
    fn compiled(&self) -> Vec<ModulePath> {
        let all = self.shown.files.iter().map(|(path, _)| path);
        match &self.program.each {
            Some(each) => all.filter(|path| each(path)).cloned().collect(),
            None => all.cloned().collect(),
        }
    }

    /// All runs, one after the other; the kind is none if they all came to their end.
    fn run_all(
        &mut self,
        limits: &Limits,
        mut call: impl FnMut(&Limits, Guest) -> Ended<u8, Success>,
    ) -> Option<OutcomeKind<Success>> {
        let files = self.compiled();
        let runs: Vec<Option<&ModulePath>> = if self.program.command().runs_for_each_file() {
            files.iter().map(Some).collect()
        } else {
            vec![None]
        };
        let listed: Vec<&ModulePath> = files.iter().collect();
        let mut limits = limits.clone();
        for file in runs {
            let called = self.called(&listed, file);
            let Some(mut guest) = self.guest.take() else { break };
            guest.fresh(&limits, called);
            let ended = call(&limits, guest);
            self.peak_memory = self.peak_memory.max(ended.guest.peak_memory());
            let used = ended.fuel;
            self.fuel = self.fuel.zip(used).map(|(before, now)| Fuel(before.0.saturating_add(now.0)));
            self.guest = Some(ended.guest);
            match self.judged(ended.result, file) {
                End::Done => {}
                End::Failed => return Some(OutcomeKind::Rejected),
                End::Other(OutcomeKind::OutOfFuel) => {
                    self.fuel = Some(self.compilation.limits.fuel);
                    return Some(OutcomeKind::OutOfFuel);
                }
                End::Other(kind) => return Some(kind),
            }
            // All runs of a compilation share its fuel.
            limits.fuel.0 = limits.fuel.0.saturating_sub(used.unwrap_or_default().0);
        }
        None
    }

    fn called(&self, files: &[&ModulePath], file: Option<&ModulePath>) -> Called {
        let dependencies: Vec<&str> = self.dependencies.iter().map(String::as_str).collect();
        let values = Values {
            module: &self.shown.name,
            options: &self.compilation.options,
            files,
            file,
            dependencies: &dependencies,
        };
        called(self.program.command(), &values)
    }

    /// Takes in what was printed in a run, and says what its end means.
    fn judged(
        &mut self,
        result: std::result::Result<u8, OutcomeKind<Success>>,
        file: Option<&ModulePath>,
    ) -> End {
        let command = self.program.command();
        let printed = self.capture.take();
        let Some(guest) = &mut self.guest else { return End::Failed };
        let sources = Sources::new(&self.shown.files, file);
        let most = self.compilation.limits.diagnostics;
        let mut errors = false;
        for diagnostic in diagnostics::read(&command.diagnostics, &printed, &sources, most) {
            errors |= diagnostic.severity == prefab_model::Severity::Error;
            if let Err(stop) = guest.output.report(findings::in_order(diagnostic)) {
                return End::Other(crate::end::outcome_of(&stop.into(), crate::end::Phase::Run));
            }
        }
        let status = match result {
            Ok(status) => status,
            Err(kind) => return End::Other(kind),
        };
        if command.success.contains(&status) || (command.rejected.contains(&status) && errors) {
            return End::Done;
        }
        let said = match told(&printed) {
            Some(said) => format!(" and said: {said}"),
            None => " and said nothing".to_owned(),
        };
        let place = |diagnostic: Diagnostic| Diagnostic { file: file.map(ToString::to_string), ..diagnostic };
        if command.rejected.contains(&status) {
            let text = format!("The compiler rejected this with exit status {status}{said}");
            self.extra.push(place(host_error("prefab/rejected", &text)));
            return End::Done;
        }
        let text = format!("The compiler failed: it ended with exit status {status}{said}");
        self.extra.push(place(host_error("prefab/exit-status", &text)));
        End::Failed
    }

    fn outcome(self, kind: Option<OutcomeKind<Success>>, started: Instant) -> Run {
        let usage = |paused| Usage {
            fuel: self.fuel,
            peak_memory: self.peak_memory,
            time: started.elapsed().saturating_sub(paused),
        };
        let Some(mut guest) = self.guest else {
            return without_guest(OutcomeKind::HostError("a run left nothing behind".to_owned()), started);
        };
        let usage = usage(guest.paused);
        let mut extra = self.extra;
        let is_error = |it: &Diagnostic| it.severity == prefab_model::Severity::Error;
        let rejected = guest.output.has_error() || extra.iter().any(is_error);
        let kind = match kind {
            Some(kind) => Some(kind),
            None if rejected => Some(OutcomeKind::Rejected),
            None => collect(&mut guest, &mut extra),
        };
        let log = guest.log_text();
        let (artifacts, mut diagnostics) = guest.output.into_parts();
        diagnostics.extend(extra);
        let kind = kind.unwrap_or(OutcomeKind::Compiled(Success::Artifacts(artifacts)));
        Outcome { kind, usage, diagnostics, log }
    }
}

/// Takes what lies in the output folder as artifacts; what keeps that from being, if something does.
fn collect(guest: &mut Guest, extra: &mut Vec<Diagnostic>) -> Option<OutcomeKind<Success>> {
    let files = guest.files.as_ref()?.tree.take_files(&OUTPUT[1..]);
    let mut refused = false;
    for (path, bytes) in files {
        let media_type = media_type::of(&path).to_owned();
        let reason = match guest.output.emit(path, media_type, bytes) {
            Ok(Ok(())) => continue,
            Ok(Err(Declined::Path(error))) => error.to_string(),
            Ok(Err(Declined::Collision(error))) => error.to_string(),
            Err(stop) => return Some(crate::end::outcome_of(&stop.into(), crate::end::Phase::Run)),
        };
        if !refused {
            let text = format!("The compiler made a file that cannot be an artifact: {reason}");
            extra.push(host_error("prefab/artifact-path", &text));
            refused = true;
        }
    }
    refused.then_some(OutcomeKind::Rejected)
}

/// The end of what was printed, if it says anything.
fn told(printed: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(printed);
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let from = text.ceil_char_boundary(text.len().saturating_sub(MAX_TOLD));
    let said = if from > 0 { format!("…{}", &text[from..]) } else { text.to_owned() };
    Some(cut(said, MAX_TOLD + 8))
}
