//! A worker process that has got out of WebAssembly: it takes its compiler and its order like any other, and answers with
//! the bytes of the first file that it was given.

use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::{env, fs, process};

use crate::wire::{self, GREETING, Load, ReadWork, Word, Work};

/// What this program is told to be one.
const ROLE: &str = "hostile-worker";
/// Reading believes the host.
const MOST: u64 = 1 << 30;
/// That all walls stand, as a worker says it: nobody would talk to it otherwise.
const WALLS: u8 = 3;

/// A program that is such a worker, whatever it is started with.
pub(crate) fn program() -> PathBuf {
    static SCRIPT: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let this = env::current_exe().expect("this program has a path");
        let script = format!("#!/bin/sh\nexec '{}' {ROLE}\n", this.display());
        fs::write(folder.path().join(ROLE), script).expect("a script can be written");
        fs::set_permissions(folder.path().join(ROLE), fs::Permissions::from_mode(0o755))
            .expect("it can be made a program");
        folder
    });
    SCRIPT.path().join(ROLE)
}

/// Is one, if that is what this process was started for.
pub(crate) fn serve_if_asked() {
    if env::args_os().nth(1).is_some_and(|role| role == ROLE) {
        // The host has closed the pipes when it has heard enough.
        process::exit(i32::from(serve().is_err()));
    }
}

fn serve() -> io::Result<()> {
    let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    let Load { image, .. } = wire::receive(&mut stdin, MOST)?;
    io::copy(&mut stdin.by_ref().take(image), &mut io::sink())?;
    stdout.write_all(&GREETING)?;
    stdout.write_all(&[WALLS])?;
    stdout.flush()?;
    if let Word::Work(Work { files, .. }) = wire::receive::<Word<ReadWork>>(&mut stdin, MOST)? {
        for (number, (_, length)) in (0..).zip(files) {
            let bytes = wire::receive_bytes(&mut stdin, length, MOST)?;
            if number == 0 {
                stdout.write_all(&bytes)?;
            }
        }
        stdout.flush()?;
    }
    // It has nothing else to say, and ends: whoever waits for more need not wait for the deadline.
    Ok(())
}
