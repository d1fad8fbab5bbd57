//! Memory that guests are given again and again: the pool of instances, which guests may use it, and its places.
//!
//! Mapping fresh memory and faulting it in page by page costs a twentieth of large compilations and a third of a tiny one, so
//! memory that a guest has used stays mapped for the next. What is kept is set back to what a fresh instance sees, by
//! writing zeroes and the component's own data over it, before it can be handed out again; what is beyond goes back to
//! the kernel. A test scans for what another guest has left (ATTACKS G21).
//!
//! A guest that could outgrow the pool runs in an engine without one, which is slower and otherwise the same: whether it fits
//! follows from its bytes alone, and is no outcome. Nor is how many run at a time: there is a place for each of some
//! compilations with all that a guest may have, and further ones run outside too.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use wasmparser::{Parser, Payload};
use wasmtime::{Enabled, PoolingAllocationConfig};

/// Memories that a component may have in the pool. Compilers have one; a few composed ones have several.
const MEMORIES: u32 = 4;
/// Tables that a component may have in the pool. A compiler in Rust or C has two or three.
const TABLES: u32 = 16;
/// Elements that a table may have in the pool. A large compiler has some 10,000 functions.
const TABLE_ELEMENTS: u32 = 1 << 16;
/// How much of each memory stays mapped, in bytes. With 4 MiB, a large compilation gains less; with 64 MiB it gains nothing more,
/// since what is zeroed has to be zeroed by somebody. The pool as a whole keeps this much for each memory that was ever in use at
/// the same time: 16 MiB a thread for compilers with one memory.
const MEMORY_KEPT: usize = 16 << 20;
/// How much of each table stays mapped, in bytes.
const TABLE_KEPT: usize = 1 << 19;
/// Bytes for what wasmtime keeps of an instance. They are allocated as needed, so this is only a bound on what a component may
/// ask for.
const INSTANCE: usize = 64 << 20;

/// The settings for so many compilations at a time.
pub(crate) fn settings(places: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(places)
        .total_memories(places * MEMORIES)
        .total_tables(places * TABLES)
        // Only counted; the store's own limit is below it.
        .total_core_instances(u32::MAX)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_module(TABLES)
        .max_component_instance_size(INSTANCE)
        .max_core_instance_size(INSTANCE)
        // All that a memory can have, so that nothing but the caps ends its growth.
        .max_memory_size(1 << 32)
        .table_elements(TABLE_ELEMENTS as usize)
        .linear_memory_keep_resident(MEMORY_KEPT)
        .table_keep_resident(TABLE_KEPT)
        // Asking the kernel which pages were written would spare zeroing the others (a fifth of a tiny compilation), but wasmtime
        // 48 asks for pages that are present: one that was swapped out would be left to the next guest as it was.
        .pagemap_scan(Enabled::No)
        // A place that was used is used again before another is: as many are kept warm as there ever were at a time.
        .max_unused_warm_slots(0);
    pool
}

/// How many compilations have a place in the pool: twice as many as can run at a time.
pub(crate) fn places() -> u32 {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(threads).unwrap_or(u32::MAX).clamp(4, 64) * 2
}

/// Whether all tables of a component stay within the pool: wasmtime checks how large they are in the beginning, but lets them
/// grow up to the pool's size only. Everything else is checked by wasmtime when a component is loaded.
pub(crate) fn tables_fit(component: &[u8]) -> bool {
    Parser::new(0).parse_all(component).all(|payload| match payload {
        Ok(Payload::TableSection(tables)) => tables.into_iter().all(|table| {
            table.is_ok_and(|table| table.ty.maximum.is_some_and(|most| most <= u64::from(TABLE_ELEMENTS)))
        }),
        Ok(_) => true,
        Err(_) => false,
    })
}

/// The places of a pool that are free.
#[derive(Debug)]
pub(crate) struct Places(AtomicU32);

/// A place in the pool, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a>(&'a Places);

impl Places {
    pub(crate) const fn new(places: u32) -> Self {
        Self(AtomicU32::new(places))
    }

    /// Takes a place, if there is one. Nobody waits for one: who has it may be paused for hours.
    pub(crate) fn take(&self) -> Option<Place<'_>> {
        let taken = self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, |free| free.checked_sub(1));
        taken.ok().map(|_| Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(tables: &str) -> bool {
        tables_fit(&wat::parse_str(format!("(component (core module {tables}))")).unwrap())
    }

    #[test]
    fn a_table_that_could_outgrow_the_pool_does_not_fit() {
        assert!(fits(""));
        assert!(fits("(table 7 7 funcref) (table 0 65536 externref)"));
        assert!(!fits("(table 7 7 funcref) (table 7 funcref)"));
        assert!(!fits("(table 7 65537 funcref)"));
        assert!(!tables_fit(b"no component"));
    }

    #[test]
    fn a_place_that_is_given_back_can_be_taken_again() {
        let places = Places::new(1);
        let first = places.take();
        assert!(first.is_some());
        assert!(places.take().is_none());
        drop(first);
        assert!(places.take().is_some());
    }
}
