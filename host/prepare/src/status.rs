//! How an environment is: which platform version, and how far its modules are. Answers in milliseconds, also while another process
//! prepares.

use std::time::Duration;

use prefab_model::{Counts, PreparationId, PreparationState};
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::environment::Environment;
use crate::history::from_millis;
use crate::lock::{Activity, Held, HoldError, Lock};

/// The state of an environment in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentState {
    /// It is on no platform version, or nothing was prepared yet.
    New,
    /// Modules are being prepared.
    Preparing,
    /// Modules are being prepared, and that waits until it is resumed.
    Paused,
    /// Every module is prepared.
    Ready,
    /// Every module is accounted for, and some failed or were skipped.
    Errors,
    /// The latest preparation was stopped or killed: `prefab prepare` continues.
    Interrupted,
    /// The latest preparation was called off: `prefab prepare` begins anew, with what it has left.
    Cancelled,
    /// The latest preparation was for another platform version: `prefab prepare` makes up for it.
    Outdated,
}

/// How an environment is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// In one word.
    pub state: EnvironmentState,
    /// Its name.
    pub environment: String,
    /// Its platform version.
    pub platform: Option<Version>,
    /// A link to the release notes.
    pub notes: Option<String>,
    /// The latest preparation.
    pub preparation: Option<PreparationId>,
    /// Its figures.
    #[serde(flatten)]
    pub counts: Counts,
    /// How far it is, in whole per cent.
    pub percent: u64,
    /// About how long it will still take, in seconds.
    pub eta_seconds: Option<u64>,
    /// How many modules the environment has now.
    pub environment_modules: u64,
    /// How many of them are deployed.
    pub published: u64,
    /// Who holds the environment.
    pub holder: Option<Held>,
    /// The rehearsal that is running, which keeps nobody from anything.
    pub rehearsal: Option<Held>,
}

/// How the environment is.
pub fn status(env: &Environment) -> Result<Status, HoldError> {
    let store = env.store();
    let platform = env.platform()?;
    let holder = env.holder(Lock::Environment)?;
    let latest = store.latest_preparation()?;
    let version = platform.as_ref().map(|platform| platform.version.clone());
    let prepares = holder.as_ref().is_some_and(|held| {
        matches!(held.activity, Activity::Prepare | Activity::Upgrade) || held.preparation.is_some()
    });
    // A holder that has not begun its preparation yet has no figures: the latest are those of the one before.
    let begun = holder.as_ref().is_none_or(|held| held.preparation.is_some());
    let counts = latest.as_ref().filter(|_| begun).map(|latest| latest.counts).unwrap_or_default();
    let state = match &latest {
        _ if prepares && holder.as_ref().is_some_and(|held| held.paused) => EnvironmentState::Paused,
        _ if prepares => EnvironmentState::Preparing,
        None => EnvironmentState::New,
        Some(latest) if Some(&latest.version) != version.as_ref() => EnvironmentState::Outdated,
        Some(latest) if latest.state == PreparationState::Cancelled => EnvironmentState::Cancelled,
        Some(latest) if latest.state != PreparationState::Done => EnvironmentState::Interrupted,
        Some(_) if counts.failed + counts.skipped > 0 => EnvironmentState::Errors,
        Some(_) => EnvironmentState::Ready,
    };
    let eta = match &latest {
        Some(latest) if prepares && latest.state == PreparationState::Running => {
            eta(&counts, OffsetDateTime::now_utc() - from_millis(latest.started_at))
        }
        _ => None,
    };
    Ok(Status {
        state,
        environment: env.config().name.clone(),
        platform: version,
        notes: platform.and_then(|platform| platform.notes),
        preparation: latest.map(|latest| latest.id),
        counts,
        percent: if begun { counts.percent() } else { 0 },
        eta_seconds: eta.map(|eta| eta.as_secs()),
        environment_modules: store.module_count()?,
        published: store.deployed_count()?,
        holder,
        rehearsal: env.holder(Lock::Rehearsal)?.filter(|held| held.activity == Activity::Rehearse),
    })
}

/// From the share that is done; none before there is anything to tell it by, or when the clock was set back.
fn eta(counts: &Counts, elapsed: time::Duration) -> Option<Duration> {
    let done = counts.signed + counts.ended();
    let elapsed: Duration = elapsed.try_into().ok()?;
    if done == 0 || elapsed < Duration::from_secs(1) {
        return None;
    }
    let left = (counts.modules * 2).saturating_sub(done);
    Duration::try_from_secs_f64(elapsed.as_secs_f64() * left as f64 / done as f64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eta_follows_from_the_share_that_is_done() {
        let counts = Counts { modules: 100, signed: 100, prepared: 50, ..Counts::default() };
        assert_eq!(eta(&counts, time::Duration::seconds(30)), Some(Duration::from_secs(10)));
        assert_eq!(eta(&counts, time::Duration::seconds(-30)), None);
        assert_eq!(eta(&Counts::default(), time::Duration::seconds(30)), None);
    }
}
