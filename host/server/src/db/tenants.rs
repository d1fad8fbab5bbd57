//! Tenants: who owns environments, and how much of the machine they may have.

use rusqlite::{OptionalExtension as _, Row};
use serde::Serialize;
use time::OffsetDateTime;

use super::{Db, DbError, from_millis, millis, parsed};
use crate::names::TenantName;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// Its name for people.
    pub label: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// How many of its compilations run at a time; none for as many as there are cores.
    pub compilations: Option<u32>,
    /// Its part of the cores, relative to that of others: 1 to 1,000.
    pub weight: u32,
}

const SELECT: &str = "SELECT name, label, created_at, compilations, weight FROM tenants";

fn tenant(row: &Row<'_>) -> rusqlite::Result<Tenant> {
    Ok(Tenant {
        name: parsed(row, 0)?,
        label: row.get(1)?,
        created_at: from_millis(row.get(2)?),
        compilations: row.get(3)?,
        weight: row.get(4)?,
    })
}

impl Db {
    /// Makes a tenant. Says whether its name was free.
    pub fn add_tenant(&self, new: &Tenant) -> Result<bool, DbError> {
        self.write("add a tenant", |db| {
            let added = db.execute(
                "INSERT OR IGNORE INTO tenants (name, label, created_at, compilations, weight) VALUES (?1, ?2, ?3, ?4, ?5)",
                (new.name.as_str(), &new.label, millis(new.created_at), new.compilations, new.weight),
            )?;
            Ok(added == 1)
        })
    }

    /// Changes all but a tenant's name and age. Says whether it is there.
    pub fn update_tenant(&self, new: &Tenant) -> Result<bool, DbError> {
        self.write("change a tenant", |db| {
            let changed = db.execute(
                "UPDATE tenants SET label = ?2, compilations = ?3, weight = ?4 WHERE name = ?1",
                (new.name.as_str(), &new.label, new.compilations, new.weight),
            )?;
            Ok(changed == 1)
        })
    }

    /// Removes a tenant and its tokens. Says whether it was there.
    pub fn remove_tenant(&self, name: &TenantName) -> Result<bool, DbError> {
        self.write("remove a tenant", |db| {
            db.execute("DELETE FROM tokens WHERE tenant = ?1", [name.as_str()])?;
            Ok(db.execute("DELETE FROM tenants WHERE name = ?1", [name.as_str()])? == 1)
        })
    }

    /// The tenant of this name.
    pub fn tenant(&self, name: &TenantName) -> Result<Option<Tenant>, DbError> {
        self.read("look up a tenant", |db| {
            db.prepare_cached(&format!("{SELECT} WHERE name = ?1"))?
                .query_row([name.as_str()], tenant)
                .optional()
        })
    }

    /// Up to `limit` tenants whose names come after this one, by name.
    pub fn tenants(&self, after: &str, limit: u32) -> Result<Vec<Tenant>, DbError> {
        self.read("list the tenants", |db| {
            db.prepare_cached(&format!("{SELECT} WHERE name > ?1 ORDER BY name LIMIT ?2"))?
                .query_map((after, limit), tenant)?
                .collect()
        })
    }
}
