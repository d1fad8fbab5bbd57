//! How modules stand in the ledger, read for many of them in one look: all that planning asks for. A look for each module and each
//! question costs more than the answers.

use prefab_model::{CompilationKey, ModuleName};
use rusqlite::Connection;

use super::modules::{self, ModuleRow};
use super::outcomes::Known;
use super::{Ledger, column, snapshots};
use crate::error::Fault;
use crate::{Snapshot, Store, StoreError};

/// So many outcomes of a module are read at a time. A module with more has been prepared many times since garbage was collected.
const OUTCOMES: usize = 16;

/// How a module stands in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// As it was added; none if it is not in the environment.
    pub row: Option<ModuleRow>,
    /// What was seen of its files when they were last read; none if they never were, or it was not asked for.
    pub snapshot: Option<Snapshot>,
    outcomes: Vec<(CompilationKey, Known)>,
    more: bool,
}

impl Standing {
    /// How this compilation of the module ended, if that was read along.
    pub fn known(&self, key: &CompilationKey) -> Option<&Known> {
        self.outcomes.iter().find(|(known, _)| known == key).map(|(_, known)| known)
    }

    /// Whether the ledger may know of outcomes that were not read along.
    pub fn has_more(&self) -> bool {
        self.more
    }
}

impl Store {
    /// How these modules stand, in their order, all at the same moment; with `snapshots`, also what was seen of their files.
    pub fn standings<'m>(
        &self,
        modules: impl IntoIterator<Item = &'m ModuleName>,
        snapshots: bool,
    ) -> Result<Vec<Standing>, StoreError> {
        self.ledger.read("look up modules", |ledger| {
            // Without it, each statement would be a look of its own.
            let look = ledger.unchecked_transaction()?;
            let standings =
                modules.into_iter().map(|module| self.ledger.standing(&look, module, snapshots)).collect();
            look.finish()?;
            standings
        })
    }
}

impl Ledger {
    fn standing(&self, ledger: &Connection, module: &ModuleName, snapshots: bool) -> Result<Standing, Fault> {
        let Some((id, row)) = modules::present(ledger, module)? else { return Ok(Standing::default()) };
        let snapshot = if snapshots { snapshots::get(ledger, id)? } else { None };
        let mut standing = Standing { row: Some(row), snapshot, ..Standing::default() };
        let mut statement = ledger.prepare_cached(
            "SELECT kind, cap, stored, size, limits, detail, key FROM outcomes WHERE module = ?1",
        )?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            if standing.outcomes.len() == OUTCOMES {
                standing.more = true;
                break;
            }
            standing.outcomes.push((column::digest(row, 6)?, self.known(ledger, row)?));
        }
        Ok(standing)
    }
}
