//! Which environments follow releases, and which upgrades are to come.

use rusqlite::{OptionalExtension as _, Row};
use semver::Version;
use time::OffsetDateTime;

use super::{Db, DbError, from_millis, millis, parsed};
use crate::follow::{Follow, Window};
use crate::names::{EnvironmentName, TenantName};

/// How an environment follows releases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FollowRow {
    pub(crate) follow: Follow,
    pub(crate) window: Option<Window>,
    /// The version that it was last upgraded to by itself.
    pub(crate) reached: Option<Version>,
    /// The version that it is being upgraded to, until its preparation has begun.
    pub(crate) begun: Option<Version>,
}

/// An upgrade that somebody has asked for and whose time has not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScheduledRow {
    pub(crate) version: Version,
    /// How, as JSON.
    pub(crate) request: String,
    pub(crate) who: String,
    pub(crate) at: OffsetDateTime,
}

/// A column with a text that may be missing.
fn optional<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.get::<_, Option<String>>(column)?.map(|_| parsed(row, column)).transpose()
}

fn follow(row: &Row<'_>) -> rusqlite::Result<FollowRow> {
    Ok(FollowRow {
        follow: parsed(row, 0)?,
        window: optional(row, 1)?,
        reached: optional(row, 2)?,
        begun: optional(row, 3)?,
    })
}

fn scheduled(row: &Row<'_>) -> rusqlite::Result<ScheduledRow> {
    Ok(ScheduledRow {
        version: parsed(row, 0)?,
        request: row.get(1)?,
        who: row.get(2)?,
        at: from_millis(row.get(3)?),
    })
}

type Place = (TenantName, EnvironmentName);

impl Db {
    /// How an environment follows releases.
    pub(crate) fn follows(
        &self,
        tenant: &TenantName,
        environment: &EnvironmentName,
    ) -> Result<FollowRow, DbError> {
        self.read("read what an environment follows", |db| {
            let found = db
                .prepare_cached(
                    "SELECT follow, hours, reached, begun FROM follows WHERE tenant = ?1 AND environment = ?2",
                )?
                .query_row((tenant.as_str(), environment.as_str()), follow)
                .optional()?;
            Ok(found.unwrap_or_default())
        })
    }

    /// All environments that follow any.
    pub(crate) fn all_follows(&self) -> Result<Vec<(Place, FollowRow)>, DbError> {
        self.read("read what environments follow", |db| {
            db.prepare_cached(
                "SELECT follow, hours, reached, begun, tenant, environment FROM follows
                 WHERE follow <> 'none' OR begun IS NOT NULL ORDER BY tenant, environment",
            )?
            .query_map((), |row| Ok(((parsed(row, 4)?, parsed(row, 5)?), follow(row)?)))?
            .collect()
        })
    }

    /// Sets what an environment follows. What it was upgraded to before stays known.
    pub(crate) fn set_follows(
        &self,
        tenant: &TenantName,
        environment: &EnvironmentName,
        follow: Follow,
        window: Option<&Window>,
    ) -> Result<(), DbError> {
        self.write("set what an environment follows", |db| {
            db.execute(
                "INSERT INTO follows (tenant, environment, follow, hours) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET follow = excluded.follow, hours = excluded.hours",
                (tenant.as_str(), environment.as_str(), follow.name(), window.map(ToString::to_string)),
            )
            .map(drop)
        })
    }

    /// Says that an environment is about to be upgraded by itself.
    pub(crate) fn begin_following(&self, place: &Place, to: &Version) -> Result<(), DbError> {
        self.write("record an upgrade that begins", |db| {
            db.execute(
                "UPDATE follows SET begun = ?3 WHERE tenant = ?1 AND environment = ?2",
                (place.0.as_str(), place.1.as_str(), to.to_string()),
            )
            .map(drop)
        })
    }

    /// Says that the preparation of that upgrade has begun; or, without `reached`, that nothing came of it.
    pub(crate) fn end_following(&self, place: &Place, reached: Option<&Version>) -> Result<(), DbError> {
        self.write("record an upgrade that has begun", |db| {
            db.execute(
                "UPDATE follows SET begun = NULL, reached = coalesce(?3, reached) WHERE tenant = ?1 AND environment = ?2",
                (place.0.as_str(), place.1.as_str(), reached.map(ToString::to_string)),
            )
            .map(drop)
        })
    }

    /// The upgrade of an environment that is to come.
    pub(crate) fn scheduled(
        &self,
        tenant: &TenantName,
        environment: &EnvironmentName,
    ) -> Result<Option<ScheduledRow>, DbError> {
        self.read("read an upgrade that is to come", |db| {
            db.prepare_cached(
                "SELECT version, request, who, at FROM scheduled WHERE tenant = ?1 AND environment = ?2",
            )?
            .query_row((tenant.as_str(), environment.as_str()), scheduled)
            .optional()
        })
    }

    /// The upgrades whose time has come.
    pub(crate) fn due(&self, now: OffsetDateTime) -> Result<Vec<(Place, ScheduledRow)>, DbError> {
        self.read("read the upgrades that are to come", |db| {
            db.prepare_cached(
                "SELECT version, request, who, at, tenant, environment FROM scheduled WHERE at <= ?1 ORDER BY at",
            )?
            .query_map([millis(now)], |row| Ok(((parsed(row, 4)?, parsed(row, 5)?), scheduled(row)?)))?
            .collect()
        })
    }

    /// Takes an upgrade down for later, in the place of one that was to come.
    pub(crate) fn schedule(
        &self,
        tenant: &TenantName,
        environment: &EnvironmentName,
        new: &ScheduledRow,
    ) -> Result<(), DbError> {
        self.write("take an upgrade down for later", |db| {
            db.execute(
                "INSERT OR REPLACE INTO scheduled (tenant, environment, version, request, who, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    tenant.as_str(),
                    environment.as_str(),
                    new.version.to_string(),
                    &new.request,
                    &new.who,
                    millis(new.at),
                ),
            )
            .map(drop)
        })
    }

    /// Forgets an upgrade that was to come. Says whether there was one.
    pub(crate) fn unschedule(
        &self,
        tenant: &TenantName,
        environment: &EnvironmentName,
    ) -> Result<bool, DbError> {
        self.write("forget an upgrade that was to come", |db| {
            let gone = db.execute(
                "DELETE FROM scheduled WHERE tenant = ?1 AND environment = ?2",
                (tenant.as_str(), environment.as_str()),
            )?;
            Ok(gone == 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_followed_and_what_is_to_come_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("server.db")).unwrap();
        let place: Place = ("acme".parse().unwrap(), "shop".parse().unwrap());
        let (tenant, environment) = &place;
        assert_eq!(db.follows(tenant, environment).unwrap(), FollowRow::default());
        let window: Window = "sat,sun 01:00-05:00".parse().unwrap();
        db.set_follows(tenant, environment, Follow::Minor, Some(&window)).unwrap();
        let version: Version = "11.9.0".parse().unwrap();
        db.begin_following(&place, &version).unwrap();
        let row = FollowRow {
            follow: Follow::Minor,
            window: Some(window),
            reached: None,
            begun: Some(version.clone()),
        };
        assert_eq!(db.all_follows().unwrap(), [(place.clone(), row)]);
        db.end_following(&place, Some(&version)).unwrap();
        db.set_follows(tenant, environment, Follow::None, None).unwrap();
        let row = FollowRow { reached: Some(version.clone()), ..FollowRow::default() };
        assert_eq!(db.follows(tenant, environment).unwrap(), row);
        assert_eq!(db.all_follows().unwrap(), []);

        let at = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(100);
        let new = ScheduledRow { version, request: "{}".into(), who: "ci".into(), at };
        db.schedule(tenant, environment, &new).unwrap();
        assert_eq!(db.scheduled(tenant, environment).unwrap(), Some(new.clone()));
        assert_eq!(db.due(at - time::Duration::seconds(1)).unwrap(), []);
        assert_eq!(db.due(at).unwrap(), [(place.clone(), new)]);
        assert!(db.unschedule(tenant, environment).unwrap());
        assert!(!db.unschedule(tenant, environment).unwrap());
    }
}
