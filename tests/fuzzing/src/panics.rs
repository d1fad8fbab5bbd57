//! Panics of the host, counted also where they are caught.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, Once, PoisonError};

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

thread_local! {
    /// Whether what runs on this thread is not the host.
    static APART: Cell<bool> = const { Cell::new(false) };
}

/// Begins to look out for panics, in all threads.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !APART.get() {
                SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
                before(info);
            }
        }));
    });
}

/// The panics since the last call.
pub(crate) fn taken() -> Vec<String> {
    std::mem::take(&mut SEEN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Makes something of what makes inputs and is not the host. That may panic, as wasm-smith and wit-component do at times: then there
/// is no input.
pub(crate) fn apart<T>(make: impl FnOnce() -> Option<T>) -> Option<T> {
    APART.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(make));
    APART.set(false);
    result.ok().flatten()
}
