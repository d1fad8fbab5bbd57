//! Looking through the modules: by pages, by state, by a part of their names.

use std::collections::BTreeMap;

use prefab_model::*;
use prefab_store::*;

const MODULES: usize = 300;

fn name(number: usize) -> ModuleName {
    format!("M{number:03}").parse().unwrap()
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
            dependencies: BTreeMap::new(),
            entry_points: vec![],
            options: BTreeMap::new(),
            application: None,
        },
        added_at: 7,
    });
    store.put_modules(rows).unwrap();
    (folder, store)
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

fn put(store: &Store, preparation: PreparationId, results: impl Iterator<Item = (usize, ModuleState)>) {
    let results = results
        .map(|(number, state)| {
            let result = ModuleResult {
                module: name(number),
                state,
                reused: number % 2 == 0,
                host_error: (number == 3).then(|| "no room".to_owned()),
                notes: vec![],
                problems: vec![],
                compilations: vec![],
            };
            (preparation, result)
        })
        .collect();
    store.commit(&Batch { results, ..Batch::default() }).unwrap();
}

fn browsing(preparation: PreparationId, state: Option<BrowsedState>) -> Browsing<'static> {
    Browsing { preparation: Some(preparation), earlier: None, state, search: "" }
}

fn names(page: &[BrowsedModule]) -> Vec<String> {
    page.iter().map(|module| module.row.manifest.name.to_string()).collect()
}

#[test]
fn each_state_is_found_and_pages_go_on_where_the_one_before_ended() {
    let (_folder, store) = store();
    let id = begin(&store);
    let skipped = ModuleState::Skipped(SkipReason { root: name(3) });
    let ended = (0..200).map(|number| match number % 10 {
        3 => (number, ModuleState::Failed),
        4 => (number, skipped.clone()),
        _ => (number, ModuleState::Prepared),
    });
    put(&store, id, ended);
    for (state, count) in [
        (None, 300),
        (Some(BrowsedState::Pending), 100),
        (Some(BrowsedState::Prepared), 160),
        (Some(BrowsedState::Failed), 20),
        (Some(BrowsedState::Skipped), 20),
    ] {
        let browsing = browsing(id, state);
        let whole = names(&store.browse(&browsing, None, 1000).unwrap());
        assert_eq!(whole.len(), count, "{state:?}");
        let mut paged: Vec<String> = Vec::new();
        loop {
            let after = paged.last().map(|last| last.parse().unwrap());
            let page = store.browse(&browsing, after.as_ref(), 7).unwrap();
            if page.is_empty() {
                break;
            }
            paged.extend(names(&page));
        }
        assert_eq!(paged, whole, "{state:?}");
        assert!(whole.is_sorted());
    }
    let failed = store.browse(&browsing(id, Some(BrowsedState::Failed)), None, 1).unwrap();
    assert_eq!((&failed[0].state, failed[0].host_trouble), (&ModuleState::Failed, true));
    let these = store.browse_these(&browsing(id, None), [&name(4), &name(250), &name(999)]).unwrap();
    assert_eq!((these.len(), &these[0].state, &these[1].state), (2, &skipped, &ModuleState::Pending));
}

#[test]
fn a_part_of_a_name_finds_it_in_any_case_and_is_no_pattern() {
    let (_folder, store) = store();
    let id = begin(&store);
    let find =
        |search| names(&store.browse(&Browsing { search, ..browsing(id, None) }, None, 1000).unwrap()).len();
    assert_eq!((find("m01"), find("M299"), find("%"), find("_"), find("'")), (10, 1, 0, 0, 0));
}

#[test]
fn what_took_no_part_stands_as_it_did_before() {
    let (_folder, store) = store();
    let (first, second) = (begin(&store), begin(&store));
    put(&store, first, (0..MODULES).map(|number| (number, ModuleState::Failed)));
    put(&store, second, [(5, ModuleState::Prepared)].into_iter());
    let both = Browsing { earlier: Some(first), ..browsing(second, Some(BrowsedState::Failed)) };
    assert_eq!(store.browse(&both, None, 1000).unwrap().len(), MODULES - 1);
    let alone = browsing(second, Some(BrowsedState::Failed));
    assert_eq!(store.browse(&alone, None, 1000).unwrap(), []);
}

#[test]
fn what_was_removed_is_not_shown() {
    let (_folder, store) = store();
    let id = begin(&store);
    put(&store, id, [(5, ModuleState::Failed)].into_iter());
    store.remove_module(&name(5)).unwrap();
    for state in [None, Some(BrowsedState::Failed), Some(BrowsedState::Pending)] {
        assert!(
            !names(&store.browse(&browsing(id, state), None, 1000).unwrap()).contains(&"M005".to_owned())
        );
    }
}
