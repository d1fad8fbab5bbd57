//! Two preparations are read side by side.

use std::ops::ControlFlow;

use prefab_model::*;
use prefab_store::*;

/// More than a page, so that both sides are read in several.
const MODULES: usize = 2500;

fn name(number: usize) -> ModuleName {
    format!("m{number}").parse().unwrap()
}

fn begin(store: &Store) -> PreparationId {
    let new = NewPreparation {
        kind: PreparationKind::Preparation,
        version: "11.9.0".parse().unwrap(),
        release: ReleaseDigest::of(b"release"),
        modules: 0,
        started_at: 10,
        holder: Holder { pid: 42, who: "ada".into() },
    };
    store.begin_preparation(&new).unwrap()
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let rows = (0..MODULES).map(|number| ModuleRow {
        root: "modules".into(),
        kind: ModuleKind::Native,
        manifest: ModuleManifest {
            name: name(number),
            version: None,
            dependencies: std::collections::BTreeMap::new(),
            entry_points: vec![],
            options: std::collections::BTreeMap::new(),
            application: None,
        },
        added_at: 7,
    });
    store.put_modules(rows).unwrap();
    (folder, store)
}

fn put(store: &Store, preparation: PreparationId, which: impl Fn(usize) -> bool, state: &ModuleState) {
    let result = |number| ModuleResult {
        module: name(number),
        state: state.clone(),
        reused: false,
        host_error: None,
        notes: vec![],
        problems: vec![],
        compilations: vec![],
    };
    let results =
        (0..MODULES).filter(|number| which(*number)).map(|number| (preparation, result(number))).collect();
    store.commit(&Batch { results, ..Batch::default() }).unwrap();
}

#[test]
fn every_module_of_either_side_comes_once_with_both_of_its_results() {
    let (_folder, store) = store();
    let (base, new) = (begin(&store), begin(&store));
    put(&store, base, |number| number % 2 == 0, &ModuleState::Prepared);
    put(&store, new, |number| number % 3 == 0, &ModuleState::Failed);
    let mut seen = Vec::new();
    store
        .for_each_pair(base, new, |base, new| {
            let module = base.iter().chain(&new).map(|result| result.module.clone()).next().unwrap();
            assert!(
                base.iter().all(|result| result.module == module && result.state == ModuleState::Prepared)
            );
            assert!(new.iter().all(|result| result.module == module && result.state == ModuleState::Failed));
            seen.push((module, base.is_some(), new.is_some()));
            ControlFlow::Continue(())
        })
        .unwrap();
    let expected: Vec<_> = (0..MODULES)
        .filter(|number| number % 2 == 0 || number % 3 == 0)
        .map(|number| (name(number), number % 2 == 0, number % 3 == 0))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_preparation_beside_itself_has_every_result_on_both_sides() {
    let (_folder, store) = store();
    let only = begin(&store);
    put(&store, only, |_| true, &ModuleState::Prepared);
    let mut pairs = 0;
    store
        .for_each_pair(only, only, |base, new| {
            assert_eq!(base, new);
            pairs += 1;
            if pairs == 2000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(pairs, 2000, "it ends when it is told to");
}

#[test]
fn the_latest_preparation_of_a_release_is_found_rehearsals_aside() {
    let (_folder, store) = store();
    let (first, second) = (begin(&store), begin(&store));
    let found = store.latest_preparation_of(&ReleaseDigest::of(b"release")).unwrap().unwrap();
    assert!(found.id == second && first < second);
    assert_eq!(store.latest_preparation_of(&ReleaseDigest::of(b"other")).unwrap(), None);
    assert_eq!(store.yielded(&name(1), &CompilationKey::of(b"nothing")).unwrap(), None);
}
