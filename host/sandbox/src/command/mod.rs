//! The third way in: compilers that are ordinary command-line programs for WASI 0.2, or 0.1, and know nothing of prefab.
//!
//! Such a program is shown a file system in memory (`files/`): the module's files, what ships with the compiler, what its dependencies
//! share, and an empty folder for what it makes. It is run once for the module, or once for each file, each time in a fresh
//! instance ([`run`]); what it prints is read as findings ([`diagnostics`]) and what lies in its folder at the end are the artifacts.
//! [`arguments`] says what it is called with, [`shared`] how modules see each other's files.

mod arguments;
mod diagnostics;
mod run;
mod shared;

use std::sync::Arc;

pub(crate) use run::{compile, status_async};

use prefab_model::{Command, Descriptor, ModulePath, Mount, Recipe};

/// The folders that it sees.
const SOURCES: &str = "/src";
const OUTPUT: &str = "/out";
const TOOLCHAIN: &str = "/toolchain";
const DEPENDENCIES: &str = "/dependencies";
const TEMPORARY: &str = "/tmp";

/// What there is of a command-line compiler besides its native code.
pub(crate) struct Program {
    recipe: Recipe,
    /// In the order of the recipe.
    mounts: Vec<Arc<[u8]>>,
    shares: Matcher,
    /// The files that there is a run for, if not for all.
    each: Option<Matcher>,
}

type Matcher = Box<dyn Fn(&ModulePath) -> bool + Send + Sync>;

impl Program {
    /// Checks that the files that ship with it are those of its recipe.
    ///
    /// # Errors
    /// In words, what is not.
    pub(crate) fn new(recipe: Recipe, mounts: Vec<Arc<[u8]>>) -> Result<Self, String> {
        let command = &recipe.command;
        if mounts.len() != command.mounts.len() {
            return Err(format!(
                "{} files ship with it, and there are {}",
                command.mounts.len(),
                mounts.len()
            ));
        }
        let differs =
            |(mount, bytes): &(&Mount, &Arc<[u8]>)| prefab_model::CompilerDigest::of(bytes) != mount.digest;
        if let Some((mount, _)) = command.mounts.iter().zip(&mounts).find(differs) {
            return Err(format!("the file {} that ships with it is not the one that is meant", mount.path));
        }
        let shares: Matcher = Box::new(command.shares()?);
        let each = command.each()?.map(|matcher| Box::new(matcher) as Matcher);
        Ok(Self { recipe, mounts, shares, each })
    }

    fn command(&self) -> &Command {
        &self.recipe.command
    }

    /// Its recipe.
    pub(crate) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The files that ship with it, in the order of the recipe.
    pub(crate) fn mounts(&self) -> &[Arc<[u8]>] {
        &self.mounts
    }

    /// Whether modules see files of each other: what they share is then their signature.
    pub(crate) fn is_modular(&self) -> bool {
        !self.command().share.is_empty()
    }

    /// What is known of it: it cannot be asked.
    pub(crate) fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: self.command().program.clone(),
            version: String::new(),
            languages: Vec::new(),
            options: Vec::new(),
        }
    }
}
