//! `prefab serve`

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use clap::Args;
use prefab_model::Limit;
use prefab_server::{Ceilings, Listening, Secret, ServeOptions, serve};
use serde::Serialize;

use crate::args::IsolationChoice;
use crate::exit::Exit;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The data directory: one folder with everything that the server keeps
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where to listen; port 0 for any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7420")]
    listen: SocketAddr,
    /// How many compilations run at a time, of all tenants together [default: one a core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// The most fuel that tenants' settings and releases may allow one compilation, such as 100G
    #[arg(long, value_name = "FUEL", value_parser = |text: &str| Limit::Fuel.parse_value(text))]
    max_fuel: Option<u64>,
    /// The most memory that they may allow it, such as 2GiB
    #[arg(long, value_name = "BYTES", value_parser = |text: &str| Limit::Memory.parse_value(text))]
    max_memory: Option<u64>,
    /// The most time that they may allow it, such as 10m
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Limit::Deadline.parse_value(text))]
    max_deadline: Option<u64>,
    /// A folder in which releases are looked for, each in a folder of its own
    #[arg(long, value_name = "DIR")]
    watch_releases: Option<PathBuf>,
}

#[derive(Serialize)]
struct Listens<'a> {
    listen: String,
    token: Option<&'a str>,
}

pub(super) fn run(session: &Session, arguments: &ServeArgs) -> anyhow::Result<Exit> {
    // Tenants come and go while it serves, and none is to trust another's compilers: so walls between them are there from the start.
    let isolation = session.isolation_or(IsolationChoice::Process);
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let ceilings =
        Ceilings { fuel: arguments.max_fuel, memory: arguments.max_memory, deadline: arguments.max_deadline };
    if let Some(folder) = arguments.watch_releases.as_ref().filter(|folder| !folder.is_dir()) {
        anyhow::bail!("cannot look for releases in {}: it is not a folder", folder.display());
    }
    let options = ServeOptions {
        data: arguments.data.clone(),
        listen: arguments.listen,
        isolation,
        jobs,
        ceilings,
        watch: arguments.watch_releases.clone(),
    };
    let mut printed = Ok(());
    serve(&options, |Listening { address, first_token }| {
        let listen = format!("http://{address}");
        let token = first_token.as_ref().map(Secret::reveal);
        printed = if session.out.is_json() {
            session.out.json_line(&Listens { listen, token })
        } else {
            let token =
                token.map(|token| format!("The first administrator's token, shown only now: {token}\n"));
            session.out.text(&format!("prefab listens on {listen}\n{}", token.unwrap_or_default()))
        };
    })?;
    printed?;
    Ok(Exit::Fine)
}
