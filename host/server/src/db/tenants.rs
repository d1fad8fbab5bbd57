//! Tenants: who owns environments.

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
}

const SELECT: &str = "SELECT name, label, created_at FROM tenants";

fn tenant(row: &Row<'_>) -> rusqlite::Result<Tenant> {
    Ok(Tenant { name: parsed(row, 0)?, label: row.get(1)?, created_at: from_millis(row.get(2)?) })
}

impl Db {
    /// Makes a tenant. Says whether its name was free.
    pub fn add_tenant(&self, new: &Tenant) -> Result<bool, DbError> {
        self.write("add a tenant", |db| {
            let added = db.execute(
                "INSERT OR IGNORE INTO tenants (name, label, created_at) VALUES (?1, ?2, ?3)",
                (new.name.as_str(), &new.label, millis(new.created_at)),
            )?;
            Ok(added == 1)
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
