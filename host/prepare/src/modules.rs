//! Which modules an environment has: adding, importing, removing and listing them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use prefab_model::{ModuleManifest, ModuleName, ModuleState};
use prefab_store::{ModuleKind, ModuleRow, StoreError};
use rustix::fs::{CWD, RenameFlags};
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::environment::{Environment, EnvironmentError, io_error};
use crate::history::{Action, millis, record};
use crate::import::description::{self, DescriptionError};
use crate::import::npm::{self, SkippedPackage};
use crate::lock::{Activity, HoldError};

/// Why the environment's modules could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    /// The folder is not there or cannot be read.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The folder is not a module.
    #[error("{} is not a module", dir.display())]
    NotAModule {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        #[source]
        source: DescriptionError,
    },
    /// The folder has files that cannot be read, or that no module can have.
    #[error("cannot read the module in {}: {reason}", dir.display())]
    Unreadable {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Another folder has a module of this name.
    #[error(
        "there is a module {name} already, in {}: give one of them another name, or remove that one with `prefab module remove {name}`",
        existing.display()
    )]
    Duplicate {
        /// The name.
        name: ModuleName,
        /// The folder of the module that has it.
        existing: PathBuf,
    },
    /// The tree is that of another module.
    #[error("the tree is of the module {found}, and was to be that of {name}")]
    OtherName {
        /// The name it was to have.
        name: ModuleName,
        /// The name it has.
        found: ModuleName,
    },
    /// There is no module of this name.
    #[error("there is no module {name}{}", suggestion(similar.as_ref()))]
    Unknown {
        /// The name.
        name: ModuleName,
        /// One that may be meant.
        similar: Option<ModuleName>,
    },
    /// No module belongs to the application.
    #[error("no module belongs to an application {application}: `prefab module list` shows which there are")]
    NoApplication {
        /// Its name.
        application: String,
    },
    /// The tree has no package at all.
    #[error("there is no npm package in {}: name a folder with a node_modules in it, or a workspace", dir.display())]
    NoPackages {
        /// The folder.
        dir: PathBuf,
    },
    /// The environment is held.
    #[error("{0}")]
    Hold(#[from] HoldError),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn suggestion(similar: Option<&ModuleName>) -> String {
    similar.map_or_else(
        || ": `prefab module list` shows them".to_owned(),
        |name| format!(": did you mean {name}?"),
    )
}

impl ModulesError {
    /// There is no module of this name; looks for one that may be meant.
    pub(crate) fn unknown(env: &Environment, name: &ModuleName) -> Self {
        let similar = env.store().modules().ok().and_then(|rows| {
            rows.into_iter()
                .map(|row| {
                    (strsim::jaro_winkler(row.manifest.name.as_str(), name.as_str()), row.manifest.name)
                })
                .filter(|(likeness, _)| *likeness > 0.8)
                .max_by(|(a, _), (b, _)| a.total_cmp(b))
        });
        Self::Unknown { name: name.clone(), similar: similar.map(|(_, name)| name) }
    }
}

/// A module as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleSummary {
    /// Its name.
    pub name: ModuleName,
    /// Its own version.
    pub version: Option<String>,
    /// Its folder.
    pub path: PathBuf,
    /// The application it belongs to.
    pub application: Option<String>,
    /// The modules it needs.
    pub dependencies: Vec<ModuleName>,
    /// Those of them that the environment does not have.
    pub missing: Vec<ModuleName>,
    /// How it ended in the latest preparation.
    #[serde(flatten)]
    pub state: ModuleState,
    /// The platform version of what is deployed of it.
    pub published: Option<Version>,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSummary {
    /// Modules that are new.
    pub added: u64,
    /// Modules whose description changed.
    pub updated: u64,
    /// Modules that are as they were.
    pub unchanged: u64,
    /// Modules that an earlier import of this tree brought and that are no longer in it.
    pub removed: u64,
    /// How many of the tree's modules lie in another package's `node_modules`.
    pub nested: u64,
    /// Packages that could not become modules.
    pub skipped: Vec<SkippedPackage>,
}

/// Adds the module in `dir`, or takes in its description again if it is there already.
pub fn add_module(env: &Environment, dir: &Path) -> Result<ModuleSummary, ModulesError> {
    let root = dir.canonicalize().map_err(io_error("cannot open the folder", dir))?;
    let (kind, manifest) = describe(&root)?;
    let _hold = env.hold(Activity::Modules)?;
    add_held(env, root, kind, manifest)
}

/// Puts `tree`, a module's folder, in the place of `dir` in one step, and adds the module or takes in its new description. Nobody
/// reads the module meanwhile. The folder must be on the same file system, and the tree must name itself `name`.
pub fn place_module(
    env: &Environment,
    tree: &Path,
    dir: &Path,
    name: &ModuleName,
) -> Result<ModuleSummary, ModulesError> {
    const PLACING: &str = "cannot put the module's folder in place at";
    let (kind, manifest) = describe(tree)?;
    if manifest.name != *name {
        return Err(ModulesError::OtherName { name: name.clone(), found: manifest.name });
    }
    let _hold = env.hold(Activity::Modules)?;
    let parent = dir.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io_error("cannot create the folder", parent))?;
    let parent = parent.canonicalize().map_err(io_error("cannot open the folder", parent))?;
    let root = dir.file_name().map_or_else(|| parent.clone(), |name| parent.join(name));
    no_other(env, &manifest.name, &root)?;
    // Durable, then named.
    let opened = fs::File::open(tree).map_err(io_error("cannot open the folder", tree))?;
    rustix::fs::syncfs(opened).map_err(|error| io_error("cannot flush the folder", tree)(error.into()))?;
    let flags = if root.exists() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
    rustix::fs::renameat_with(CWD, tree, CWD, &root, flags)
        .map_err(|error| io_error(PLACING, &root)(error.into()))?;
    fs::File::open(&parent).and_then(|parent| parent.sync_all()).map_err(io_error(PLACING, &root))?;
    add_held(env, root, kind, manifest)
}

fn describe(dir: &Path) -> Result<(ModuleKind, ModuleManifest), ModulesError> {
    let opened =
        Dir::open_ambient_dir(dir, ambient_authority()).map_err(io_error("cannot open the folder", dir))?;
    description::read(&opened).map_err(|source| ModulesError::NotAModule { dir: dir.to_owned(), source })
}

/// Refuses a name that the module in another folder has.
fn no_other(env: &Environment, name: &ModuleName, root: &Path) -> Result<(), ModulesError> {
    match env.store().module(name)? {
        Some(existing) if existing.root != root => {
            Err(ModulesError::Duplicate { name: name.clone(), existing: existing.root })
        }
        _ => Ok(()),
    }
}

/// Adds a module for a caller that holds the environment.
fn add_held(
    env: &Environment,
    root: PathBuf,
    kind: ModuleKind,
    manifest: ModuleManifest,
) -> Result<ModuleSummary, ModulesError> {
    no_other(env, &manifest.name, &root)?;
    let name = manifest.name.clone();
    let now = OffsetDateTime::now_utc();
    env.store().put_modules([ModuleRow { root, kind, manifest, added_at: millis(now) }])?;
    record(env, now, &Action::Added { module: name.clone() })?;
    let row = env.store().module(&name)?.ok_or_else(|| ModulesError::unknown(env, &name))?;
    summary(env, row)
}

/// Removes a module. What is deployed of it stays deployed.
pub fn remove_module(env: &Environment, name: &ModuleName) -> Result<(), ModulesError> {
    let _hold = env.hold(Activity::Modules)?;
    if !env.store().remove_module(name)? {
        return Err(ModulesError::unknown(env, name));
    }
    record(env, OffsetDateTime::now_utc(), &Action::Removed { module: name.clone() })?;
    Ok(())
}

/// A module.
pub fn module(env: &Environment, name: &ModuleName) -> Result<ModuleSummary, ModulesError> {
    let row = env.store().module(name)?.ok_or_else(|| ModulesError::unknown(env, name))?;
    summary(env, row)
}

/// How many modules the environment has.
pub fn module_count(env: &Environment) -> Result<u64, StoreError> {
    env.store().module_count()
}

/// Up to `limit` modules after this one, by name.
pub fn list_modules_page(
    env: &Environment,
    after: Option<&ModuleName>,
    limit: u32,
) -> Result<Vec<ModuleSummary>, ModulesError> {
    env.store().modules_page(after, limit)?.into_iter().map(|row| summary(env, row)).collect()
}

/// All modules, by name.
pub fn list_modules(env: &Environment) -> Result<Vec<ModuleSummary>, ModulesError> {
    env.store().modules()?.into_iter().map(|row| summary(env, row)).collect()
}

/// The packages of an npm tree, as modules.
#[derive(Debug)]
pub struct NpmTree {
    /// Where they were looked for, without links.
    pub root: PathBuf,
    /// Their folders, and what they are as modules.
    pub modules: Vec<(PathBuf, ModuleManifest)>,
    /// How many of them lie in another package's `node_modules`.
    pub nested: u64,
    /// Packages that cannot become modules.
    pub skipped: Vec<SkippedPackage>,
}

/// Finds every package of a `node_modules` tree or a workspace. `progress` is told how many were found so far.
///
/// # Errors
/// There is no such folder, or no package in it.
pub fn find_npm(dir: &Path, progress: &mut dyn FnMut(u64)) -> Result<NpmTree, ModulesError> {
    let root = dir.canonicalize().map_err(io_error("cannot open the folder", dir))?;
    find_in(root, dir, progress)
}

/// The same in a path without links. `named` is what an error calls it.
fn find_in(root: PathBuf, named: &Path, progress: &mut dyn FnMut(u64)) -> Result<NpmTree, ModulesError> {
    let npm::Tree { modules, nested, skipped } = npm::find(&root, progress);
    if modules.is_empty() {
        return Err(ModulesError::NoPackages { dir: named.to_owned() });
    }
    Ok(NpmTree { root, modules, nested, skipped })
}

/// Makes every package of a `node_modules` tree or a workspace a module. Doing it again takes in what changed.
pub fn import_npm(
    env: &Environment,
    dir: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<ImportSummary, ModulesError> {
    let root = dir.canonicalize().map_err(io_error("cannot open the folder", dir))?;
    let _hold = env.hold(Activity::Modules)?;
    let tree = find_in(root.clone(), &root, progress)?;
    import_held(env, tree)
}

/// The same for a tree that was looked through already.
pub fn import_found(env: &Environment, tree: NpmTree) -> Result<ImportSummary, ModulesError> {
    let _hold = env.hold(Activity::Modules)?;
    import_held(env, tree)
}

/// Imports a tree for a caller that holds the environment.
fn import_held(env: &Environment, tree: NpmTree) -> Result<ImportSummary, ModulesError> {
    let root = tree.root;
    let mut import = ImportSummary { nested: tree.nested, skipped: tree.skipped, ..ImportSummary::default() };
    let now = OffsetDateTime::now_utc();
    let modules = tree.modules.len() as u64;
    let names: BTreeSet<ModuleName> =
        tree.modules.iter().map(|(_, manifest)| manifest.name.clone()).collect();
    let mut changed = Vec::new();
    for (folder, manifest) in tree.modules {
        match env.store().module(&manifest.name)? {
            Some(existing) if existing.root != folder && !existing.root.starts_with(&root) => {
                return Err(ModulesError::Duplicate { name: manifest.name, existing: existing.root });
            }
            Some(existing) if existing.root == folder && existing.manifest == manifest => {
                import.unchanged += 1;
                continue;
            }
            Some(_) => import.updated += 1,
            None => import.added += 1,
        }
        changed.push(ModuleRow { root: folder, kind: ModuleKind::Npm, manifest, added_at: millis(now) });
    }
    env.store().put_modules(changed)?;
    for gone in env.store().modules()? {
        let ours = gone.kind == ModuleKind::Npm && gone.root.starts_with(&root);
        if ours && !names.contains(&gone.manifest.name) && env.store().remove_module(&gone.manifest.name)? {
            import.removed += 1;
        }
    }
    record(env, now, &Action::Imported { tree: root.display().to_string(), modules })?;
    Ok(import)
}

fn summary(env: &Environment, row: ModuleRow) -> Result<ModuleSummary, ModulesError> {
    let store = env.store();
    let name = row.manifest.name;
    let mut missing = Vec::new();
    for dependency in row.manifest.dependencies.values() {
        if store.module(dependency)?.is_none() {
            missing.push(dependency.clone());
        }
    }
    let state = store.latest_result(&name)?.map_or(ModuleState::Pending, |(_, result)| result.state);
    Ok(ModuleSummary {
        published: store.deployment(&name)?.map(|deployment| deployment.version),
        version: row.manifest.version,
        path: row.root,
        application: row.manifest.application,
        dependencies: row.manifest.dependencies.into_values().collect(),
        missing,
        state,
        name,
    })
}
