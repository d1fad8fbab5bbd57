//! Whether what a file imports by name is exported where it comes from.
//!
//! An import is wrong only if every file that its specifier may mean is known and none exports the name. Anything that the
//! texts do not tell, such as CommonJS, a dependency without a signature or a file that did not parse, ends the question
//! without an answer, for a wrong error is worse than a missing one.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use oxc::allocator::Allocator;
use oxc::semantic::Scoping;
use oxc::syntax::module_record::{ExportImportName, ImportImportName, ModuleRecord};
use prefab_sdk::{Diagnostic, LineIndex, Module, Output, Severity};

use crate::near::nearest;
use crate::signature::{self, FileExports, Signature};
use crate::source::Language;

/// The files that are asked about one name at most; a chain of `export *` longer than this is not followed.
const MOST_FILES: usize = 1_000;

/// A name that a file imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// Where it comes from.
    specifier: String,
    /// The name asked for; `default` for the default import.
    name: String,
    /// Where the name stands, in bytes.
    start: usize,
    end: usize,
    /// Whether it is surely used as a value, so that an export of a type alone would not do.
    as_value: bool,
}

/// The names that a program imports or passes on, without those imported as types.
pub(crate) fn of_program(
    text: &str,
    record: &ModuleRecord<'_>,
    scoping: &Scoping,
    language: Language,
) -> Vec<Import> {
    let mut imports = Vec::new();
    for entry in record.import_entries.iter().filter(|entry| !entry.is_type) {
        let (name, span) = match &entry.import_name {
            ImportImportName::Name(name) => (name.name.as_str(), name.span),
            ImportImportName::Default(span) => ("default", *span),
            ImportImportName::NamespaceObject => continue,
        };
        let as_value = !language.is_typed()
            || scoping.get_root_binding(entry.local_name.name.as_str().into()).is_some_and(|symbol| {
                scoping.get_resolved_references(symbol).any(oxc::semantic::Reference::is_value)
            });
        imports.push(Import {
            specifier: entry.module_request.name.to_string(),
            name: name.to_owned(),
            start: span.start as usize,
            end: span.end as usize,
            as_value,
        });
    }
    for entry in record.indirect_export_entries.iter().filter(|entry| !entry.is_type) {
        // An imported name that is exported again is here too; it was looked at as an import.
        let is_export =
            text.get(entry.statement_span.start as usize..).is_some_and(|at| at.starts_with("export"));
        let (true, Some(request), ExportImportName::Name(name)) =
            (is_export, &entry.module_request, &entry.import_name)
        else {
            continue;
        };
        imports.push(Import {
            specifier: request.name.to_string(),
            name: name.name.to_string(),
            start: name.span.start as usize,
            end: name.span.end as usize,
            as_value: !language.is_typed(),
        });
    }
    imports
}

/// A file with the names that it imports.
struct Importer {
    path: String,
    language: Language,
    imports: Vec<Import>,
}

/// Collects imports and exports of a module's files and then compares them.
pub(crate) struct Imports<'m> {
    module: &'m dyn Module,
    importers: Vec<Importer>,
    own: Own<'m>,
    /// The names of the dependencies.
    dependencies: BTreeSet<String>,
    /// The signatures that were asked for, by dependency; none where there is none that can be read.
    signatures: BTreeMap<String, Option<Rc<Signature>>>,
}

impl<'m> Imports<'m> {
    /// Nothing collected yet, for a module with the given files.
    pub(crate) fn new(module: &'m dyn Module, paths: BTreeSet<String>) -> Self {
        let dependencies = module.dependencies().into_iter().map(|each| each.name).collect();
        let own = Own { module, paths, exports: BTreeMap::new(), allocator: Allocator::default() };
        Self { module, importers: Vec::new(), own, dependencies, signatures: BTreeMap::new() }
    }

    /// Adds what a file exports and imports.
    pub(crate) fn add(&mut self, path: &str, language: Language, exports: FileExports, imports: Vec<Import>) {
        self.own.exports.insert(path.to_owned(), Rc::new(exports));
        if !imports.is_empty() {
            self.importers.push(Importer { path: path.to_owned(), language, imports });
        }
    }

    /// Reports every import of a name that is not exported where it comes from.
    pub(crate) fn check(mut self, output: &dyn Output) {
        for importer in std::mem::take(&mut self.importers) {
            let findings: Vec<(&Import, Diagnostic)> = importer
                .imports
                .iter()
                .filter_map(|import| Some((import, self.look_at(&importer, import)?)))
                .collect();
            if findings.is_empty() {
                continue;
            }
            let bytes = self.module.read_file(&importer.path).unwrap_or_default();
            let lines = LineIndex::new(std::str::from_utf8(&bytes).unwrap_or_default());
            for (import, finding) in findings {
                output.report(finding.at(&importer.path, lines.span(import.start, import.end)));
            }
        }
    }

    fn look_at(&mut self, importer: &Importer, import: &Import) -> Option<Diagnostic> {
        if let Some(path) = signature::join(&importer.path, &import.specifier) {
            let candidates = signature::path_candidates(&|path| self.own.has(path), &path);
            // Published JavaScript that is never loaded may be wrong without harm.
            let severity = if importer.language.is_typed() { Severity::Error } else { Severity::Warning };
            return judge(&mut self.own, importer, import, &candidates, severity);
        }
        let (dependency, rest) = self.dependency_of(&import.specifier)?;
        let mut files = Dependency(self.signature(&dependency)?);
        let candidates = candidates_in(&files.0, &rest);
        judge(&mut files, importer, import, &candidates, Severity::Error)
    }

    /// The dependency that a specifier names, and the entry point asked of it: `.` or `./sub`.
    fn dependency_of(&self, specifier: &str) -> Option<(String, String)> {
        let mut end = specifier.len();
        loop {
            let name = &specifier[..end];
            if self.dependencies.contains(name) {
                return Some((name.to_owned(), format!(".{}", &specifier[end..])));
            }
            end = name.rfind('/')?;
        }
    }

    fn signature(&mut self, dependency: &str) -> Option<Rc<Signature>> {
        if !self.signatures.contains_key(dependency) {
            let bytes = self.module.read_signature(dependency).ok().flatten();
            let signature = bytes.as_deref().and_then(Signature::decode).map(Rc::new);
            self.signatures.insert(dependency.to_owned(), signature);
        }
        self.signatures.get(dependency).cloned().flatten()
    }
}

/// The files of a dependency that an entry point may mean.
fn candidates_in(signature: &Signature, entry: &str) -> Vec<String> {
    let has = |path: &str| signature.files.contains_key(path);
    let mut named = signature.entries.iter().filter(|(name, _)| name == entry).peekable();
    if named.peek().is_none() {
        return match entry.strip_prefix("./") {
            Some(path) => signature::path_candidates(&has, path),
            None => signature::path_candidates(&has, ""),
        };
    }
    let mut candidates = Vec::new();
    for (_, path) in named {
        let files = signature::entry_candidates(&has, path);
        if files.is_empty() {
            // One of the files behind the name is not known, so nothing can be said.
            return Vec::new();
        }
        candidates.extend(files);
    }
    candidates
}

fn judge(
    files: &mut dyn Files,
    importer: &Importer,
    import: &Import,
    candidates: &[String],
    severity: Severity,
) -> Option<Diagnostic> {
    let is =
        |wanted: fn(Language) -> bool| candidates.iter().any(|path| Language::of(path).is_some_and(wanted));
    let has_code = is(|language| language != Language::Declaration);
    let has_types = is(Language::is_typed);
    // What only declares says little to JavaScript, and a default import of it may be made up by the loader.
    if !has_code && (!importer.language.is_typed() || import.name == "default") {
        return None;
    }
    // The types of plain JavaScript may be written elsewhere.
    if !has_types && !import.as_value {
        return None;
    }
    let mut seen = BTreeSet::new();
    if answer(files, candidates, &import.name, &mut seen) != Answer::Missing {
        return None;
    }
    Some(diagnostic(import, severity, &names(files, &seen)))
}

fn diagnostic(import: &Import, severity: Severity, names: &BTreeSet<String>) -> Diagnostic {
    let Import { specifier, name, .. } = import;
    if name == "default" {
        return Diagnostic::new(severity, format!("Module '\"{specifier}\"' has no default export"))
            .with_code("TS1192")
            .with_help("import by name, in braces, or export a default there");
    }
    let finding =
        Diagnostic::new(severity, format!("Module '\"{specifier}\"' has no exported member '{name}'"))
            .with_code("TS2305");
    let others = || names.iter().map(String::as_str).filter(|other| *other != "default");
    if let Some(near) = nearest(name, others()) {
        return finding.with_help(format!("did you mean `{near}`?"));
    }
    if names.len() <= 8 && others().next().is_some() {
        let list: Vec<String> = others().map(|other| format!("`{other}`")).collect();
        return finding.with_help(format!("it exports {}", list.join(", ")));
    }
    finding
}

/// Files whose exports can be asked for.
trait Files {
    /// Whether there is a file with this path.
    fn has(&self, path: &str) -> bool;
    /// What it exports; none when that is not known.
    fn exports(&mut self, path: &str) -> Option<Rc<FileExports>>;
}

/// The module's own files. Declarations that were passed on unread are read when they are asked for.
struct Own<'m> {
    module: &'m dyn Module,
    paths: BTreeSet<String>,
    exports: BTreeMap<String, Rc<FileExports>>,
    allocator: Allocator,
}

impl Files for Own<'_> {
    fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    fn exports(&mut self, path: &str) -> Option<Rc<FileExports>> {
        if !self.exports.contains_key(path) {
            let exports = signature::of_file(self.module, path, &mut self.allocator);
            self.exports.insert(path.to_owned(), Rc::new(exports));
        }
        self.exports.get(path).cloned()
    }
}

/// The files of a dependency, as its signature tells.
struct Dependency(Rc<Signature>);

impl Files for Dependency {
    fn has(&self, path: &str) -> bool {
        self.0.files.contains_key(path)
    }

    fn exports(&mut self, path: &str) -> Option<Rc<FileExports>> {
        self.0.files.get(path).cloned().map(Rc::new)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Exported,
    Missing,
    Unknown,
}

/// Whether any of the files exports a name, itself or by `export *`. The files that were asked are left in `seen`.
fn answer(files: &mut dyn Files, candidates: &[String], name: &str, seen: &mut BTreeSet<String>) -> Answer {
    let mut answer_so_far = if candidates.is_empty() { Answer::Unknown } else { Answer::Missing };
    for path in candidates {
        if seen.contains(path) {
            continue;
        }
        if seen.len() >= MOST_FILES {
            return Answer::Unknown;
        }
        seen.insert(path.clone());
        let exports = files.exports(path);
        let Some(FileExports::Known { names, stars }) = exports.as_deref() else {
            answer_so_far = Answer::Unknown;
            continue;
        };
        if names.contains(name) {
            return Answer::Exported;
        }
        if name == "default" {
            continue;
        }
        for star in stars {
            let behind = signature::join(path, star)
                .map(|path| signature::path_candidates(&|path| files.has(path), &path))
                .unwrap_or_default();
            match answer(files, &behind, name, seen) {
                Answer::Exported => return Answer::Exported,
                Answer::Unknown => answer_so_far = Answer::Unknown,
                Answer::Missing => {}
            }
        }
    }
    answer_so_far
}

/// The names that some files export.
fn names(files: &mut dyn Files, paths: &BTreeSet<String>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for path in paths {
        if let Some(FileExports::Known { names, .. }) = files.exports(path).as_deref() {
            all.extend(names.iter().cloned());
        }
    }
    all
}
