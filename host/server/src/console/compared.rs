//! Which two preparations are compared: those that the address names, or those that somebody most likely means.

use maud::{Markup, html};
use prefab_model::{PreparationId, PreparationKind};
use prefab_prepare::{Environment, HoldError, PreparationSummary, preparations};
use serde::Deserialize;

use super::links::Links;
use super::words::preparation;

/// So many can be chosen from.
const CHOICE: u32 = 60;

/// What the address names. An empty field of the form is none.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    base: String,
    #[serde(default)]
    new: String,
}

/// The two, and those that there are to choose from.
pub(super) struct Compared {
    pub(super) sides: Option<(PreparationId, PreparationId)>,
    runs: Vec<PreparationSummary>,
}

impl Compared {
    pub(super) fn of(env: &Environment, wanted: &Wanted) -> Result<Self, HoldError> {
        let runs = preparations(env, None, CHOICE)?;
        let id = |text: &str| text.parse().ok().map(PreparationId);
        let new = id(&wanted.new).or_else(|| runs.first().map(|run| run.preparation));
        let base = id(&wanted.base).or_else(|| base(&runs, new?));
        Ok(Self { sides: base.zip(new), runs })
    }

    /// The form for choosing others.
    pub(super) fn choice(&self, links: &Links, path: &str) -> Markup {
        let chosen = |id: PreparationId, of: fn((PreparationId, PreparationId)) -> PreparationId| {
            self.sides.is_some_and(|sides| of(sides) == id)
        };
        let option = |run: &PreparationSummary, selected: bool| {
            html! {
                option value=(run.preparation) selected[selected] {
                    (preparation(run.kind)) " " (run.preparation) " · " (run.platform)
                }
            }
        };
        html! {
            @if self.runs.len() > 1 {
                form.choice action=(links.to(path)) {
                    label { "Before " select name="base" { @for run in &self.runs { (option(run, chosen(run.preparation, |sides| sides.0))) } } }
                    label { "After " select name="new" { @for run in &self.runs { (option(run, chosen(run.preparation, |sides| sides.1))) } } }
                    button { "Compare" }
                }
            }
        }
    }
}

/// What a preparation is compared with, if nobody says: the latest one before it for another platform version, or else the latest
/// before it.
fn base(runs: &[PreparationSummary], new: PreparationId) -> Option<PreparationId> {
    let platform = runs.iter().find(|run| run.preparation == new).map(|run| &run.platform);
    let mut earlier =
        runs.iter().filter(|run| run.preparation < new && run.kind == PreparationKind::Preparation);
    let other = earlier.clone().find(|run| Some(&run.platform) != platform);
    other.or_else(|| earlier.next()).map(|run| run.preparation)
}

/// Said where there is nothing to compare.
pub(super) fn nothing() -> Markup {
    html! {
        p.empty {
            "There is nothing to compare yet: it takes two preparations, or a preparation and a rehearsal. "
            "Rehearse a release on the environment's page to see what it would break, before anything is changed."
        }
    }
}

#[cfg(test)]
mod tests {
    use prefab_model::{Counts, PreparationState};
    use time::OffsetDateTime;

    use super::*;

    fn run(id: i64, kind: PreparationKind, platform: &str) -> PreparationSummary {
        PreparationSummary {
            preparation: PreparationId(id),
            kind,
            platform: platform.parse().unwrap(),
            state: PreparationState::Done,
            counts: Counts::default(),
            percent: 100,
            who: "ada".into(),
            started_at: OffsetDateTime::UNIX_EPOCH,
            finished_at: None,
        }
    }

    #[test]
    fn a_preparation_is_compared_with_the_latest_for_another_version() {
        use PreparationKind::{Preparation, Rehearsal};
        let runs = [
            run(5, Preparation, "11.9.0"),
            run(4, Preparation, "11.9.0"),
            run(3, Rehearsal, "11.9.0"),
            run(2, Preparation, "11.8.0"),
            run(1, Preparation, "11.8.0"),
        ];
        let base = |new| base(&runs, PreparationId(new)).map(|id| id.0);
        assert_eq!([base(5), base(4), base(3), base(2), base(1)], [Some(2), Some(2), Some(2), Some(1), None]);
    }
}
