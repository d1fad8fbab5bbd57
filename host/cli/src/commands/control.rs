//! `prefab pause`, `prefab resume`, `prefab prioritise` and `prefab cancel`

use prefab_model::{ModuleName, PreparationId};
use prefab_prepare::{Controlled, Request};
use serde::Serialize;

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

/// What goes first.
#[derive(Serialize)]
struct First<'a> {
    preparation: PreparationId,
    modules: &'a [ModuleName],
}

pub(super) fn prioritise(session: &Session, modules: &[ModuleName]) -> anyhow::Result<Exit> {
    let preparation = session.environment()?.prioritise(modules)?;
    session.out.result(&First { preparation, modules }, |first| {
        let names: Vec<&str> = first.modules.iter().map(ModuleName::as_str).collect();
        format!("Preparation {} takes {} next, with what they need", first.preparation, names.join(", "))
    })?;
    Ok(Exit::Fine)
}
