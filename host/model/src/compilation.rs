//! One compilation as plain data, and the key that names it.
//!
//! A compilation says what is to be done by digests alone, so that it can be handed to another thread, process or
//! machine. Its key covers everything a compiler can observe; two compilations with the same key have the same result.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    CompilationKey, CompilerDigest, CompilerName, ContractVersion, EntryPoint, KeyHasher, Limits, ModuleName,
    Options, SignatureDigest, SourceDigest,
};

/// Which of the two passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Make the module's signature.
    Signature,
    /// Make the module's artifacts.
    Compile,
}

/// Names everything in the host that can change what a compilation results in: the wasmtime version, its settings, the
/// way in which guests are run. Outcomes of different revisions are never mixed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EngineRevision(pub String);

impl fmt::Display for EngineRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a compiler may know of a module besides its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleFacts {
    /// Its name.
    pub name: ModuleName,
    /// Its own version.
    pub version: Option<String>,
    /// What it offers to others, sorted by name.
    pub entry_points: Vec<EntryPoint>,
    /// What it needs, sorted by name.
    pub dependencies: Vec<Dependency>,
}

/// A dependency as a compilation sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The name that the sources use.
    pub name: String,
    /// The module in this environment that it stands for, if there is one.
    pub module: Option<ModuleName>,
    /// That module's signature. Always none in a [`Task::Signature`].
    pub signature: Option<SignatureDigest>,
}

/// One module x one compiler, one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compilation {
    /// The name of the result.
    pub key: CompilationKey,
    /// Which pass.
    pub task: Task,
    /// The compiler's name in its release: for people and for spans of the log.
    pub compiler_name: CompilerName,
    /// The compiler.
    pub compiler: CompilerDigest,
    /// The contract by which the host talks to it.
    pub contract: ContractVersion,
    /// The module.
    pub module: ModuleFacts,
    /// Its source as this compiler sees it.
    pub source: SourceDigest,
    /// The options for this compiler.
    pub options: Options,
    /// The caps. Not part of the key: they decide whether there is a result, not which.
    pub limits: Limits,
}

impl Compilation {
    /// Puts a compilation together and computes its key.
    #[expect(clippy::too_many_arguments, reason = "these are the fields; a builder would only repeat them")]
    pub fn new(
        task: Task,
        compiler_name: CompilerName,
        compiler: CompilerDigest,
        contract: ContractVersion,
        module: ModuleFacts,
        source: SourceDigest,
        options: Options,
        limits: Limits,
        engine: &EngineRevision,
    ) -> Self {
        let key = key(task, compiler, contract, &module, source, &options, engine);
        Self { key, task, compiler_name, compiler, contract, module, source, options, limits }
    }
}

fn key(
    task: Task,
    compiler: CompilerDigest,
    contract: ContractVersion,
    module: &ModuleFacts,
    source: SourceDigest,
    options: &Options,
    engine: &EngineRevision,
) -> CompilationKey {
    let mut hasher = KeyHasher::new("prefab compilation key 1");
    let optional = |hasher: &mut KeyHasher, bytes: Option<&[u8]>| {
        hasher.number(bytes.is_some().into()).field(bytes.unwrap_or_default());
    };
    hasher
        .number(match task {
            Task::Signature => 0,
            Task::Compile => 1,
        })
        .field(compiler.as_bytes())
        .number(match contract {
            ContractVersion::V1 => 1,
        })
        .field(engine.0.as_bytes())
        .field(source.as_bytes())
        .field(module.name.as_str().as_bytes());
    optional(&mut hasher, module.version.as_deref().map(str::as_bytes));
    hasher.number(module.entry_points.len() as u64);
    for entry in &module.entry_points {
        hasher.field(entry.name.as_bytes()).field(entry.path.as_str().as_bytes());
    }
    hasher.number(module.dependencies.len() as u64);
    for dependency in &module.dependencies {
        hasher.field(dependency.name.as_bytes());
        optional(&mut hasher, dependency.module.as_ref().map(|module| module.as_str().as_bytes()));
        optional(&mut hasher, dependency.signature.as_ref().map(|digest| &digest.as_bytes()[..]));
    }
    hasher.number(options.len() as u64);
    for (name, value) in options {
        hasher.field(name.as_bytes()).field(value.as_bytes());
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compilation(change: impl FnOnce(&mut Compilation)) -> CompilationKey {
        let mut it = Compilation {
            key: CompilationKey::from_bytes([0; 32]),
            task: Task::Compile,
            compiler_name: "typescript".parse().unwrap(),
            compiler: CompilerDigest::of(b"c"),
            contract: ContractVersion::V1,
            module: ModuleFacts {
                name: "a".parse().unwrap(),
                version: None,
                entry_points: vec![],
                dependencies: vec![Dependency { name: "b".into(), module: None, signature: None }],
            },
            source: SourceDigest::of(b"s"),
            options: Options::new(),
            limits: Limits::default(),
        };
        change(&mut it);
        let engine = EngineRevision("1".into());
        Compilation::new(
            it.task,
            it.compiler_name,
            it.compiler,
            it.contract,
            it.module,
            it.source,
            it.options,
            it.limits,
            &engine,
        )
        .key
    }

    #[test]
    fn everything_a_compiler_can_see_is_in_the_key() {
        let plain = compilation(|_| {});
        let changes: [fn(&mut Compilation); 8] = [
            |c| c.task = Task::Signature,
            |c| c.compiler = CompilerDigest::of(b"d"),
            |c| c.source = SourceDigest::of(b"t"),
            |c| c.module.name = "b".parse().unwrap(),
            |c| c.module.version = Some(String::new()),
            |c| c.module.dependencies[0].signature = Some(SignatureDigest::of(b"")),
            |c| c.module.dependencies.clear(),
            |c| drop(c.options.insert("minify".into(), "true".into())),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert_ne!(compilation(change), plain, "change {number}");
        }
    }

    #[test]
    fn keys_stay_the_same_so_that_what_was_compiled_once_is_found_for_ever() {
        assert_eq!(
            compilation(|_| {}).hex(),
            "c48956978769a85cf33f56b46ecb5d52466d9bb75b53e5eecdb699719bfb134d"
        );
    }

    #[test]
    fn limits_and_the_name_in_the_release_are_not_in_the_key() {
        assert_eq!(
            compilation(|c| c.limits.fuel.0 = 1),
            compilation(|c| c.compiler_name = "ts".parse().unwrap())
        );
    }
}
