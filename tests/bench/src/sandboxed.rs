//! The same modules in the sandbox, all caps on: without store and ledger, and with them.

use std::path::Path;

use anyhow::{Result, bail};
use prefab_model::{Compilation, Limits, OutcomeKind, SourceDigest, Task};
use prefab_prepare::{Environment, PrepareOptions, Priority, Sandbox, Stop, prepare};
use prefab_sandbox::{Compiler, Control, Run, Success};

use crate::measure::{Measurement, Timer, Work};
use crate::native::on_large_stack;
use crate::scene::{Scene, Unit, prepare_all};

/// How often a tiny module is compiled: long enough to measure, over in half a second.
const TINY: u64 = 2_000;

/// Both passes over the whole scene, on one thread.
pub(crate) fn both_passes(scene: &mut Scene, sandbox: &Sandbox) -> Result<Measurement> {
    let compilers = load(scene, sandbox)?;
    let (mut timer, mut work) = (Timer::default(), Work::default());
    on_large_stack(|| {
        let plan = plan(scene, &compilers, sandbox, Task::Signature)?;
        let signatures = timer.time(|| {
            let runs = scene.units().zip(&plan);
            runs.map(|(unit, (compiler, compilation))| {
                match count(sandbox.run(compiler, compilation, &unit.inputs, &Control::default()), &mut work)
                {
                    Some(Success::Signature(bytes)) => Some(bytes),
                    _ => None,
                }
            })
            .collect()
        });
        scene.hand_out(signatures);
        let plan = self::plan(scene, &compilers, sandbox, Task::Compile)?;
        timer.time(|| {
            for (unit, (compiler, compilation)) in scene.units().zip(&plan) {
                count(sandbox.run(compiler, compilation, &unit.inputs, &Control::default()), &mut work);
            }
        });
        anyhow::Ok(())
    })??;
    timer.measurement(scene.modules.len() as u64, work)
}

/// A module of one line, many times, each in a fresh instance.
pub(crate) fn tiny(scene: &Scene, unit: &Unit, sandbox: &Sandbox) -> Result<Measurement> {
    let compilers = load(scene, sandbox)?;
    let (compiler, compilation) = compilation(scene, unit, &compilers, sandbox, Task::Compile)?;
    let (mut timer, mut work) = (Timer::default(), Work::default());
    on_large_stack(|| {
        timer.time(|| {
            for _ in 0..TINY {
                count(sandbox.run(compiler, &compilation, &unit.inputs, &Control::default()), &mut work);
            }
        });
    })?;
    if work.succeeded != TINY {
        bail!("the tiny module does not compile");
    }
    timer.measurement(TINY, work)
}

/// The whole of `prepare`, in an environment in which nothing was prepared before.
pub(crate) fn whole(env: &Path, sandbox: &Sandbox, jobs: usize) -> Result<Measurement> {
    let mut timer = Timer::default();
    let summary = timer.time(|| prepare_all(env, sandbox, jobs))?;
    let work = Work { compilations: summary.compiled, fuel: summary.fuel, ..Work::default() };
    timer.measurement(summary.counts.modules, work)
}

/// `prepare` in an environment in which everything is prepared already.
pub(crate) fn again(env: &Path, sandbox: &Sandbox) -> Result<Measurement> {
    let env = Environment::open(env)?;
    let options = PrepareOptions { priority: Priority::Normal, ..PrepareOptions::default() };
    let mut timer = Timer::default();
    let summary = timer.time(|| prepare(&env, sandbox, &options, &Stop::new(), &mut |_| {}))?;
    if summary.compiled != 0 {
        bail!("{} compilations were run although nothing has changed", summary.compiled);
    }
    timer.measurement(summary.counts.modules, Work::default())
}

/// Loads the compilers, in the order of the release.
fn load(scene: &Scene, sandbox: &Sandbox) -> Result<Vec<Compiler>> {
    scene.components.iter().map(|bytes| Ok(sandbox.load(bytes)?)).collect()
}

fn plan<'c>(
    scene: &Scene,
    compilers: &'c [Compiler],
    sandbox: &Sandbox,
    task: Task,
) -> Result<Vec<(&'c Compiler, Compilation)>> {
    scene.units().map(|unit| compilation(scene, unit, compilers, sandbox, task)).collect()
}

fn compilation<'c>(
    scene: &Scene,
    unit: &Unit,
    compilers: &'c [Compiler],
    sandbox: &Sandbox,
    task: Task,
) -> Result<(&'c Compiler, Compilation)> {
    let order = &unit.order;
    let entry = scene.entry(&order.compiler)?;
    let Some(compiler) = compilers.iter().find(|compiler| compiler.digest() == entry.digest) else {
        bail!("the {} compiler was not loaded", order.compiler)
    };
    let compilation = Compilation::new(
        task,
        entry.name.clone(),
        entry.digest,
        entry.contract,
        order.module.clone(),
        // It goes into the key only, and nothing is looked up by the key here. The random bytes that guests get follow from the
        // key, and with them the order of their hash maps: that is why fuel differs from that of `prepare`, by 1 in 100 million.
        SourceDigest::of(order.module.name.as_str().as_bytes()),
        order.options.clone(),
        Limits::default().with(&entry.limits),
        sandbox.revision(),
    );
    Ok((compiler, compilation))
}

fn count(run: Run, work: &mut Work) -> Option<Success> {
    work.compilations += 1;
    work.fuel.0 += run.usage.fuel.unwrap_or_default().0;
    let OutcomeKind::Compiled(success) = run.kind else { return None };
    work.succeeded += 1;
    if let Success::Artifacts(artifacts) = &success {
        work.artifacts += artifacts.len() as u64;
        work.artifact_bytes += artifacts.iter().map(|artifact| artifact.bytes.len() as u64).sum::<u64>();
    }
    Some(success)
}
