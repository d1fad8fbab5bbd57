//! This program as a child of itself: started again by a sandbox, with a variable in its environment that says what for.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process;

use crate::{codegen, worker};

/// What a child does, by the terms that its variable holds.
type Role = fn(&OsStr) -> io::Result<()>;

/// Does what a sandbox has started this process for, if one has, and ends it then: makes native code, or runs guests. Otherwise it
/// returns at once.
///
/// Call it first in `main`, before there are threads or open files, in each program that uses
/// [`Codegen::child`](crate::Codegen::child) or [`Isolation::process`](crate::Isolation::process).
pub fn run_as_child() {
    let roles: [(&str, Role); 2] =
        [(codegen::child::MARK, codegen::child::serve), (worker::MARK, worker::child::serve)];
    for (mark, serve) in roles {
        let Some(terms) = std::env::var_os(mark) else { continue };
        let ended = serve(&terms);
        if let Err(error) = &ended {
            // If nobody reads it any more, there is nobody to tell.
            let _ = writeln!(io::stderr(), "{error}");
        }
        process::exit(i32::from(ended.is_err()));
    }
}
