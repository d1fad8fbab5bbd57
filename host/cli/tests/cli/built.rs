//! Compilers that are built by the ordinary tools of their languages, once for all tests: new projects, and those of `plugins/`.
//!
//! The tools come from the languages' registries. Where one is missing that is said and the test does nothing, but in continuous integration
//! it must be there (`.ci/run` installs them).

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::scene::Scene;

/// A language that `prefab compiler new` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    JavaScript,
    Python,
    C,
}

impl Language {
    pub(crate) const ALL: [Self; 4] = [Self::Rust, Self::JavaScript, Self::Python, Self::C];

    /// As `--lang` has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "js",
            Self::Python => "python",
            Self::C => "c",
        }
    }

    fn has_its_tools(self) -> bool {
        match self {
            Self::Rust => true,
            Self::JavaScript => there("npm"),
            Self::Python => there("componentize-py"),
            Self::C => there("clang"),
        }
    }

    /// Tests and builds a project as its README says.
    fn build(self, folder: &Path) {
        match self {
            Self::Rust => {
                // Kept between runs: its dependencies are built once.
                let built = temporary("compiler-rust");
                let cargo = |arguments: &[&str]| {
                    run(folder, Command::new(env!("CARGO")).args(arguments).env("CARGO_TARGET_DIR", &built));
                };
                cargo(&["test", "--lib"]);
                cargo(&["build", "--release", "--target", "wasm32-wasip2"]);
                let component = "wasm32-wasip2/release/rust_props.wasm";
                let target = folder.join("target").join(component);
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                fs::copy(built.join(component), target).unwrap();
            }
            Self::JavaScript => {
                npm(folder, &["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
                npm(folder, &["test"]);
                npm(folder, &["run", "build"]);
            }
            Self::Python => {
                run(folder, Command::new("python3").args(["-m", "unittest"]));
                run(folder, Command::new("sh").arg("build.sh"));
            }
            Self::C => {
                run(folder, Command::new("make").arg("test"));
                run(folder, &mut Command::new("make"));
            }
        }
    }
}

/// A new project with the name `LANGUAGE-props`, tested and built, with its digest in its manifest; none if its tools are missing.
pub(crate) fn project(language: Language) -> Option<&'static Path> {
    static PROJECTS: [OnceLock<Option<Folder>>; 4] = [const { OnceLock::new() }; 4];
    let make = || {
        language.has_its_tools().then(|| {
            let folder = Folder::lock(&format!("compilers/{}", language.name()));
            let made = folder.path.join("project");
            let _ = fs::remove_dir_all(&made);
            let scene = Scene::bare();
            let name = format!("{}-props", language.name());
            let path = made.to_str().unwrap();
            scene
                .prefab(["compiler", "new", &name, "--lang", language.name(), "--dir", path])
                .assert()
                .success();
            language.build(&made);
            scene.prefab(["release", "digest", path]).assert().success();
            Folder { path: made, ..folder }
        })
    };
    PROJECTS[language as usize].get_or_init(make).as_ref().map(|folder| &*folder.path)
}

/// The compiler `plugins/handlebars`, tested and built; none if its tools are missing.
pub(crate) fn handlebars() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<Folder>> = OnceLock::new();
    let make = || {
        there("npm").then(|| {
            plugin("handlebars", |folder| {
                npm(folder, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
                npm(folder, &["test"]);
                npm(folder, &["run", "build"]);
            })
        })
    };
    BUILT.get_or_init(make).as_ref().map(|folder| &*folder.path)
}

/// The compiler `plugins/jinja`, built and tested; none if its tools are missing.
pub(crate) fn jinja() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<Folder>> = OnceLock::new();
    let make = || {
        there("componentize-py").then(|| {
            plugin("jinja", |folder| {
                // The Python that has componentize-py has pip too.
                let path = beside("componentize-py");
                run(folder, Command::new("sh").arg("build.sh").env("PATH", &path));
                let tests = ["-m", "unittest"];
                run(
                    folder,
                    Command::new("python3").args(tests).env("PATH", path).env("PYTHONPATH", "build/packages"),
                );
            })
        })
    };
    BUILT.get_or_init(make).as_ref().map(|folder| &*folder.path)
}

/// The compiler `plugins/commonmark`, tested and built; none if its tools are missing.
pub(crate) fn commonmark() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<Folder>> = OnceLock::new();
    let make = || {
        // cmark comes by pip: the Python that has componentize-py has that too.
        (there("clang") && there("componentize-py")).then(|| {
            plugin("commonmark", |folder| {
                let path = beside("componentize-py");
                for target in ["test", "build/commonmark.wasm"] {
                    run(folder, Command::new("make").arg(target).env("PATH", &path));
                }
            })
        })
    };
    BUILT.get_or_init(make).as_ref().map(|folder| &*folder.path)
}

/// Builds a copy of a folder of `plugins/`, in which nothing of this may be left behind; what was built from the same files is taken as it is.
fn plugin(name: &str, build: impl FnOnce(&Path)) -> Folder {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = Folder::lock(&format!("plugins/{name}"));
    let repository = folder.path.join("repository");
    let made = repository.join("plugins").join(name);
    let mut sources = blake3::Hasher::new();
    let files = tracked(&root, &[&format!("plugins/{name}"), "wit"]);
    for file in &files {
        let bytes = fs::read(root.join(file)).unwrap();
        sources.update(file.as_bytes()).update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
    }
    let sources = sources.finalize().to_hex();
    let mark = folder.path.join("sources");
    if fs::read_to_string(&mark).is_ok_and(|built| built == sources.as_str()) {
        return Folder { path: made, ..folder };
    }
    let _ = fs::remove_file(&mark);
    let _ = fs::remove_dir_all(&repository);
    for file in &files {
        let to = repository.join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root.join(file), to).unwrap();
    }
    build(&made);
    fs::write(mark, sources.as_str()).unwrap();
    Folder { path: made, ..folder }
}

/// The files under folders of the repository, without what is built or installed there, sorted.
fn tracked(root: &Path, folders: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    let mut left: Vec<String> = folders.iter().map(|&folder| folder.to_owned()).collect();
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{folder}/{name}");
            if !entry.file_type().unwrap().is_dir() {
                files.push(path);
            } else if !["build", "node_modules", "__pycache__", ".venv"].contains(&name.as_str()) {
                left.push(path);
            }
        }
    }
    files.sort();
    files
}

/// A folder that is kept between runs, for this process alone until it ends.
struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    fn lock(name: &str) -> Self {
        let path = temporary(name);
        fs::create_dir_all(&path).unwrap();
        let lock = File::create(path.join("lock")).unwrap();
        lock.lock().unwrap();
        Self { path, _lock: lock }
    }
}

fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Whether a program can be started; it must be in continuous integration.
pub(crate) fn there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(there || env::var_os("CI").is_none(), "{program} is to be there");
    if !there {
        eprintln!("skipped: there is no {program}");
    }
    there
}

/// Where programs are looked for, first beside this one.
fn beside(program: &str) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folder = env::split_paths(&path).find(|folder| folder.join(program).exists());
    env::join_paths(folder.into_iter().chain(env::split_paths(&path))).unwrap()
}

fn npm(folder: &Path, arguments: &[&str]) {
    run(folder, Command::new("npm").args(arguments));
}

/// Runs a command to its end, which must be a good one, and returns what it prints.
pub(crate) fn run(folder: &Path, command: &mut Command) -> String {
    let output = command.current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// A release of several compilers: their components, and their manifests in one, with this changed of each.
pub(crate) fn release(
    scene: &Scene,
    folder: &str,
    compilers: &[(&str, &Path)],
    change: impl Fn(&str, String) -> String,
) -> PathBuf {
    let mut manifest = "version = \"1.0.0\"\nupgrades-from = \"*\"\n".to_owned();
    for (name, project) in compilers {
        let text = fs::read_to_string(project.join("release.toml")).unwrap();
        let text = &text[text.find("[[compiler]]").unwrap()..];
        let component = text.split("component = \"").nth(1).unwrap().split('"').next().unwrap();
        let own = format!("{name}.wasm");
        scene.write(&format!("{folder}/{own}"), fs::read(project.join(component)).unwrap());
        manifest += "\n";
        manifest += &change(name, text.replace(component, &own));
    }
    scene.write(&format!("{folder}/release.toml"), manifest);
    let path = scene.path(folder);
    scene.prefab(["release", "digest", path.to_str().unwrap()]).assert().success();
    path
}
