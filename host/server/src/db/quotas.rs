//! What tenants may have, and the fuel that they have used.

use rusqlite::{OptionalExtension as _, Row};

use super::{Db, DbError, parsed};
use crate::names::TenantName;
use crate::quotas::{Ceilings, Quotas};

/// So many days are remembered of the fuel that was used.
const KEPT: i64 = 400;

const COLUMNS: &str = "tenant, weight, compilations, fuel_a_day, memory, storage, environments, modules, \
     ceiling_fuel, ceiling_memory, ceiling_deadline";

fn quotas(row: &Row<'_>) -> rusqlite::Result<(TenantName, Quotas)> {
    let number = |column| row.get::<_, Option<i64>>(column).map(|number| number.map(unsigned));
    let quotas = Quotas {
        weight: row.get(1)?,
        compilations: row.get(2)?,
        fuel_a_day: number(3)?,
        memory: number(4)?,
        storage: number(5)?,
        environments: row.get(6)?,
        modules: number(7)?,
        ceilings: Ceilings { fuel: number(8)?, memory: number(9)?, deadline: number(10)? },
    };
    Ok((parsed(row, 0)?, quotas))
}

/// SQLite has no larger numbers, and nobody needs them.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl Db {
    /// What every tenant may have whose quotas were set.
    pub(crate) fn all_quotas(&self) -> Result<Vec<(TenantName, Quotas)>, DbError> {
        self.read("read the quotas", |db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM quotas"))?.query_map((), quotas)?.collect()
        })
    }

    /// Sets what a tenant may have.
    pub(crate) fn set_quotas(&self, tenant: &TenantName, to: &Quotas) -> Result<(), DbError> {
        self.write("set quotas", |db| {
            db.execute(
                &format!("INSERT OR REPLACE INTO quotas ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
                (
                    tenant.as_str(),
                    to.weight,
                    to.compilations,
                    to.fuel_a_day.map(signed),
                    to.memory.map(signed),
                    to.storage.map(signed),
                    to.environments,
                    to.modules.map(signed),
                    to.ceilings.fuel.map(signed),
                    to.ceilings.memory.map(signed),
                    to.ceilings.deadline.map(signed),
                ),
            )
            .map(drop)
        })
    }

    /// The fuel that a tenant has used on a day.
    pub(crate) fn fuel(&self, tenant: &TenantName, day: i64) -> Result<u64, DbError> {
        self.read("read the fuel that was used", |db| {
            let used: Option<i64> = db
                .prepare_cached("SELECT used FROM fuel WHERE tenant = ?1 AND day = ?2")?
                .query_row((tenant.as_str(), day), |row| row.get(0))
                .optional()?;
            Ok(used.map_or(0, unsigned))
        })
    }

    /// Remembers the fuel that tenants have used on a day, and forgets what is long past.
    pub(crate) fn set_fuel(&self, used: &[(TenantName, u64)], day: i64) -> Result<(), DbError> {
        self.write("record the fuel that was used", |db| {
            for (tenant, used) in used {
                db.execute(
                    "INSERT OR REPLACE INTO fuel (tenant, day, used) VALUES (?1, ?2, ?3)",
                    (tenant.as_str(), day, signed(*used)),
                )?;
                db.execute("DELETE FROM fuel WHERE tenant = ?1 AND day < ?2", (tenant.as_str(), day - KEPT))?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_and_fuel_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("server.db")).unwrap();
        let tenant: TenantName = "acme".parse().unwrap();
        let set = Quotas {
            weight: std::num::NonZeroU32::new(3).unwrap(),
            compilations: std::num::NonZeroU32::new(2),
            fuel_a_day: Some(4),
            memory: Some(5),
            storage: Some(6),
            environments: Some(7),
            modules: Some(8),
            ceilings: Ceilings { fuel: Some(9), memory: Some(10), deadline: Some(11) },
        };
        for quotas in [Quotas::default(), set] {
            db.set_quotas(&tenant, &quotas).unwrap();
            assert_eq!(db.all_quotas().unwrap(), [(tenant.clone(), quotas)]);
        }
        db.set_fuel(&[(tenant.clone(), 12)], 20_000).unwrap();
        assert_eq!([20_000, 20_001].map(|day| db.fuel(&tenant, day).unwrap()), [12, 0]);
        db.set_fuel(&[(tenant.clone(), 13)], 21_000).unwrap();
        assert_eq!(db.fuel(&tenant, 20_000).unwrap(), 0, "what is long past is forgotten");
    }
}
