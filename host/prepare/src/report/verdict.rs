//! The verdict on a module: how it ended in one preparation and in another, put into one word. Pure.

use prefab_model::ModuleState;
use prefab_store::ModuleResult;
use serde::{Deserialize, Serialize};

/// What became of a module from one preparation, the base, to another, the new one. The worst come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was prepared, and fails now.
    Regressed,
    /// It was prepared, and is skipped now, since a module that it needs fails.
    NewlySkipped,
    /// It was not prepared before, and is not now.
    StillFailing,
    /// Nothing can be said: it is not in the new preparation, or this machine had trouble with it in one of them.
    NotCompared,
    /// It was not prepared before, and is now.
    Fixed,
    /// It is prepared in both, and its artifacts are different.
    Changed,
    /// It is not in the base. Whether it is prepared is told beside this.
    Added,
    /// It is prepared in both, with the same artifacts byte for byte.
    Unchanged,
}

impl Verdict {
    /// All of them, in their order.
    pub const ALL: [Self; 8] = [
        Self::Regressed,
        Self::NewlySkipped,
        Self::StillFailing,
        Self::NotCompared,
        Self::Fixed,
        Self::Changed,
        Self::Added,
        Self::Unchanged,
    ];

    /// Whether the module was prepared in the base and is not in the new preparation.
    pub const fn is_worse(self) -> bool {
        matches!(self, Self::Regressed | Self::NewlySkipped)
    }
}

/// How many modules have each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verdicts {
    /// All modules: the sum of the others.
    pub modules: u64,
    /// [`Verdict::Regressed`]
    pub regressed: u64,
    /// [`Verdict::NewlySkipped`]
    pub newly_skipped: u64,
    /// [`Verdict::StillFailing`]
    pub still_failing: u64,
    /// [`Verdict::NotCompared`]
    pub not_compared: u64,
    /// [`Verdict::Fixed`]
    pub fixed: u64,
    /// [`Verdict::Changed`]
    pub changed: u64,
    /// [`Verdict::Added`]
    pub added: u64,
    /// [`Verdict::Unchanged`]
    pub unchanged: u64,
}

impl Verdicts {
    /// Counts.
    pub(super) fn count(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            counts.modules += 1;
            *counts.slot(verdict) += 1;
        }
        counts
    }

    /// How many modules have this verdict.
    pub const fn of(mut self, verdict: Verdict) -> u64 {
        *self.slot(verdict)
    }

    /// How many were prepared in the base and are not in the new preparation.
    pub const fn worse(&self) -> u64 {
        self.regressed + self.newly_skipped
    }

    const fn slot(&mut self, verdict: Verdict) -> &mut u64 {
        match verdict {
            Verdict::Regressed => &mut self.regressed,
            Verdict::NewlySkipped => &mut self.newly_skipped,
            Verdict::StillFailing => &mut self.still_failing,
            Verdict::NotCompared => &mut self.not_compared,
            Verdict::Fixed => &mut self.fixed,
            Verdict::Changed => &mut self.changed,
            Verdict::Added => &mut self.added,
            Verdict::Unchanged => &mut self.unchanged,
        }
    }
}

/// How a module ended in one preparation, as far as the verdict depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It took no part, or has not ended yet.
    Absent,
    Prepared,
    Failed,
    Skipped,
    /// It failed by trouble of the host's own, which says nothing about the release.
    HostTrouble,
}

impl Ending {
    pub(super) fn of(result: Option<&ModuleResult>) -> Self {
        match result {
            None => Self::Absent,
            Some(result) if result.host_error.is_some() => Self::HostTrouble,
            Some(result) => match result.state {
                ModuleState::Pending => Self::Absent,
                ModuleState::Prepared => Self::Prepared,
                ModuleState::Failed => Self::Failed,
                ModuleState::Skipped(_) => Self::Skipped,
            },
        }
    }
}

/// The verdict; none where it depends on the artifacts, which are there on both sides.
pub(super) const fn verdict(base: Ending, new: Ending) -> Option<Verdict> {
    use Ending::{Absent, Failed, HostTrouble, Prepared, Skipped};
    Some(match (base, new) {
        (_, Absent | HostTrouble) | (HostTrouble, _) => Verdict::NotCompared,
        (Absent, _) => Verdict::Added,
        (Prepared, Prepared) => return None,
        (Prepared, Failed) => Verdict::Regressed,
        (Prepared, Skipped) => Verdict::NewlySkipped,
        (Failed | Skipped, Prepared) => Verdict::Fixed,
        (Failed | Skipped, Failed | Skipped) => Verdict::StillFailing,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_prepared_and_is_not_is_worse() {
        assert_eq!(verdict(Ending::Prepared, Ending::Failed), Some(Verdict::Regressed));
        assert_eq!(verdict(Ending::Prepared, Ending::Skipped), Some(Verdict::NewlySkipped));
        assert_eq!(verdict(Ending::Failed, Ending::Skipped), Some(Verdict::StillFailing));
        assert_eq!(verdict(Ending::Skipped, Ending::Prepared), Some(Verdict::Fixed));
        assert_eq!(verdict(Ending::Prepared, Ending::Prepared), None);
    }

    #[test]
    fn trouble_of_the_machine_is_no_verdict_on_a_release() {
        for other in [Ending::Absent, Ending::Prepared, Ending::Failed, Ending::Skipped] {
            assert_eq!(verdict(other, Ending::HostTrouble), Some(Verdict::NotCompared));
            assert_eq!(verdict(Ending::HostTrouble, other), Some(Verdict::NotCompared));
        }
    }

    #[test]
    fn only_one_side_is_said_plainly() {
        assert_eq!(verdict(Ending::Absent, Ending::Failed), Some(Verdict::Added));
        assert_eq!(verdict(Ending::Prepared, Ending::Absent), Some(Verdict::NotCompared));
    }

    proptest! {
        #[test]
        fn the_counts_add_up(places in prop::collection::vec(0..Verdict::ALL.len(), 0..200)) {
            let verdicts: Vec<Verdict> = places.iter().map(|place| Verdict::ALL[*place]).collect();
            let counts = Verdicts::count(verdicts.iter().copied());
            prop_assert_eq!(counts.modules, verdicts.len() as u64);
            prop_assert_eq!(Verdict::ALL.into_iter().map(|verdict| counts.of(verdict)).sum::<u64>(), counts.modules);
            for verdict in Verdict::ALL {
                let times = verdicts.iter().filter(|other| **other == verdict).count();
                prop_assert_eq!(counts.of(verdict), times as u64);
            }
        }
    }
}
