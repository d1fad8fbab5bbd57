//! Many tiny modules: that memory and the time for a module do not grow with their number, and that `prefab status` answers all
//! the while.
//!
//! Each module is a folder with one file of two lines and depends on another module. Ten thousand are prepared first, in an
//! environment of their own, to have something to compare with.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use prefab_model::{ModuleManifest, ModuleName};
use prefab_prepare::{
    Allow, Environment, Event, PrepareOptions, Priority, ReleaseTarget, Sandbox, Stop, Summary,
    install_release, prepare, status, upgrade,
};
use prefab_store::{ModuleKind, ModuleRow, Store};
use serde::Serialize;

use crate::measure::{cpu_seconds, peak_rss_bytes};
use crate::report::median;
use crate::scene::RELEASE;

/// What the time for a module is compared with.
const BASE: u64 = 10_000;
/// Rows that are put into the ledger at a time.
const CHUNK: u64 = 10_000;
/// How often the status is asked for.
const ASK: Duration = Duration::from_millis(200);

/// What was measured of one number of modules.
#[derive(Debug, Serialize)]
pub(crate) struct Size {
    modules: u64,
    /// Preparing all of them for the first time.
    seconds: f64,
    microseconds_per_module: f64,
    /// Time on processors for that, which other programs on the machine make little of; asking for the status is in it.
    cpu_microseconds_per_module: f64,
    /// Preparing them again with nothing changed.
    again_seconds: f64,
    /// Time on processors for that.
    again_cpu_seconds: f64,
    /// What this process has had at most by then.
    peak_rss_bytes: u64,
    /// Opening the environment and asking for its status while modules were prepared.
    status: StatusTimes,
}

/// How long the status took.
#[derive(Debug, Serialize)]
struct StatusTimes {
    asked: usize,
    median_ms: f64,
    most_ms: f64,
}

/// Measures ten thousand modules, then `modules`.
pub(crate) fn run(
    modules: u64,
    releases: &Path,
    scratch: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Size>> {
    let sandbox = Sandbox::new(Some(&scratch.join("images")))?;
    let mut sizes = Vec::new();
    for modules in [BASE, modules] {
        progress(&format!("making {modules} modules"));
        let root = scratch.join(format!("synthetic-{modules}"));
        let env = environment(&root, modules, releases, &sandbox)?;
        let size = size(&env, &root, modules, &sandbox, progress)?;
        // At once: clearing up after a million modules takes minutes.
        progress(&format!("measured: {}", serde_json::to_string(&size)?));
        sizes.push(size);
        drop(env);
        fs::remove_dir_all(&root)?;
    }
    Ok(sizes)
}

/// The measurements for people.
pub(crate) fn table(sizes: &[Size]) -> String {
    let mut text = String::from(
        "| modules | seconds | us a module | of processors | again, seconds | of processors | peak MiB | status, ms: median | most |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for size in sizes {
        let _ = writeln!(
            text,
            "| {} | {:.1} | {:.0} | {:.0} | {:.1} | {:.1} | {} | {:.1} | {:.1} |",
            size.modules,
            size.seconds,
            size.microseconds_per_module,
            size.cpu_microseconds_per_module,
            size.again_seconds,
            size.again_cpu_seconds,
            size.peak_rss_bytes >> 20,
            size.status.median_ms,
            size.status.most_ms
        );
    }
    if let [first, .., last] = sizes {
        let _ = writeln!(
            text,
            "\nA module takes {:.2} times as long among {} as among {} (wanted: at most 1.2).",
            last.microseconds_per_module / first.microseconds_per_module,
            last.modules,
            first.modules
        );
    }
    text
}

fn size(
    env: &Environment,
    root: &Path,
    modules: u64,
    sandbox: &Sandbox,
    progress: &mut dyn FnMut(&str),
) -> Result<Size> {
    let options = PrepareOptions { priority: Priority::Normal, ..PrepareOptions::default() };
    let over = AtomicBool::new(false);
    let began = cpu_seconds();
    let (summary, times) = thread::scope(|scope| {
        let asking = scope.spawn(|| ask(root, &over));
        let target = ReleaseTarget::Version(RELEASE.parse()?);
        let summary = upgrade(env, sandbox, &target, &options, &Stop::new(), &mut watch(modules, progress));
        over.store(true, Ordering::Relaxed);
        let times = asking.join().map_err(|_| anyhow::anyhow!("asking for the status panicked"))??;
        anyhow::Ok((summary?, times))
    })?;
    check(&summary, modules)?;
    let prepared = cpu_seconds();
    progress(&format!(
        "prepared in {:.1} s, {:.1} s of processors",
        summary.time.as_secs_f64(),
        prepared - began
    ));
    let again = prepare(env, sandbox, &options, &Stop::new(), &mut watch(modules, progress))?;
    if again.compiled != 0 {
        bail!("{} compilations were run although nothing has changed", again.compiled);
    }
    let seconds = summary.time.as_secs_f64();
    Ok(Size {
        modules,
        seconds,
        microseconds_per_module: seconds * 1e6 / modules as f64,
        cpu_microseconds_per_module: (prepared - began) * 1e6 / modules as f64,
        again_seconds: again.time.as_secs_f64(),
        again_cpu_seconds: cpu_seconds() - prepared,
        peak_rss_bytes: peak_rss_bytes()?,
        status: StatusTimes {
            asked: times.len(),
            most_ms: times.iter().copied().fold(0.0, f64::max),
            median_ms: median(times),
        },
    })
}

/// Tells now and then how far it is.
fn watch(modules: u64, progress: &mut dyn FnMut(&str)) -> impl FnMut(&Event) {
    let mut told = Instant::now();
    move |event| {
        if let Event::Progress { counts, .. } = event
            && told.elapsed() > Duration::from_secs(15)
        {
            told = Instant::now();
            progress(&format!("{} signed, {} prepared of {modules}", counts.signed, counts.prepared));
        }
    }
}

fn check(summary: &Summary, modules: u64) -> Result<()> {
    if summary.counts.prepared == modules {
        return Ok(());
    }
    bail!("{} of {modules} modules were prepared", summary.counts.prepared)
}

/// What `prefab status` does, again and again, as another process would: the environment is opened anew each time.
fn ask(root: &Path, over: &AtomicBool) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        status(&Environment::open(root)?)?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        thread::sleep(ASK);
    }
    Ok(times)
}

/// Makes an environment of so many modules, with the release installed.
fn environment(root: &Path, modules: u64, releases: &Path, sandbox: &Sandbox) -> Result<Environment> {
    let env = Environment::init(root, "synthetic")?;
    install_release(
        &env,
        &ReleaseTarget::Manifest(releases.join(RELEASE)),
        Allow::default(),
        sandbox,
        &mut |_| {},
    )?;
    // Beside the command: a million folders are not what `module add` is for.
    let store = Store::open(&root.join(".prefab"))?;
    for first in (0..modules).step_by(usize::try_from(CHUNK)?) {
        let rows = (first..modules.min(first + CHUNK)).map(|number| module(root, number));
        store.put_modules(rows.collect::<Result<Vec<_>>>()?)?;
    }
    Ok(env)
}

fn module(root: &Path, number: u64) -> Result<ModuleRow> {
    let folder: PathBuf = root.join(format!("modules/{:03}/m{number}", number % 1000));
    fs::create_dir_all(&folder)?;
    let needed = number / 2;
    fs::write(
        folder.join("index.ts"),
        format!(
            "import {{ v{needed} }} from \"m{needed}\";\nexport const v{number}: number = v{needed} + {number};\n"
        ),
    )?;
    let name: ModuleName = format!("m{number}").parse()?;
    let dependency: ModuleName = format!("m{needed}").parse()?;
    let manifest = ModuleManifest {
        name,
        version: None,
        dependencies: [(dependency.to_string(), dependency)].into(),
        entry_points: Vec::new(),
        options: std::collections::BTreeMap::new(),
        application: None,
    };
    Ok(ModuleRow { root: folder, kind: ModuleKind::Npm, manifest, added_at: 0 })
}
