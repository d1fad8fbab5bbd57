//! The second pass, for one module: compile it, shown the signatures of its dependencies.

use std::collections::{BTreeMap, BTreeSet};

use crossbeam_channel::Sender;
use prefab_model::{
    Compilation, Diagnostic, ModuleManifest, ModuleName, ModulePath, ModuleState, SkipReason, Task,
};
use prefab_sandbox::Inputs;
use prefab_store::{CompilationRef, ModuleResult, ModuleRow, Note, Snapshot, Standing, StoreError};

use super::PrepareError;
use super::ahead;
use super::pool::Message;
use super::roster::{AllSigned, Index, NoSignature, SignatureState, Signed, Source};
use super::shared::{Ended, Fresh, Shared};
use super::sign::{self, inputs};
use crate::folded::Request;
use crate::module_folder;
use crate::plan::DependencyState;
use crate::snapshot::{SourceProblem, source_digest};

/// What came of the second pass for a module.
pub(super) struct CompileReport {
    pub(super) index: Index,
    /// The request, if it was taken in once more, and what was then seen of it.
    pub(super) folded: Option<Box<Again>>,
    pub(super) result: ModuleResult,
    pub(super) fresh: Fresh,
    /// What the host or the disk was the reason of, so that it is worth another try.
    pub(super) trouble: Option<String>,
}

/// A module that was taken in once more.
pub(super) struct Again {
    pub(super) request: Request,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) described: Option<ModuleRow>,
}

/// Both passes over a module that has changed since it was prepared; nothing if it is not in the environment any more, or somebody asks to
/// stop.
pub(super) fn fold(
    shared: &Shared<'_>,
    all: &AllSigned,
    request: Request,
    tell: &Sender<Message<CompileReport>>,
) -> Result<Option<CompileReport>, PrepareError> {
    let Some(index) = shared.roster.find(&request.module) else { return Ok(None) };
    let standing = ahead::standing(shared.store, &request.module, true)?;
    let Some(first) = sign::sign(shared, index, &standing, tell)? else { return Ok(None) };
    let again = Again { request, snapshot: first.snapshot, described: first.described };
    let own = Own {
        signed: &first.signed,
        standing: &standing,
        row: again.described.as_ref(),
        snapshot: again.snapshot.as_ref(),
    };
    let Some(mut report) = compile_signed(shared, all, index, own, tell)? else { return Ok(None) };
    report.fresh.add(first.fresh);
    report.folded = Some(Box::new(again));
    Ok(Some(report))
}

pub(super) fn compile(
    shared: &Shared<'_>,
    all: &AllSigned,
    index: Index,
    standing: &Standing,
    tell: &Sender<Message<CompileReport>>,
) -> Result<Option<CompileReport>, PrepareError> {
    let Some(first) = all[index as usize].as_ref() else { return Ok(None) };
    let own = Own { signed: &first.signed, standing, row: None, snapshot: None };
    compile_signed(shared, all, index, own, tell)
}

/// What the first pass found out about a module, and the ledger knows; what of the former is not in the latter yet comes along.
#[derive(Clone, Copy)]
struct Own<'a> {
    signed: &'a Signed,
    standing: &'a Standing,
    row: Option<&'a ModuleRow>,
    snapshot: Option<&'a Snapshot>,
}

fn compile_signed<T>(
    shared: &Shared<'_>,
    all: &AllSigned,
    index: Index,
    own: Own<'_>,
    tell: &Sender<Message<T>>,
) -> Result<Option<CompileReport>, PrepareError> {
    let module = shared.roster.name(index).clone();
    let mut fresh = Fresh::default();
    let mut result = ModuleResult {
        module,
        state: ModuleState::Prepared,
        reused: false,
        host_error: None,
        notes: Vec::new(),
        problems: Vec::new(),
        compilations: Vec::new(),
    };
    let sources = match own.signed {
        Signed::Read(sources) => sources,
        Signed::Unreadable(problem) => {
            fail_unread(&mut result, (**problem).clone());
            return Ok(Some(CompileReport { index, folded: None, result, fresh, trouble: None }));
        }
    };
    let Some(row) = own.row.or(own.standing.row.as_ref()) else { return Ok(None) };
    note_missing(shared, &row.manifest, &mut result.notes);
    if sources.is_empty() {
        result.notes.push(Note::NothingToCompile);
    }
    take_in_signatures(shared, sources, &mut result);
    let mut trouble = None;
    for source in sources {
        let dependencies = match dependencies(shared, all, source, &row.manifest)? {
            Ok(dependencies) => dependencies,
            Err(root) => {
                result.state = ModuleState::Skipped(SkipReason { root });
                break;
            }
        };
        result.notes.extend(dependencies.earlier.into_iter().map(Note::EarlierSignature));
        let entry = &shared.toolchain.release.compilers[usize::from(source.compiler)];
        let compilation = shared.planner.compile(entry, &row.manifest, source.digest, |dependency| {
            dependencies.states.get(dependency).copied().unwrap_or(DependencyState::Absent)
        });
        let read = || read_inputs(shared, row, own.snapshot, source, &compilation);
        match shared.ended(source.compiler, &compilation, own.standing, read, &mut fresh, tell)? {
            Ended::Known { kind } => {
                if !kind.is_compiled() {
                    result.state = ModuleState::Failed;
                }
                result.compilations.push(CompilationRef {
                    compiler: entry.name.clone(),
                    task: Task::Compile,
                    key: compilation.key,
                });
            }
            Ended::HostTrouble(text) => {
                trouble = Some(text.clone());
                result.state = ModuleState::Failed;
                result.host_error = Some(text);
            }
            Ended::Unreadable(problem) => {
                trouble = problem.may_pass().then(|| problem.to_string());
                fail_unread(&mut result, problem.diagnostic());
                break;
            }
            Ended::NoSignature | Ended::Cancelled => return Ok(None),
        }
    }
    result.notes.sort_unstable();
    result.notes.dedup();
    result.reused = fresh.ran == 0 && result.host_error.is_none() && result.problems.is_empty();
    Ok(Some(CompileReport { index, folded: None, result, fresh, trouble }))
}

fn fail_unread(result: &mut ModuleResult, problem: Diagnostic) {
    result.state = ModuleState::Failed;
    result.problems.push(problem);
}

fn note_missing(shared: &Shared<'_>, manifest: &ModuleManifest, notes: &mut Vec<Note>) {
    let missing = manifest.dependencies.iter().filter(|(_, module)| shared.roster.find(module).is_none());
    notes.extend(missing.map(|(name, _)| Note::DependencyMissing(name.clone())));
}

/// A module whose own signature could not be made has failed, also if compiling it succeeds.
fn take_in_signatures(shared: &Shared<'_>, sources: &[Source], result: &mut ModuleResult) {
    for source in sources {
        let compiler = &shared.toolchain.release.compilers[usize::from(source.compiler)].name;
        let key = match &source.signature {
            SignatureState::None => continue,
            SignatureState::Made { key, .. } => Some(*key),
            SignatureState::Failed { key, host_error } => {
                result.state = ModuleState::Failed;
                result.host_error.clone_from(host_error);
                *key
            }
        };
        let reference = |key| CompilationRef { compiler: compiler.clone(), task: Task::Signature, key };
        result.compilations.extend(key.map(reference));
    }
}

struct Dependencies {
    states: BTreeMap<ModuleName, DependencyState>,
    /// Those of which an earlier signature is used.
    earlier: Vec<ModuleName>,
}

/// How the module's dependencies look to this compiler; the root of the trouble if one of them has no signature at all.
fn dependencies(
    shared: &Shared<'_>,
    all: &AllSigned,
    source: &Source,
    manifest: &ModuleManifest,
) -> Result<Result<Dependencies, ModuleName>, StoreError> {
    let mut found = Dependencies { states: BTreeMap::new(), earlier: Vec::new() };
    let modules: BTreeSet<&ModuleName> = manifest.dependencies.values().collect();
    for module in modules {
        let Some(index) = shared.roster.find(module) else { continue };
        let state =
            match all[index as usize].as_ref().map(|first| first.signed.for_dependents(source.compiler)) {
                Some(Ok(state)) => state,
                // It takes no part, or its signature could not be made: one from an earlier success is the next best.
                missing => {
                    let compiler = &shared.toolchain.release.compilers[usize::from(source.compiler)].name;
                    match (shared.store.latest_signature(module, compiler)?, missing) {
                        (Some(digest), missing) => {
                            if missing == Some(Err(NoSignature)) {
                                found.earlier.push(module.clone());
                            }
                            DependencyState::Signed(digest)
                        }
                        (None, Some(Err(NoSignature))) => return Ok(Err(module.clone())),
                        (None, _) => DependencyState::Unsigned,
                    }
                }
            };
        found.states.insert(module.clone(), state);
    }
    Ok(Ok(found))
}

/// Reads the module's files again, which must still be those of the first pass, and the signatures of its dependencies.
fn read_inputs(
    shared: &Shared<'_>,
    row: &ModuleRow,
    snapshot: Option<&Snapshot>,
    source: &Source,
    compilation: &Compilation,
) -> Result<Inputs, SourceProblem> {
    let trouble =
        |what: &str, error: &dyn std::fmt::Display| SourceProblem::Store(format!("{what}: {error}"));
    let dir = module_folder::open(&row.root)
        .map_err(|source| SourceProblem::Io { path: "its folder".to_owned(), source })?;
    let snapshot = match snapshot {
        Some(snapshot) => snapshot.clone(),
        None => shared
            .store
            .snapshot(&row.manifest.name)
            .map_err(|error| trouble("the ledger cannot be read", &error))?
            .unwrap_or_default(),
    };
    let entry = &shared.toolchain.release.compilers[usize::from(source.compiler)];
    let takes = |path: &ModulePath| entry.takes(path);
    // A rehearsal beside this preparation may have seen other files since the first pass.
    if source_digest(&snapshot, &takes) != Some(compilation.source) {
        return Err(SourceProblem::Moved);
    }
    let mut inputs = inputs(&dir, &snapshot, &mut [], &takes)?;
    for dependency in &compilation.module.dependencies {
        if let (Some(module), Some(digest)) = (&dependency.module, dependency.signature) {
            let bytes = shared
                .store
                .signature(module, &digest)
                .map_err(|error| trouble("a signature cannot be read", &error))?
                .ok_or_else(|| trouble("a signature is missing from the ledger", &digest))?;
            inputs.signatures.insert(dependency.name.clone(), bytes.into());
        }
    }
    Ok(inputs)
}
