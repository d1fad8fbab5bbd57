//! Undoing an upgrade: back to the platform version before, as long as nothing that is deployed needs the new one.

use prefab_model::ModuleName;
use prefab_sandbox::Sandbox;
use prefab_store::{Platform, StoreError};
use semver::Version;
use time::OffsetDateTime;

use crate::environment::Environment;
use crate::event::{Event, Summary};
use crate::history::{Action, entry};
use crate::lock::{Activity, HoldError};
use crate::releases::{ReleasesError, warranted};
use crate::run::{PrepareError, PrepareOptions, Stop, prepare_held};

/// How many modules are named that stand in the way.
const NAMED: u32 = 3;

/// Why an upgrade could not be undone. The environment stays on its platform version, unless it is the preparation that failed.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// There was no version before, or it was gone back to already.
    #[error("there is no upgrade to undo: `prefab history` shows what was done")]
    Nothing,
    /// Modules are deployed as the new version compiled them.
    #[error(
        "cannot go back to platform version {to}: {} deployed as {from} compiled it. Take that back first with `prefab rollback`",
        list(modules)
    )]
    Published {
        /// The present version.
        from: Version,
        /// The version before.
        to: Version,
        /// The first few of the modules.
        modules: Vec<ModuleName>,
    },
    /// The release of the version before cannot be used.
    #[error(transparent)]
    Release(#[from] ReleasesError),
    /// The environment is on the version before, and its modules could not be prepared with it again.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The environment is held.
    #[error("{0}")]
    Hold(#[from] HoldError),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn list(modules: &[ModuleName]) -> String {
    let names: Vec<&str> = modules.iter().take(NAMED as usize).map(ModuleName::as_str).collect();
    let more = if modules.len() > names.len() { " and others" } else { "" };
    let are = if modules.len() == 1 { "is" } else { "are" };
    format!("{}{more} {are}", names.join(", "))
}

/// Goes back to the platform version from which the environment was upgraded, and prepares all modules with it, which mostly is known
/// already and takes no time.
pub fn undo_upgrade(
    env: &Environment,
    sandbox: &Sandbox,
    options: &PrepareOptions,
    stop: &Stop,
    reporter: &mut dyn FnMut(&Event),
) -> Result<Summary, UndoError> {
    let mut hold = env.hold(Activity::Upgrade)?;
    let store = env.store();
    let now = store.platform()?.ok_or(UndoError::Nothing)?;
    let (to, release) = now.previous.ok_or(UndoError::Nothing)?;
    let from = now.version;
    let modules = store.deployed_for(&now.release, NAMED + 1)?;
    if !modules.is_empty() {
        return Err(UndoError::Published { from, to, modules });
    }
    let (back, _) = warranted(env, &to)?;
    let notes = back.notes;
    let platform = Platform { version: to.clone(), release, previous: None };
    let action = Action::Undone { from: from.clone(), to: to.clone() };
    store.set_platform(&platform, &entry(env, OffsetDateTime::now_utc(), &action))?;
    reporter(&Event::Upgraded { from: Some(from), to, notes });
    Ok(prepare_held(env, &mut hold, sandbox, options, stop, reporter)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_of_the_modules_in_the_way_are_named() {
        let list = |names: &[&str]| list(&names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(list(&["a"]), "a is");
        assert_eq!(list(&["a", "b"]), "a, b are");
        assert_eq!(list(&["a", "b", "c", "d"]), "a, b, c and others are");
    }
}
