//! The preparations and rehearsals that an environment has seen, with their figures.

use prefab_model::{Counts, PreparationId, PreparationKind, PreparationState};
use prefab_store::Preparation;
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::environment::Environment;
use crate::history::from_millis;
use crate::lock::{HoldError, Lock};

/// A preparation or rehearsal as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparationSummary {
    /// Its number.
    pub preparation: PreparationId,
    /// What it is for.
    pub kind: PreparationKind,
    /// The platform version that modules are prepared for.
    pub platform: Version,
    /// Where it is. One whose process is dead was stopped, whatever it last said.
    pub state: PreparationState,
    /// Its figures, as of the last batch.
    #[serde(flatten)]
    pub counts: Counts,
    /// How far it is, in whole per cent.
    pub percent: u64,
    /// Who began it.
    pub who: String,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// Up to `limit` preparations and rehearsals before this number, the latest first; the latest of all without one.
pub fn preparations(
    env: &Environment,
    before: Option<PreparationId>,
    limit: u32,
) -> Result<Vec<PreparationSummary>, HoldError> {
    let rows = env.store().preparations_before(before.unwrap_or(PreparationId(i64::MAX)), limit)?;
    let alive = Alive::look(env)?;
    Ok(rows.into_iter().map(|row| alive.summary(row)).collect())
}

/// The preparation or rehearsal of this number.
pub fn preparation(env: &Environment, id: PreparationId) -> Result<Option<PreparationSummary>, HoldError> {
    let Some(row) = env.store().preparation(id)? else { return Ok(None) };
    Ok(Some(Alive::look(env)?.summary(row)))
}

/// Those that a process runs now, and whether they wait.
struct Alive(Vec<(PreparationId, bool)>);

impl Alive {
    fn look(env: &Environment) -> Result<Self, HoldError> {
        let mut alive = Vec::new();
        for lock in [Lock::Environment, Lock::Rehearsal] {
            let held = env.holder(lock)?;
            alive.extend(held.and_then(|held| held.preparation.map(|id| (id, held.paused))));
        }
        Ok(Self(alive))
    }

    fn summary(&self, row: Preparation) -> PreparationSummary {
        let state = match (row.state, self.0.iter().find(|(id, _)| *id == row.id)) {
            (PreparationState::Running | PreparationState::Paused, None) => PreparationState::Stopped,
            (PreparationState::Running, Some((_, true))) => PreparationState::Paused,
            (state, _) => state,
        };
        PreparationSummary {
            preparation: row.id,
            kind: row.kind,
            platform: row.version,
            state,
            counts: row.counts,
            percent: row.counts.percent(),
            who: row.holder.who,
            started_at: from_millis(row.started_at),
            finished_at: row.finished_at.map(from_millis),
        }
    }
}
