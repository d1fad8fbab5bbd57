//! The modules of the environment, as they were added.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use prefab_model::{ModuleManifest, ModuleName};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{column, record};
use crate::error::Fault;
use crate::{Store, StoreError};

/// How many rows are read at a time where all are gone through: few enough to hold, and enough that asking costs nothing.
pub(super) const PAGE: u32 = 1000;

/// By which manifest a module describes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleKind {
    /// `module.toml`
    Native,
    /// `package.json`
    Npm,
}

impl ModuleKind {
    const fn code(self) -> i64 {
        match self {
            Self::Native => 0,
            Self::Npm => 1,
        }
    }

    const fn from_code(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::Native),
            1 => Some(Self::Npm),
            _ => None,
        }
    }
}

/// A module of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRow {
    /// Its folder, as the caller names it.
    pub root: PathBuf,
    /// By which manifest it describes itself.
    pub kind: ModuleKind,
    /// What that manifest says; the module's name is in it.
    pub manifest: ModuleManifest,
    /// When it was added.
    pub added_at: i64,
}

const COLUMNS: &str = "root, kind, record, added_at";

impl Store {
    /// Adds modules, in one transaction. One that is there takes over the new row, but keeps the time at which it was added.
    /// Returns how many there were.
    pub fn put_modules(&self, modules: impl IntoIterator<Item = ModuleRow>) -> Result<u64, StoreError> {
        self.ledger.write("add the modules", |ledger| {
            let mut statement = ledger.prepare_cached(
                "INSERT INTO modules (name, root, kind, application, record, added_at, present)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
                 ON CONFLICT (name) DO UPDATE SET root = excluded.root, kind = excluded.kind,
                     application = excluded.application, record = excluded.record, present = 1",
            )?;
            let mut count = 0;
            for module in modules {
                statement.execute((
                    module.manifest.name.as_str(),
                    module.root.as_os_str().as_bytes(),
                    module.kind.code(),
                    &module.manifest.application,
                    record::encode(&module.manifest)?,
                    module.added_at,
                ))?;
                count += 1;
            }
            Ok(count)
        })
    }

    /// Removes a module from the environment. What happened to it before, and its deployment, stay known. Whether there was one.
    pub fn remove_module(&self, name: &ModuleName) -> Result<bool, StoreError> {
        self.ledger.write("remove the module", |ledger| {
            ledger.execute(
                "DELETE FROM snapshots WHERE module = (SELECT id FROM modules WHERE name = ?1)",
                [name.as_str()],
            )?;
            let removed = ledger
                .execute("UPDATE modules SET present = 0 WHERE name = ?1 AND present", [name.as_str()])?;
            Ok(removed > 0)
        })
    }

    /// The module of this name.
    pub fn module(&self, name: &ModuleName) -> Result<Option<ModuleRow>, StoreError> {
        self.ledger.read("read the module", |ledger| Ok(present(ledger, name)?.map(|(_, module)| module)))
    }

    /// All modules, by name. Where there may be very many, [`Store::modules_page`] keeps memory flat.
    pub fn modules(&self) -> Result<Vec<ModuleRow>, StoreError> {
        let mut all = Vec::new();
        loop {
            let page = self.modules_page(all.last().map(|row: &ModuleRow| &row.manifest.name), PAGE)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// The modules that follow `after` in the order of names, at most `limit`.
    pub fn modules_page(&self, after: Option<&ModuleName>, limit: u32) -> Result<Vec<ModuleRow>, StoreError> {
        self.ledger.read("read the modules", |ledger| {
            let mut statement = ledger.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM modules WHERE name > ?1 AND present ORDER BY name LIMIT ?2"
            ))?;
            let mut rows = statement.query((after.map_or("", ModuleName::as_str), limit))?;
            let mut page = Vec::new();
            while let Some(row) = rows.next()? {
                page.push(module(row)?);
            }
            Ok(page)
        })
    }

    /// The names of the modules that follow `after`, in order, at most `limit`.
    pub fn module_names_page(
        &self,
        after: Option<&ModuleName>,
        limit: u32,
    ) -> Result<Vec<ModuleName>, StoreError> {
        self.ledger.read("read the modules", |ledger| {
            let mut statement = ledger.prepare_cached(
                "SELECT name FROM modules INDEXED BY modules_present WHERE name > ?1 AND present ORDER BY name LIMIT ?2",
            )?;
            let names = statement
                .query_map((after.map_or("", ModuleName::as_str), limit), |row| column::parsed(row, 0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }

    /// The names of an application's modules, in order.
    pub fn modules_of_application(&self, application: &str) -> Result<Vec<ModuleName>, StoreError> {
        self.ledger.read("read the application's modules", |ledger| {
            let mut statement = ledger.prepare_cached(
                "SELECT name FROM modules WHERE application = ?1 AND present ORDER BY name",
            )?;
            let names = statement.query_map([application], |row| column::parsed(row, 0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }
}

pub(super) fn module(row: &Row<'_>) -> Result<ModuleRow, Fault> {
    Ok(ModuleRow {
        root: OsString::from_vec(row.get(0)?).into(),
        kind: column::code(row, 1, ModuleKind::from_code)?,
        manifest: record::decode("manifest", row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?)?,
        added_at: row.get(3)?,
    })
}

/// The module of this name, with its number; none if it was removed.
pub(super) fn present(ledger: &Connection, name: &ModuleName) -> Result<Option<(i64, ModuleRow)>, Fault> {
    let mut statement =
        ledger.prepare_cached(&format!("SELECT {COLUMNS}, id FROM modules WHERE name = ?1 AND present"))?;
    let mut rows = statement.query([name.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((row.get(4)?, module(row)?)))
}

/// The number of a module, also of one that was removed.
pub(super) fn id(ledger: &Connection, name: &ModuleName) -> Result<Option<i64>, Fault> {
    let mut statement = ledger.prepare_cached("SELECT id FROM modules WHERE name = ?1")?;
    Ok(statement.query_row([name.as_str()], |row| row.get(0)).optional()?)
}

/// Looks up the numbers of modules within one transaction, each name once.
pub(crate) struct ModuleIds<'t> {
    ledger: &'t Connection,
    known: HashMap<ModuleName, i64>,
}

impl<'t> ModuleIds<'t> {
    pub(crate) fn new(ledger: &'t Connection) -> Self {
        Self { ledger, known: HashMap::new() }
    }

    pub(crate) fn get(&mut self, name: &ModuleName) -> Result<i64, Fault> {
        if let Some(id) = self.known.get(name) {
            return Ok(*id);
        }
        let id = id(self.ledger, name)?.ok_or_else(|| StoreError::UnknownModule { name: name.clone() })?;
        self.known.insert(name.clone(), id);
        Ok(id)
    }
}
