//! `prefab` killed at random instants, again and again, and what must hold after each.
//!
//! An environment lives through rounds of changes, preparations and publishings; every command is killed until it
//! gets through. A twin of it lives through the same undisturbed and says what every module's deployed files may be. Afterwards:
//!
//! - the ledger is sound, and every bundle that it names is there with the bytes of its digest;
//! - no dead process holds the environment;
//! - `deployed/MODULE` is one of the twin's versions of it, complete;
//! - nothing that was committed is compiled again;
//! - in the end all is as in the twin, byte for byte.
//!
//! By default there are few modules and few kills. `PREFAB_CRASH_KILLS=200 PREFAB_CRASH_MODULES=200 cargo test --test cli crash`
//! is the long form; `PREFAB_CRASH_SEED` repeats a run's instants, as far as the machine does.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use prefab_model::{OutcomeKind, Stored};
use prefab_store::{BundleLimits, ResultFilter, Store};

use crate::scene::{Scene, releases};

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect(variable))
}

#[test]
fn killed_at_random_instants_it_loses_nothing_and_goes_on() {
    let kills = number_from("PREFAB_CRASH_KILLS").unwrap_or(6);
    let modules = number_from("PREFAB_CRASH_MODULES").unwrap_or(40);
    let seed = number_from("PREFAB_CRASH_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("PREFAB_CRASH_SEED={seed}");
    let mut harness = Harness {
        modules,
        victim: environment(modules),
        twin: environment(modules),
        random: fastrand::Rng::with_seed(seed),
        versions: BTreeMap::new(),
        compiled: HashMap::new(),
        kills: 0,
        checked: BTreeSet::new(),
    };
    let releases = ["11.8.0", "11.9.0"].map(|version| releases().join(version).display().to_string());
    for round in 0.. {
        harness.change_sources(round);
        match releases.get(round) {
            Some(release) => harness.both(&["upgrade", release]),
            None => harness.both(&["prepare"]),
        }
        harness.both(&["publish", "--all"]);
        assert_eq!(harness.victim.files_within("deployed"), harness.twin.files_within("deployed"));
        if harness.kills >= kills && round > 0 {
            break;
        }
    }
    eprintln!("{} kills, {} bundles checked", harness.kills, harness.checked.len());
}

struct Harness {
    modules: u64,
    victim: Scene,
    twin: Scene,
    random: fastrand::Rng,
    /// For each module, the digests of what may be deployed of it.
    versions: BTreeMap<String, HashSet<blake3::Hash>>,
    /// When each outcome was committed, which must not change.
    compiled: HashMap<Vec<u8>, i64>,
    kills: u64,
    /// Bundles whose bytes were read and found right.
    checked: BTreeSet<String>,
}

impl Harness {
    /// One file of every module is another one than in the round before.
    fn change_sources(&self, round: usize) {
        for scene in [&self.victim, &self.twin] {
            for number in 0..self.modules {
                let text = format!("export const round{number} = {round};\n");
                scene.write(&format!("modules/m{number}/src/round.ts"), text);
            }
        }
    }

    /// Runs a command in the twin undisturbed, and in the victim with kills until it gets through.
    fn both(&mut self, command: &[&str]) {
        let command: Vec<&str> = command.iter().copied().chain(["--quiet"]).collect();
        let began = Instant::now();
        let twin = self.twin.prefab(command.iter().copied()).output().unwrap();
        assert!(twin.status.success(), "{}", String::from_utf8_lossy(&twin.stderr));
        let usual = began.elapsed();
        for (module, digest) in deployed(&self.twin) {
            self.versions.entry(module).or_default().insert(digest);
        }
        loop {
            let mut running = self.victim.running(command.iter().copied());
            let instant = Duration::from_secs_f64(usual.as_secs_f64() * self.random.f64());
            if let Some(code) = running.ends_within(instant) {
                assert_eq!(code, 0);
                break;
            }
            running.kill();
            self.kills += 1;
            self.check();
        }
        self.check();
    }

    fn check(&mut self) {
        let state = self.victim.path(".prefab");
        // The order matters: opening is what takes in the log of a process that was killed.
        let store = Store::open(&state).unwrap();
        store.check().unwrap();
        self.check_outcomes(&state);
        self.check_bundles(&store);
        drop(store);
        let status = self.victim.json(["status"]);
        assert!(status["holder"].is_null(), "{status}");
        assert_ne!(status["state"], "preparing");
        for (module, digest) in deployed(&self.victim) {
            assert!(self.versions[&module].contains(&digest), "{module} is deployed in part");
        }
    }

    fn check_outcomes(&mut self, state: &Path) {
        let ledger = rusqlite::Connection::open(state.join("ledger.db")).unwrap();
        let mut statement = ledger.prepare("SELECT key, created_at FROM outcomes").unwrap();
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let now: HashMap<Vec<u8>, i64> = rows.map(Result::unwrap).collect();
        for (key, at) in &self.compiled {
            assert_eq!(now.get(key), Some(at), "what was committed is lost or was compiled again");
        }
        self.compiled = now;
    }

    fn check_bundles(&mut self, store: &Store) {
        let Some(preparation) = store.latest_preparation().unwrap() else { return };
        let limits = BundleLimits::from(&prefab_model::Limits::default());
        for result in store.results(preparation.id, ResultFilter::All).unwrap() {
            for compilation in result.compilations {
                let outcome = store
                    .outcome(&result.module, &compilation.key)
                    .unwrap()
                    .expect("a result names its outcomes");
                let OutcomeKind::Compiled(Stored::Bundle { digest, .. }) = outcome.outcome.kind else {
                    continue;
                };
                if self.checked.insert(digest.to_string()) {
                    store.blobs().read_bundle(&digest, limits).unwrap();
                } else {
                    assert!(store.blobs().has_bundle(&digest).unwrap());
                }
            }
        }
    }
}

/// What is deployed of each module, as a digest over all its files.
fn deployed(scene: &Scene) -> BTreeMap<String, blake3::Hash> {
    let mut digests: BTreeMap<String, blake3::Hasher> = BTreeMap::new();
    for (path, bytes) in scene.files_within("deployed") {
        let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        let module = parts.next().unwrap();
        if module.starts_with('.') {
            // A link that was about to take its place.
            continue;
        }
        let hasher = digests.entry(module).or_default();
        for field in [path.display().to_string().as_bytes(), &bytes] {
            hasher.update(&field.len().to_le_bytes()).update(field);
        }
    }
    digests.into_iter().map(|(module, hasher)| (module, hasher.finalize())).collect()
}

/// An environment of small modules, most of which use two others.
fn environment(modules: u64) -> Scene {
    let scene = Scene::empty();
    for number in 0..modules {
        let needed: BTreeSet<u64> =
            [number / 2, number * 7 % modules].into_iter().filter(|n| *n != number).collect();
        let list: Vec<String> = needed.iter().map(|n| format!("\"m{n}\"")).collect();
        scene.write(
            &format!("modules/m{number}/module.toml"),
            format!("name = \"m{number}\"\ndependencies = [{}]\nentry = \"src/index.ts\"\n", list.join(", ")),
        );
        let imports: Vec<String> =
            needed.iter().map(|n| format!("import {{ sum{n} }} from \"m{n}\";\n")).collect();
        let terms: Vec<String> = needed.iter().map(|n| format!("sum{n}(depth - 1)")).collect();
        let text = format!(
            "import {{ round{number} }} from \"./round\";\n{}\
             export function sum{number}(depth: number): number {{\n  return depth <= 0 ? round{number} : {};\n}}\n",
            imports.concat(),
            if terms.is_empty() { "0".to_owned() } else { terms.join(" + ") }
        );
        scene.write(&format!("modules/m{number}/src/index.ts"), text);
        scene.write(&format!("modules/m{number}/src/round.ts"), "");
        if number % 3 == 0 {
            scene.write(
                &format!("modules/m{number}/style.scss"),
                format!("$w: {number}px;\n.m {{ width: $w * 2; }}\n"),
            );
        }
    }
    let folders: Vec<String> =
        (0..modules).map(|n| scene.path(&format!("modules/m{n}")).display().to_string()).collect();
    scene.prefab(["module", "add"].into_iter().chain(folders.iter().map(String::as_str))).assert().success();
    fs::create_dir_all(scene.path("deployed")).unwrap();
    scene
}
