//! Which modules take part in a preparation, and in what order they are looked at first.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

use indexmap::IndexSet;
use prefab_model::{ModuleName, ModuleState, PreparationId};
use prefab_store::{ResultFilter, Store, StoreError};

use super::PrepareError;
use super::roster::{Index, Roster};
use super::shared::Shared;
use crate::environment::Environment;
use crate::modules::ModulesError;

/// Names read from the ledger at a time.
const PAGE: u32 = 10_000;

/// Which modules to prepare.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Selection {
    /// All of the environment.
    #[default]
    All,
    /// Those that failed or were skipped the last time, or never ended.
    Failed,
    /// These.
    Modules(Vec<ModuleName>),
}

/// All modules, in the order of their names.
pub(super) fn roster(store: &Store) -> Result<Roster, StoreError> {
    let mut names: IndexSet<ModuleName> = IndexSet::new();
    loop {
        let page = store.module_names_page(names.last(), PAGE)?;
        if page.is_empty() {
            return Ok(Roster { names });
        }
        names.extend(page);
    }
}

/// The places of the modules that are selected. `previous` is the latest preparation with the same release.
pub(super) fn select(
    env: &Environment,
    roster: &Roster,
    selection: &Selection,
    previous: Option<PreparationId>,
) -> Result<Vec<Index>, PrepareError> {
    let all = 0..Index::try_from(roster.names.len()).unwrap_or(Index::MAX);
    match (selection, previous) {
        (Selection::Modules(modules), _) => {
            let mut chosen = Vec::with_capacity(modules.len());
            for module in modules {
                chosen.push(roster.find(module).ok_or_else(|| Box::new(ModulesError::unknown(env, module)))?);
            }
            chosen.sort_unstable();
            chosen.dedup();
            Ok(chosen)
        }
        (Selection::Failed, Some(previous)) => {
            let mut prepared = HashSet::new();
            env.store().for_each_result(previous, ResultFilter::All, |result| {
                if result.state == ModuleState::Prepared {
                    prepared.extend(roster.find(&result.module));
                }
                ControlFlow::Continue(())
            })?;
            Ok(all.filter(|index| !prepared.contains(index)).collect())
        }
        (Selection::All | Selection::Failed, _) => Ok(all.collect()),
    }
}

/// The selected modules and those that they depend on, whose signatures they need.
pub(super) fn with_dependencies(
    shared: &Shared<'_>,
    selected: &[Index],
    counted: &[bool],
) -> Result<Vec<Index>, StoreError> {
    let mut order = selected.to_vec();
    if selected.len() == shared.roster.names.len() {
        return Ok(order);
    }
    for index in selected {
        let Some(row) = shared.store.module(shared.roster.name(*index))? else { continue };
        let needed = row.manifest.dependencies.values().filter_map(|module| shared.roster.find(module));
        order.extend(needed.filter(|needed| !counted[*needed as usize]));
    }
    order.sort_unstable();
    order.dedup();
    Ok(order)
}

/// These modules and all that they need, directly and indirectly.
pub(super) fn closure(
    env: &Environment,
    roster: &Roster,
    modules: &[ModuleName],
) -> Result<BTreeSet<Index>, PrepareError> {
    let mut open = Vec::new();
    for module in modules {
        open.push(roster.find(module).ok_or_else(|| Box::new(ModulesError::unknown(env, module)))?);
    }
    Ok(needed(env.store(), roster, open)?)
}

/// The same, by their places in the roster.
pub(super) fn needed(
    store: &Store,
    roster: &Roster,
    mut open: Vec<Index>,
) -> Result<BTreeSet<Index>, StoreError> {
    let mut found = BTreeSet::new();
    while let Some(index) = open.pop() {
        if !found.insert(index) {
            continue;
        }
        let Some(row) = store.module(roster.name(index))? else { continue };
        open.extend(row.manifest.dependencies.values().filter_map(|module| roster.find(module)));
    }
    Ok(found)
}
