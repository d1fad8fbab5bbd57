//! What went wrong in the latest preparation, module by module, with all there is to say about it.

use std::path::PathBuf;

use prefab_model::{
    CompilerName, Diagnostic, Limits, ModuleName, ModuleState, OutcomeKind, PreparationId, Task, Usage,
};
use prefab_store::{ModuleResult, Note, ResultFilter, StoreError};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::modules::ModulesError;

/// Why errors cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ErrorsError {
    /// There is no such module.
    #[error(transparent)]
    Module(#[from] Box<ModulesError>),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What went wrong in a preparation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// Which preparation; none if there was none yet.
    pub preparation: Option<PreparationId>,
    /// The platform version it was for.
    pub platform: Option<Version>,
    /// The modules that failed or were skipped, or the one that was asked for, by name.
    pub modules: Vec<ModuleErrors>,
}

/// What there is to say about a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModuleErrors {
    /// The module.
    pub module: ModuleName,
    /// Its folder.
    pub path: PathBuf,
    /// How it ended.
    #[serde(flatten)]
    pub state: ModuleState,
    /// What else is worth knowing.
    pub notes: Vec<Note>,
    /// What went wrong, and warnings.
    pub problems: Vec<Problem>,
}

/// One compilation that did not go well or had something to say; or what the host itself found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// The compiler; none for what the host itself found.
    pub compiler: Option<CompilerName>,
    /// Which pass; none for what the host itself found.
    pub task: Option<Task>,
    /// How the compilation ended.
    #[serde(flatten)]
    pub outcome: OutcomeKind,
    /// The limits under which it ran.
    pub limits: Option<Limits>,
    /// What it cost.
    pub usage: Option<Usage>,
    /// What it found.
    pub diagnostics: Vec<Diagnostic>,
    /// What the compiler printed.
    pub log: String,
}

/// What went wrong in the latest preparation: of the module that is named, also warnings; else of all that failed or were
/// skipped.
pub fn errors(env: &Environment, module: Option<&ModuleName>) -> Result<ErrorReport, ErrorsError> {
    let store = env.store();
    if let Some(module) = module
        && store.module(module)?.is_none()
    {
        return Err(Box::new(ModulesError::unknown(env, module)).into());
    }
    let Some(preparation) = store.latest_preparation()? else {
        return Ok(ErrorReport { preparation: None, platform: None, modules: Vec::new() });
    };
    let results = match module {
        Some(module) => store.result(preparation.id, module)?.into_iter().collect(),
        None => store.results(preparation.id, ResultFilter::NotPrepared)?,
    };
    let mut modules = results
        .into_iter()
        .map(|result| module_errors(env, result, module.is_some()))
        .collect::<Result<Vec<_>, _>>()?;
    modules.sort_by(|a, b| a.module.cmp(&b.module));
    Ok(ErrorReport { preparation: Some(preparation.id), platform: Some(preparation.version), modules })
}

pub(crate) fn module_errors(
    env: &Environment,
    result: ModuleResult,
    warnings: bool,
) -> Result<ModuleErrors, StoreError> {
    let store = env.store();
    let mut problems = Vec::new();
    if !result.problems.is_empty() {
        problems.push(of_host(OutcomeKind::Rejected, result.problems));
    }
    if let Some(text) = result.host_error {
        problems.push(of_host(OutcomeKind::HostError(text), Vec::new()));
    }
    for compilation in result.compilations {
        let Some(stored) = store.outcome(&result.module, &compilation.key)? else { continue };
        let outcome = stored.outcome;
        if outcome.kind.is_compiled() && (!warnings || outcome.diagnostics.is_empty()) {
            continue;
        }
        problems.push(Problem {
            compiler: Some(compilation.compiler),
            task: Some(compilation.task),
            outcome: outcome.kind,
            limits: Some(stored.limits),
            usage: Some(outcome.usage),
            diagnostics: outcome.diagnostics,
            log: outcome.log,
        });
    }
    let path = store.module(&result.module)?.map(|row| row.root).unwrap_or_default();
    Ok(ModuleErrors { module: result.module, path, state: result.state, notes: result.notes, problems })
}

pub(crate) fn of_host(outcome: OutcomeKind, diagnostics: Vec<Diagnostic>) -> Problem {
    Problem {
        compiler: None,
        task: None,
        outcome,
        limits: None,
        usage: None,
        diagnostics,
        log: String::new(),
    }
}
