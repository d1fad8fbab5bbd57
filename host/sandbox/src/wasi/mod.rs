//! The hermetic WASI that guests see: what the standard library of a language needs to start, and nothing that could
//! tell one run from another.
//!
//! No sockets; standard input is empty; clocks stand still; random bytes follow from the compilation's key. Arguments, an
//! environment and files there are only for command-line compilers, and only those of the compilation. The bindings are
//! wasmtime-wasi's, but for those of files. The rest is implemented here, because theirs is about files of this machine, and waits in tokio
//! for pollables: no host call may block, since neither fuel nor epochs would stop it (ATTACKS G4).

mod cli;
mod clocks;
mod filesystem;
mod io;
mod random;
mod streams;

use wasmtime::Result;
use wasmtime::component::{HasData, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::sync as wasi;

pub(crate) use self::cli::Log;
pub(crate) use self::random::Random;
pub(crate) use self::streams::{Capture, Printer, SharedLog};
use crate::guest::Guest;

/// The interfaces that a guest may import, without their versions.
pub(crate) const INTERFACES: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

struct Resources;

impl HasData for Resources {
    type Data<'a> = &'a mut ResourceTable;
}

/// Gives guests the hermetic WASI.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    fn guest(guest: &mut Guest) -> &mut Guest {
        guest
    }
    type This = HasSelf<Guest>;

    wasi::cli::environment::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::cli::exit::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::cli::stdin::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::cli::stdout::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::cli::stderr::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::cli::terminal_input::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::cli::terminal_output::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::cli::terminal_stdin::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::cli::terminal_stdout::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::cli::terminal_stderr::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::clocks::monotonic_clock::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::clocks::wall_clock::add_to_linker::<Guest, This>(linker, guest)?;
    filesystem::add_to_linker(linker)?;
    wasi::io::error::add_to_linker::<Guest, Resources>(linker, |guest| &mut guest.resources)?;
    wasi::io::poll::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::io::streams::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::random::insecure::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::random::insecure_seed::add_to_linker::<Guest, This>(linker, guest)?;
    wasi::random::random::add_to_linker::<Guest, This>(linker, guest)
}
