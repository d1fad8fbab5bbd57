//! Clocks that stand still, so that an artifact cannot hold the time of its making.
//!
//! It is always midnight UTC on 1 January 1980, the first instant that a ZIP archive can write, so that a guest that
//! stamps its output is not driven into an error path. Waiting for a time to come is over at once.

use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::sync::clocks::{monotonic_clock, wall_clock};

use super::io::ready;
use crate::guest::Guest;

/// 1980-01-01T00:00:00Z in seconds since 1970.
pub(super) const NOW: u64 = 315_532_800;
/// What the monotonic clock shows, in nanoseconds: a thousand seconds, so that a guest can subtract from it.
const MONOTONIC_NOW: u64 = 1_000_000_000_000;

impl wall_clock::Host for Guest {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: NOW, nanoseconds: 0 })
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 1, nanoseconds: 0 })
    }
}

impl monotonic_clock::Host for Guest {
    fn now(&mut self) -> Result<monotonic_clock::Instant> {
        Ok(MONOTONIC_NOW)
    }

    fn resolution(&mut self) -> Result<monotonic_clock::Duration> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, _: monotonic_clock::Instant) -> Result<Resource<DynPollable>> {
        ready(&mut self.resources)
    }

    fn subscribe_duration(&mut self, _: monotonic_clock::Duration) -> Result<Resource<DynPollable>> {
        ready(&mut self.resources)
    }
}
