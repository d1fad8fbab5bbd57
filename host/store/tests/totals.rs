//! The totals that `prefab status` reads are what counting would give, whatever happens to modules and deployments.

use prefab_model::*;
use prefab_store::*;
use proptest::prelude::*;
use serde_json::json;

const MODULES: usize = 5;

/// One thing that happens to an environment.
#[derive(Debug, Clone)]
enum Step {
    /// Modules are added, or described anew.
    Put(Vec<usize>),
    Remove(usize),
    /// Modules are published, and with `broken` one more that was never added: then nothing is.
    Publish {
        modules: Vec<usize>,
        broken: bool,
    },
    Rollback(usize),
    /// A preparation or a rehearsal ends with this module, or is broken off in the same way.
    Prepare {
        module: usize,
        rehearsed: bool,
        broken: bool,
    },
    /// The platform version is switched, forth or back.
    Switch,
    Collect {
        deployments: u32,
        dry_run: bool,
    },
    /// Another process begins where this one ends.
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let some = || prop::collection::vec(0..MODULES, 1..4);
    prop_oneof![
        3 => some().prop_map(Step::Put),
        2 => (0..MODULES).prop_map(Step::Remove),
        3 => (some(), prop::bool::weighted(0.3)).prop_map(|(modules, broken)| Step::Publish { modules, broken }),
        2 => (0..MODULES).prop_map(Step::Rollback),
        1 => (0..MODULES, any::<bool>(), any::<bool>())
            .prop_map(|(module, rehearsed, broken)| Step::Prepare { module, rehearsed, broken }),
        1 => Just(Step::Switch),
        1 => (0..3_u32, any::<bool>()).prop_map(|(deployments, dry_run)| Step::Collect { deployments, dry_run }),
        1 => Just(Step::Reopen),
    ]
}

fn name(number: usize) -> ModuleName {
    format!("m{number}").parse().unwrap()
}

fn row(number: usize) -> ModuleRow {
    ModuleRow {
        root: "somewhere".into(),
        kind: ModuleKind::Native,
        manifest: ModuleManifest::parse(&format!("name = \"m{number}\"")).unwrap(),
        added_at: 0,
    }
}

fn entry() -> HistoryEntry {
    HistoryEntry { at: 1, who: "ada".into(), what: "x".into(), detail: json!(null) }
}

fn deployment(module: ModuleName) -> Deployment {
    Deployment {
        module,
        restores: None,
        preparation: None,
        version: "1.0.0".parse().unwrap(),
        release: ReleaseDigest::of(b"r"),
        bundles: vec![],
        at: 1,
        who: "ada".into(),
    }
}

fn result(module: usize) -> ModuleResult {
    ModuleResult {
        module: name(module),
        state: ModuleState::Failed,
        reused: false,
        host_error: None,
        notes: vec![],
        problems: vec![],
        compilations: vec![],
    }
}

fn prepare(store: &Store, module: usize, rehearsed: bool, broken: bool) {
    let kind = if rehearsed { PreparationKind::Rehearsal } else { PreparationKind::Preparation };
    let new = NewPreparation {
        kind,
        version: "1.0.0".parse().unwrap(),
        release: ReleaseDigest::of(b"r"),
        modules: 1,
        started_at: 0,
        holder: Holder { pid: 1, who: "ada".into() },
    };
    let id = store.begin_preparation(&new).unwrap();
    let broken = broken.then_some((id, result(MODULES)));
    let results = [(id, result(module))].into_iter().chain(broken).collect();
    // Refused if a module was never added.
    let _ = store.commit(&Batch { results, rehearsed, ..Batch::default() });
}

/// Does it; some of what is asked for is refused.
fn apply(store: &Store, step: &Step) {
    match step {
        Step::Put(modules) => drop(store.put_modules(modules.iter().map(|number| row(*number))).unwrap()),
        Step::Remove(module) => drop(store.remove_module(&name(*module)).unwrap()),
        Step::Publish { modules, broken } => {
            let never_added = broken.then_some(MODULES);
            let deployments: Vec<_> =
                modules.iter().copied().chain(never_added).map(|number| deployment(name(number))).collect();
            let published = store.publish(&deployments, &[], &entry());
            assert!(!(*broken && published.is_ok()));
        }
        Step::Rollback(module) => {
            let earlier = store.deployments_before(&name(*module), 1).unwrap().pop();
            if let Some((id, earlier)) = earlier {
                store.publish(&[Deployment { restores: Some(id), ..earlier }], &[], &entry()).unwrap();
            }
        }
        Step::Prepare { module, rehearsed, broken } => prepare(store, *module, *rehearsed, *broken),
        Step::Switch => {
            let platform = Platform {
                version: "1.0.0".parse().unwrap(),
                release: ReleaseDigest::of(b"r"),
                previous: None,
            };
            store.set_platform(&platform, &entry()).unwrap();
        }
        Step::Collect { deployments, dry_run } => {
            let keep = Keep { deployments: *deployments, preparations: 1, since: i64::MAX };
            store.collect_rows(keep, *dry_run, &mut |_, _| {}).unwrap();
        }
        Step::Reopen => {}
    }
}

fn deployed(store: &Store) -> u64 {
    let modules = (0..=MODULES).filter(|number| store.deployment(&name(*number)).unwrap().is_some());
    modules.count() as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn totals_are_what_counting_gives(steps in prop::collection::vec(step(), 1..24)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        for step in &steps {
            if matches!(step, Step::Reopen) {
                drop(store);
                store = Store::open(folder.path()).unwrap();
            }
            apply(&store, step);
            prop_assert_eq!(store.module_count().unwrap(), store.modules().unwrap().len() as u64, "{:?}", step);
            prop_assert_eq!(store.deployed_count().unwrap(), deployed(&store), "{:?}", step);
            prop_assert!(store.check().is_ok(), "{:?}", step);
        }
    }
}

#[test]
fn totals_that_are_wrong_are_found_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.put_modules([row(0)]).unwrap();
    store.check().unwrap();
    let outside = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    outside.execute_batch("UPDATE totals SET modules = 7").unwrap();
    let error = store.check().unwrap_err();
    assert!(matches!(&error, StoreError::CorruptLedger { .. }), "{error}");
    assert!(error.to_string().contains("7 modules"), "{error}");
}
