//! `prefab serve`

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use clap::Args;
use prefab_server::{Listening, Secret, ServeOptions, serve};
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
    let options = ServeOptions { data: arguments.data.clone(), listen: arguments.listen, isolation, jobs };
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
