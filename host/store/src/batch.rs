//! Batches: many results in one transaction, so that its flush to disk is paid once.

use prefab_model::{Compilation, Counts, ModuleName, Outcome, PreparationId, SignatureDigest};

use crate::ledger::modules::ModuleIds;
use crate::ledger::outcomes::LimitIds;
use crate::ledger::{outcomes, preparations, results, signatures, snapshots};
use crate::{ModuleResult, Snapshot, Store, StoreError};

/// An outcome with what it is an outcome of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRow {
    /// What was compiled.
    pub compilation: Compilation,
    /// How it ended: deterministically, or the batch is refused.
    pub outcome: Outcome,
    /// When.
    pub created_at: i64,
}

/// What is to be committed together. Its parts may be empty; the order within each is kept.
#[derive(Debug, Default)]
pub struct Batch {
    /// What was seen of modules' files.
    pub snapshots: Vec<(ModuleName, Snapshot)>,
    /// The bytes of signatures, each of a module.
    pub signatures: Vec<(ModuleName, SignatureDigest, Vec<u8>)>,
    /// Outcomes that were not known, or did not hold.
    pub outcomes: Vec<OutcomeRow>,
    /// How modules ended in a preparation.
    pub results: Vec<(PreparationId, ModuleResult)>,
    /// A preparation's figures, with what is in this batch counted in.
    pub counts: Option<(PreparationId, Counts)>,
    /// Whether it is of a rehearsal, whose outcomes are kept and yet are nothing that the environment's modules achieved.
    pub rehearsed: bool,
}

impl Batch {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.snapshots.is_empty()
            && self.signatures.is_empty()
            && self.outcomes.is_empty()
            && self.results.is_empty()
            && self.counts.is_none()
    }
}

impl Store {
    /// Commits a batch: all of it is durable when this returns, or none of it ever was. The blobs that were put before the
    /// call are made durable first.
    ///
    /// # Errors
    /// Trouble with the disk or the ledger; an outcome that is not deterministic; a module that was never added. Then nothing of
    /// the batch is in the ledger.
    pub fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.blobs.sync()?;
        self.ledger.write("commit a batch", |ledger| {
            let mut ids = ModuleIds::new(ledger);
            let mut limits = LimitIds::new(ledger);
            for (module, snapshot) in &batch.snapshots {
                snapshots::put(ledger, ids.get(module)?, snapshot)?;
            }
            for (module, digest, bytes) in &batch.signatures {
                signatures::put(ledger, ids.get(module)?, digest, bytes)?;
            }
            for row in &batch.outcomes {
                let module = ids.get(&row.compilation.module.name)?;
                outcomes::put(ledger, module, &mut limits, row, batch.rehearsed)?;
            }
            for (preparation, result) in &batch.results {
                results::put(ledger, *preparation, &mut ids, result)?;
            }
            if let Some((preparation, counts)) = &batch.counts {
                preparations::put_counts(ledger, *preparation, counts)?;
            }
            Ok(())
        })
    }
}
