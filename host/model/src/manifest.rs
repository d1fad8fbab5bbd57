//! `module.toml`: how an author describes a module. Reading it from disk is the importer's business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CompilerName, EntryPoint, ModuleName, ModulePath, Options, SyntaxError};

/// A manifest that cannot be used; the message has line and column where there are any.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("{0}")]
    Syntax(#[from] SyntaxError),
    /// The module names itself among its dependencies.
    #[error("module {0} depends on itself: remove it from `dependencies`")]
    DependsOnItself(ModuleName),
    /// The same dependency is listed twice.
    #[error("module {module} lists the dependency {dependency} twice: remove one of them")]
    DuplicateDependency {
        /// The module.
        module: ModuleName,
        /// What is listed twice.
        dependency: ModuleName,
    },
}

/// What `module.toml` says, or what was made of a `package.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleManifest {
    /// The module's name.
    pub name: ModuleName,
    /// Its own version.
    pub version: Option<String>,
    /// The modules it needs: the name that its sources use, and the module that it stands for.
    pub dependencies: BTreeMap<String, ModuleName>,
    /// What it offers to others.
    pub entry_points: Vec<EntryPoint>,
    /// Options by compiler.
    pub options: BTreeMap<CompilerName, Options>,
    /// The application it belongs to: a label by which modules are published together.
    pub application: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: ModuleName,
    version: Option<String>,
    #[serde(default)]
    dependencies: Dependencies,
    #[serde(default)]
    entry: Entry,
    #[serde(default)]
    options: BTreeMap<CompilerName, BTreeMap<String, toml::Value>>,
    application: Option<String>,
}

/// `dependencies = ["money"]`, or a table of the names that the sources use and the modules that they stand for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Dependencies {
    List(Vec<ModuleName>),
    Table(BTreeMap<String, ModuleName>),
}

impl Default for Dependencies {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// `entry = "src/index.ts"`, or a table of names and paths.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    One(ModulePath),
    Many(BTreeMap<String, ModulePath>),
}

impl Default for Entry {
    fn default() -> Self {
        Self::Many(BTreeMap::new())
    }
}

impl ModuleManifest {
    /// Reads the text of a `module.toml`.
    ///
    /// # Errors
    /// [`ManifestError`] if it is not one.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let file: File = toml::from_str(text).map_err(|error| SyntaxError::new(text, &error))?;
        let dependencies = match file.dependencies {
            Dependencies::Table(table) => table,
            Dependencies::List(list) => {
                let mut table = BTreeMap::new();
                for dependency in list {
                    if table.insert(dependency.as_str().to_owned(), dependency.clone()).is_some() {
                        return Err(ManifestError::DuplicateDependency { module: file.name, dependency });
                    }
                }
                table
            }
        };
        if dependencies.values().any(|dependency| *dependency == file.name) {
            return Err(ManifestError::DependsOnItself(file.name));
        }
        let entry_points = match file.entry {
            Entry::One(path) => vec![EntryPoint { name: ".".to_owned(), path }],
            Entry::Many(table) => table.into_iter().map(|(name, path)| EntryPoint { name, path }).collect(),
        };
        let options = file
            .options
            .into_iter()
            .map(|(compiler, table)| {
                (compiler, table.into_iter().map(|(k, v)| (k, option_text(v))).collect())
            })
            .collect();
        Ok(Self {
            name: file.name,
            version: file.version,
            dependencies,
            entry_points,
            options,
            application: file.application,
        })
    }

    /// The text of a `module.toml` that says the same.
    pub fn to_toml(&self) -> String {
        let text = |text: &str| toml::Value::String(text.to_owned());
        let table = |rows: &mut dyn Iterator<Item = (&str, &str)>| {
            toml::Value::Table(rows.map(|(name, value)| (name.to_owned(), text(value))).collect())
        };
        let mut file = toml::Table::new();
        file.insert("name".to_owned(), text(self.name.as_str()));
        for (key, value) in [("version", &self.version), ("application", &self.application)] {
            if let Some(value) = value {
                file.insert(key.to_owned(), text(value));
            }
        }
        let mut dependencies =
            self.dependencies.iter().map(|(name, module)| (name.as_str(), module.as_str()));
        file.insert("dependencies".to_owned(), table(&mut dependencies));
        let mut entry = self.entry_points.iter().map(|entry| (entry.name.as_str(), entry.path.as_str()));
        file.insert("entry".to_owned(), table(&mut entry));
        let options = self.options.iter().map(|(compiler, options)| {
            let mut options = options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            (compiler.as_str().to_owned(), table(&mut options))
        });
        file.insert("options".to_owned(), toml::Value::Table(options.collect()));
        file.to_string()
    }
}

/// An option as the contract hands it over: text as it is, anything else as TOML writes it.
pub(crate) fn option_text(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_manifest_is_read() {
        let manifest = ModuleManifest::parse(
            r#"
            name = "cart"
            version = "1.2.0"
            application = "shop"
            dependencies = ["money", "design-tokens"]
            entry = "src/index.ts"

            [options.typescript]
            minify = true
            target = "es2020"
            "#,
        )
        .unwrap();
        assert_eq!(manifest.name.as_str(), "cart");
        assert_eq!(manifest.dependencies.len(), 2);
        assert_eq!(manifest.entry_points[0].path.as_str(), "src/index.ts");
        assert_eq!(manifest.options[&"typescript".parse().unwrap()]["minify"], "true");
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let text = "name = \"@acme/one\"\nversion = \"1\"\napplication = \"a\"\n\
            dependencies = {b = \"b@2.0.0#2\", \"@s/c\" = \"@s/c\"}\n\
            [entry]\n\".\" = \"a b.ts\"\n\"./x\" = \"x.ts\"\n[options.typescript]\nminify = true\n";
        let manifest = ModuleManifest::parse(text).unwrap();
        assert_eq!(manifest.dependencies["b"].as_str(), "b@2.0.0#2");
        assert_eq!(ModuleManifest::parse(&manifest.to_toml()).unwrap(), manifest);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, told) in [
            ("name = \"a\"\ndependancies = []", "dependancies"),
            ("name = \"../a\"", "cannot be the name of a module"),
            ("name = \"a\"\nentry = \"../x.ts\"", "entry"),
            ("name = \"a\"\ndependencies = [\"a\"]", "depends on itself"),
            ("name = \"a\"\ndependencies = [\"b\", \"b\"]", "twice"),
            ("name = \"a\"\ndependencies = {b = \"a\"}", "depends on itself"),
            ("version = \"1\"", "name"),
        ] {
            let error = ModuleManifest::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = ModuleManifest::parse(&text);
        }
    }
}
