//! The rounds of a benchmark. Within a round the measurements follow each other, so that what else the machine does meanwhile
//! weighs on all of them alike; ratios are therefore taken within rounds, and then their median.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use prefab_prepare::Summary;

use crate::measure::{Letter, Measurement, in_own_process};
use crate::process;
use crate::scene::{Folders, Scene};

/// What is measured, and how often.
pub(crate) struct Plan<'a> {
    pub(crate) tree: &'a Path,
    pub(crate) releases: &'a Path,
    /// Where environments are made.
    pub(crate) scratch: &'a Path,
    pub(crate) rounds: usize,
    /// How many modules take part at most.
    pub(crate) modules: Option<usize>,
    /// How many modules are compiled in processes of their own at most.
    pub(crate) sample: usize,
}

/// What a benchmark measured.
pub(crate) struct Results {
    pub(crate) set_up: Summary,
    pub(crate) files: u64,
    pub(crate) source_bytes: u64,
    /// By letter, one for each round.
    pub(crate) measured: BTreeMap<Letter, Vec<Measurement>>,
    /// Why nothing was measured in bubblewrap, if so.
    pub(crate) without_bubblewrap: Option<String>,
}

/// Runs a benchmark. `progress` is told what is being done.
pub(crate) fn run(plan: &Plan<'_>, progress: &mut dyn FnMut(&str)) -> Result<Results> {
    let folders = Folders::new(plan.scratch);
    progress("setting up: import, install, prepare once");
    let set_up = folders.set_up(plan.tree, plan.releases, plan.modules)?;
    let scene = Scene::load(&folders)?;
    let files = || scene.units().flat_map(|unit| &unit.inputs.files);
    let mut results = Results {
        set_up,
        files: files().count() as u64,
        source_bytes: files().map(|file| file.bytes.len() as u64).sum(),
        measured: BTreeMap::new(),
        without_bubblewrap: process::without_bubblewrap(),
    };
    drop(scene);
    for round in 1..=plan.rounds {
        for letter in Letter::ALL {
            if results.without_bubblewrap.is_some() && matches!(letter, Letter::E | Letter::ETiny) {
                continue;
            }
            let of = plan.rounds;
            match letter {
                Letter::C1 | Letter::C2 => drop(folders.fresh(letter.name())?),
                _ => {}
            }
            let measurement = in_own_process(letter, plan.scratch, plan.sample)?;
            progress(&format!("round {round} of {of}: {} {:.3} s", letter.name(), measurement.seconds));
            results.measured.entry(letter).or_default().push(measurement);
        }
    }
    check_same_work(&results)?;
    Ok(results)
}

/// A ratio means something only if both sides did the same.
fn check_same_work(results: &Results) -> Result<()> {
    let of = |letter| results.measured.get(&letter).and_then(|rounds| rounds.first()).map(|first| first.work);
    let (Some(a), Some(b), Some(c1)) = (of(Letter::A), of(Letter::B), of(Letter::C1)) else { return Ok(()) };
    // Fuel differs a little with the seed of hash maps, which follows from the key.
    let fuel = b.fuel.0.abs_diff(c1.fuel.0) as f64 / b.fuel.0.max(1) as f64;
    if b.compilations != c1.compilations || fuel > 0.01 {
        bail!("`prepare` did other work than the sandbox alone: {c1:?} and {b:?}");
    }
    if a.compilations != b.compilations {
        bail!("the native compilers did other work than the sandboxed ones: {a:?} and {b:?}");
    }
    Ok(())
}

/// Makes one measurement, in this process.
pub(crate) fn measure(letter: Letter, scratch: &Path, sample: usize) -> Result<Measurement> {
    use crate::measure::Timer;
    use crate::{native, sandboxed};

    let folders = Folders::new(scratch);
    let threads = std::thread::available_parallelism()?.get();
    match letter {
        Letter::A => {
            let mut scene = Scene::load(&folders)?;
            let mut timer = Timer::default();
            let work = native::on_large_stack(|| native::both_passes(&mut scene, &mut timer))?;
            timer.measurement(scene.modules.len() as u64, work)
        }
        Letter::B => sandboxed::both_passes(&mut Scene::load(&folders)?, &folders.sandbox()?),
        Letter::C1 => sandboxed::whole(&scratch.join("c1"), &folders.sandbox()?, 1),
        Letter::C2 => sandboxed::whole(&scratch.join("c2"), &folders.sandbox()?, threads),
        Letter::F => sandboxed::again(&scratch.join("c2"), &folders.sandbox()?),
        Letter::D => process::sample(&mut Scene::load(&folders)?, process::Walls::None, sample),
        Letter::E => process::sample(&mut Scene::load(&folders)?, process::Walls::Bubblewrap, sample),
        Letter::G => {
            let scene = Scene::without_modules(&folders)?;
            sandboxed::tiny(&scene, &scene.tiny(&folders)?, &folders.sandbox()?)
        }
        Letter::DTiny => {
            process::tiny(&Scene::without_modules(&folders)?.tiny(&folders)?, process::Walls::None, sample)
        }
        Letter::ETiny => process::tiny(
            &Scene::without_modules(&folders)?.tiny(&folders)?,
            process::Walls::Bubblewrap,
            sample,
        ),
    }
}
