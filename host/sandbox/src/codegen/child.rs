//! The child that makes native code: this program, started again by `request.rs` with a variable in its environment.
//!
//! It greets with which walls stand, then reads a component from standard input to its end, and writes one answer to standard
//! output: a byte that says what it is, the length, and the image or a text.

use std::ffi::OsStr;
use std::io::{self, Read, Write};

use wasmtime::Engine;

use super::{CodegenError, CodegenLimits, native_image};
use crate::engine::{Dialect, config_for};
use crate::walls::{self, Terms};

/// The variable of the environment that makes a program a child, with the limits (seconds of CPU time and bytes of memory) and
/// whether there may be exceptions.
pub(crate) const MARK: &str = "PREFAB_CODEGEN_CHILD";

/// How every greeting begins; another program would not say that. Then comes a byte that says which walls stand.
pub(super) const GREETING: [u8; 8] = *b"codegen1";

/// What an answer is.
pub(super) const IMAGE: u8 = 0;
pub(super) const INVALID: u8 = 1;
pub(super) const FAILED: u8 = 2;

/// Makes native code of what comes through standard input.
pub(crate) fn serve(terms: &OsStr) -> io::Result<()> {
    let (cpu, memory, dialect) = parse(terms)
        .ok_or_else(|| io::Error::other(format!("{MARK} is for prefab's own use: unset this variable")))?;
    walls::come_alone();
    // Before the walls: it reads what the machine is like, and nothing that comes from outside.
    let engine = Engine::new(&config_for(dialect))
        .map_err(|error| io::Error::other(format!("no WebAssembly engine: {error:#}")))?;
    let walls = walls::build(Terms { cpu: Some(cpu), memory })?;

    let mut stdout = io::stdout().lock();
    stdout.write_all(&GREETING)?;
    stdout.write_all(&[walls.to_byte()])?;
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

/// What the variable holds.
pub(super) fn terms(limits: &CodegenLimits, dialect: Dialect) -> String {
    let exceptions = u8::from(dialect == Dialect::Exceptions);
    format!("{} {} {exceptions}", limits.cpu.as_secs().max(1), limits.memory.0)
}

fn parse(terms: &OsStr) -> Option<(u64, u64, Dialect)> {
    let mut parts = terms.to_str()?.split(' ');
    let (cpu, memory) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let dialect = if parts.next()? == "1" { Dialect::Exceptions } else { Dialect::Plain };
    Some((cpu, memory, dialect))
}
