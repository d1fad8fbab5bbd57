//! From a module's description, a release and a configuration to compilations: pure, no disk and no wasm.

use prefab_model::{
    Compilation, CompilerEntry, Config, Dependency, EngineRevision, Limits, ModuleFacts, ModuleManifest,
    ModuleName, Options, SignatureDigest, SourceDigest, Task,
};

/// What all compilations of a preparation have in common.
pub(crate) struct Planner<'a> {
    pub(crate) config: &'a Config,
    pub(crate) engine: &'a EngineRevision,
}

/// What is known of a dependency's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DependencyState {
    /// The environment does not have it.
    Absent,
    /// It has no signature for this compiler, and needs none.
    Unsigned,
    /// Its signature.
    Signed(SignatureDigest),
}

impl DependencyState {
    /// What a compilation was told of a dependency.
    pub(crate) fn of(dependency: &Dependency) -> Self {
        match (&dependency.module, dependency.signature) {
            (None, _) => Self::Absent,
            (Some(_), None) => Self::Unsigned,
            (Some(_), Some(digest)) => Self::Signed(digest),
        }
    }
}

impl Planner<'_> {
    /// The first pass: the module alone, without anybody's signature.
    pub(crate) fn signature(
        &self,
        entry: &CompilerEntry,
        manifest: &ModuleManifest,
        source: SourceDigest,
        present: impl Fn(&ModuleName) -> bool,
    ) -> Compilation {
        let state = |name: &ModuleName| {
            if present(name) { DependencyState::Unsigned } else { DependencyState::Absent }
        };
        self.compilation(Task::Signature, entry, manifest, source, state)
    }

    /// The second pass: the module with the signatures of its dependencies.
    pub(crate) fn compile(
        &self,
        entry: &CompilerEntry,
        manifest: &ModuleManifest,
        source: SourceDigest,
        state: impl Fn(&ModuleName) -> DependencyState,
    ) -> Compilation {
        self.compilation(Task::Compile, entry, manifest, source, state)
    }

    fn compilation(
        &self,
        task: Task,
        entry: &CompilerEntry,
        manifest: &ModuleManifest,
        source: SourceDigest,
        state: impl Fn(&ModuleName) -> DependencyState,
    ) -> Compilation {
        let dependencies = manifest
            .dependencies
            .iter()
            .map(|(name, module)| {
                let state = state(module);
                Dependency {
                    name: name.clone(),
                    module: (state != DependencyState::Absent).then(|| module.clone()),
                    signature: match state {
                        DependencyState::Signed(digest) => Some(digest),
                        DependencyState::Absent | DependencyState::Unsigned => None,
                    },
                }
            })
            .collect();
        let mut entry_points = manifest.entry_points.clone();
        entry_points.sort_unstable();
        let facts = ModuleFacts {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            entry_points,
            dependencies,
        };
        Compilation::new(
            task,
            entry.name.clone(),
            entry.digest,
            entry.contract,
            facts,
            source,
            self.options(entry, manifest),
            Limits::default().with(&entry.limits).with(&self.config.limits),
            self.engine,
        )
    }

    /// The release's options, overridden by the environment's, overridden by the module's.
    fn options(&self, entry: &CompilerEntry, manifest: &ModuleManifest) -> Options {
        let mut options = entry.options.clone();
        for layer in [&self.config.options, &manifest.options] {
            options.extend(
                layer
                    .get(&entry.name)
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| (name.clone(), value.clone())),
            );
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use prefab_model::{CompilerDigest, Release};

    use super::*;

    fn release() -> Release {
        Release::parse(&format!(
            "version = \"1.0.0\"\nupgrades-from = \"*\"\n[[compiler]]\nname = \"typescript\"\ncomponent = \"t.wasm\"\ndigest = \"{}\"\n\
             files = [\"**/*.ts\"]\n[compiler.options]\ntarget = \"es2022\"\nminify = false\njsx = \"automatic\"",
            CompilerDigest::of(b"t")
        ))
        .unwrap()
    }

    fn plan(config: &str, module: &str, state: DependencyState) -> Compilation {
        let planner =
            Planner { config: &Config::parse(config).unwrap(), engine: &EngineRevision("1".into()) };
        let manifest = ModuleManifest::parse(module).unwrap();
        planner.compile(&release().compilers[0], &manifest, SourceDigest::of(b"s"), |_| state)
    }

    #[test]
    fn the_module_overrides_the_environment_which_overrides_the_release() {
        let config = "name = \"e\"\n[options.typescript]\nminify = true\njsx = \"classic\"";
        let module = "name = \"m\"\n[options.typescript]\njsx = \"preserve\"";
        let options = plan(config, module, DependencyState::Unsigned).options;
        assert_eq!(
            (options["target"].as_str(), options["minify"].as_str(), options["jsx"].as_str()),
            ("es2022", "true", "preserve")
        );
    }

    #[test]
    fn limits_of_the_environment_are_laid_over_the_defaults() {
        let limits =
            plan("name = \"e\"\n[limits]\nfuel = \"1M\"", "name = \"m\"", DependencyState::Unsigned).limits;
        assert_eq!(limits, Limits { fuel: prefab_model::Fuel(1_000_000), ..Limits::default() });
    }

    #[test]
    fn a_dependencys_signature_changes_the_key_and_its_artifacts_do_not() {
        let module = "name = \"m\"\ndependencies = [\"d\"]";
        let key = |state| plan("name = \"e\"", module, state).key;
        let signed = key(DependencyState::Signed(SignatureDigest::of(b"1")));
        assert_eq!(signed, key(DependencyState::Signed(SignatureDigest::of(b"1"))));
        assert_ne!(signed, key(DependencyState::Signed(SignatureDigest::of(b"2"))));
        assert_ne!(key(DependencyState::Absent), key(DependencyState::Unsigned));
    }
}
