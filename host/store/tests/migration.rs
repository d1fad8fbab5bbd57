//! A ledger of an earlier schema is brought up to date by opening it, and nothing that is in it is lost.
//!
//! The earlier ledger is made by the statements of its time. What is in it comes from a present one, table by table: records are written
//! as they were.

use std::fs;
use std::path::Path;
use std::time::Duration;

use prefab_model::*;
use prefab_store::*;
use rusqlite::Connection;
use serde_json::json;

const SCHEMA_3: [&str; 3] = [
    include_str!("../src/ledger/schema_1.sql"),
    include_str!("../src/ledger/schema_2.sql"),
    include_str!("../src/ledger/schema_3.sql"),
];

fn name(text: &str) -> ModuleName {
    text.parse().unwrap()
}

fn typescript() -> CompilerName {
    "typescript".parse().unwrap()
}

fn entry() -> HistoryEntry {
    HistoryEntry { at: 1, who: "ada".into(), what: "publish".into(), detail: json!({}) }
}

fn row(module: &str) -> ModuleRow {
    ModuleRow {
        root: module.into(),
        kind: ModuleKind::Native,
        manifest: ModuleManifest::parse(&format!("name = \"{module}\"")).unwrap(),
        added_at: 7,
    }
}

fn outcome(module: &str, number: u8, task: Task, kind: OutcomeKind, log: &str) -> OutcomeRow {
    OutcomeRow {
        compilation: Compilation {
            key: key(module, number),
            task,
            compiler_name: typescript(),
            compiler: CompilerDigest::of(b"typescript"),
            contract: ContractVersion::V1,
            module: ModuleFacts {
                name: name(module),
                version: None,
                entry_points: vec![],
                dependencies: vec![],
            },
            source: SourceDigest::of(module.as_bytes()),
            options: Options::new(),
            limits: Limits { fuel: Fuel(number.into()), ..Limits::default() },
        },
        outcome: Outcome {
            kind,
            usage: Usage {
                fuel: Some(Fuel(12)),
                peak_memory: Bytes(1 << 20),
                time: Duration::from_nanos(1_234_567),
            },
            diagnostics: vec![],
            log: log.into(),
        },
        created_at: 3,
    }
}

fn key(module: &str, number: u8) -> CompilationKey {
    CompilationKey::of(format!("{module} {number}").as_bytes())
}

fn deployment(module: &str, at: i64) -> Deployment {
    Deployment {
        module: name(module),
        restores: None,
        preparation: None,
        version: "11.9.0".parse().unwrap(),
        release: ReleaseDigest::of(b"release"),
        bundles: vec![],
        at,
        who: "ada".into(),
    }
}

/// Three modules, of which one was removed; `cart` was published twice, `gone` once.
fn fill(store: &Store) {
    store.put_modules(["money", "gone", "cart"].map(row)).unwrap();
    let (bundle, size) = store.blobs().put_bundle(&[]).unwrap();
    let signature = SignatureDigest::of(b"s");
    let outcomes = ["cart", "gone", "money"]
        .into_iter()
        .flat_map(|module| {
            let bundle = OutcomeKind::Compiled(Stored::Bundle { digest: bundle, size });
            [
                outcome(module, 0, Task::Signature, OutcomeKind::Compiled(Stored::Signature(signature)), ""),
                outcome(module, 1, Task::Compile, bundle, "a word"),
                outcome(module, 2, Task::Compile, OutcomeKind::Trapped(format!("{module} fell")), "two"),
                outcome(module, 3, Task::Compile, OutcomeKind::Rejected, ""),
            ]
        })
        .collect();
    let preparation = store
        .begin_preparation(&NewPreparation {
            kind: PreparationKind::Preparation,
            version: "11.9.0".parse().unwrap(),
            release: ReleaseDigest::of(b"release"),
            modules: 3,
            started_at: 10,
            holder: Holder { pid: 42, who: "ada".into() },
        })
        .unwrap();
    let result = ModuleResult {
        module: name("cart"),
        state: ModuleState::Prepared,
        reused: false,
        host_error: None,
        notes: vec![],
        problems: vec![],
        compilations: vec![CompilationRef {
            compiler: typescript(),
            task: Task::Compile,
            key: key("cart", 1),
        }],
    };
    let batch = Batch {
        signatures: ["cart", "gone", "money"].map(|module| (name(module), signature, b"s".to_vec())).into(),
        outcomes,
        results: vec![(preparation, result)],
        ..Batch::default()
    };
    store.commit(&batch).unwrap();
    store.publish(&[deployment("cart", 1), deployment("gone", 1)], &[], &entry()).unwrap();
    store.publish(&[deployment("cart", 2)], &[], &entry()).unwrap();
    store.remove_module(&name("gone")).unwrap();
    // As after a garbage collection: the outcome is gone, and what was compiled with the signature is not.
    let orphan = (name("cart"), SignatureDigest::of(b"orphan"), b"orphan".to_vec());
    store.commit(&Batch { signatures: vec![orphan], ..Batch::default() }).unwrap();
}

/// Makes a ledger of schema 3 in `old` with all that is in the one in `new`.
fn earlier(new: &Path, old: &Path) {
    fs::create_dir_all(old).unwrap();
    let ledger = Connection::open(old.join("ledger.db")).unwrap();
    ledger.pragma_update(None, "journal_mode", "WAL").unwrap();
    ledger.pragma_update(None, "foreign_keys", false).unwrap();
    for schema in SCHEMA_3 {
        ledger.execute_batch(schema).unwrap();
    }
    ledger.pragma_update(None, "user_version", 3).unwrap();
    ledger.execute("ATTACH ?1 AS new", [new.join("ledger.db").to_str().unwrap()]).unwrap();
    let mut tables = ledger
        .prepare(
            "SELECT s.name, (SELECT group_concat(name) FROM pragma_table_info(s.name)) FROM sqlite_schema s
             WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite_%'",
        )
        .unwrap();
    let tables = tables.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    for table in tables {
        let (table, columns): (String, String) = table.unwrap();
        ledger
            .execute_batch(&match table.as_str() {
                "signatures" => "INSERT INTO main.signatures (digest, bytes) SELECT DISTINCT digest, bytes FROM new.signatures".into(),
                _ => format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}"),
            })
            .unwrap();
    }
}

/// All that is known of the modules.
#[derive(Debug, PartialEq)]
struct Seen {
    modules: Vec<ModuleRow>,
    totals: (u64, u64),
    outcomes: Vec<Option<StoredOutcome>>,
    signatures: Vec<Option<SignatureDigest>>,
    signature_bytes: Vec<Option<Vec<u8>>>,
    costs: Vec<Option<Usage>>,
    deployed: Vec<Option<Deployment>>,
    earlier: Vec<(DeploymentId, Deployment)>,
    result: Option<(PreparationId, ModuleResult)>,
}

impl Seen {
    fn of(store: &Store) -> Self {
        let modules = ["cart", "gone", "money"].map(name);
        let each = || modules.iter();
        let keys = ["cart", "gone", "money"]
            .into_iter()
            .flat_map(|module| (0..5).map(move |number| (name(module), key(module, number))));
        Self {
            modules: store.modules().unwrap(),
            totals: (store.module_count().unwrap(), store.deployed_count().unwrap()),
            outcomes: keys.map(|(module, key)| store.outcome(&module, &key).unwrap()).collect(),
            signatures: each().map(|module| store.latest_signature(module, &typescript()).unwrap()).collect(),
            signature_bytes: each()
                .map(|module| store.signature(module, &SignatureDigest::of(b"s")).unwrap())
                .chain([store.signature(&name("cart"), &SignatureDigest::of(b"orphan")).unwrap()])
                .collect(),
            costs: each()
                .map(|module| store.latest_usage(module, &typescript(), Task::Compile).unwrap())
                .collect(),
            deployed: each().map(|module| store.deployment(module).unwrap()).collect(),
            earlier: store.deployments_before(&name("cart"), 9).unwrap(),
            result: store.latest_result(&name("cart")).unwrap(),
        }
    }
}

#[test]
fn a_ledger_of_schema_3_is_brought_up_to_date_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (new, old) = (folder.path().join("new"), folder.path().join("old"));
    let store = Store::open(&new).unwrap();
    fill(&store);
    let filled = Seen::of(&store);
    assert_eq!(filled.totals, (2, 2));
    assert_eq!(filled.outcomes.iter().flatten().count(), 12);
    assert_eq!(filled.signature_bytes.iter().flatten().count(), 4);
    earlier(&new, &old);

    let store = Store::open(&old).unwrap();
    assert_eq!(Seen::of(&store), filled);
    store.check().unwrap();
}

#[test]
fn what_happens_after_that_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (new, old) = (folder.path().join("new"), folder.path().join("old"));
    fill(&Store::open(&new).unwrap());
    earlier(&new, &old);

    let store = Store::open(&old).unwrap();
    store.put_modules([row("gone"), row("tax")]).unwrap();
    store.remove_module(&name("money")).unwrap();
    store.publish(&[deployment("cart", 3), deployment("tax", 3)], &[], &entry()).unwrap();
    assert_eq!((store.module_count().unwrap(), store.deployed_count().unwrap()), (3, 3));
    assert_eq!(store.forget_outcomes(&name("cart"), &[key("cart", 1), key("gone", 1)]).unwrap(), 1);
    assert_eq!(store.known(&name("cart"), &key("cart", 1)).unwrap(), None);
    assert!(store.known(&name("gone"), &key("gone", 1)).unwrap().is_some());
    store.check().unwrap();
}
