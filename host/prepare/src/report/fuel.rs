//! What modules cost in one preparation and in another, for a chart: nothing but the ledger is read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use prefab_model::{ModuleName, ModuleState, PreparationId};
use prefab_store::{ModuleResult, StoreError};
use serde::Serialize;

use super::Difference;
use super::content::Left;
use super::sides::{ReportError, Side};
use crate::environment::Environment;

/// What modules cost in two preparations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FuelReport {
    /// What is compared with.
    pub base: Side,
    /// What is compared.
    pub new: Side,
    /// How many modules are prepared in both, with their fuel known.
    pub modules: u64,
    /// Of all of these together.
    pub total: Difference,
    /// Those that cost most in either, the costliest first.
    pub costliest: Vec<(ModuleName, Difference)>,
    /// Those whose cost changed most, whichever way, the most first.
    pub changed: Vec<(ModuleName, Difference)>,
}

/// What modules cost in two preparations, with up to `most` that stand out.
pub fn compare_fuel(
    env: &Environment,
    base: PreparationId,
    new: PreparationId,
    most: usize,
) -> Result<FuelReport, ReportError> {
    let (base_side, new_side) = (Side::of(env, base)?, Side::of(env, new)?);
    let (mut costliest, mut changed) = (Most::of(most), Most::of(most));
    let (mut modules, mut total) = (0, Difference::default());
    let mut failed = Ok(());
    env.store().for_each_pair(base, new, |base, new| {
        match both(env, base.as_ref(), new.as_ref()) {
            Ok(None) => {}
            Ok(Some((module, fuel))) => {
                modules += 1;
                total.add(fuel);
                costliest.take(fuel.base.max(fuel.new), &module, fuel);
                changed.take(fuel.growth().unsigned_abs(), &module, fuel);
            }
            Err(error) => failed = Err(error),
        }
        if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    failed?;
    let (costliest, changed) = (costliest.sorted(), changed.sorted());
    Ok(FuelReport { base: base_side, new: new_side, modules, total, costliest, changed })
}

fn both(
    env: &Environment,
    base: Option<&ModuleResult>,
    new: Option<&ModuleResult>,
) -> Result<Option<(ModuleName, Difference)>, StoreError> {
    let (Some(base), Some(new)) = (base, new) else { return Ok(None) };
    if (&base.state, &new.state) != (&ModuleState::Prepared, &ModuleState::Prepared) {
        return Ok(None);
    }
    let (was, is) = (Left::of(env.store(), base)?.fuel, Left::of(env.store(), new)?.fuel);
    Ok(was.zip(is).map(|(base, fuel)| (new.module.clone(), Difference { base, new: fuel })))
}

/// Those that have most of something, and no more of them than are wanted.
struct Most {
    wanted: usize,
    heap: BinaryHeap<Reverse<(u64, ModuleName, u64, u64)>>,
}

impl Most {
    fn of(wanted: usize) -> Self {
        Self { wanted, heap: BinaryHeap::new() }
    }

    fn take(&mut self, much: u64, module: &ModuleName, fuel: Difference) {
        let least = self.heap.peek().map_or(0, |Reverse((least, ..))| *least);
        if much == 0 || (self.heap.len() == self.wanted && much <= least) {
            return;
        }
        self.heap.push(Reverse((much, module.clone(), fuel.base, fuel.new)));
        if self.heap.len() > self.wanted {
            self.heap.pop();
        }
    }

    fn sorted(self) -> Vec<(ModuleName, Difference)> {
        let mut sorted: Vec<_> = self.heap.into_iter().map(|Reverse(one)| one).collect();
        sorted.sort_by(|(a, name_a, ..), (b, name_b, ..)| b.cmp(a).then_with(|| name_a.cmp(name_b)));
        sorted.into_iter().map(|(_, module, base, new)| (module, Difference { base, new })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_kept_than_are_wanted_and_the_first_has_most() {
        let mut most = Most::of(3);
        for (name, much) in [("a", 5), ("b", 0), ("c", 9), ("d", 1), ("e", 7), ("f", 9)] {
            most.take(much, &name.parse().unwrap(), Difference { base: much, new: 0 });
        }
        let kept: Vec<_> =
            most.sorted().into_iter().map(|(name, fuel)| (name.to_string(), fuel.base)).collect();
        assert_eq!(kept, [("c", 9), ("f", 9), ("e", 7)].map(|(name, much)| (name.to_owned(), much)));
    }
}
