//! Damage, full disks, several processes, sudden ends: what was committed is there, and everything else is named.
//!
//! Some tests start this test binary again as another process; [`role`] tells the two apart.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use prefab_model::*;
use prefab_store::*;

const LIMITS: BundleLimits = BundleLimits { bytes: Bytes(1 << 20), artifacts: 100 };

fn module(number: usize) -> ModuleName {
    format!("module-{number}").parse().unwrap()
}

fn row(name: ModuleName) -> ModuleRow {
    ModuleRow {
        root: name.as_str().into(),
        kind: ModuleKind::Npm,
        manifest: ModuleManifest {
            name,
            version: None,
            dependencies: [].into(),
            entry_points: vec![],
            options: [].into(),
            application: None,
        },
        added_at: 0,
    }
}

fn begin(store: &Store, modules: usize) -> PreparationId {
    store.put_modules((0..modules).map(|number| row(module(number)))).unwrap();
    let new = NewPreparation {
        kind: PreparationKind::Preparation,
        version: "1.0.0".parse().unwrap(),
        release: ReleaseDigest::of(b""),
        modules: modules as u64,
        started_at: 0,
        holder: Holder { pid: std::process::id(), who: "test".into() },
    };
    store.begin_preparation(&new).unwrap()
}

/// Stores a bundle for a module and puts all that is to be said of it in a batch.
fn add(store: &Store, batch: &mut Batch, id: PreparationId, number: usize) -> Result<(), StoreError> {
    let artifact = Artifact {
        path: "a.js".parse().unwrap(),
        media_type: "text/javascript".into(),
        bytes: blake3::hash(&number.to_le_bytes()).as_bytes().repeat(100),
    };
    let key = CompilationKey::of(&number.to_le_bytes());
    let (digest, size) = store.blobs().put_bundle(&[artifact])?;
    batch.outcomes.push(OutcomeRow {
        compilation: Compilation {
            key,
            task: Task::Compile,
            compiler_name: "typescript".parse().unwrap(),
            compiler: CompilerDigest::of(b"typescript"),
            contract: ContractVersion::V1,
            module: ModuleFacts {
                name: module(number),
                version: None,
                entry_points: vec![],
                dependencies: vec![],
            },
            source: SourceDigest::of(b"source"),
            options: Options::new(),
            limits: Limits::default(),
        },
        outcome: Outcome {
            kind: OutcomeKind::Compiled(Stored::Bundle { digest, size }),
            usage: Usage::default(),
            diagnostics: vec![],
            log: "x".repeat(1000),
        },
        created_at: 0,
    });
    let result = ModuleResult {
        module: module(number),
        state: ModuleState::Prepared,
        reused: false,
        host_error: None,
        notes: vec![],
        problems: vec![],
        compilations: vec![],
    };
    batch.results.push((id, result));
    Ok(())
}

/// Commits modules in batches of three until all are through.
fn prepare(store: &Store, modules: usize, mut committed: impl FnMut(usize)) -> Result<(), StoreError> {
    let id = begin(store, modules);
    let mut counts = Counts { modules: modules as u64, ..Counts::default() };
    for first in (0..modules).step_by(3) {
        let mut batch = Batch::default();
        for number in first..(first + 3).min(modules) {
            add(store, &mut batch, id, number)?;
            counts.prepared += 1;
        }
        batch.counts = Some((id, counts));
        store.commit(&batch)?;
        committed(usize::try_from(counts.prepared).unwrap());
    }
    Ok(())
}

/// Figures, results, outcomes and blobs of the latest preparation agree. Returns how many modules are prepared.
#[track_caller]
fn assert_consistent(store: &Store) -> usize {
    store.check().unwrap();
    let Some(latest) = store.latest_preparation().unwrap() else { return 0 };
    let results = store.results(latest.id, ResultFilter::All).unwrap();
    assert_eq!(results.len() as u64, latest.counts.prepared);
    for number in 0..results.len() {
        let outcome = store
            .outcome(&module(number), &CompilationKey::of(&number.to_le_bytes()))
            .unwrap()
            .unwrap()
            .outcome;
        let OutcomeKind::Compiled(Stored::Bundle { digest, .. }) = outcome.kind else {
            panic!("{outcome:?}")
        };
        store.blobs().read_bundle(&digest, LIMITS).unwrap();
    }
    results.len()
}

/// The folder to work in, where this process is the one that a test has started to play its part.
fn role() -> Option<PathBuf> {
    std::env::var_os("PREFAB_STORE_TEST_FOLDER").map(PathBuf::from)
}

fn play(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env("PREFAB_STORE_TEST_FOLDER", folder)
        .stdout(Stdio::piped());
    command
}

/// Reads the child's lines until one tells of at least so many modules.
fn wait_for(child: &mut Child, modules: usize) {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    for line in lines {
        let line = line.unwrap();
        if line.strip_prefix("committed ").is_some_and(|count| count.parse::<usize>().unwrap() >= modules) {
            return;
        }
    }
    panic!("the other process ended before {modules} modules");
}

fn tell(count: usize) {
    println!("committed {count}");
}

#[test]
fn a_process_that_is_killed_leaves_all_it_committed_and_nothing_half() {
    if let Some(folder) = role() {
        return prepare(&Store::open(&folder).unwrap(), 3000, tell).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    for modules in [3, 30, 90] {
        let name = "a_process_that_is_killed_leaves_all_it_committed_and_nothing_half";
        let mut child = play(name, folder.path()).spawn().unwrap();
        wait_for(&mut child, modules);
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(assert_consistent(&store) >= modules);
    }
}

#[test]
fn another_process_reads_and_writes_while_one_prepares() {
    if let Some(folder) = role() {
        return prepare(&Store::open(&folder).unwrap(), 600, tell).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child =
        play("another_process_reads_and_writes_while_one_prepares", folder.path()).spawn().unwrap();
    wait_for(&mut child, 3);
    let store = Store::open(folder.path()).unwrap();
    let mut seen = 0;
    for at in 0..50 {
        let now = store.latest_preparation().unwrap().unwrap().counts.prepared;
        assert!(now >= seen);
        seen = now;
        store
            .append_history(&HistoryEntry { at, who: "b".into(), what: "look".into(), detail: ().into() })
            .unwrap();
    }
    // Read on, or the other process would stand still before a full pipe.
    wait_for(&mut child, 600);
    assert!(child.wait().unwrap().success());
    assert_eq!(assert_consistent(&store), 600);
    assert_eq!(store.history(100).unwrap().len(), 50);
}

#[test]
fn several_threads_may_open_a_new_environment_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let folder = folder.path();
            scope.spawn(move || Store::open(folder).unwrap().put_modules([row(module(number))]).unwrap());
        }
    });
    assert_eq!(Store::open(folder.path()).unwrap().module_count().unwrap(), 4);
}

#[test]
fn reading_goes_on_while_a_transaction_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let outside = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    outside.execute_batch("BEGIN IMMEDIATE; DELETE FROM modules").unwrap();
    assert_eq!(store.module_count().unwrap(), 0);
    // Also where it begins meanwhile.
    let other = Store::open(folder.path()).unwrap();
    assert_eq!((other.module_count().unwrap(), other.deployed_count().unwrap()), (0, 0));
    outside.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn a_ledger_that_is_none_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.db");
    fs::write(&ledger, "not a database, but long enough to be taken for one ".repeat(100)).unwrap();
    let before = fs::read(&ledger).unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::CorruptLedger { .. }), "{error}");
    assert!(error.to_string().contains("ledger.db") && error.to_string().contains("backup"), "{error}");
    assert_eq!(fs::read(&ledger).unwrap(), before);
}

#[test]
fn a_database_of_another_program_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let other = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    other.execute_batch("CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = 57").unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::ForeignLedger { .. }), "{error}");
    let tables: i64 = other.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_ledger_of_a_newer_prefab_is_named() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let ledger = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    ledger.execute_batch("PRAGMA user_version = 99").unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::NewerLedger { found: 99, .. }), "{error}");
}

#[test]
fn a_damaged_page_is_found_on_opening_or_at_the_latest_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    prepare(&Store::open(folder.path()).unwrap(), 300, |_| ()).unwrap();
    // Closing the last connection has moved the WAL into the file.
    let ledger = folder.path().join("ledger.db");
    let sound = fs::read(&ledger).unwrap();
    let mut found = 0;
    let pages = sound.len() / 4096;
    for page in 0..pages {
        let mut damaged = sound.clone();
        for byte in &mut damaged[page * 4096..page * 4096 + 64] {
            *byte ^= 0x55;
        }
        fs::write(&ledger, &damaged).unwrap();
        match Store::open(folder.path()).and_then(|store| store.check()) {
            Err(StoreError::CorruptLedger { .. }) => found += 1,
            Err(error) => panic!("page {page}: {error}"),
            // An overflow page has no structure; the seal of its record is what finds it.
            Ok(()) => {}
        }
    }
    assert!(found * 2 > pages, "{found} of {pages}");
}

#[test]
fn a_damaged_record_and_a_damaged_signature_are_found_when_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.put_modules([row(module(0))]).unwrap();
    let digest = SignatureDigest::of(b"exports");
    let signatures = vec![(module(0), digest, b"exports".to_vec())];
    let snapshots = vec![(module(0), Snapshot::default())];
    store.commit(&Batch { signatures: signatures.clone(), snapshots, ..Batch::default() }).unwrap();
    rusqlite::Connection::open(folder.path().join("ledger.db"))
        .unwrap()
        .execute_batch(
            "UPDATE signatures SET bytes = x'00'; UPDATE snapshots SET record = x'000102030405060708'",
        )
        .unwrap();
    let error = store.signature(&module(0), &digest).unwrap_err();
    assert!(error.to_string().contains(&digest.to_string()), "{error}");
    assert!(matches!(store.snapshot(&module(0)), Err(StoreError::CorruptLedger { .. })));
    // Made again, both are as they were.
    let snapshots = vec![(module(0), Snapshot::default())];
    store.commit(&Batch { signatures, snapshots, ..Batch::default() }).unwrap();
    assert!(store.signature(&module(0), &digest).unwrap().is_some());
    assert!(store.snapshot(&module(0)).unwrap().is_some());
}

#[test]
fn a_full_disk_is_named_and_what_was_committed_stays() {
    let name = "a_full_disk_is_named_and_what_was_committed_stays";
    if let Some(folder) = role() {
        let store = Store::open(&folder).unwrap();
        let mut committed = 0;
        let error = prepare(&store, 2000, |count| committed = count).unwrap_err();
        assert!(matches!(error, StoreError::NoSpace { .. }), "{error:?}");
        drop(store);
        fs::remove_file(folder.join("ballast")).unwrap();
        assert_eq!(assert_consistent(&Store::open(&folder).unwrap()), committed);
        return println!("committed {committed}");
    }
    // A file system of 4 MiB that only the other process sees.
    let folder = tempfile::tempdir().unwrap();
    let inner = play(name, folder.path());
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=4m none \"$0\" && head -c 500000 /dev/zero >\"$0/ballast\" && exec \"$@\"")
        .arg(folder.path())
        .arg(inner.get_program())
        .args(inner.get_args())
        .env("PREFAB_STORE_TEST_FOLDER", folder.path());
    let possible = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs none \"$0\""])
        .arg(folder.path())
        .output();
    match possible {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            return eprintln!(
                "SKIPPED: no file system can be mounted: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Err(error) => return eprintln!("SKIPPED: `unshare` cannot be run: {error}"),
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("committed "), "{told}");
}
