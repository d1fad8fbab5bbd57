//! Publishing: making a module's prepared artifacts the deployed ones.
//!
//! `deployed/MODULE` is a link to a complete folder under `.prefab/published`, which never changes once it has its name. Publishing
//! makes such a folder, durable to the last byte, records the deployment in the ledger, and renames a new link over the old one. A
//! process that is killed in between leaves the old link, and the next publishing puts right what the ledger says.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use prefab_model::{BundleDigest, CompilerName, KeyHasher, ModuleName, Release, SourceDigest};
use prefab_sandbox::Sandbox;
use prefab_store::{Deployment, ModuleKind, ModuleResult, StoreError, sync_file_system};
use semver::Version;
use serde::Serialize;
use time::OffsetDateTime;

use crate::artifacts::{bundles, limits};
use crate::environment::Environment;
use crate::event::Event;
use crate::history::{Action, entry, millis, who};
use crate::import::description;
use crate::lock::{Activity, Held, Hold, HoldError};
use crate::modules::ModulesError;
use crate::run::{PrepareError, PrepareOptions, Selection, Stop, prepare_held};
use crate::snapshot::{snapshot, source_digest};

/// Why modules could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A module that was named is not there.
    #[error(transparent)]
    Module(#[from] Box<ModulesError>),
    /// No module belongs to the application.
    #[error("no module belongs to an application {application}: `prefab module list` shows which there are")]
    NoApplication {
        /// Its name.
        application: String,
    },
    /// What was changed could not be compiled.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The deployed files could not be written or switched.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The environment is held.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// The ledger or the blobs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PublishError {
    /// Who holds the environment, if that is the reason.
    pub fn held(&self) -> Option<&Held> {
        match self {
            Self::Hold(HoldError::Held(held)) => Some(held),
            Self::Prepare(error) => error.held(),
            _ => None,
        }
    }
}

/// Which modules to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishSelection {
    /// These.
    Modules(Vec<ModuleName>),
    /// All that belong to this application.
    Application(String),
    /// All.
    All,
}

/// What became of one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The module.
    pub module: ModuleName,
    /// The platform version.
    pub platform: Version,
    /// What was done.
    #[serde(flatten)]
    pub how: PublishedHow,
}

/// What was done to publish a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum PublishedHow {
    /// Its prepared artifacts became the deployed ones; nothing was compiled.
    Switched,
    /// Its sources had changed: it was compiled, then switched.
    Compiled,
    /// What is deployed is what is prepared.
    Unchanged,
    /// It is not prepared; what is deployed of it stays.
    Refused {
        /// Why.
        reason: String,
    },
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PublishSummary {
    /// Modules of which other artifacts are deployed than before.
    pub published: u64,
    /// Modules that were up to date.
    pub unchanged: u64,
    /// Modules that are not prepared.
    pub refused: u64,
}

/// Publishes modules, each in one atomic step. Those whose sources have changed since they were prepared are compiled first.
pub fn publish(
    env: &Environment,
    sandbox: &Sandbox,
    selection: &PublishSelection,
    stop: &Stop,
    watch: &mut dyn FnMut(&Event),
    reporter: &mut dyn FnMut(&Published),
) -> Result<PublishSummary, PublishError> {
    let mut hold = env.hold(Activity::Publish)?;
    let release = env.release()?.ok_or(PrepareError::NoPlatform)?;
    let modules = choose(env, selection)?;
    let changed = prepare_changed(env, &mut hold, sandbox, &release, &modules, stop, watch)?;
    let mut summary = PublishSummary::default();
    for module in modules {
        if stop.is_asked() {
            break;
        }
        let how = publish_one(env, &release, &module, changed.contains(&module))?;
        match how {
            PublishedHow::Switched | PublishedHow::Compiled => summary.published += 1,
            PublishedHow::Unchanged => summary.unchanged += 1,
            PublishedHow::Refused { .. } => summary.refused += 1,
        }
        reporter(&Published { module, platform: release.version.clone(), how });
    }
    Ok(summary)
}

fn choose(env: &Environment, selection: &PublishSelection) -> Result<Vec<ModuleName>, PublishError> {
    match selection {
        PublishSelection::Modules(modules) => {
            for module in modules {
                if env.store().module(module)?.is_none() {
                    return Err(Box::new(ModulesError::unknown(env, module)).into());
                }
            }
            Ok(modules.clone())
        }
        PublishSelection::Application(application) => {
            let modules = env.store().modules_of_application(application)?;
            if modules.is_empty() {
                return Err(PublishError::NoApplication { application: application.clone() });
            }
            Ok(modules)
        }
        PublishSelection::All => {
            Ok(env.store().modules()?.into_iter().map(|row| row.manifest.name).collect())
        }
    }
}

/// Prepares those of the modules that are not prepared as they stand now, and returns them.
fn prepare_changed(
    env: &Environment,
    hold: &mut Hold,
    sandbox: &Sandbox,
    release: &Release,
    modules: &[ModuleName],
    stop: &Stop,
    watch: &mut dyn FnMut(&Event),
) -> Result<Vec<ModuleName>, PublishError> {
    let mut changed = Vec::new();
    for module in modules {
        if !is_current(env, release, module)? {
            changed.push(module.clone());
        }
    }
    if !changed.is_empty() {
        let options =
            PrepareOptions { selection: Selection::Modules(changed.clone()), ..PrepareOptions::default() };
        prepare_held(env, hold, sandbox, &options, stop, watch)?;
    }
    Ok(changed)
}

/// Whether the module's latest result is of this release and of the sources as they are now.
fn is_current(env: &Environment, release: &Release, module: &ModuleName) -> Result<bool, StoreError> {
    let store = env.store();
    let Some((preparation, _)) = store.latest_result(module)? else { return Ok(false) };
    if store.preparation(preparation)?.is_none_or(|preparation| preparation.release != release.digest) {
        return Ok(false);
    }
    let (Some(row), Some(earlier)) = (store.module(module)?, store.snapshot(module)?) else {
        return Ok(false);
    };
    let Ok(dir) = Dir::open_ambient_dir(&row.root, ambient_authority()) else { return Ok(false) };
    if row.kind == ModuleKind::Native
        && !description::read(&dir).is_ok_and(|(kind, manifest)| kind == row.kind && manifest == row.manifest)
    {
        return Ok(false);
    }
    let takes = |path: &prefab_model::ModulePath| release.compilers.iter().any(|entry| entry.takes(path));
    let contents = |snapshot: &prefab_store::Snapshot| source_digest(snapshot, &takes);
    Ok(snapshot(&dir, &takes, Some(&earlier), 0)
        .is_ok_and(|now| contents(&now.snapshot) == contents(&earlier)))
}

fn publish_one(
    env: &Environment,
    release: &Release,
    module: &ModuleName,
    changed: bool,
) -> Result<PublishedHow, PublishError> {
    let store = env.store();
    let refused = |reason: String| Ok(PublishedHow::Refused { reason });
    let Some((preparation, result)) = store.latest_result(module)? else {
        return refused("it has not been prepared".to_owned());
    };
    let snapshot = store.snapshot(module)?.unwrap_or_default();
    let source = |compiler: &CompilerName| {
        let entry = release.compilers.iter().find(|entry| entry.name == *compiler);
        entry
            .and_then(|entry| source_digest(&snapshot, &|path| entry.takes(path)))
            .unwrap_or_else(|| SourceDigest::of(b""))
    };
    let Some(bundles) = bundles(env, &result, &source)? else { return refused(reason(&result)) };
    let deployment = store.deployment(module)?;
    let digests: Vec<BundleDigest> = bundles.iter().map(|bundle| bundle.bundle).collect();
    let same = deployment.as_ref().is_some_and(|deployment| {
        deployment.version == release.version
            && deployment.bundles.iter().map(|bundle| bundle.bundle).eq(digests.iter().copied())
    });
    let folder = published_folder(env, module, &digests);
    let link = env.deployed_dir().join(module.as_str());
    if same
        && fs::read_link(&link).is_ok_and(|target| target == link_target(module, &folder))
        && folder.is_dir()
    {
        return Ok(PublishedHow::Unchanged);
    }
    make_folder(env, &folder, &digests)?;
    let now = OffsetDateTime::now_utc();
    if !same {
        let action = Action::Published { module: module.clone(), platform: release.version.clone() };
        let deployment = Deployment {
            module: module.clone(),
            preparation: Some(preparation),
            version: release.version.clone(),
            release: release.digest,
            bundles,
            at: millis(now),
            who: who(),
        };
        store.publish(&[deployment], &entry(now, &action))?;
    }
    switch(module, &folder, &link)?;
    Ok(if changed { PublishedHow::Compiled } else { PublishedHow::Switched })
}

fn reason(result: &ModuleResult) -> String {
    match &result.state {
        prefab_model::ModuleState::Skipped(skipped) => {
            format!("it was skipped, because the signature of {} could not be made", skipped.root)
        }
        _ => format!("it has errors: `prefab errors {}` shows them", result.module),
    }
}

/// The folder that holds exactly these bundles of this module, whether or not it is there.
fn published_folder(env: &Environment, module: &ModuleName, bundles: &[BundleDigest]) -> PathBuf {
    let mut hasher = KeyHasher::new("prefab published folder 1");
    hasher.field(module.as_str().as_bytes());
    for bundle in bundles {
        hasher.field(bundle.as_bytes());
    }
    let digest: BundleDigest = hasher.finish();
    env.state_dir().join("published").join(module.as_str()).join(&digest.hex()[..32])
}

/// Makes the folder, complete and durable before it has its name.
fn make_folder(env: &Environment, folder: &Path, bundles: &[BundleDigest]) -> Result<(), PublishError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(io_error("create the folder", parent))?;
    // Whoever was here before was killed: the environment is held by this process.
    let unfinished = parent.join("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(io_error("remove", &unfinished))?;
    }
    env.store().blobs().extract(bundles, &unfinished, limits(env))?;
    sync_file_system(&unfinished)?;
    fs::rename(&unfinished, folder).map_err(io_error("rename", &unfinished))?;
    sync_file_system(parent)?;
    Ok(())
}

/// Makes the link lead to the folder, in one step.
fn switch(module: &ModuleName, folder: &Path, link: &Path) -> Result<(), PublishError> {
    let parent = link.parent().unwrap_or(link);
    fs::create_dir_all(parent).map_err(io_error("create the folder", parent))?;
    let name = link.file_name().unwrap_or_default().to_string_lossy();
    // A module's name never begins with a dot.
    let new = parent.join(format!(".{name}.new"));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error("remove", &new)(error)),
        _ => {}
    }
    symlink(link_target(module, folder), &new).map_err(io_error("make the link", &new))?;
    fs::rename(&new, link).map_err(io_error("switch the link", link))?;
    fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(io_error("flush", parent))
}

/// Where the link leads: relative, so that an environment can be moved as a whole.
fn link_target(module: &ModuleName, folder: &Path) -> PathBuf {
    let up = module.as_str().matches('/').count() + 1;
    let inner = folder.file_name().unwrap_or_default();
    let mut target: PathBuf = std::iter::repeat_n("..", up).collect();
    target.extend([".prefab", "published", module.as_str()]);
    target.join(inner)
}

fn io_error(what: &'static str, path: &Path) -> impl Fn(io::Error) -> PublishError {
    let path = path.to_owned();
    move |source| PublishError::Io { what, path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_its_folder_whether_or_not_the_module_has_a_scope() {
        let target =
            |module: &str| link_target(&module.parse().unwrap(), Path::new("/e/.prefab/published/m/abc"));
        assert_eq!(target("cart"), Path::new("../.prefab/published/cart/abc"));
        assert_eq!(target("@acme/cart"), Path::new("../../.prefab/published/@acme/cart/abc"));
    }

    #[test]
    fn switching_a_link_replaces_it_also_when_an_earlier_try_was_cut_short() {
        let root = tempfile::tempdir().unwrap();
        let module: ModuleName = "cart".parse().unwrap();
        let link = root.path().join("deployed/cart");
        fs::create_dir_all(root.path().join("deployed")).unwrap();
        symlink("nowhere", root.path().join("deployed/.cart.new")).unwrap();
        for folder in ["one", "two"] {
            switch(&module, Path::new(folder), &link).unwrap();
            assert!(fs::read_link(&link).unwrap().ends_with(folder));
        }
        assert_eq!(fs::read_dir(root.path().join("deployed")).unwrap().count(), 1);
    }
}
