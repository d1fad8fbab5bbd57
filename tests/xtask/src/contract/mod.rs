//! `cargo xtask contract`: the reference of the contract, from its WIT. A test here fails when `docs/contract.md` is not what it writes.

mod page;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wit_parser::{PackageId, Resolve};

/// What the chore can be told.
#[derive(clap::Args)]
#[command(after_help = "Writes docs/contract.md from what is in wit/.")]
pub(crate) struct Arguments {
    /// Write nothing, and fail if the page is not what it should be.
    #[arg(long)]
    check: bool,
}

/// Writes the page.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let root = root();
    let page = page::page(&versions(&root.join("wit"))?);
    let path = root.join("docs/contract.md");
    if !arguments.check {
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
        println!("docs/contract.md");
        return Ok(());
    }
    let written = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if written != page {
        bail!("docs/contract.md is not what is in wit/: run `cargo xtask contract`");
    }
    Ok(())
}

/// A version of the contract.
struct Version {
    /// Its number.
    number: String,
    /// Its folder under `wit/`.
    folder: String,
    resolve: Resolve,
    package: PackageId,
}

/// All versions, the oldest first.
fn versions(wit: &Path) -> Result<Vec<Version>> {
    let mut versions = Vec::new();
    for entry in fs::read_dir(wit).with_context(|| format!("cannot read {}", wit.display()))? {
        let entry = entry?;
        let folder = entry.file_name().to_string_lossy().into_owned();
        let mut resolve = Resolve::default();
        let (package, _) =
            resolve.push_dir(entry.path()).with_context(|| format!("wit/{folder} is not WIT"))?;
        let number = resolve.packages[package].name.version.clone();
        let number = number.with_context(|| format!("the package in wit/{folder} has no version"))?;
        versions.push((number.clone(), Version { number: number.to_string(), folder, resolve, package }));
    }
    versions.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(versions.into_iter().map(|(_, version)| version).collect())
}

/// The repository: that of the package that cargo runs, since where this one was compiled may be another checkout with the same target folder.
fn root() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR");
    Path::new(package.as_deref().unwrap_or(env!("CARGO_MANIFEST_DIR"))).join("../..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_of_the_contract_is_what_is_in_the_wit() {
        run(&Arguments { check: true }).unwrap();
    }

    #[test]
    fn what_a_later_version_adds_is_marked_and_all_docs_are_there() {
        let folder = tempfile::tempdir().unwrap();
        for (name, version, more) in [("a", "1.0.0", ""), ("b", "1.10.0", "/// Later.\n  more: func();")] {
            let text = format!(
                "/// The whole.\npackage t:t@{version};\n/// An interface.\ninterface types {{
                   /// A place.\n  record place {{ /// The line.\n line: u32 }}
                   /// Reads.\n  resource module {{ /// A name.\n name: func() -> option<list<place>>; {more} }}
                 }}
                 /// A world.\nworld compiler {{ use types.{{module}}; /// Compiles.\n export compile: func(of: borrow<module>); }}"
            );
            let wit = folder.path().join(name);
            fs::create_dir(&wit).unwrap();
            fs::write(wit.join("t.wit"), text).unwrap();
        }
        let page = page::page(&versions(folder.path()).unwrap());
        for line in [
            "The whole.",
            "### record `place`",
            "- `line`: `u32`. The line.",
            "A name.",
            "- **`more`**, since 1.10.0",
            "Compiles.",
        ] {
            assert!(page.contains(line), "{line}: {page}");
        }
        assert!(page.contains("name: func() -> option<list<place>>"), "{page}");
        assert_eq!(page.matches("since 1").count(), 1, "{page}");
    }
}
