//! The modules as somebody looks through them: page by page, by name, with how each stands, those that are looked for only.
//!
//! Each page is one statement, so that memory does not grow with the number of modules. Where few have what is looked for, SQLite
//! goes through the names until there are enough: a fraction of a second for 100,000.

use prefab_model::{ModuleName, ModuleState, PreparationId, SkipReason};
use rusqlite::{Connection, Row, ToSql, named_params};
use semver::Version;

use super::modules::ModuleRow;
use super::{column, modules};
use crate::error::Fault;
use crate::{Store, StoreError};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Browsing<'a> {
    /// The preparation that says how modules stand; without one, none was prepared.
    pub preparation: Option<PreparationId>,
    /// What says it of modules that took no part in that one.
    pub earlier: Option<PreparationId>,
    /// Only modules that stand so.
    pub state: Option<BrowsedState>,
    /// Only modules with this in their names, in any case; all with an empty text.
    pub search: &'a str,
}

/// A state without what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowsedState {
    /// Not accounted for.
    Pending,
    /// Prepared.
    Prepared,
    /// Failed.
    Failed,
    /// Skipped.
    Skipped,
}

/// A module and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowsedModule {
    /// As it was added.
    pub row: ModuleRow,
    /// How it ended.
    pub state: ModuleState,
    /// Whether trouble of the host's own was the reason.
    pub host_trouble: bool,
    /// Whether all its outcomes were known before.
    pub reused: bool,
    /// The platform version of what is deployed of it.
    pub deployed: Option<Version>,
}

const PENDING: i64 = 0;

impl BrowsedState {
    const fn code(self) -> i64 {
        match self {
            Self::Pending => PENDING,
            Self::Prepared => 1,
            Self::Failed => 2,
            Self::Skipped => 3,
        }
    }
}

const COLUMNS: &str = "m.root, m.kind, m.record, m.added_at, coalesce(r.state, e.state, 0), root.name,
    coalesce(r.host_error, e.host_error) IS NOT NULL, coalesce(r.reused, e.reused, 0), d.version";

const JOINS: &str = "LEFT JOIN results e ON r.module IS NULL AND e.preparation = :earlier AND e.module = m.id
    LEFT JOIN modules root ON root.id = coalesce(r.root, e.root)
    LEFT JOIN deployed ON deployed.module = m.id LEFT JOIN deployments d ON d.id = deployed.deployment";

const FITS: &str = "m.present AND m.name > :after AND (:search = '' OR instr(lower(m.name), :search) > 0)";

impl Store {
    /// The modules that follow `after` in the order of names and are looked for, at most `limit`.
    pub fn browse(
        &self,
        browsing: &Browsing<'_>,
        after: Option<&ModuleName>,
        limit: u32,
    ) -> Result<Vec<BrowsedModule>, StoreError> {
        let preparation = browsing.preparation.map_or(0, |preparation| preparation.0);
        let earlier = browsing.earlier.map_or(0, |earlier| earlier.0);
        let state = browsing.state.map(BrowsedState::code);
        let after = after.map_or("", ModuleName::as_str);
        let search = browsing.search.to_ascii_lowercase();
        let few = matches!(browsing.state, Some(BrowsedState::Failed | BrowsedState::Skipped));
        let sql = if few && browsing.earlier.is_none() {
            // Mostly few: from their own index, and then put in order.
            format!(
                "SELECT {COLUMNS} FROM results r INDEXED BY results_not_prepared JOIN modules m ON m.id = r.module {JOINS}
                 WHERE r.preparation = :preparation AND r.state <> 1 AND r.state = :state AND {FITS} ORDER BY m.name LIMIT :limit"
            )
        } else {
            format!(
                "SELECT {COLUMNS} FROM modules m LEFT JOIN results r ON r.preparation = :preparation AND r.module = m.id {JOINS}
                 WHERE {FITS} AND (:state IS NULL OR coalesce(r.state, e.state, 0) = :state) ORDER BY m.name LIMIT :limit"
            )
        };
        let parameters: &[(&str, &dyn ToSql)] = named_params! {
            ":preparation": preparation, ":earlier": earlier, ":state": state, ":after": after, ":search": search, ":limit": limit,
        };
        self.ledger.read("look through the modules", |ledger| {
            let mut statement = ledger.prepare_cached(&sql)?;
            let mut rows = statement.query(parameters)?;
            let mut page = Vec::new();
            while let Some(row) = rows.next()? {
                page.push(browsed(row)?);
            }
            Ok(page)
        })
    }

    /// How these modules stand, each that is there, in their order.
    pub fn browse_these<'m>(
        &self,
        browsing: &Browsing<'_>,
        modules: impl IntoIterator<Item = &'m ModuleName>,
    ) -> Result<Vec<BrowsedModule>, StoreError> {
        let preparation = browsing.preparation.map_or(0, |preparation| preparation.0);
        let earlier = browsing.earlier.map_or(0, |earlier| earlier.0);
        self.ledger.read("look up modules", |ledger: &Connection| {
            let mut statement = ledger.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM modules m LEFT JOIN results r ON r.preparation = :preparation AND r.module = m.id {JOINS}
                 WHERE m.present AND m.name = :name"
            ))?;
            let mut found = Vec::new();
            for module in modules {
                let mut rows = statement.query(named_params! {
                    ":preparation": preparation, ":earlier": earlier, ":name": module.as_str(),
                })?;
                if let Some(row) = rows.next()? {
                    found.push(browsed(row)?);
                }
            }
            Ok(found)
        })
    }
}

fn browsed(row: &Row<'_>) -> Result<BrowsedModule, Fault> {
    let state = match row.get(4)? {
        PENDING => ModuleState::Pending,
        1 => ModuleState::Prepared,
        2 => ModuleState::Failed,
        3 => ModuleState::Skipped(SkipReason { root: column::parsed(row, 5)? }),
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(4, other).into()),
    };
    let deployed =
        if row.get_ref(8)? == rusqlite::types::ValueRef::Null { None } else { Some(column::parsed(row, 8)?) };
    Ok(BrowsedModule {
        row: modules::module(row)?,
        state,
        host_trouble: row.get(6)?,
        reused: row.get(7)?,
        deployed,
    })
}
