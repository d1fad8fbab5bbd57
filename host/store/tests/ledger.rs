//! What is put into the ledger comes out of it, also after it was closed.

use std::ops::ControlFlow;
use std::time::Duration;

use prefab_model::*;
use prefab_store::*;
use serde_json::json;
use tempfile::TempDir;

fn name(text: &str) -> ModuleName {
    text.parse().unwrap()
}

fn typescript() -> CompilerName {
    "typescript".parse().unwrap()
}

fn key(text: &str) -> CompilationKey {
    CompilationKey::of(text.as_bytes())
}

fn module(text: &str) -> ModuleRow {
    ModuleRow {
        root: format!("modules/{text}").into(),
        kind: ModuleKind::Native,
        manifest: ModuleManifest {
            name: name(text),
            version: Some("1.2.0".into()),
            dependencies: [("money".to_owned(), name("money"))].into(),
            entry_points: vec![EntryPoint { name: ".".into(), path: "src/index.ts".parse().unwrap() }],
            options: [(typescript(), [("minify".to_owned(), "true".to_owned())].into())].into(),
            application: Some("shop".into()),
        },
        added_at: 7,
    }
}

fn store_with(modules: &[&str]) -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.put_modules(modules.iter().map(|text| module(text))).unwrap();
    (folder, store)
}

fn entry(what: &str) -> HistoryEntry {
    HistoryEntry { at: 1, who: "ada".into(), what: what.into(), detail: json!({ "to": "11.9.0" }) }
}

fn begin(store: &Store, modules: u64) -> PreparationId {
    let new = NewPreparation {
        kind: PreparationKind::Preparation,
        version: "11.9.0".parse().unwrap(),
        release: ReleaseDigest::of(b"release"),
        modules,
        started_at: 10,
        holder: Holder { pid: 42, who: "ada".into() },
    };
    store.begin_preparation(&new).unwrap()
}

fn outcome(text: &str, task: Task, kind: OutcomeKind) -> OutcomeRow {
    OutcomeRow {
        compilation: Compilation {
            key: key(text),
            task,
            compiler_name: typescript(),
            compiler: CompilerDigest::of(b"typescript"),
            contract: ContractVersion::V1,
            module: ModuleFacts {
                name: name("cart"),
                version: None,
                entry_points: vec![],
                dependencies: vec![],
            },
            source: SourceDigest::of(b"source"),
            options: Options::new(),
            limits: Limits { fuel: Fuel(99), ..Limits::default() },
        },
        outcome: Outcome {
            kind,
            usage: Usage {
                fuel: Some(Fuel(12)),
                peak_memory: Bytes(1 << 20),
                time: Duration::from_nanos(1_234_567),
            },
            diagnostics: vec![],
            log: String::new(),
        },
        created_at: 3,
    }
}

fn result(module: &str, state: ModuleState) -> ModuleResult {
    ModuleResult {
        module: name(module),
        state,
        reused: false,
        host_error: None,
        notes: vec![],
        problems: vec![],
        compilations: vec![],
    }
}

#[test]
fn a_new_environment_knows_nothing() {
    let (_folder, store) = store_with(&[]);
    assert_eq!(store.platform().unwrap(), None);
    assert_eq!(store.releases().unwrap(), []);
    assert_eq!(store.modules().unwrap(), []);
    assert_eq!(store.latest_preparation().unwrap(), None);
    assert_eq!(store.history(10).unwrap(), []);
    assert_eq!(store.deployed_page(None).unwrap(), []);
}

#[test]
fn the_platform_is_switched_together_with_the_history() {
    let (folder, store) = store_with(&[]);
    let release = ReleaseDigest::of(b"r");
    let platform = |version: &str, previous: Option<&str>| Platform {
        version: version.parse().unwrap(),
        release,
        previous: previous.map(|version| (version.parse().unwrap(), release)),
    };
    store.set_platform(&platform("11.8.0", None), &entry("init")).unwrap();
    store.set_platform(&platform("11.9.0", Some("11.8.0")), &entry("upgrade")).unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.platform().unwrap(), Some(platform("11.9.0", Some("11.8.0"))));
    assert_eq!(store.history(10).unwrap(), [entry("upgrade"), entry("init")]);
    assert_eq!(store.history(1).unwrap(), [entry("upgrade")]);
}

#[test]
fn releases_are_listed_by_version_and_replaced_by_name() {
    let (_folder, store) = store_with(&[]);
    let release = |version: &str, manifest: &str| InstalledRelease {
        version: version.parse().unwrap(),
        digest: ReleaseDigest::of(manifest.as_bytes()),
        manifest: manifest.into(),
        installed_at: 5,
        provenance: Provenance {
            origin: Some("oci://registry.example/platform:1".into()),
            origin_digest: Some("sha256:00".into()),
            signature: Some("untrusted comment: …".into()),
            signed_by: Some("E7620F1842B4E81F".parse().unwrap()),
        },
    };
    for (version, manifest) in [("11.10.0", "c"), ("11.9.0", "b"), ("11.9.0", "b2")] {
        store.install_release(&release(version, manifest)).unwrap();
    }
    assert_eq!(store.releases().unwrap(), [release("11.9.0", "b2"), release("11.10.0", "c")]);
    assert_eq!(store.release(&"11.9.0".parse().unwrap()).unwrap(), Some(release("11.9.0", "b2")));
    assert_eq!(store.release(&"1.0.0".parse().unwrap()).unwrap(), None);
}

#[test]
fn modules_are_paged_by_name() {
    let (_folder, store) = store_with(&["b", "@z/a", "a", "c"]);
    let names =
        |rows: Vec<ModuleRow>| rows.into_iter().map(|row| row.manifest.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(store.modules().unwrap()), ["@z/a", "a", "b", "c"]);
    assert_eq!(names(store.modules_page(Some(&name("a")), 1).unwrap()), ["b"]);
    assert_eq!(store.module_count().unwrap(), 4);
    assert_eq!(store.module(&name("b")).unwrap(), Some(module("b")));
    assert_eq!(store.modules_of_application("shop").unwrap().len(), 4);
    assert_eq!(store.modules_of_application("bank").unwrap(), []);
}

#[test]
fn a_module_that_was_removed_and_added_again_keeps_its_past() {
    let (_folder, store) = store_with(&["cart"]);
    let id = begin(&store, 1);
    let cart = result("cart", ModuleState::Prepared);
    store.commit(&Batch { results: vec![(id, cart.clone())], ..Batch::default() }).unwrap();
    assert!(store.remove_module(&name("cart")).unwrap());
    assert!(!store.remove_module(&name("cart")).unwrap());
    assert_eq!(store.module(&name("cart")).unwrap(), None);
    assert_eq!(store.modules().unwrap(), []);
    let again = ModuleRow { root: "elsewhere".into(), added_at: 99, ..module("cart") };
    store.put_modules([again.clone()]).unwrap();
    assert_eq!(store.module(&name("cart")).unwrap(), Some(ModuleRow { added_at: 7, ..again }));
    assert_eq!(store.latest_result(&name("cart")).unwrap(), Some((id, cart)));
}

#[test]
fn outcomes_of_every_kind_are_read_back() {
    let (folder, store) = store_with(&["cart"]);
    let kinds = [
        OutcomeKind::Compiled(Stored::Bundle { digest: BundleDigest::of(b"b"), size: 1234 }),
        OutcomeKind::Compiled(Stored::Signature(SignatureDigest::of(b"s"))),
        OutcomeKind::Rejected,
        OutcomeKind::OutOfFuel,
        OutcomeKind::OutOfMemory(Limit::TableElements),
        OutcomeKind::OutputCap(Limit::Diagnostics),
        OutcomeKind::Trapped("unreachable at parse".into()),
        OutcomeKind::Refused("it exports no `compile`".into()),
    ];
    let position = Position { line: 1, column: 2 };
    let diagnostic = Diagnostic {
        severity: Severity::Error,
        code: Some("TS2305".into()),
        message: "no such export".into(),
        file: Some("src/index.ts".into()),
        span: Some(Span { start: position, end: position }),
        labels: vec![],
        help: None,
        excerpt: None,
    };
    let mut batch = Batch::default();
    for (number, kind) in kinds.into_iter().enumerate() {
        let mut row = outcome(&number.to_string(), Task::Compile, kind);
        if number % 2 == 0 {
            row.outcome.diagnostics.push(diagnostic.clone());
            row.outcome.log = "said something".into();
            row.outcome.usage.fuel = None;
        }
        batch.outcomes.push(row);
    }
    store.commit(&batch).unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    for row in batch.outcomes {
        let known = store.known(&name("cart"), &row.compilation.key).unwrap().unwrap();
        assert_eq!(known, Known { kind: row.outcome.kind.clone(), limits: row.compilation.limits.clone() });
        let stored = store.outcome(&name("cart"), &row.compilation.key).unwrap().unwrap();
        assert_eq!(
            stored,
            StoredOutcome {
                outcome: row.outcome,
                limits: row.compilation.limits.clone(),
                module: row.compilation.module.name.clone(),
                compiler: row.compilation.compiler_name.clone(),
                task: row.compilation.task,
                compilation: (row.compilation.task == Task::Compile).then_some(row.compilation),
                created_at: row.created_at,
            }
        );
    }
    assert_eq!(store.known(&name("cart"), &key("other")).unwrap(), None);
    assert_eq!(store.outcome(&name("cart"), &key("other")).unwrap(), None);
}

#[test]
fn modules_that_are_looked_up_together_stand_as_each_does_alone() {
    let (_folder, store) = store_with(&["cart", "gone", "tax"]);
    store.remove_module(&name("gone")).unwrap();
    let snapshot = Snapshot { files: vec![] };
    let kinds = [OutcomeKind::Rejected, OutcomeKind::Trapped("unreachable".into())];
    let outcomes = kinds.into_iter().zip(["1", "2"]).map(|(kind, text)| outcome(text, Task::Compile, kind));
    let batch = Batch {
        snapshots: vec![(name("cart"), snapshot.clone())],
        outcomes: outcomes.collect(),
        ..Batch::default()
    };
    store.commit(&batch).unwrap();
    let modules = ["tax", "gone", "cart", "nowhere"].map(name);
    let standings = store.standings(&modules, true).unwrap();
    let rows: Vec<_> = standings.iter().map(|standing| standing.row.clone()).collect();
    assert_eq!(rows, [Some(module("tax")), None, Some(module("cart")), None]);
    let cart = &standings[2];
    assert_eq!(cart.snapshot.as_ref(), Some(&snapshot));
    for text in ["1", "2", "3"] {
        assert_eq!(cart.known(&key(text)).cloned(), store.known(&name("cart"), &key(text)).unwrap());
        assert_eq!(standings[0].known(&key(text)), None);
    }
    assert!(standings.iter().all(|standing| !standing.has_more()));
    assert_eq!(store.standings(&modules, false).unwrap()[2].snapshot, None);
}

#[test]
fn a_module_with_very_many_outcomes_says_that_some_are_not_read_along() {
    let (_folder, store) = store_with(&["cart"]);
    let many = (0..40).map(|number| outcome(&number.to_string(), Task::Compile, OutcomeKind::Rejected));
    store.commit(&Batch { outcomes: many.collect(), ..Batch::default() }).unwrap();
    let standing = store.standings([&name("cart")], false).unwrap().remove(0);
    assert!(standing.has_more());
    let read = (0..40).filter(|number| standing.known(&key(&number.to_string())).is_some());
    assert!((1..40).contains(&read.count()));
}

#[test]
fn an_outcome_under_raised_limits_takes_the_place_of_the_earlier_one() {
    let (_folder, store) = store_with(&["cart"]);
    let mut row = outcome("k", Task::Compile, OutcomeKind::OutOfFuel);
    row.outcome.log = "almost".into();
    store.commit(&Batch { outcomes: vec![row.clone()], ..Batch::default() }).unwrap();
    let raised = Limits { fuel: Fuel(100), ..row.compilation.limits.clone() };
    assert!(!store.known(&name("cart"), &row.compilation.key).unwrap().unwrap().holds_under(&raised));
    row.outcome.kind = OutcomeKind::Rejected;
    row.outcome.log.clear();
    row.compilation.limits = raised.clone();
    store.commit(&Batch { outcomes: vec![row.clone()], ..Batch::default() }).unwrap();
    assert!(store.known(&name("cart"), &row.compilation.key).unwrap().unwrap().holds_under(&raised));
    assert_eq!(store.outcome(&name("cart"), &row.compilation.key).unwrap().unwrap().outcome, row.outcome);
}

#[test]
fn what_depends_on_the_machine_is_refused_and_with_it_the_batch() {
    let (_folder, store) = store_with(&["cart"]);
    for kind in [OutcomeKind::Deadline, OutcomeKind::HostError("disk".into()), OutcomeKind::Cancelled] {
        let batch = Batch {
            outcomes: vec![
                outcome("fine", Task::Compile, OutcomeKind::Rejected),
                outcome("k", Task::Compile, kind),
            ],
            ..Batch::default()
        };
        assert!(matches!(store.commit(&batch), Err(StoreError::NotDeterministic { .. })));
        assert_eq!(store.known(&name("cart"), &key("fine")).unwrap(), None);
    }
}

#[test]
fn a_batch_for_an_unknown_module_or_preparation_leaves_nothing() {
    let (_folder, store) = store_with(&["cart"]);
    let mut batch = Batch {
        outcomes: vec![outcome("k", Task::Compile, OutcomeKind::Rejected)],
        snapshots: vec![(name("ghost"), Snapshot::default())],
        ..Batch::default()
    };
    assert!(matches!(store.commit(&batch), Err(StoreError::UnknownModule { .. })));
    batch.snapshots.clear();
    batch.counts = Some((PreparationId(7), Counts::default()));
    assert!(matches!(store.commit(&batch), Err(StoreError::UnknownPreparation { .. })));
    assert_eq!(store.known(&name("cart"), &key("k")).unwrap(), None);
}

#[test]
fn a_snapshot_is_replaced_and_goes_with_its_module() {
    let (_folder, store) = store_with(&["cart"]);
    let snapshot = |size| Snapshot {
        files: vec![SnapshotFile {
            path: "src/index.ts".parse().unwrap(),
            size,
            mtime_ns: -1,
            inode: u64::MAX,
            content: [7; 32],
        }],
    };
    for size in [1, 2] {
        let snapshots = vec![(name("cart"), snapshot(size))];
        store.commit(&Batch { snapshots, ..Batch::default() }).unwrap();
    }
    assert_eq!(store.snapshot(&name("cart")).unwrap(), Some(snapshot(2)));
    store.remove_module(&name("cart")).unwrap();
    assert_eq!(store.snapshot(&name("cart")).unwrap(), None);
}

#[test]
fn the_signature_of_an_earlier_success_is_found_after_a_failure() {
    let (_folder, store) = store_with(&["cart"]);
    let digest = SignatureDigest::of(b"exports");
    let signed = OutcomeKind::Compiled(Stored::Signature(digest));
    let batch = Batch {
        signatures: vec![(name("cart"), digest, b"exports".to_vec())],
        outcomes: vec![outcome("old", Task::Signature, signed)],
        ..Batch::default()
    };
    store.commit(&batch).unwrap();
    let failed = vec![outcome("new", Task::Signature, OutcomeKind::Rejected)];
    store.commit(&Batch { outcomes: failed, ..Batch::default() }).unwrap();
    assert_eq!(store.latest_signature(&name("cart"), &typescript()).unwrap(), Some(digest));
    assert_eq!(store.signature(&name("cart"), &digest).unwrap().as_deref(), Some(&b"exports"[..]));
    let usage = store.latest_usage(&name("cart"), &typescript(), Task::Signature).unwrap().unwrap();
    assert_eq!(usage.fuel, Some(Fuel(12)));
    assert_eq!(store.latest_usage(&name("cart"), &typescript(), Task::Compile).unwrap(), None);
    assert_eq!(store.latest_signature(&name("cart"), &"sass".parse().unwrap()).unwrap(), None);
    assert_eq!(store.forget_outcomes(&name("cart"), &[key("old"), key("never")]).unwrap(), 1);
    assert_eq!(store.known(&name("cart"), &key("old")).unwrap(), None);
    assert_eq!(store.latest_signature(&name("cart"), &typescript()).unwrap(), None);
}

#[test]
fn a_preparation_is_followed_from_beginning_to_end() {
    let (_folder, store) = store_with(&["cart", "money", "mail"]);
    let id = begin(&store, 3);
    let running = store.latest_preparation().unwrap().unwrap();
    assert_eq!((running.id, running.state, running.counts.modules), (id, PreparationState::Running, 3));
    assert_eq!((running.holder.pid, running.started_at, running.finished_at), (42, 10, None));
    let counts =
        Counts { modules: 3, signed: 3, prepared: 1, failed: 1, skipped: 1, reused: 1, host_errors: 1 };
    let money = ModuleResult {
        host_error: Some("disk".into()),
        compilations: vec![CompilationRef { compiler: typescript(), task: Task::Compile, key: key("k") }],
        notes: vec![Note::EarlierSignature(name("cart")), Note::DependencyMissing("left-pad".into())],
        ..result("money", ModuleState::Failed)
    };
    let mail = result("mail", ModuleState::Skipped(SkipReason { root: name("money") }));
    let cart = ModuleResult { reused: true, ..result("cart", ModuleState::Prepared) };
    let batch = Batch {
        results: [&cart, &money, &mail].map(|result| (id, result.clone())).into(),
        counts: Some((id, counts)),
        ..Batch::default()
    };
    store.commit(&batch).unwrap();
    store.finish_preparation(id, PreparationState::Done, &counts, 20).unwrap();
    let done = store.preparation(id).unwrap().unwrap();
    assert_eq!((done.state, done.counts, done.finished_at), (PreparationState::Done, counts, Some(20)));
    let some = |filter| store.results(id, filter).unwrap();
    assert_eq!(some(ResultFilter::All), [cart.clone(), money.clone(), mail.clone()]);
    assert_eq!(some(ResultFilter::Failed), std::slice::from_ref(&money));
    assert_eq!(some(ResultFilter::Skipped), std::slice::from_ref(&mail));
    assert_eq!(some(ResultFilter::NotPrepared), [money.clone(), mail.clone()]);
    assert_eq!(store.result(id, &name("mail")).unwrap(), Some(mail.clone()));
    assert!(matches!(
        store.finish_preparation(PreparationId(9), PreparationState::Done, &counts, 20),
        Err(StoreError::UnknownPreparation { .. })
    ));

    let second = begin(&store, 1);
    assert_eq!(store.latest_result(&name("mail")).unwrap(), Some((id, mail)));
    let money = result("money", ModuleState::Prepared);
    store.commit(&Batch { results: vec![(second, money.clone())], ..Batch::default() }).unwrap();
    let carried = store.carry_over_results(id, second).unwrap();
    assert_eq!((carried.modules, carried.prepared, carried.skipped, carried.reused), (3, 2, 1, 1));
    assert_eq!(store.result(second, &name("money")).unwrap(), Some(money));
    assert_eq!(store.latest_preparation().unwrap().unwrap().counts, carried);
}

#[test]
fn results_of_more_than_one_page_all_come_once_and_can_be_left_early() {
    let names: Vec<String> = (0..2500).map(|number| format!("m{number}")).collect();
    let (_folder, store) = store_with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let id = begin(&store, 2500);
    let results = names.iter().map(|name| (id, result(name, ModuleState::Failed))).collect();
    store.commit(&Batch { results, ..Batch::default() }).unwrap();
    let seen: Vec<String> =
        store.results(id, ResultFilter::Failed).unwrap().iter().map(|r| r.module.to_string()).collect();
    assert_eq!(seen, names);
    let mut left = 0;
    store
        .for_each_result(id, ResultFilter::All, |_| {
            left += 1;
            if left == 1001 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(left, 1001);
}

#[test]
fn the_latest_publishing_is_deployed_and_the_earlier_ones_are_remembered() {
    let (_folder, store) = store_with(&["cart", "money"]);
    let deployment = |module: &str, at| Deployment {
        module: name(module),
        restores: None,
        preparation: None,
        version: "11.9.0".parse().unwrap(),
        release: ReleaseDigest::of(b"r"),
        bundles: vec![DeployedBundle {
            compiler: typescript(),
            key: key("k"),
            source: SourceDigest::of(b"s"),
            bundle: BundleDigest::of(b"b"),
            size: 3,
        }],
        at,
        who: "ada".into(),
    };
    store.publish(&[deployment("cart", 1), deployment("money", 1)], &[], &entry("publish")).unwrap();
    store.publish(&[deployment("cart", 2)], &[], &entry("publish")).unwrap();
    assert_eq!(store.deployment(&name("cart")).unwrap(), Some(deployment("cart", 2)));
    assert_eq!(
        store.deployments_of(&name("cart"), 5).unwrap(),
        [deployment("cart", 2), deployment("cart", 1)]
    );
    assert_eq!(store.deployed_page(None).unwrap(), [deployment("cart", 2), deployment("money", 1)]);
    assert_eq!(store.deployed_page(Some(&name("cart"))).unwrap(), [deployment("money", 1)]);
    assert_eq!(store.history(5).unwrap().len(), 2);
}

#[test]
fn rolling_back_again_goes_further_back_and_never_to_what_was_rolled_back() {
    let (_folder, store) = store_with(&["cart", "money"]);
    let deployment = |restores: Option<DeploymentId>, at| Deployment {
        module: name("cart"),
        restores,
        preparation: None,
        version: "11.9.0".parse().unwrap(),
        release: ReleaseDigest::of(b"r"),
        bundles: vec![],
        at,
        who: "ada".into(),
    };
    let publish = |restores, at| store.publish(&[deployment(restores, at)], &[], &entry("publish")).unwrap();
    let before = |limit| -> Vec<i64> {
        let before = store.deployments_before(&name("cart"), limit).unwrap();
        before.into_iter().map(|(_, deployment)| deployment.at).collect()
    };
    let back = |at| {
        let (id, _) = store.deployments_before(&name("cart"), 1).unwrap().remove(0);
        publish(Some(id), at);
    };
    assert!(before(9).is_empty());
    for at in [1, 2, 3] {
        publish(None, at);
    }
    assert_eq!((before(9), before(1)), (vec![2, 1], vec![2]));
    back(4); // to 2
    assert_eq!(before(9), [1]);
    back(5); // to 1
    assert!(before(9).is_empty());
    publish(None, 6);
    assert_eq!(before(9), [1], "2 and 3 were rolled back");
    publish(None, 7);
    assert_eq!(before(9), [6, 1]);
    assert!(store.deployments_before(&name("money"), 9).unwrap().is_empty());
}
