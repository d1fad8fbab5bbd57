//! `prefab pause`, `prefab resume` and `prefab cancel`

use prefab_prepare::{Controlled, Request};

use crate::exit::Exit;
use crate::session::Session;

pub(super) fn run(session: &Session, request: Request) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let done = env.control(request)?;
    session.out.result(&done, |done| {
        let Controlled { preparation, pid, .. } = done;
        let what = if done.rehearsal { "Rehearsal" } else { "Preparation" };
        match request {
            Request::Pause => format!(
                "{what} {preparation} (process {pid}) waits: let it go on with `prefab resume`, or call it off with `prefab cancel`"
            ),
            Request::Resume => format!("{what} {preparation} (process {pid}) goes on"),
            Request::Cancel if !done.ended => format!(
                "{what} {preparation} (process {pid}) was called off, and ends as soon as this busy machine lets it notice: look with `prefab status`"
            ),
            Request::Cancel => format!("{what} {preparation} (process {pid}) was called off; what it has compiled is kept"),
        }
    })?;
    Ok(Exit::Fine)
}
