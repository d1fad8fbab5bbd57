//! Compiles one folder with one compiler and says what that cost:
//! `cargo run -p prefab-sandbox --example compile -- COMPILER.wasm FOLDER [ROUNDS]`.

use std::error::Error;
use std::path::Path;
use std::time::Instant;
use std::{env, fs, thread};

use prefab_model::{
    Compilation, ContractVersion, KeyHasher, Limits, ModuleFacts, ModulePath, Options, OutcomeKind,
    SourceDigest, Task,
};
use prefab_sandbox::{Control, Inputs, Sandbox, SourceFile, Success, THREAD_STACK};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [component, folder, rounds @ ..] = &*arguments else {
        return Err("usage: compile COMPILER.wasm FOLDER [ROUNDS]".into());
    };
    let rounds: u32 = rounds.first().map_or(Ok(1), |text| text.parse())?;

    let sandbox = Sandbox::new(None)?;
    let started = Instant::now();
    let compiler = sandbox.load(&fs::read(component)?)?;
    println!("loaded in {:?}: {:?}", started.elapsed(), sandbox.describe(&compiler, &Limits::default()).kind);

    let mut files = Vec::new();
    collect(Path::new(folder), "", &mut files)?;
    let mut source = KeyHasher::new("example source");
    for file in &files {
        source.field(file.path.as_str().as_bytes()).field(&file.bytes);
    }
    let compilation = Compilation::new(
        Task::Compile,
        "example".parse()?,
        compiler.digest(),
        ContractVersion::V1,
        ModuleFacts { name: "example".parse()?, version: None, entry_points: vec![], dependencies: vec![] },
        source.finish::<SourceDigest>(),
        Options::new(),
        Limits::default(),
        sandbox.revision(),
    );
    let inputs = Inputs { files, ..Inputs::default() };

    // A thread with enough stack: on another one, each call would first make a thread of its own.
    thread::scope(|scope| {
        let worker = thread::Builder::new().stack_size(THREAD_STACK);
        let work = || {
            let mut fastest = None;
            for _ in 0..rounds {
                let run = sandbox.run(&compiler, &compilation, &inputs, &Control::default());
                if fastest.is_none_or(|time| run.usage.time < time) {
                    fastest = Some(run.usage.time);
                    report(&run.kind, &run);
                }
            }
        };
        worker.spawn_scoped(scope, work).map(|_| ())
    })?;
    Ok(())
}

fn report(kind: &OutcomeKind<Success>, run: &prefab_sandbox::Run) {
    let what = match kind {
        OutcomeKind::Compiled(Success::Artifacts(artifacts)) => format!("{} artifacts", artifacts.len()),
        OutcomeKind::Compiled(Success::Signature(bytes)) => format!("a signature of {} bytes", bytes.len()),
        other => format!("{other:?}"),
    };
    println!(
        "{what}, {} diagnostics, fuel {}, peak memory {}, {:?}",
        run.diagnostics.len(),
        run.usage.fuel.map_or("unknown".to_owned(), |fuel| fuel.to_string()),
        run.usage.peak_memory,
        run.usage.time
    );
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if let Ok(path) = path.parse::<ModulePath>() {
            files.push(SourceFile { path, bytes: fs::read(entry.path())?.into() });
        }
    }
    Ok(())
}
