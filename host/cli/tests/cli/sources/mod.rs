//! Hostile sources (ATTACKS T1 to T6): trees, texts and descriptions that mean harm, each as a module of one environment, with the end
//! that it must come to. All of a family are prepared by one `prefab upgrade`, beside a good module that must not notice.
//!
//! One file a family. With `PREFAB_SOURCES_TABLE=FILE` the table is written there.

mod descriptions;
mod explosions;
mod trees;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::scene::{Scene, releases};

/// What the host may take for a whole family: two compilations of [`MEMORY`] at a time, what they were given, and the host's own.
const HOST_MEMORY: u64 = 1 << 30;
/// CPU time for a whole family.
const HOST_SECONDS: f64 = 240.0;
/// The limits of a compilation, so that it is quick.
const FUEL: &str = "1G";
const MEMORY: &str = "256MiB";

/// A module that means harm.
struct Hostile {
    /// The row of ATTACKS.
    row: &'static str,
    what: &'static str,
    /// Makes the module's files; `module.toml` is there.
    plant: Box<dyn Fn(&Path)>,
    end: End,
}

/// What must become of it.
#[derive(Clone, Copy)]
enum End {
    /// It is read as what it is, and compiled.
    Prepared,
    /// It alone fails: with this code of the host's, or this outcome.
    Failed(&'static str),
    /// Prepared or failed, within the limits.
    Either,
}

fn hostile(row: &'static str, what: &'static str, plant: impl Fn(&Path) + 'static, end: End) -> Hostile {
    Hostile { row, what, plant: Box::new(plant), end }
}

/// What a preparation said of one module.
struct Said {
    /// A code of the host's, or an outcome.
    ends: Vec<String>,
    /// For people.
    text: String,
    fuel: Option<u64>,
    peak: Option<u64>,
}

impl Said {
    fn of(module: &Value) -> Self {
        let problems: Vec<&Value> = module["problems"].as_array().unwrap().iter().collect();
        let mut ends = Vec::new();
        let mut text = String::new();
        for problem in &problems {
            let outcome = problem["outcome"].as_str().unwrap();
            let first = &problem["diagnostics"][0];
            ends.push(outcome.to_owned());
            ends.extend(first["code"].as_str().map(str::to_owned));
            text = match (first["message"].as_str(), problem["detail"].as_str()) {
                (Some(message), _) => message.to_owned(),
                (None, Some(detail)) => format!("{outcome}: {}", detail.lines().next().unwrap_or_default()),
                (None, None) => outcome.to_owned(),
            };
        }
        let usage = problems.last().map_or(&Value::Null, |problem| &problem["usage"]);
        Self { ends, text, fuel: usage["fuel"].as_u64(), peak: usage["peak_memory"].as_u64() }
    }
}

/// Prepares a family, checks every end, and returns its part of the table.
fn run(title: &str, family: &[Hostile]) -> String {
    let scene = Scene::empty();
    scene.prefab(["config", "set", "limits.fuel", FUEL]).assert().success();
    scene.prefab(["config", "set", "limits.memory", MEMORY]).assert().success();
    scene.write("modules/secret/in.ts", "export const SECRET: number = 1;\n");
    scene.module("good", "index.ts", "export const one: number = 1;\n");
    let name = |at: usize| format!("h{at:02}");
    for (at, it) in family.iter().enumerate() {
        scene.write(&format!("modules/{}/module.toml", name(at)), format!("name = \"{}\"\n", name(at)));
        scene.prefab(["module", "add"]).arg(scene.path("modules").join(name(at))).assert().success();
        (it.plant)(&scene.path("modules").join(name(at)));
    }
    let target = releases().join("11.9.0").into_os_string().into_string().unwrap();
    let measured = scene.measured(["upgrade", &target, "--priority", "normal"]);

    let errors = scene.json(["errors"]);
    let failed: BTreeMap<&str, Said> = errors["modules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|module| {
            let mut said = Said::of(module);
            // The same in the table each time.
            said.text = said.text.replace(scene.path("modules").to_str().unwrap(), "…");
            (module["module"].as_str().unwrap(), said)
        })
        .collect();
    let mut wrong = Vec::new();
    let mut table = format!(
        "\n## {title}\n\n| row | source | what becomes of it | fuel | memory |\n|---|---|---|---|---|\n"
    );
    for (at, it) in family.iter().enumerate() {
        let said = failed.get(name(at).as_str());
        let fits = match (it.end, said) {
            (End::Prepared | End::Either, None) => true,
            (End::Prepared, Some(_)) | (End::Failed(_), None) => false,
            // A fault of the machine or a deadline would not be an end by the caps.
            (End::Either, Some(said)) => {
                !said.ends.iter().any(|end| end == "host-error" || end == "deadline")
            }
            (End::Failed(end), Some(said)) => said.ends.iter().any(|its| its == end),
        };
        if !fits {
            wrong.push(format!("{}: {:?}", it.what, said.map(|said| (&said.ends, &said.text))));
        }
        let _ = writeln!(table, "{}", line(it, said));
    }
    let status = scene.json(["status"]);
    let other = failed.len();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(measured.code, Some(3), "{}", measured.stderr);
    assert!(!failed.contains_key("good"));
    assert_eq!(
        (&status["prepared"], &status["failed"], &status["host_errors"]),
        (&(family.len() + 1 - other).into(), &other.into(), &0.into()),
        "{status}"
    );
    assert!(measured.peak < HOST_MEMORY, "{} bytes", measured.peak);
    assert!(measured.cpu < HOST_SECONDS, "{} s of CPU time", measured.cpu);
    for text in [&measured.stdout, &measured.stderr] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
    // Nothing of what lies outside came in by any way.
    let _ = scene.prefab(["publish", "--all"]).assert();
    for (path, bytes) in scene.files("deployed") {
        assert!(!bytes.windows(6).any(|window| window == b"SECRET"), "{}", path.display());
    }
    // Deeper than the standard library takes away.
    assert!(Command::new("rm").arg("-rf").arg(scene.path("modules")).status().unwrap().success());
    let _ = writeln!(
        table,
        "\nAll of them together, two at a time: {:.1} s of CPU time, {} MiB at the peak of the process.",
        measured.cpu,
        measured.peak >> 20
    );
    table
}

fn line(it: &Hostile, said: Option<&Said>) -> String {
    let text: String = said.map_or("prepared", |said| &said.text).chars().take(110).collect();
    let text: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let number = |value: Option<u64>, unit: u64, name: &str| {
        value.map_or("-".to_owned(), |value| format!("{} {name}", value / unit))
    };
    format!(
        "| {} | {} | {} | {} | {} |",
        it.row,
        it.what,
        text.replace('|', "\\|"),
        number(said.and_then(|said| said.fuel), 1_000_000, "M"),
        number(said.and_then(|said| said.peak), 1 << 20, "MiB"),
    )
}

#[test]
fn every_hostile_source_comes_to_its_end_alone() {
    let mut table = format!(
        "# Hostile sources, and what becomes of each\n\nModules that mean harm, in one environment for each family, prepared by one `prefab \
         upgrade` with the compilers of the sample release, beside a good module that is prepared as ever. A compilation may use {FUEL} \
         of fuel and {MEMORY} of memory here, so that it is quick. Fuel and memory are those of the last compilation of the module; `-` where \
         none ran, or where it ended in a way that leaves them unknown. The figures are of a debug build on two shared cores.\n\nThis file is written by \
         `PREFAB_SOURCES_TABLE=../../docs/hostile-sources.md cargo test --test cli -- every_hostile`.\n"
    );
    // First, while this process is small: what it has in memory counts as its child's.
    table.push_str(&descriptions::run());
    table.push_str(&run("Trees", &trees::family()));
    table.push_str(&run("Texts that make a compiler explode", &explosions::family()));
    println!("{table}");
    if let Some(file) = std::env::var_os("PREFAB_SOURCES_TABLE") {
        std::fs::write(file, table).unwrap();
    }
}
