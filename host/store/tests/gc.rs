//! Collecting garbage never takes what is referred to, also if it is killed on the way, and takes all else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prefab_model::*;
use prefab_store::*;
use proptest::prelude::*;
use tempfile::TempDir;

const LIMITS: BundleLimits = BundleLimits { bytes: Bytes(1 << 20), artifacts: 100 };
const MODULES: usize = 4;
const NOTHING_YOUNG: i64 = i64::MAX;

fn module(number: usize) -> ModuleName {
    format!("m{number}").parse().unwrap()
}

fn compiler() -> CompilerName {
    "typescript".parse().unwrap()
}

/// An outcome of compiling a module.
#[derive(Debug, Clone)]
struct Compiled {
    module: usize,
    signature: bool,
    /// The outcome, if it is a signature, that this one was shown; as everywhere, counted round and round.
    shown: usize,
    at: i64,
}

/// A preparation or a rehearsal, with the outcomes of some modules.
#[derive(Debug, Clone)]
struct Run {
    release: u8,
    rehearsal: bool,
    at: i64,
    results: BTreeMap<usize, usize>,
}

/// A deployment of a module, or a rollback.
#[derive(Debug, Clone)]
struct Deployed {
    module: usize,
    outcome: usize,
    rollback: bool,
    at: i64,
}

/// All that happened in an environment.
#[derive(Debug, Clone)]
struct Past {
    outcomes: Vec<Compiled>,
    runs: Vec<Run>,
    deployed: Vec<Deployed>,
    removed: Vec<usize>,
    keep: Keep,
}

fn past() -> impl Strategy<Value = Past> {
    let index = || 0..64_usize;
    let outcome = (0..MODULES, any::<bool>(), index(), 0..100_i64)
        .prop_map(|(module, signature, shown, at)| Compiled { module, signature, shown, at });
    let run =
        (0..3_u8, any::<bool>(), 0..100_i64, prop::collection::btree_map(0..MODULES, index(), 0..MODULES))
            .prop_map(|(release, rehearsal, at, results)| Run { release, rehearsal, at, results });
    let deployed = (0..MODULES, index(), any::<bool>(), 0..100_i64)
        .prop_map(|(module, outcome, rollback, at)| Deployed { module, outcome, rollback, at });
    (
        prop::collection::vec(outcome, 1..12),
        prop::collection::vec(run, 0..6),
        prop::collection::vec(deployed, 0..10),
        prop::collection::vec(0..MODULES, 0..2),
        (0..3_u32, 0..3_u32, prop_oneof![Just(NOTHING_YOUNG), 0..100_i64]),
    )
        .prop_map(|(outcomes, runs, deployed, removed, (deployments, preparations, since))| Past {
            outcomes,
            runs,
            deployed,
            removed,
            keep: Keep { deployments, preparations, since },
        })
}

/// An environment with a past.
struct Scene {
    folder: TempDir,
    keys: Vec<CompilationKey>,
    runs: Vec<PreparationId>,
    orphan: PathBuf,
}

fn compilation(past: &Past, number: usize) -> Compilation {
    let it = &past.outcomes[number];
    let shown = it.shown % past.outcomes.len();
    let signature = past.outcomes[shown].signature.then(|| SignatureDigest::of(&bytes(shown)));
    let task = if it.signature { Task::Signature } else { Task::Compile };
    Compilation {
        key: CompilationKey::of(&bytes(number)),
        task,
        compiler_name: compiler(),
        compiler: CompilerDigest::of(b"no release has this one"),
        contract: ContractVersion::V1,
        module: ModuleFacts {
            name: module(it.module),
            version: None,
            entry_points: vec![],
            dependencies: vec![Dependency {
                name: "d".into(),
                module: Some(module(past.outcomes[shown].module)),
                signature,
            }],
        },
        source: SourceDigest::of(&bytes(number)),
        options: Options::new(),
        limits: Limits::default(),
    }
}

fn bytes(number: usize) -> Vec<u8> {
    format!("what outcome {number} left").into()
}

fn artifact(number: usize) -> Artifact {
    Artifact { path: "a.js".parse().unwrap(), media_type: "text/javascript".into(), bytes: bytes(number) }
}

fn source(number: usize) -> Artifact {
    Artifact { path: "a.ts".parse().unwrap(), ..artifact(number) }
}

fn result(past: &Past, number: usize, of: usize) -> ModuleResult {
    ModuleResult {
        module: module(of),
        state: ModuleState::Prepared,
        reused: false,
        host_error: None,
        notes: vec![],
        problems: vec![],
        compilations: vec![CompilationRef {
            compiler: compiler(),
            task: Task::Compile,
            key: compilation(past, number).key,
        }],
    }
}

impl Scene {
    fn new(past: &Past) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.put_modules((0..MODULES).map(row)).unwrap();
        store.blobs().put_component(b"no release has this one".to_vec()).unwrap();
        let mut batch = Batch { rehearsed: true, ..Batch::default() };
        let mut bundles = Vec::new();
        for (number, it) in past.outcomes.iter().enumerate() {
            let (digest, size) = store.blobs().put_bundle(&[artifact(number)]).unwrap();
            bundles.push((digest, size));
            let stored = if it.signature {
                let digest = SignatureDigest::of(&bytes(number));
                batch.signatures.push((module(it.module), digest, bytes(number)));
                Stored::Signature(digest)
            } else {
                Stored::Bundle { digest, size }
            };
            batch.outcomes.push(OutcomeRow {
                compilation: compilation(past, number),
                outcome: Outcome {
                    kind: OutcomeKind::Compiled(stored),
                    usage: Usage { fuel: None, peak_memory: Bytes(0), time: Duration::ZERO },
                    diagnostics: vec![],
                    log: format!("log of {number}"),
                },
                created_at: it.at,
            });
        }
        store.commit(&batch).unwrap();
        let mut runs = Vec::new();
        for run in &past.runs {
            let kind = if run.rehearsal { PreparationKind::Rehearsal } else { PreparationKind::Preparation };
            let id = store
                .begin_preparation(&NewPreparation {
                    kind,
                    version: "1.0.0".parse().unwrap(),
                    release: ReleaseDigest::of(&[run.release]),
                    modules: 1,
                    started_at: run.at,
                    holder: Holder { pid: 1, who: "ada".into() },
                })
                .unwrap();
            let results = run
                .results
                .iter()
                .map(|(of, number)| (id, result(past, number % past.outcomes.len(), *of)))
                .collect();
            store.commit(&Batch { results, ..Batch::default() }).unwrap();
            runs.push(id);
        }
        for it in &past.deployed {
            deploy(&store, past, it, &bundles);
        }
        for removed in &past.removed {
            store.remove_module(&module(*removed)).unwrap();
        }
        let keys = (0..past.outcomes.len()).map(|number| compilation(past, number).key).collect();
        let (orphan, _) = store.blobs().put_bundle(&[artifact(usize::MAX)]).unwrap();
        let orphan = blob(folder.path(), &orphan.hex());
        fs::write(orphan.with_file_name(format!("{}#1", orphan.file_name().unwrap().display())), "part")
            .unwrap();
        Self { folder, keys, runs, orphan }
    }

    fn store(&self) -> Store {
        Store::open(self.folder.path()).unwrap()
    }

    fn outcome(&self, past: &Past, store: &Store, key: &CompilationKey) -> Option<StoredOutcome> {
        let number = self.keys.iter().position(|it| it == key).unwrap();
        store.outcome(&module(past.outcomes[number].module), key).unwrap()
    }
}

fn row(number: usize) -> ModuleRow {
    ModuleRow {
        root: "somewhere".into(),
        kind: ModuleKind::Native,
        manifest: ModuleManifest::parse(&format!("name = \"m{number}\"")).unwrap(),
        added_at: 0,
    }
}

fn deploy(store: &Store, past: &Past, it: &Deployed, bundles: &[(BundleDigest, u64)]) {
    let name = module(it.module);
    let number = it.outcome % past.outcomes.len();
    let mut deployment = Deployment {
        module: name.clone(),
        restores: None,
        preparation: None,
        version: "1.0.0".parse().unwrap(),
        release: ReleaseDigest::of(b"r"),
        bundles: vec![DeployedBundle {
            compiler: compiler(),
            key: compilation(past, number).key,
            source: SourceDigest::of(&bytes(number)),
            bundle: bundles[number].0,
            size: bundles[number].1,
        }],
        at: it.at,
        who: "ada".into(),
    };
    if it.rollback {
        let Some((id, earlier)) = store.deployments_before(&name, 1).unwrap().pop() else { return };
        deployment = Deployment { restores: Some(id), at: it.at, ..earlier };
    }
    let entry = HistoryEntry { at: 1, who: "ada".into(), what: "x".into(), detail: serde_json::Value::Null };
    let kept: Vec<_> = (!it.rollback)
        .then(|| (SourceDigest::of(&bytes(number)), store.blobs().put_sources(&[source(number)]).unwrap()))
        .into_iter()
        .collect();
    store.publish(&[deployment], &kept, &entry).unwrap();
}

fn blob(folder: &Path, hex: &str) -> PathBuf {
    folder.join("blobs").join(&hex[..2]).join(hex)
}

/// Of a module: what it can be rolled back to, and what is deployed.
type Deployments = (Vec<(DeploymentId, Deployment)>, Option<Deployment>);

/// What must be there afterwards.
struct Needed {
    results: Vec<(PreparationId, ModuleResult)>,
    deployments: Vec<(ModuleName, Deployments)>,
    outcomes: Vec<(CompilationKey, StoredOutcome)>,
}

/// By the plainest reading of what is promised.
fn needed(past: &Past, scene: &Scene, store: &Store) -> Needed {
    let mut needed = Needed { results: vec![], deployments: vec![], outcomes: vec![] };
    let mut keys: Vec<CompilationKey> = Vec::new();
    for (place, run) in past.runs.iter().enumerate() {
        let later = &past.runs[place + 1..];
        let recent =
            later.iter().filter(|it| it.rehearsal == run.rehearsal).count() < past.keep.preparations as usize;
        for (of, number) in &run.results {
            let latest = !past.removed.contains(of)
                && !later.iter().any(|it| {
                    it.release == run.release && it.rehearsal == run.rehearsal && it.results.contains_key(of)
                });
            if latest || recent || run.at >= past.keep.since {
                let result = result(past, number % past.outcomes.len(), *of);
                keys.extend(result.compilations.iter().map(|it| it.key));
                needed.results.push((scene.runs[place], result));
            }
        }
    }
    for number in 0..MODULES {
        let name = module(number);
        let now = store.deployment(&name).unwrap();
        let before = store.deployments_before(&name, past.keep.deployments).unwrap();
        let all = now.iter().chain(before.iter().map(|(_, deployment)| deployment));
        keys.extend(all.flat_map(|it| &it.bundles).map(|it| it.key));
        needed.deployments.push((name, (before, now)));
    }
    keys.extend(
        scene.keys.iter().zip(&past.outcomes).filter(|(_, it)| it.at >= past.keep.since).map(|(key, _)| *key),
    );
    needed.outcomes = keys.iter().map(|key| (*key, scene.outcome(past, store, key).unwrap())).collect();
    needed
}

/// That all of it is there, and that no row speaks of what is not.
fn check(needed: &Needed, past: &Past, scene: &Scene, store: &Store) {
    for (run, result) in &needed.results {
        assert_eq!(store.result(*run, &result.module).unwrap().as_ref(), Some(result));
    }
    for (name, (before, now)) in &needed.deployments {
        assert_eq!(store.deployment(name).unwrap(), *now);
        assert_eq!(store.deployments_before(name, past.keep.deployments).unwrap(), *before);
        let everything = store.deployments_of(name, u32::MAX).unwrap();
        for bundle in everything.iter().flat_map(|it| &it.bundles) {
            store.blobs().read_bundle(&bundle.bundle, LIMITS).unwrap();
            let blob = store.sources(&bundle.source).unwrap().unwrap();
            store.blobs().read_sources(&blob, LIMITS).unwrap();
        }
    }
    for (key, outcome) in &needed.outcomes {
        assert_eq!(scene.outcome(past, store, key).as_ref(), Some(outcome));
    }
    for key in &scene.keys {
        let Some(outcome) = scene.outcome(past, store, key) else { continue };
        match outcome.outcome.kind {
            OutcomeKind::Compiled(Stored::Bundle { digest, .. }) => {
                store.blobs().read_bundle(&digest, LIMITS).unwrap();
            }
            OutcomeKind::Compiled(Stored::Signature(digest)) => {
                assert!(store.signature(&outcome.module, &digest).unwrap().is_some());
            }
            other => panic!("{other:?}"),
        }
        // What it takes to compile it again.
        if let Some(compilation) = outcome.compilation {
            store.blobs().component(&compilation.compiler).unwrap();
            for shown in compilation.module.dependencies {
                let (module, Some(signature)) = (shown.module.unwrap(), shown.signature) else { continue };
                assert!(store.signature(&module, &signature).unwrap().is_some());
            }
        }
    }
}

fn rows(store: &Store, keep: Keep, dry_run: bool) -> (CollectedRows, LiveBlobs) {
    store.collect_rows(keep, dry_run, &mut |_, _| {}).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_referred_to_stays_also_if_the_collector_is_killed(past in past()) {
        let scene = Scene::new(&past);
        let store = scene.store();
        let needed = needed(&past, &scene, &store);

        let (would, live) = rows(&store, past.keep, true);
        let would_go = store.collect_blobs(&live, true, &mut |_| {}).unwrap();
        prop_assert!(scene.orphan.exists());
        prop_assert_eq!(rows(&store, past.keep, true).0, would, "trying changes nothing");

        let (went, _) = rows(&store, past.keep, false);
        prop_assert_eq!(went, would);
        // Killed between the rows and the blobs.
        drop(store);
        let store = scene.store();
        check(&needed, &past, &scene, &store);

        let (again, live) = rows(&store, past.keep, false);
        prop_assert_eq!(again, CollectedRows::default(), "nothing is left to collect");
        let gone = store.collect_blobs(&live, false, &mut |_| {}).unwrap();
        prop_assert_eq!(gone, would_go);
        check(&needed, &past, &scene, &store);
        prop_assert!(!scene.orphan.exists());
        prop_assert_eq!(store.collect_blobs(&live, false, &mut |_| {}).unwrap(), Tally::default());
    }
}

/// The second deployment is young by its own clock, so it stays; the rollback after it is what says that it is not on the way back.
#[test]
fn the_way_back_stays_where_the_clock_was_set_back() {
    let deployed = |rollback, at| Deployed { module: 1, outcome: 0, rollback, at };
    let past = Past {
        outcomes: vec![Compiled { module: 1, signature: false, shown: 0, at: 0 }],
        runs: vec![],
        deployed: vec![deployed(false, 0), deployed(false, 75), deployed(true, 47), deployed(false, 18)],
        removed: vec![],
        keep: Keep { deployments: 1, preparations: 1, since: 58 },
    };
    let scene = Scene::new(&past);
    let store = scene.store();
    let needed = needed(&past, &scene, &store);
    rows(&store, past.keep, false);
    check(&needed, &past, &scene, &store);
}

#[test]
fn parts_of_blobs_go_and_files_of_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (digest, _) = store.blobs().put_bundle(&[artifact(1)]).unwrap();
    let path = blob(folder.path(), &digest.hex());
    let beside = |name: &str| path.with_file_name(name);
    let part = format!("{}#7", digest.hex());
    for name in [&part, "notes.txt", "x#1"] {
        fs::write(beside(name), "12345").unwrap();
    }
    let (_, live) = rows(&store, Keep { deployments: 0, preparations: 0, since: 0 }, false);
    let mut seen = 0;
    let gone = store.collect_blobs(&live, false, &mut |count| seen = count).unwrap();
    assert_eq!((gone.count, seen), (2, 4));
    assert!(!beside(&part).exists() && !path.exists());
    assert!(beside("notes.txt").exists() && beside("x#1").exists());
}

#[test]
fn the_compilers_of_installed_releases_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let digest = store.blobs().put_component(b"a compiler".to_vec()).unwrap();
    let other = store.blobs().put_component(b"of nobody".to_vec()).unwrap();
    let manifest = format!(
        "version = \"1.0.0\"\nupgrades-from = \"*\"\n[[compiler]]\nname = \"c\"\ncomponent = \"c.wasm\"\ndigest = \"{digest}\"\nfiles = [\"**\"]\n"
    );
    store
        .install_release(&InstalledRelease {
            version: "1.0.0".parse().unwrap(),
            digest: ReleaseDigest::of(manifest.as_bytes()),
            manifest,
            installed_at: 0,
            provenance: Provenance::default(),
        })
        .unwrap();
    let (_, live) = rows(&store, Keep { deployments: 0, preparations: 0, since: NOTHING_YOUNG }, false);
    store.collect_blobs(&live, false, &mut |_| {}).unwrap();
    assert!(store.blobs().component(&digest).is_ok());
    assert!(matches!(store.blobs().component(&other), Err(StoreError::MissingBlob { .. })));
}

#[test]
fn a_ledger_that_lost_much_becomes_shorter() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.put_modules([row(0)]).unwrap();
    let past = Past {
        outcomes: vec![],
        runs: vec![],
        deployed: vec![],
        removed: vec![],
        keep: Keep { deployments: 0, preparations: 0, since: NOTHING_YOUNG },
    };
    let signatures = (0..200_u32).map(|n| (module(0), SignatureDigest::of(&bulk(n)), bulk(n))).collect();
    store.commit(&Batch { signatures, ..Batch::default() }).unwrap();
    assert_eq!(store.shrink().unwrap(), 0);
    assert_eq!(rows(&store, past.keep, false).0.signatures, 200);
    let shorter = store.shrink().unwrap();
    assert!(shorter > 2 << 20, "{shorter}");
    assert!(fs::metadata(folder.path().join("ledger.db")).unwrap().len() < 1 << 20);
    store.check().unwrap();
}

fn bulk(number: u32) -> Vec<u8> {
    number.to_le_bytes().repeat(4096)
}
