//! The guest of `tests/guests/command` as a compiler, and what it is run with.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, LazyLock};

use prefab_artifacts::Wasi;
use prefab_model::{
    CodegenWish, Command, Compilation, CompilerDigest, ContractVersion, Dependency, Limits, ModuleFacts,
    OutcomeKind, Recipe, SignatureDigest, SourceDigest, Task,
};
use prefab_sandbox::{
    Codegen, Compiler, Control, Inputs, Isolation, Run, Sandbox, SandboxOptions, SourceFile, Success,
};

/// A program that runs guests and nothing else.
const PROGRAM: &str = env!("CARGO_BIN_EXE_prefab-codegen");

/// Where guests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Here,
    Worker,
}

fn sandbox(isolation: Isolation) -> Sandbox {
    // The native code of the guest is made once.
    let cache = Some(std::env::temp_dir().join(format!("prefab-command-{}", std::process::id())));
    Sandbox::open(SandboxOptions { cache, lent: None, codegen: Codegen::InProcess, isolation }).unwrap()
}

pub(crate) static HERE: LazyLock<Sandbox> = LazyLock::new(|| sandbox(Isolation::InProcess));
static THERE: LazyLock<Sandbox> = LazyLock::new(|| sandbox(Isolation::Process { program: PROGRAM.into() }));

impl Place {
    pub(crate) fn sandbox(self) -> &'static Sandbox {
        match self {
            Self::Here => &HERE,
            Self::Worker => &THERE,
        }
    }
}

pub(crate) fn program(wasi: Wasi) -> Arc<[u8]> {
    static P1: LazyLock<Arc<[u8]>> = LazyLock::new(|| built(Wasi::P1));
    static P2: LazyLock<Arc<[u8]>> = LazyLock::new(|| built(Wasi::P2));
    fn built(wasi: Wasi) -> Arc<[u8]> {
        fs::read(prefab_artifacts::guest(wasi).unwrap()).unwrap().into()
    }
    Arc::clone(match wasi {
        Wasi::P1 => &P1,
        Wasi::P2 => &P2,
    })
}

/// One compilation by the guest.
pub(crate) struct Scene {
    pub(crate) wasi: Wasi,
    pub(crate) place: Place,
    /// As in a manifest, in JSON.
    pub(crate) command: String,
    pub(crate) mounts: Vec<&'static str>,
    pub(crate) files: Vec<(&'static str, &'static str)>,
    pub(crate) options: Vec<(&'static str, &'static str)>,
    pub(crate) limits: Limits,
    /// What dependencies share.
    pub(crate) signatures: BTreeMap<String, Arc<[u8]>>,
}

/// A scene in which the guest is called with these arguments.
pub(crate) fn with_args(args: &str) -> Scene {
    Scene {
        wasi: Wasi::P2,
        place: Place::Here,
        command: format!("{{\"args\":{args}}}"),
        mounts: vec![],
        files: vec![("b.txt", "beta\n"), ("a.txt", "alpha\n")],
        options: vec![],
        limits: Limits::default(),
        signatures: BTreeMap::new(),
    }
}

impl Scene {
    pub(crate) fn recipe(&self) -> Recipe {
        let mut command: Command = serde_json::from_str(&self.command).unwrap();
        for (mount, text) in command.mounts.iter_mut().zip(&self.mounts) {
            mount.digest = CompilerDigest::of(text.as_bytes());
        }
        Recipe { component: CompilerDigest::of(&program(self.wasi)), command }
    }

    pub(crate) fn load(&self) -> Compiler {
        let mounts = self.mounts.iter().map(|text| Arc::from(text.as_bytes())).collect();
        self.place
            .sandbox()
            .load_command(self.recipe(), &program(self.wasi), mounts, &CodegenWish::default())
            .unwrap()
    }

    fn compilation(&self, compiler: &Compiler, task: Task) -> Compilation {
        let dependency = |(name, bytes): (&String, &Arc<[u8]>)| Dependency {
            name: name.clone(),
            module: None,
            signature: Some(SignatureDigest::of(bytes)),
        };
        Compilation::new(
            task,
            "guest".parse().unwrap(),
            compiler.digest(),
            ContractVersion::V1,
            ModuleFacts {
                name: "m".parse().unwrap(),
                version: None,
                entry_points: vec![],
                dependencies: self.signatures.iter().map(dependency).collect(),
            },
            SourceDigest::of(b"source"),
            self.options.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            self.limits.clone(),
            HERE.revision(),
        )
    }

    fn run_task(&self, task: Task) -> Run {
        self.run_by(&self.load(), task)
    }

    /// Compiles with another compiler than the guest.
    pub(crate) fn run_with(&self, compiler: &Compiler) -> Run {
        self.run_by(compiler, Task::Compile)
    }

    fn run_by(&self, compiler: &Compiler, task: Task) -> Run {
        let file = |(path, text): &(&str, &str)| SourceFile {
            path: path.parse().unwrap(),
            bytes: Arc::from(text.as_bytes()),
        };
        let inputs =
            Inputs { files: self.files.iter().map(file).collect(), signatures: self.signatures.clone() };
        let compilation = self.compilation(compiler, task);
        self.place.sandbox().run(compiler, &compilation, &inputs, &Control::default())
    }

    pub(crate) fn run(&self) -> Run {
        self.run_task(Task::Compile)
    }

    pub(crate) fn signature(&self) -> Run {
        self.run_task(Task::Signature)
    }
}

/// The artifacts of a success, as texts.
pub(crate) fn artifacts(run: Run) -> Vec<(String, String)> {
    match run.kind {
        OutcomeKind::Compiled(Success::Artifacts(artifacts)) => artifacts
            .into_iter()
            .map(|it| (it.path.to_string(), String::from_utf8_lossy(&it.bytes).into_owned()))
            .collect(),
        other => panic!("{other:?}: {:?} {}", run.diagnostics, run.log),
    }
}
