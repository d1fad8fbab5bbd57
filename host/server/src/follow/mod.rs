//! Environments that are upgraded by themselves: those that follow releases, and those whose upgrade was asked for beforehand.
//!
//! Which release is `choose.rs`, when is `window.rs`; releases come by `api/releases.rs` and `watch.rs`. Here is what is done: one thread
//! looks again when something has changed and every few seconds, and starts what a caller would start. What is about to begin is
//! written down first, so that after a kill it is done, and not done twice.

mod choose;
pub(crate) mod watch;
mod window;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prefab_model::Release;
use semver::Version;
use serde::Serialize;
use time::OffsetDateTime;

use crate::api::release_versions;
use crate::db::{FollowRow, NewAuditEntry, ScheduledRow};
use crate::names::{EnvironmentName, TenantName};
use crate::problem::Problem;
use crate::runs::{How, Order, Work, goes_on_with};
use crate::server::{App, Server};

pub(crate) use choose::Follow;
pub(crate) use window::Window;

/// How often everything is looked at, also when nothing is known to have changed.
const EVERY: Duration = Duration::from_secs(10);
/// How often it is looked whether the time of an upgrade has come.
pub(crate) const SOON: Duration = Duration::from_secs(1);
/// So many runs there may be before no further one is begun by itself: a release may be followed by thousands of environments.
const MOST: usize = 32;
/// How long a release is left alone that could not be gone to, unless something changes.
const LATER: Duration = Duration::from_mins(10);
/// Who it is in records.
const WHO: &str = "the server";

type Place = (TenantName, EnvironmentName);

/// What is remembered between two looks.
#[derive(Default)]
pub(crate) struct Followers {
    changed: AtomicBool,
    looked: Mutex<Option<Instant>>,
    refused: Mutex<HashMap<Place, Refused>>,
    /// Releases that were read, by their folder: they never change.
    releases: Mutex<HashMap<PathBuf, Arc<Release>>>,
}

struct Refused {
    to: Version,
    code: &'static str,
    detail: String,
    at: Instant,
}

/// The upgrade that is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NextUpgrade {
    version: Version,
    /// When it begins, if nothing is in its way.
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    /// Who asked for it; none if it follows from what the environment follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    /// Why it could not be begun the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Followers {
    /// Says that there is a release more, or that something is followed otherwise: it is looked at within a second.
    pub(crate) fn changed(&self) {
        lock(&self.refused).clear();
        self.changed.store(true, Ordering::Relaxed);
    }

    fn is_to_look(&self) -> bool {
        let mut looked = lock(&self.looked);
        let due = self.changed.swap(false, Ordering::Relaxed)
            || looked.is_none_or(|looked| looked.elapsed() >= EVERY);
        if due {
            *looked = Some(Instant::now());
        }
        due
    }

    fn was_refused(&self, place: &Place, to: &Version) -> Option<(&'static str, String)> {
        let refused = lock(&self.refused);
        let refused = refused.get(place).filter(|it| &it.to == to && it.at.elapsed() < LATER)?;
        Some((refused.code, refused.detail.clone()))
    }
}

/// Begins all that is to be begun now. Blocks.
pub(crate) fn look(app: &App, now: OffsetDateTime) -> Result<(), Problem> {
    let looks = app.followers().is_to_look();
    for (place, row) in app.data().db().due(now)? {
        // One that was tried when its time came, and found the environment held, is tried again with the others.
        if !looks && now - row.at > 2 * SOON {
            continue;
        }
        if app.runs().count() >= MOST {
            return Ok(());
        }
        if let Err(problem) = begin_scheduled(app, &place, &row) {
            let (tenant, environment) = &place;
            tracing::error!(%tenant, %environment, ?problem, "cannot begin an upgrade that was to come");
        }
    }
    if !looks {
        return Ok(());
    }
    for (place, row) in app.data().db().all_follows()? {
        if app.runs().count() >= MOST {
            // The rest as soon as there is room.
            app.followers().changed.store(true, Ordering::Relaxed);
            break;
        }
        if let Err(problem) = follow(app, &place, &row, now) {
            let (tenant, environment) = &place;
            tracing::error!(%tenant, %environment, ?problem, "cannot look what it follows");
        }
    }
    Ok(())
}

fn begin_scheduled(app: &App, place: &Place, row: &ScheduledRow) -> Result<(), Problem> {
    let (tenant, environment) = place;
    let how: How = serde_json::from_str(&row.request)?;
    let order = Order { work: Work::Upgrade { to: row.version.clone() }, how };
    let begun = app.runs().start_blocking(app, tenant.clone(), environment.clone(), row.who.clone(), order);
    let status = match &begun {
        Ok(_) => 202,
        // It waits until the environment is free.
        Err(problem) if passes(problem) => return Ok(()),
        Err(problem) => problem.status().as_u16(),
    };
    app.data().db().unschedule(tenant, environment)?;
    record(app, place, &row.version, begun.as_ref().err(), status, &row.who)
}

/// Whether the same may be asked again in a moment.
fn passes(problem: &Problem) -> bool {
    matches!(problem.code(), "held" | "ending" | "busy")
}

fn record(
    app: &App,
    place: &Place,
    to: &Version,
    problem: Option<&Problem>,
    status: u16,
    who: &str,
) -> Result<(), Problem> {
    let (tenant, environment) = place;
    match problem {
        None => tracing::info!(%tenant, %environment, %to, who, "upgraded by itself"),
        Some(problem) => {
            tracing::warn!(%tenant, %environment, %to, who, ?problem, "cannot be upgraded by itself");
        }
    }
    let entry = NewAuditEntry {
        token: None,
        who,
        tenant: Some(tenant),
        method: "POST",
        path: &format!("/tenants/{tenant}/environments/{environment}/upgrade"),
        status,
    };
    Ok(app.data().db().audit(&entry, OffsetDateTime::now_utc())?)
}

/// Upgrades one environment if there is what it follows, it is time, and nothing is in the way.
fn follow(app: &App, place: &Place, row: &FollowRow, now: OffsetDateTime) -> Result<(), Problem> {
    let (tenant, environment) = place;
    let db = app.data().db();
    let env = match app.environment(tenant, environment) {
        Err(problem) if problem.code() == "not-found" => return Ok(()),
        env => env?,
    };
    let Some(platform) = env.platform()? else { return Ok(()) };
    if let Some(begun) = &row.begun {
        if goes_on_with(db, place, begun)? {
            return Ok(db.end_following(place, Some(begun))?);
        }
        if &platform.version == begun {
            // It was killed between the two.
            return begin(app, place, begun);
        }
    }
    let Some(to) = app.chosen(tenant, row, &platform.version) else {
        return if row.begun.is_some() { Ok(db.end_following(place, None)?) } else { Ok(()) };
    };
    if row.window.as_ref().is_some_and(|window| !window.is_open(now)) {
        return Ok(());
    }
    begin(app, place, &to)
}

fn begin(app: &App, place: &Place, to: &Version) -> Result<(), Problem> {
    if app.followers().was_refused(place, to).is_some() {
        return Ok(());
    }
    let (tenant, environment) = place;
    let db = app.data().db();
    db.begin_following(place, to)?;
    let order = Order { work: Work::Upgrade { to: to.clone() }, how: How::default() };
    let begun = app.runs().start_blocking(app, tenant.clone(), environment.clone(), WHO.to_owned(), order);
    let Err(problem) = begun else {
        db.end_following(place, Some(to))?;
        return record(app, place, to, None, 202, WHO);
    };
    let platform = app.environment(tenant, environment)?.platform()?;
    let is_there = platform.is_some_and(|platform| &platform.version == to);
    if is_there && problem.code() == "no-modules" {
        db.end_following(place, Some(to))?;
        return record(app, place, to, None, 202, WHO);
    }
    if !is_there {
        db.end_following(place, None)?;
    }
    if passes(&problem) {
        return Ok(());
    }
    record(app, place, to, Some(&problem), problem.status().as_u16(), WHO)?;
    let (code, detail) = (problem.code(), problem.detail().to_owned());
    let refused = Refused { to: to.clone(), code, detail, at: Instant::now() };
    lock(&app.followers().refused).insert(place.clone(), refused);
    Ok(())
}

impl Server {
    /// The release that an environment is to be upgraded to by itself.
    fn chosen(&self, tenant: &TenantName, row: &FollowRow, from: &Version) -> Option<Version> {
        if row.follow == Follow::None {
            return None;
        }
        let releases = self.releases_of(tenant);
        let releases = releases.iter().map(|release| &**release);
        choose::choose(row.follow, from, row.reached.as_ref(), releases).cloned()
    }

    /// The releases that a tenant can upgrade to. Its own go before those for all. One that cannot be read is not followed.
    fn releases_of(&self, tenant: &TenantName) -> Vec<Arc<Release>> {
        let versions = release_versions(self, tenant);
        let folders = versions.iter().filter_map(|version| self.data().release(tenant, version));
        let read = |folder: PathBuf| match self.release_in(&folder) {
            Ok(release) => Some(release),
            Err(problem) => {
                tracing::warn!(folder = %folder.display(), ?problem, "a release cannot be read");
                None
            }
        };
        folders.filter_map(read).collect()
    }

    fn release_in(&self, folder: &Path) -> Result<Arc<Release>, Problem> {
        let releases = &self.followers().releases;
        if let Some(release) = lock(releases).get(folder) {
            return Ok(Arc::clone(release));
        }
        let release = Arc::new(Release::parse(&fs::read_to_string(folder.join("release.toml"))?)?);
        lock(releases).insert(folder.to_owned(), Arc::clone(&release));
        Ok(release)
    }

    /// The upgrade of an environment that is to come, if one is.
    pub(crate) fn next_upgrade(
        &self,
        place: &Place,
        row: &FollowRow,
        platform: Option<&Version>,
        now: OffsetDateTime,
    ) -> Result<Option<NextUpgrade>, Problem> {
        let (tenant, environment) = place;
        if let Some(scheduled) = self.data().db().scheduled(tenant, environment)? {
            let ScheduledRow { version, at, who, .. } = scheduled;
            return Ok(Some(NextUpgrade { version, at, who: Some(who), refused: None }));
        }
        let Some(version) = platform.and_then(|from| self.chosen(tenant, row, from)) else {
            return Ok(None);
        };
        let at = row.window.as_ref().map_or(now, |window| window.next_opening(now));
        let refused = self.followers().was_refused(place, &version).map(|(_, detail)| detail);
        Ok(Some(NextUpgrade { version, at, who: None, refused }))
    }
}
