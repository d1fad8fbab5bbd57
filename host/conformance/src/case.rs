//! One compilation in the sandbox, and how it may differ from another of the same sources.

use std::collections::BTreeMap;
use std::sync::Arc;

use prefab_model::{
    Bytes, Compilation, ContractVersion, Dependency, EngineRevision, Fuel, KeyHasher, Limits, ModuleFacts,
    ModuleName, ModulePath, Options, OutcomeKind, SourceDigest, Task,
};
use prefab_sandbox::{Compiler, Control, Inputs, Run, Sandbox, SourceFile, Success};

use crate::subject::Subject;
use crate::vectors::Vector;

/// A compiler that is loaded, with where it runs.
pub(crate) struct Bench<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) subject: &'a Subject,
    pub(crate) compiler: Compiler,
    pub(crate) limits: Limits,
}

/// What is compiled.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) facts: ModuleFacts,
    pub(crate) options: Options,
    pub(crate) files: Vec<SourceFile>,
    pub(crate) signatures: BTreeMap<String, Arc<[u8]>>,
}

impl Case {
    /// The module `sample` of these files.
    pub(crate) fn of(name: ModuleName, options: Options, files: Vec<SourceFile>) -> Self {
        let facts = ModuleFacts { name, version: None, entry_points: vec![], dependencies: vec![] };
        Self { facts, options, files, signatures: BTreeMap::new() }
    }

    /// The same with other files.
    pub(crate) fn with_files(&self, files: Vec<SourceFile>) -> Self {
        Self { files, ..self.clone() }
    }

    /// The bytes of all its files.
    pub(crate) fn size(&self) -> Bytes {
        Bytes(self.files.iter().map(|file| file.bytes.len() as u64).sum())
    }
}

/// A file of a case.
pub(crate) fn file(path: ModulePath, bytes: impl Into<Arc<[u8]>>) -> SourceFile {
    SourceFile { path, bytes: bytes.into() }
}

/// What is different in one run.
#[derive(Clone)]
pub(crate) struct How {
    pub(crate) task: Task,
    pub(crate) limits: Limits,
    /// Random bytes follow from it.
    pub(crate) seed: u32,
    pub(crate) control: Control,
}

impl Bench<'_> {
    /// As it usually runs.
    pub(crate) fn usual(&self) -> How {
        How { task: Task::Compile, limits: self.limits.clone(), seed: 0, control: Control::default() }
    }

    pub(crate) fn run(&self, case: &Case) -> Run {
        self.run_as(case, &self.usual())
    }

    pub(crate) fn run_within(&self, case: &Case, change: impl FnOnce(&mut Limits)) -> Run {
        let mut how = self.usual();
        change(&mut how.limits);
        self.run_as(case, &how)
    }

    pub(crate) fn run_as(&self, case: &Case, how: &How) -> Run {
        let (compilation, inputs) = self.compilation(case, how);
        self.sandbox.run(&self.compiler, &compilation, &inputs, &how.control)
    }

    pub(crate) fn compilation(&self, case: &Case, how: &How) -> (Compilation, Inputs) {
        let mut source = KeyHasher::new("prefab conformance source");
        let mut files: Vec<_> = case.files.iter().collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        for file in files {
            source.field(file.path.as_str().as_bytes()).field(&file.bytes);
        }
        // The key that random bytes follow from has the engine in it, so naming another one is another seed and nothing else.
        let EngineRevision(revision) = self.sandbox.revision();
        let engine = EngineRevision(format!("{revision}; seed {}", how.seed));
        let compilation = Compilation::new(
            how.task,
            self.subject.name.clone(),
            self.compiler.digest(),
            ContractVersion::V1,
            case.facts.clone(),
            source.finish::<SourceDigest>(),
            case.options.clone(),
            how.limits.clone(),
            &engine,
        );
        let signatures = case.signatures.clone();
        (compilation, Inputs { files: case.files.clone(), signatures })
    }

    /// What a vector is compiled as, with the signatures of those that it depends on among `all`.
    ///
    /// # Errors
    /// In words, why a signature cannot be had.
    pub(crate) fn case(&self, vector: &Vector, all: &[Vector]) -> Result<Case, String> {
        let mut case = self.case_alone(vector);
        for (name, module) in &vector.manifest.dependencies {
            let known = all.iter().find(|other| other.manifest.name == *module);
            let mut signature = None;
            if let Some(known) = known.filter(|_| self.compiler.is_modular()) {
                let how = How { task: Task::Signature, ..self.usual() };
                let run = self.run_as(&self.case_alone(known), &how);
                let OutcomeKind::Compiled(Success::Signature(bytes)) = run.kind else {
                    return Err(format!("its dependency {module} has no signature: {}", ended(&run)));
                };
                signature = Some(prefab_model::SignatureDigest::of(&bytes));
                case.signatures.insert(name.clone(), bytes.into());
            }
            case.facts.dependencies.push(Dependency {
                name: name.clone(),
                module: known.map(|known| known.manifest.name.clone()),
                signature,
            });
        }
        Ok(case)
    }

    fn case_alone(&self, vector: &Vector) -> Case {
        let mut options = self.subject.options();
        options.extend(vector.manifest.options.get(&self.subject.name).cloned().unwrap_or_default());
        let taken = vector.files.iter().filter(|(path, _)| self.subject.takes(path));
        let files = taken.map(|(path, bytes)| file(path.clone(), &**bytes)).collect();
        let mut case = Case::of(vector.manifest.name.clone(), options, files);
        case.facts.version.clone_from(&vector.manifest.version);
        case.facts.entry_points.clone_from(&vector.manifest.entry_points);
        case
    }
}

/// How a run ended, in words.
pub(crate) fn ended(run: &Run) -> String {
    match &run.kind {
        OutcomeKind::Compiled(Success::Artifacts(artifacts)) => {
            format!("compiled to {}", counted(artifacts.len(), "artifact"))
        }
        OutcomeKind::Compiled(Success::Signature(bytes)) => {
            format!("a signature of {}", Bytes(bytes.len() as u64))
        }
        OutcomeKind::Rejected => {
            let first = run.diagnostics.iter().find(|it| it.severity == prefab_model::Severity::Error);
            match first {
                Some(first) => format!("rejected: {}", one_line(&first.message)),
                None => "rejected".to_owned(),
            }
        }
        OutcomeKind::OutOfFuel => "out of fuel".to_owned(),
        OutcomeKind::OutOfMemory(limit) => format!("out of memory (limit `{limit}`)"),
        OutcomeKind::OutputCap(limit) => format!("ended at the limit `{limit}`"),
        OutcomeKind::Deadline => "ended at its deadline".to_owned(),
        OutcomeKind::Cancelled => "cancelled".to_owned(),
        OutcomeKind::Trapped(text) => format!("trapped: {}", one_line(text)),
        OutcomeKind::Refused(text) | OutcomeKind::HostError(text) => one_line(text),
    }
}

/// The first line of a text, not too much of it.
pub(crate) fn one_line(text: &str) -> String {
    const MOST: usize = 160;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

/// `1 artifact`, `2 artifacts`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `1.2G fuel`, or that it is not known.
pub(crate) fn fuel_of(run: &Run) -> String {
    run.usage.fuel.map_or_else(|| "unknown fuel".to_owned(), |Fuel(fuel)| format!("{} fuel", Fuel(fuel)))
}

/// Milliseconds for figures.
pub(crate) fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
