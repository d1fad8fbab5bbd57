//! New projects: a compiler of `key = value` lines to JSON, to begin from.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use prefab_model::CompilerName;

/// What stands for the compiler's name in templates, and for the name as languages take it, without dashes.
const NAME: &str = "compiler-name";
const IDENTIFIER: &str = "compiler_name";

/// In what a compiler is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust, built by cargo.
    Rust,
    /// JavaScript, built by componentize-js.
    JavaScript,
    /// Python, built by componentize-py.
    Python,
    /// C, built by clang: a command-line program.
    C,
}

/// A file of a template.
type File = (&'static str, &'static str);

macro_rules! files {
    ($folder:literal: $($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../templates/", $folder, "/", $path)))),*]
    };
}

const WIT: &[File] = &[
    ("wit/compiler.wit", include_str!("../../../wit/prefab-compiler/compiler.wit")),
    ("wit/modular-compiler.wit", include_str!("../../../wit/prefab-compiler/modular-compiler.wit")),
    ("wit/types.wit", include_str!("../../../wit/prefab-compiler/types.wit")),
];

/// Modules with what is to come of them, for `prefab compiler check`: the same in each language.
const VECTORS: &[File] = &[
    ("vectors/bad/source/a.props", include_str!("../templates/vectors/bad/source/a.props")),
    ("vectors/bad/vector.toml", include_str!("../templates/vectors/bad/vector.toml")),
    ("vectors/good/expected/a.props.json", include_str!("../templates/vectors/good/expected/a.props.json")),
    ("vectors/good/source/a.props", include_str!("../templates/vectors/good/source/a.props")),
];

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rust, Self::JavaScript, Self::Python, Self::C];

    const fn files(self) -> &'static [File] {
        match self {
            Self::Rust => {
                files!("rust": "Cargo.toml", "README.md", "release.toml", "src/component.rs", "src/lib.rs", "src/props.rs")
            }
            Self::JavaScript => files!(
                "js": "README.md", "build.mjs", "package.json", "release.toml", "src/compiler.js", "src/props.js", "test/props.test.js"
            ),
            Self::Python => files!(
                "python": "README.md", "app.py", "build.sh", "props.py", "release.toml", "requirements.txt", "test_props.py"
            ),
            Self::C => files!("c": "Makefile", "README.md", "release.toml", "src/main.c", "test.sh"),
        }
    }

    /// Whether it is built for the contract, and not as a command-line program.
    const fn has_contract(self) -> bool {
        !matches!(self, Self::C)
    }
}

/// Why a project could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// There is something already.
    #[error("{} is there already: name another folder, or remove it first", .0.display())]
    Exists(PathBuf),
    /// The disk failed.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A project that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its folder.
    pub folder: PathBuf,
    /// Its files, by path within the folder.
    pub files: Vec<String>,
}

/// Makes a project in a folder that does not exist yet: whole, or not at all.
///
/// # Errors
/// [`NewError`] if there is such a folder, or it cannot be written.
pub fn create(folder: &Path, name: &CompilerName, language: Language) -> Result<Created, NewError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| NewError::Io { path, source }
    };
    if folder.symlink_metadata().is_ok() {
        return Err(NewError::Exists(folder.to_owned()));
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io(parent))?;
    let whole = tempfile::Builder::new()
        .prefix(".prefab-new-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir_in(parent)
        .map_err(io(parent))?;
    let contract: &[File] = if language.has_contract() { WIT } else { &[] };
    let mut files = Vec::new();
    for (path, text) in language.files().iter().chain(contract).chain(VECTORS) {
        let target = whole.path().join(path);
        let within = target.parent().unwrap_or(whole.path());
        fs::create_dir_all(within).map_err(io(within))?;
        let text = text.replace(NAME, name.as_str()).replace(IDENTIFIER, &name.as_str().replace('-', "_"));
        let mut file = fs::File::create_new(&target).map_err(io(&target))?;
        file.write_all(text.as_bytes()).map_err(io(&target))?;
        files.push((*path).to_owned());
    }
    fs::rename(whole.path(), folder).map_err(io(folder))?;
    // It is not temporary any more.
    let _ = whole.keep();
    files.sort();
    Ok(Created { folder: folder.to_owned(), files })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_whole_and_has_its_name_everywhere() {
        let scratch = tempfile::tempdir().unwrap();
        for language in Language::ALL {
            let folder = scratch.path().join(format!("{language:?}"));
            let created = create(&folder, &"my-props".parse().unwrap(), language).unwrap();
            assert!(created.files.contains(&"release.toml".to_owned()));
            assert!(folder.join("vectors/good/source/a.props").is_file());
            assert_eq!(created.files.contains(&"wit/types.wit".to_owned()), language != Language::C);
            let mut named = false;
            for file in &created.files {
                let text = fs::read_to_string(folder.join(file)).unwrap();
                assert!(!text.contains(NAME) && !text.contains(IDENTIFIER), "{language:?} {file}");
                named |= text.contains("my-props");
            }
            assert!(named);
            let again = create(&folder, &"other".parse().unwrap(), language).unwrap_err();
            assert!(matches!(again, NewError::Exists(_)));
        }
        assert_eq!(
            fs::read_dir(scratch.path()).unwrap().count(),
            Language::ALL.len(),
            "nothing is left over"
        );
    }
}
