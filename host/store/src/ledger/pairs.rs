//! Two preparations side by side: how each module ended in one and in the other, and what its compilations left and cost.
//! For comparing them; nothing is decided here.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use prefab_model::{BundleDigest, CompilationKey, Fuel, ModuleName, PreparationId};
use rusqlite::OptionalExtension as _;

use super::modules::PAGE;
use super::outcomes::{BUNDLE_KIND, OF_MODULE};
use super::results::{self, ModuleResult};
use super::{Ledger, column};
use crate::error::Fault;
use crate::{Store, StoreError};

/// What a compilation left and what it cost: all of its outcome that comparing needs, without what it had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Yield {
    /// The bundle, if it left one.
    pub bundle: Option<BundleDigest>,
    /// The fuel, where it is known.
    pub fuel: Option<Fuel>,
}

impl Store {
    /// Goes through all modules that have a result in one of two preparations or in both, until `visit` breaks. They are read in
    /// pages: memory does not grow with their number, and `visit` may use the store. Modules come in the order in which they
    /// were added to the environment.
    pub fn for_each_pair(
        &self,
        base: PreparationId,
        new: PreparationId,
        mut visit: impl FnMut(Option<ModuleResult>, Option<ModuleResult>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (mut base, mut new) = (Pages::of(base), Pages::of(new));
        loop {
            let (left, right) = (base.next_module(&self.ledger)?, new.next_module(&self.ledger)?);
            let Some(next) = left.into_iter().chain(right).min() else { return Ok(()) };
            let take =
                |pages: &mut Pages, at: Option<i64>| if at == Some(next) { pages.take() } else { None };
            if visit(take(&mut base, left), take(&mut new, right)).is_break() {
                return Ok(());
            }
        }
    }

    /// What this compilation of the module left and cost; none if its outcome is not known. Takes a few microseconds.
    pub fn yielded(&self, module: &ModuleName, key: &CompilationKey) -> Result<Option<Yield>, StoreError> {
        self.ledger.read("look up what a compilation left", |ledger| {
            ledger
                .prepare_cached(&format!("SELECT kind, stored, fuel FROM outcomes WHERE {OF_MODULE}"))?
                .query_row((module.as_str(), key.as_bytes()), |row| {
                    let left_bundle = row.get::<_, i64>(0)? == BUNDLE_KIND;
                    let fuel: Option<i64> = row.get(2)?;
                    Ok(Yield {
                        bundle: left_bundle.then(|| column::digest(row, 1)).transpose()?,
                        fuel: fuel.map(|fuel| Fuel(fuel.unsigned_abs())),
                    })
                })
                .optional()
                .map_err(Fault::from)
        })
    }
}

/// The results of a preparation by the numbers of their modules, a page at a time.
struct Pages {
    preparation: PreparationId,
    /// The last module that was read.
    after: i64,
    page: VecDeque<(i64, ModuleResult)>,
    ended: bool,
}

impl Pages {
    const fn of(preparation: PreparationId) -> Self {
        Self { preparation, after: 0, page: VecDeque::new(), ended: false }
    }

    /// The number of the module that is next.
    fn next_module(&mut self, ledger: &Ledger) -> Result<Option<i64>, StoreError> {
        if self.page.is_empty() && !self.ended {
            self.page = ledger.read("read the results", |ledger| {
                results::page(ledger, self.preparation, self.after, PAGE)
            })?;
            match self.page.back() {
                Some((last, _)) => self.after = *last,
                None => self.ended = true,
            }
        }
        Ok(self.page.front().map(|(module, _)| *module))
    }

    fn take(&mut self) -> Option<ModuleResult> {
        self.page.pop_front().map(|(_, result)| result)
    }
}
