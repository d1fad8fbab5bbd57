//! What can only be said of a module once all others have ended.

use std::collections::HashSet;
use std::ops::ControlFlow;

use prefab_model::{ModuleName, ModuleState, PreparationId};
use prefab_store::{ModuleResult, Note, ResultFilter, Store, StoreError};

use super::recorder::Recorder;

/// Says of each prepared module which of its dependencies failed.
pub(super) fn failed_dependencies(
    store: &Store,
    preparation: PreparationId,
    recorder: &mut Recorder<'_>,
) -> Result<(), StoreError> {
    recorder.commit()?;
    let failed: HashSet<ModuleName> =
        store.results(preparation, ResultFilter::Failed)?.into_iter().map(|result| result.module).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let mut trouble = None;
    store.for_each_result(preparation, ResultFilter::All, |result| {
        let noted = (|| {
            if result.state != ModuleState::Prepared {
                return Ok(());
            }
            let Some(row) = store.module(&result.module)? else { return Ok(()) };
            let notes: Vec<Note> = row
                .manifest
                .dependencies
                .into_values()
                .filter(|module| failed.contains(module))
                .map(Note::DependencyFailed)
                .filter(|note| !result.notes.contains(note))
                .collect();
            if !notes.is_empty() {
                recorder
                    .again(ModuleResult { notes: [result.notes.clone(), notes].concat(), ..result.clone() });
                recorder.tick()?;
            }
            Ok::<_, StoreError>(())
        })();
        match noted {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                trouble = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    trouble.map_or(Ok(()), Err)
}
