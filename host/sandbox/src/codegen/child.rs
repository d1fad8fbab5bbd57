//! The child that makes native code: this program, started again by `request.rs` with a variable in its environment.
//!
//! It greets with which walls stand, then reads a component from standard input to its end, and writes one answer to standard
//! output: a byte that says what it is, the length, and the image or a text.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::process;

use wasmtime::Engine;

use super::walls;
use super::{CodegenError, native_image};
use crate::engine::config;

/// The variable of the environment that makes a program a child, with the limits: seconds of CPU time and bytes of memory.
pub(super) const MARK: &str = "PREFAB_CODEGEN_CHILD";

/// How every greeting begins; another program would not say that. Then comes a byte: 1 for landlock, 2 for seccomp.
pub(super) const GREETING: [u8; 8] = *b"codegen1";

/// What an answer is.
pub(super) const IMAGE: u8 = 0;
pub(super) const INVALID: u8 = 1;
pub(super) const FAILED: u8 = 2;

/// Makes native code if this process was started for that, and ends it then. Otherwise it returns at once.
///
/// Call it first in `main`, before there are threads or open files, in each program that uses
/// [`Codegen::child`](crate::Codegen::child).
pub fn codegen_child() {
    let Some(terms) = std::env::var_os(MARK) else { return };
    let ended = serve(&terms);
    if let Err(error) = &ended {
        // If nobody reads it any more, there is nobody to tell.
        let _ = writeln!(io::stderr(), "{error}");
    }
    process::exit(i32::from(ended.is_err()));
}

fn serve(terms: &OsStr) -> io::Result<()> {
    let (cpu, memory) = parse(terms)
        .ok_or_else(|| io::Error::other(format!("{MARK} is for prefab's own use: unset this variable")))?;
    // Before the walls: it reads what the machine is like, and nothing that comes from outside.
    let engine = Engine::new(&config())
        .map_err(|error| io::Error::other(format!("no WebAssembly engine: {error:#}")))?;
    let walls = walls::build(cpu, memory)?;

    let mut stdout = io::stdout().lock();
    stdout.write_all(&GREETING)?;
    stdout.write_all(&[u8::from(walls.landlock) | u8::from(walls.seccomp) << 1])?;
    stdout.flush()?;

    let mut component = Vec::new();
    io::stdin().lock().read_to_end(&mut component)?;
    let (kind, body) = match native_image(&engine, &component) {
        Ok(image) => (IMAGE, image),
        Err(CodegenError::Invalid(text)) => (INVALID, text.into_bytes()),
        Err(CodegenError::Failed(text)) => (FAILED, text.into_bytes()),
        Err(error) => (FAILED, error.to_string().into_bytes()),
    };
    stdout.write_all(&[kind])?;
    stdout.write_all(&(body.len() as u64).to_le_bytes())?;
    stdout.write_all(&body)?;
    stdout.flush()
}

fn parse(terms: &OsStr) -> Option<(u64, u64)> {
    let (cpu, memory) = terms.to_str()?.split_once(' ')?;
    Some((cpu.parse().ok()?, memory.parse().ok()?))
}
