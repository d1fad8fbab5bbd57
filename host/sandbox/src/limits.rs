//! Caps on what an instance may hold: linear memory and table elements, each summed over the whole store.
//!
//! wasmtime's own `StoreLimits` caps every memory by itself, so that four memories get four times the limit (ATTACKS G7).
//! A grow that a cap forbids ends the compilation instead of returning -1 to the guest: otherwise the limit could change
//! what a compilation results in.

use prefab_model::{Bytes, Limit, Limits};
use wasmtime::{Error, ResourceLimiter, Result};

use crate::end::Stop;

/// More core instances than any composed compiler has; each one takes host memory.
const MAX_INSTANCES: usize = 256;
/// Each table takes host memory even when it is empty.
const MAX_TABLES: usize = 256;
/// Each memory reserves 4 GiB of address space.
const MAX_MEMORIES: usize = 64;

/// What one store holds, and how much of it there may be.
#[derive(Debug)]
pub(crate) struct Caps {
    memory: u64,
    memory_limit: u64,
    table_elements: u64,
    table_elements_limit: u64,
    /// Why there was no more memory, the last time that there was not.
    no_memory: Option<NoMemory>,
}

/// Why there is no more memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoMemory {
    Cap,
    Machine,
}

impl Caps {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory: 0,
            memory_limit: limits.memory.0,
            table_elements: 0,
            table_elements_limit: limits.table_elements,
            no_memory: None,
        }
    }

    /// Why there was no more memory, if that is why the guest ended: where exceptions live, wasmtime takes the error for itself and traps.
    pub(crate) const fn no_memory(&self) -> Option<NoMemory> {
        self.no_memory
    }

    /// The most linear memory there ever was. Memories never shrink, so it is what there is.
    pub(crate) const fn peak_memory(&self) -> Bytes {
        Bytes(self.memory)
    }
}

/// `Ok(false)` has nothing to do with the cap: the guest asked for more than the maximum that it declared itself, or than it
/// can address. That is so on every machine.
fn grow(
    held: &mut u64,
    limit: u64,
    kind: Limit,
    from: usize,
    to: usize,
    maximum: Option<usize>,
) -> Result<bool> {
    let wanted = held.saturating_add(to.saturating_sub(from) as u64);
    if wanted > limit {
        return Err(Stop::OutOfMemory(kind).into());
    }
    if maximum.is_some_and(|maximum| to > maximum) {
        return Ok(false);
    }
    *held = wanted;
    Ok(true)
}

impl ResourceLimiter for Caps {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let grown = grow(&mut self.memory, self.memory_limit, Limit::Memory, current, desired, maximum);
        if grown.is_err() {
            self.no_memory = Some(NoMemory::Cap);
        }
        grown
    }

    // What the cap allows and wasmtime cannot get is the machine's trouble, and says nothing about the compilation.
    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.no_memory = Some(NoMemory::Machine);
        Err(Stop::Host(format!("the host could not give the guest more memory: {error:#}")).into())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        grow(
            &mut self.table_elements,
            self.table_elements_limit,
            Limit::TableElements,
            current,
            desired,
            maximum,
        )
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        Err(Stop::Host(format!("the host could not give the guest more table elements: {error:#}")).into())
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(memory: u64, table_elements: u64) -> Caps {
        Caps::new(&Limits { memory: Bytes(memory), table_elements, ..Limits::default() })
    }

    #[test]
    fn memories_are_summed() {
        let mut caps = caps(100, 0);
        assert!(caps.memory_growing(0, 60, None).unwrap());
        assert!(caps.memory_growing(60, 70, None).unwrap());
        let error = caps.memory_growing(0, 31, None).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Stop::OutOfMemory(Limit::Memory))), "{error}");
        assert!(caps.memory_growing(0, 30, None).unwrap());
        assert_eq!(caps.peak_memory(), Bytes(100));
    }

    #[test]
    fn growing_beyond_the_guests_own_maximum_fails_without_being_counted() {
        let mut caps = caps(100, 10);
        assert!(!caps.memory_growing(10, 70, Some(50)).unwrap());
        assert!(!caps.table_growing(1, 9, Some(5)).unwrap());
        assert_eq!(caps.peak_memory(), Bytes(0));
    }

    #[test]
    fn tables_are_summed() {
        let mut caps = caps(0, 10);
        assert!(caps.table_growing(0, 6, None).unwrap());
        let error = caps.table_growing(0, 5, None).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Stop::OutOfMemory(Limit::TableElements))), "{error}");
    }
}
