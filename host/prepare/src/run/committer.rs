//! The thread that commits batches, one after the other, so that compiling goes on while the disk is being flushed.

use std::io;
use std::thread::{Builder, Scope};

use crossbeam_channel::{Receiver, Sender, bounded};
use prefab_store::{Batch, ModuleRow, Store, StoreError};

/// What is to be committed.
#[derive(Default)]
pub(super) struct Filled {
    /// Modules that describe themselves anew.
    pub(super) described: Vec<ModuleRow>,
    pub(super) batch: Batch,
}

impl Filled {
    fn commit(self, store: &Store) -> Result<(), StoreError> {
        if !self.described.is_empty() {
            store.put_modules(self.described)?;
        }
        store.commit(&self.batch)
    }
}

/// A hand on that thread. At most one batch is under way.
pub(super) struct Committer<'a> {
    pub(super) store: &'a Store,
    batches: Sender<Filled>,
    done: Receiver<Result<(), StoreError>>,
    under_way: bool,
}

impl<'a> Committer<'a> {
    /// Starts the thread, which ends with this.
    pub(super) fn start<'scope>(scope: &'scope Scope<'scope, 'a>, store: &'a Store) -> io::Result<Self> {
        let (batches, filled) = bounded::<Filled>(1);
        let (tell, done) = bounded(1);
        Builder::new().name("commit".to_owned()).spawn_scoped(scope, move || {
            for filled in filled {
                if tell.send(filled.commit(store)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { store, batches, done, under_way: false })
    }

    /// Whether nothing is under way.
    ///
    /// # Errors
    /// What was could not be committed.
    pub(super) fn is_idle(&mut self) -> Result<bool, StoreError> {
        if self.under_way
            && let Ok(ended) = self.done.try_recv()
        {
            self.under_way = false;
            ended?;
        }
        Ok(!self.under_way)
    }

    /// Waits for what is under way.
    ///
    /// # Errors
    /// It could not be committed.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.under_way) {
            // Only a thread that panicked tells nothing, and then the scope does.
            return self.done.recv().unwrap_or(Ok(()));
        }
        Ok(())
    }

    /// Waits for what is under way, then begins with this.
    ///
    /// # Errors
    /// What was under way could not be committed.
    pub(super) fn begin(&mut self, filled: Filled) -> Result<(), StoreError> {
        self.finish()?;
        self.under_way = self.batches.send(filled).is_ok();
        Ok(())
    }
}
