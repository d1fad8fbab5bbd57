//! Native images on disk are trusted code: what was touched is never run.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use prefab_sandbox::{Codegen, Isolation, Sandbox, SandboxOptions};
use support::{COPY, Guest};

fn image(folder: &Path) -> PathBuf {
    let paths = || fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    assert!(paths().all(|path| path.extension().is_none_or(|ending| ending != "draft")));
    paths().find(|path| path.extension().is_some_and(|ending| ending == "image")).unwrap()
}

fn open(folder: &Path) -> Sandbox {
    Sandbox::new(Some(folder)).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_folder_is_made_for_its_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a/b");
    open(&folder).load(&COPY.component()).unwrap();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("key")), 0o600);
    assert_eq!(mode(&image(&folder)), 0o600);
}

#[test]
fn an_image_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).load(&COPY.component()).unwrap();
    let made = fs::metadata(image(folder.path())).unwrap().modified().unwrap();
    let second = open(folder.path()).load(&COPY.component()).unwrap();
    assert_eq!(first.digest(), second.digest());
    assert_eq!(fs::metadata(image(folder.path())).unwrap().modified().unwrap(), made);
}

#[test]
fn an_image_that_was_touched_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    let component = COPY.component();
    sandbox.load(&component).unwrap();
    let path = image(folder.path());
    let good = fs::read(&path).unwrap();
    let spots = [0, 31, 32, 40, good.len() / 2, good.len() - 1];
    let flipped = spots.map(|at| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    });
    let truncated = [vec![], good[..20].to_vec(), good[..good.len() - 1].to_vec()];
    for bad in flipped.into_iter().chain(truncated) {
        fs::write(&path, &bad).unwrap();
        sandbox.load(&component).unwrap();
        assert_ne!(fs::read(&path).unwrap(), bad);
    }
    // The image that was made last is used again.
    let made = fs::metadata(&path).unwrap().modified().unwrap();
    open(folder.path()).load(&component).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), made);
}

#[test]
fn an_image_does_not_pass_for_that_of_another_component() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    let other = Guest { compile: "unreachable", ..Guest::default() }.component();
    sandbox.load(&other).unwrap();
    let path = image(folder.path());
    let foreign = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    sandbox.load(&COPY.component()).unwrap();
    let path = image(folder.path());
    fs::write(&path, &foreign).unwrap();
    sandbox.load(&COPY.component()).unwrap();
    assert_ne!(fs::read(&path).unwrap(), foreign);
}

#[test]
fn images_that_are_lent_are_used_and_those_made_beside_them_do_not_show_there() {
    let parent = tempfile::tempdir().unwrap();
    let shared = parent.path().join("shared");
    let other = Guest { compile: "unreachable", ..Guest::default() }.component();
    let ours = open(&shared).load(&COPY.component()).unwrap().digest();
    let tenant = |name| {
        let (cache, lent) = (Some(parent.path().join(name)), Some(shared.clone()));
        let (codegen, isolation) = (Codegen::InProcess, Isolation::InProcess);
        Sandbox::open(SandboxOptions { cache, lent, codegen, isolation }).unwrap()
    };
    let (a, b) = (tenant("a"), tenant("b"));
    assert!(a.is_quick(ours));
    a.load(&COPY.component()).unwrap();
    let theirs = a.load(&other).unwrap().digest();
    assert!(a.is_quick(theirs) && !b.is_quick(theirs) && !open(&shared).is_quick(theirs));
    let images = |name: &str| {
        let files = fs::read_dir(parent.path().join(name)).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|ending| ending == "image")).count()
    };
    assert_eq!((images("shared"), images("a"), images("b")), (1, 1, 0), "what is lent is not made again");
}

#[test]
fn images_under_another_key_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).load(&COPY.component()).unwrap();
    let before = fs::read(image(folder.path())).unwrap();
    fs::remove_file(folder.path().join("key")).unwrap();
    open(folder.path()).load(&COPY.component()).unwrap();
    assert_ne!(fs::read(image(folder.path())).unwrap()[..32], before[..32]);
}

#[test]
fn many_sandboxes_that_start_at_once_agree_on_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let component = COPY.component();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| open(folder.path()).load(&component).unwrap());
        }
    });
    let made = fs::read(image(folder.path())).unwrap();
    open(folder.path()).load(&component).unwrap();
    assert_eq!(fs::read(image(folder.path())).unwrap(), made);
}

#[test]
fn a_folder_that_others_can_write_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o770)).unwrap();
    let error = Sandbox::new(Some(folder.path())).err().unwrap().to_string();
    assert!(error.contains("chmod 700"), "{error}");
}

#[test]
fn a_key_that_others_can_read_or_that_is_damaged_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let key = folder.path().join("key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let error = Sandbox::new(Some(folder.path())).err().unwrap().to_string();
    assert!(error.contains("remove that file"), "{error}");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, b"short").unwrap();
    let error = Sandbox::new(Some(folder.path())).err().unwrap().to_string();
    assert!(error.contains("32 bytes") && error.contains("remove that file"), "{error}");
}

#[test]
fn images_for_other_engines_are_collected_once_they_are_old() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    sandbox.load(&COPY.component()).unwrap();
    let ours = image(folder.path());
    let name = ours.file_name().unwrap().to_str().unwrap();
    let other = folder.path().join(format!("{}-0000000000000000.image", &name[..64]));
    fs::write(&other, "code").unwrap();
    fs::write(folder.path().join("x.image.1.draft"), "half").unwrap();
    let (old, now) = (SystemTime::UNIX_EPOCH, SystemTime::now() + Duration::from_mins(1));
    assert_eq!(sandbox.collect_images(old, false).unwrap(), [0_u64; 0]);
    assert_eq!(sandbox.collect_images(now, true).unwrap(), [4, 4]);
    assert_eq!(sandbox.collect_images(now, false).unwrap(), [4, 4]);
    assert!(ours.exists() && !other.exists() && folder.path().join("key").exists());
}
