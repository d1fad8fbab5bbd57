//! What all measurements work on: the modules of a tree, as prefab itself sees them.
//!
//! An environment is made of the tree and prepared once. Which modules there are, which of their files a compiler takes, with
//! which options and dependencies, is then read from its ledger, so that no measurement can work on something else.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use prefab_model::{
    CompilerEntry, CompilerName, Dependency, ModuleFacts, ModuleName, ModulePath, Options, Release,
    SignatureDigest,
};
use prefab_prepare::{
    Allow, Environment, PrepareOptions, Priority, ReleaseTarget, Sandbox, Stop, Summary, import_npm,
    install_release, list_modules, remove_module, upgrade,
};
use prefab_sandbox::{Inputs, SourceFile};
use prefab_store::{ModuleRow, Snapshot, Store};
use serde::{Deserialize, Serialize};

/// The release that the native libraries in this program are the compilers of.
pub(crate) const RELEASE: &str = "11.9.0";

/// The folders of a benchmark.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    scratch: PathBuf,
}

impl Folders {
    pub(crate) fn new(scratch: &Path) -> Self {
        Self { scratch: scratch.to_owned() }
    }

    /// An environment with the tree's modules and the release, in which nothing was prepared yet.
    fn template(&self) -> PathBuf {
        self.scratch.join("template")
    }

    /// One in which everything was prepared: the scene is read from it.
    fn reference(&self) -> PathBuf {
        self.scratch.join("reference")
    }

    fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.reference().join(".prefab"))?)
    }

    /// Opens a sandbox that keeps native images, so that no measurement generates code.
    pub(crate) fn sandbox(&self) -> Result<Sandbox> {
        Ok(Sandbox::new(Some(&self.scratch.join("images")))?)
    }

    /// Makes the template and the reference. Returns what the preparation of the reference came to.
    pub(crate) fn set_up(&self, tree: &Path, releases: &Path, modules: Option<usize>) -> Result<Summary> {
        let sandbox = self.sandbox()?;
        let env = Environment::init(&self.template(), "benchmark")?;
        import_npm(&env, tree, &mut |_| {})?;
        if let Some(most) = modules {
            keep(&env, most)?;
        }
        install_release(
            &env,
            &ReleaseTarget::Manifest(releases.join(RELEASE)),
            Allow::default(),
            &sandbox,
            &mut |_| {},
        )?;
        drop(env);
        copy(&self.template(), &self.reference())?;
        prepare_all(&self.reference(), &sandbox, std::thread::available_parallelism()?.get())
    }

    /// Makes a new environment in which nothing was prepared yet, in place of an earlier one of this name.
    pub(crate) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.scratch.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        copy(&self.template(), &folder)?;
        Ok(folder)
    }
}

/// Prepares every module of the environment, at normal priority.
pub(crate) fn prepare_all(env: &Path, sandbox: &Sandbox, jobs: usize) -> Result<Summary> {
    let env = Environment::open(env)?;
    let target = ReleaseTarget::Version(RELEASE.parse()?);
    let options = PrepareOptions {
        jobs: jobs.try_into().ok(),
        priority: Priority::Normal,
        ..PrepareOptions::default()
    };
    Ok(upgrade(&env, sandbox, &target, &options, &Stop::new(), &mut |_| {})?)
}

/// Removes modules until so many are left, evenly over their names.
fn keep(env: &Environment, most: usize) -> Result<()> {
    let modules = list_modules(env)?;
    let all = modules.len();
    for (number, module) in modules.iter().enumerate() {
        if number * most / all == (number + 1) * most / all {
            remove_module(env, &module.name)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    Ok(())
}

/// The modules, and the release that compiles them.
pub(crate) struct Scene {
    pub(crate) release: Release,
    /// The release's components, in the order of the release.
    pub(crate) components: Vec<Vec<u8>>,
    pub(crate) modules: Vec<Module>,
}

/// A module, once for each compiler that takes any of its files.
pub(crate) struct Module {
    pub(crate) units: Vec<Unit>,
}

/// A module as one compiler sees it.
pub(crate) struct Unit {
    pub(crate) order: Order,
    /// The files, and in the second pass the signatures of the dependencies.
    pub(crate) inputs: Inputs,
}

/// What is to be compiled, without the bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) compiler: CompilerName,
    pub(crate) module: ModuleFacts,
    pub(crate) options: Options,
    folder: PathBuf,
    paths: Vec<ModulePath>,
}

impl Order {
    /// Reads the files.
    pub(crate) fn load(self) -> Result<Unit> {
        let files = self.paths.iter().map(|path| {
            let file = self.folder.join(path.as_str());
            let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            Ok(SourceFile { path: path.clone(), bytes: bytes.into() })
        });
        let inputs = Inputs { files: files.collect::<Result<_>>()?, ..Inputs::default() };
        Ok(Unit { order: self, inputs })
    }
}

impl Scene {
    /// Reads the release only, without any module.
    pub(crate) fn without_modules(folders: &Folders) -> Result<Self> {
        let store = folders.store()?;
        let installed = store.release(&RELEASE.parse()?)?.context("the release is not installed")?;
        let release = Release::parse(&installed.manifest)?;
        let component = |entry: &CompilerEntry| Ok(store.blobs().component(&entry.digest)?);
        let components = release.compilers.iter().map(component).collect::<Result<_>>()?;
        Ok(Self { release, components, modules: Vec::new() })
    }

    /// Reads the whole scene, with all sources.
    pub(crate) fn load(folders: &Folders) -> Result<Self> {
        let mut scene = Self::without_modules(folders)?;
        let store = folders.store()?;
        let rows = store.modules()?;
        let names: BTreeSet<ModuleName> = rows.iter().map(|row| row.manifest.name.clone()).collect();
        for row in rows {
            let snapshot = store.snapshot(&row.manifest.name)?.unwrap_or_default();
            let orders =
                scene.release.compilers.iter().filter_map(|entry| order(&row, &snapshot, entry, &names));
            let units = orders.map(Order::load).collect::<Result<_>>()?;
            scene.modules.push(Module { units });
        }
        Ok(scene)
    }

    /// A module of one line, for what a compilation costs besides compiling.
    pub(crate) fn tiny(&self, folders: &Folders) -> Result<Unit> {
        let folder = folders.scratch.join("tiny");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("index.ts"), "export const answer: number = 42;\n")?;
        let entry = self.entry(&"typescript".parse()?)?;
        let module = ModuleFacts {
            name: "tiny".parse()?,
            version: None,
            entry_points: Vec::new(),
            dependencies: Vec::new(),
        };
        let compiler = entry.name.clone();
        Order { compiler, module, options: entry.options.clone(), folder, paths: vec!["index.ts".parse()?] }
            .load()
    }

    /// The release's compiler of this name.
    pub(crate) fn entry(&self, name: &CompilerName) -> Result<&CompilerEntry> {
        match self.release.compilers.iter().find(|entry| entry.name == *name) {
            Some(entry) => Ok(entry),
            None => bail!("release {RELEASE} has no compiler {name}"),
        }
    }

    pub(crate) fn units(&self) -> impl Iterator<Item = &Unit> {
        self.modules.iter().flat_map(|module| &module.units)
    }

    /// Hands the signatures, one for each unit in order, to the units that depend on them.
    pub(crate) fn hand_out(&mut self, signatures: Vec<Option<Vec<u8>>>) {
        let mut signed: HashMap<(CompilerName, ModuleName), Arc<[u8]>> = HashMap::new();
        for (unit, signature) in self.units().zip(signatures) {
            if let Some(bytes) = signature {
                let key = (unit.order.compiler.clone(), unit.order.module.name.clone());
                signed.insert(key, bytes.into());
            }
        }
        for unit in self.modules.iter_mut().flat_map(|module| &mut module.units) {
            for dependency in &mut unit.order.module.dependencies {
                let Some(module) = dependency.module.clone() else { continue };
                if let Some(bytes) = signed.get(&(unit.order.compiler.clone(), module)) {
                    dependency.signature = Some(SignatureDigest::of(bytes));
                    unit.inputs.signatures.insert(dependency.name.clone(), Arc::clone(bytes));
                }
            }
        }
    }
}

fn order(
    row: &ModuleRow,
    snapshot: &Snapshot,
    entry: &CompilerEntry,
    present: &BTreeSet<ModuleName>,
) -> Option<Order> {
    let paths: Vec<ModulePath> =
        snapshot.files.iter().map(|file| file.path.clone()).filter(|path| entry.takes(path)).collect();
    let manifest = &row.manifest;
    let dependency = |(name, module): (&String, &ModuleName)| Dependency {
        name: name.clone(),
        module: present.contains(module).then(|| module.clone()),
        signature: None,
    };
    let mut entry_points = manifest.entry_points.clone();
    entry_points.sort_unstable();
    let order = Order {
        compiler: entry.name.clone(),
        module: ModuleFacts {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            entry_points,
            dependencies: manifest.dependencies.iter().map(dependency).collect(),
        },
        // Neither the environment nor a package of npm sets options.
        options: entry.options.clone(),
        folder: row.root.clone(),
        paths,
    };
    (!order.paths.is_empty()).then_some(order)
}
