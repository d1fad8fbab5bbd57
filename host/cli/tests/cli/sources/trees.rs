//! Trees that lead elsewhere, never end, or hold what is no file (T1, T2, T4).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};

use super::End::{Either, Failed, Prepared};
use super::{Hostile, hostile};

const SOURCE: &str = "export const a: number = 1;\n";

pub(super) fn family() -> Vec<Hostile> {
    let link = |what, to: &'static str| {
        hostile("T1", what, move |at| symlink(to, at.join("a.ts")).unwrap(), Failed("prefab/link"))
    };
    let named = |row, what, name: &'static [u8], end| {
        hostile(row, what, move |at| fs::write(at.join(OsStr::from_bytes(name)), SOURCE).unwrap(), end)
    };
    vec![
        link("a link out of the module", "../secret/in.ts"),
        link("a link by an absolute path", "/etc/passwd"),
        link("a link by way of a folder of the module", "b/../../secret/in.ts"),
        link("a link to itself", "a.ts"),
        link("a link to nowhere", "gone.ts"),
        link("a link to a device without end", "/dev/zero"),
        link("a link to the files of prefab itself", "/proc/self/environ"),
        hostile("T1", "a link to a link that leads out", chain, Failed("prefab/link")),
        hostile(
            "T1",
            "a link to a folder outside",
            |at| symlink("../secret", at.join("b")).unwrap(),
            Failed("prefab/link"),
        ),
        hostile("T1", "a link to the folder that it is in", loops, Prepared),
        hostile(
            "T1",
            "the module's folder made a link to another module's",
            becomes_link,
            Failed("prefab/unreadable"),
        ),
        hostile("T1", "a file with two names, both in it: a hard link", hard_link, Prepared),
        hostile(
            "T2",
            "a pipe that nobody writes to",
            |at| node(at, "a.ts", FileType::Fifo),
            Failed("prefab/file-kind"),
        ),
        hostile("T2", "a pipe that no compiler takes", |at| node(at, "pipe", FileType::Fifo), Prepared),
        hostile("T2", "a pipe in the place of module.toml", manifest_is_pipe, Failed("prefab/manifest")),
        hostile(
            "T2",
            "a socket",
            |at| drop(UnixListener::bind(at.join("a.ts")).unwrap()),
            Failed("prefab/file-kind"),
        ),
        hostile(
            "T2",
            "a device",
            |at| node(at, "a.ts", FileType::CharacterDevice),
            Failed("prefab/file-kind"),
        ),
        hostile(
            "T4",
            "a file of a terabyte without contents",
            |at| sparse(at, "a.ts", 1 << 40),
            Failed("prefab/too-large"),
        ),
        hostile(
            "T4",
            "a file of one byte more than 32 MiB",
            |at| sparse(at, "a.ts", (32 << 20) + 1),
            Failed("prefab/too-large"),
        ),
        hostile("T4", "nine files of 31 MiB", nine_large, Failed("prefab/too-large")),
        hostile("T4", "a hundred thousand files and one", many, Failed("prefab/too-large")),
        hostile("T4", "5,000 folders, each in the one before", deep, Failed("prefab/too-large")),
        named("T4", "a name that is not UTF-8", b"caf\xe9.ts", Failed("prefab/file-name")),
        named("T9", "a name with an escape sequence", b"\x1b[2Ja.ts", Failed("prefab/file-name")),
        named("T9", "a name with a line feed", b"a\nerror: all is lost.ts", Failed("prefab/file-name")),
        named(
            "T9",
            "a name that is shown backwards",
            "a\u{202e}st.ts".as_bytes(),
            Failed("prefab/file-name"),
        ),
        named("T9", "a name with a backslash", b"a\\..\\b.ts", Failed("prefab/file-name")),
        named("T9", "a device of Windows", b"con.ts", Failed("prefab/file-name")),
        hostile("T9", "names that differ in case", case, Either),
    ]
}

fn chain(at: &Path) {
    symlink("b.ts", at.join("a.ts")).unwrap();
    symlink("../secret/in.ts", at.join("b.ts")).unwrap();
}

fn loops(at: &Path) {
    symlink(".", at.join("again")).unwrap();
    fs::write(at.join("a.ts"), SOURCE).unwrap();
}

fn becomes_link(at: &Path) {
    fs::remove_dir_all(at).unwrap();
    symlink("secret", at).unwrap();
}

fn hard_link(at: &Path) {
    fs::write(at.join("a.ts"), SOURCE).unwrap();
    fs::hard_link(at.join("a.ts"), at.join("b.ts")).unwrap();
}

/// A file that is none. Where this user may not make devices, a pipe does instead, and is as little of a file.
fn node(at: &Path, name: &str, kind: FileType) {
    let make = |kind| {
        rustix::fs::mknodat(CWD, at.join(name), kind, Mode::RUSR | Mode::WUSR, rustix::fs::makedev(1, 5))
    };
    make(kind).or_else(|_| make(FileType::Fifo)).unwrap();
}

fn manifest_is_pipe(at: &Path) {
    fs::remove_file(at.join("module.toml")).unwrap();
    node(at, "module.toml", FileType::Fifo);
}

fn sparse(at: &Path, name: &str, size: u64) {
    fs::File::create(at.join(name)).unwrap().set_len(size).unwrap();
}

fn nine_large(at: &Path) {
    for number in 0..9 {
        sparse(at, &format!("{number}.ts"), 31 << 20);
    }
}

/// Names of one file: as many as there may be and one more, at the price of the names.
fn many(at: &Path) {
    fs::write(at.join("a.ts"), SOURCE).unwrap();
    let dir = rustix::fs::open(at, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
    let mut first = "a.ts".to_owned();
    for number in 0..100_000 {
        let name = format!("{number}.ts");
        // File systems limit the names of one file, ext4 to 65,000.
        if number % 50_000 == 49_999 {
            fs::write(at.join(&name), SOURCE).unwrap();
            first = name;
        } else {
            rustix::fs::linkat(&dir, first.as_str(), &dir, name.as_str(), AtFlags::empty()).unwrap();
        }
    }
}

/// Deeper than a path can say, so that it is made and taken away from within.
fn deep(at: &Path) {
    let mut dir = rustix::fs::open(at, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
    for _ in 0..5_000 {
        rustix::fs::mkdirat(&dir, "d", Mode::RWXU).unwrap();
        dir = rustix::fs::openat(&dir, "d", OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
    }
}

fn case(at: &Path) {
    fs::write(at.join("a.ts"), SOURCE).unwrap();
    fs::write(at.join("A.ts"), SOURCE).unwrap();
}
