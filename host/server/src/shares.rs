//! The tenants' shares of the compilation slots: what each may have, and the fuel that it has used today.
//!
//! Fuel is counted in memory and written once a second. So a kill loses the count of a second, and nobody waits for a write.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prefab_model::Fuel;
use prefab_prepare::{Share, Slots, Standing};
use time::OffsetDateTime;

use crate::db::{Db, DbError};
use crate::names::TenantName;
use crate::quotas::Quotas;

/// All shares.
pub(crate) struct Shares {
    slots: Slots,
    state: Mutex<State>,
}

struct State {
    day: i64,
    members: HashMap<TenantName, Member>,
}

struct Member {
    share: Share,
    quotas: Arc<Quotas>,
    /// What is written of the fuel used today.
    written: u64,
}

fn day(now: OffsetDateTime) -> i64 {
    now.unix_timestamp().div_euclid(24 * 3600)
}

impl Shares {
    /// With so many slots, and what is remembered of all tenants.
    pub(crate) fn open(db: &Db, slots: NonZeroUsize, now: OffsetDateTime) -> Result<Self, DbError> {
        let shares = Self {
            slots: Slots::new(slots),
            state: Mutex::new(State { day: day(now), members: HashMap::new() }),
        };
        for (tenant, quotas) in db.all_quotas()? {
            shares.add(db, &mut shares.lock(), &tenant, quotas)?;
        }
        Ok(shares)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add<'a>(
        &self,
        db: &Db,
        state: &'a mut State,
        tenant: &TenantName,
        quotas: Quotas,
    ) -> Result<&'a Member, DbError> {
        let written = db.fuel(tenant, state.day)?;
        let share = self.slots.share(quotas.terms());
        share.set_fuel(Fuel(written));
        let member = Member { share, quotas: Arc::new(quotas), written };
        Ok(state.members.entry(tenant.clone()).or_insert(member))
    }

    fn member<T>(&self, db: &Db, tenant: &TenantName, read: impl FnOnce(&Member) -> T) -> Result<T, DbError> {
        let mut state = self.lock();
        if let Some(member) = state.members.get(tenant) {
            return Ok(read(member));
        }
        self.add(db, &mut state, tenant, Quotas::default()).map(read)
    }

    /// The share of a tenant that is there.
    pub(crate) fn of(&self, db: &Db, tenant: &TenantName) -> Result<Share, DbError> {
        self.member(db, tenant, |member| member.share.clone())
    }

    /// What a tenant may have.
    pub(crate) fn quotas(&self, db: &Db, tenant: &TenantName) -> Result<Arc<Quotas>, DbError> {
        self.member(db, tenant, |member| Arc::clone(&member.quotas))
    }

    /// Changes what a tenant may have, from now on.
    pub(crate) fn set_quotas(&self, db: &Db, tenant: &TenantName, quotas: Quotas) -> Result<(), DbError> {
        db.set_quotas(tenant, &quotas)?;
        self.of(db, tenant)?.set_terms(quotas.terms());
        if let Some(member) = self.lock().members.get_mut(tenant) {
            member.quotas = Arc::new(quotas);
        }
        Ok(())
    }

    /// How all tenants stand that have run anything, by name.
    pub(crate) fn standings(&self) -> Vec<(TenantName, Standing)> {
        let state = self.lock();
        let standing = |(tenant, member): (&TenantName, &Member)| (tenant.clone(), member.share.standing());
        let mut standings: Vec<_> = state.members.iter().map(standing).collect();
        standings.sort_by(|(a, _), (b, _)| a.cmp(b));
        standings
    }

    /// Writes what was used since the last time, and begins another day if that has come.
    pub(crate) fn tick(&self, db: &Db, now: OffsetDateTime) -> Result<(), DbError> {
        let mut state = self.lock();
        let (past, today) = (state.day, day(now));
        let mut used: Vec<(TenantName, u64)> = Vec::new();
        for (tenant, member) in &mut state.members {
            let fuel = member.share.standing().fuel;
            if fuel != member.written {
                used.push((tenant.clone(), fuel));
                member.written = fuel;
            }
        }
        if today != past {
            state.day = today;
            state.members.values_mut().for_each(|member| member.written = 0);
            self.slots.new_day();
        }
        drop(state);
        if used.is_empty() { Ok(()) } else { db.set_fuel(&used, past) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn fuel_is_remembered_for_the_day_and_the_next_begins_with_none() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("server.db")).unwrap();
        let tenant: TenantName = "acme".parse().unwrap();
        let open = |now| Shares::open(&db, NonZeroUsize::MIN, now).unwrap();
        let noon = 20_000 * 24 * 3600 + 12 * 3600;
        let shares = open(at(noon));
        let quotas = Quotas { fuel_a_day: Some(10), ..Quotas::default() };
        shares.set_quotas(&db, &tenant, quotas.clone()).unwrap();
        let share = shares.of(&db, &tenant).unwrap();
        share.set_fuel(Fuel(11));
        assert!(share.held_back().is_some());
        shares.tick(&db, at(noon + 1)).unwrap();

        let again = open(at(noon + 2));
        assert!(again.of(&db, &tenant).unwrap().held_back().is_some(), "a restart gives no fuel");
        assert_eq!(*again.quotas(&db, &tenant).unwrap(), quotas);
        again.tick(&db, at(noon + 12 * 3600)).unwrap();
        assert!(again.of(&db, &tenant).unwrap().held_back().is_none());
        assert_eq!(db.fuel(&tenant, 20_000).unwrap(), 11);
        assert!(open(at(noon + 12 * 3600)).of(&db, &tenant).unwrap().held_back().is_none());
    }
}
