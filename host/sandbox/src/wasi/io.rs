//! Streams and pollables: what is behind a stream is in `streams.rs`. Every pollable is ready from the beginning, so that nothing here
//! ever waits.

use wasmtime::component::{Resource, ResourceTable};
use wasmtime::{Result, bail};
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, Pollable, StreamError, StreamResult, subscribe,
};

use crate::guest::Guest;

/// What a stream gives in one read, in bytes.
const MAX_READ: u64 = 1 << 20;

struct Ready;

#[wasmtime_wasi::async_trait]
impl Pollable for Ready {
    async fn ready(&mut self) {}
}

/// A pollable that is ready.
pub(super) fn ready(resources: &mut ResourceTable) -> Result<Resource<DynPollable>> {
    let always = resources.push(Ready)?;
    subscribe(resources, always)
}

impl poll::Host for Guest {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        if pollables.is_empty() {
            bail!("it polled an empty list");
        }
        Ok((0..).take(pollables.len()).collect())
    }
}

impl poll::HostPollable for Guest {
    fn ready(&mut self, _: Resource<DynPollable>) -> Result<bool> {
        Ok(true)
    }

    fn block(&mut self, _: Resource<DynPollable>) -> Result<()> {
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        poll::HostPollable::drop(&mut self.resources, pollable)
    }
}

impl streams::Host for Guest {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<streams::StreamError> {
        streams::Host::convert_stream_error(&mut self.resources, error)
    }
}

/// A number of bytes that memory can have.
fn length(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Guest {
    fn charge_stream(&mut self, bytes: u64) -> StreamResult<()> {
        self.charge(bytes).map_err(|stop| StreamError::Trap(stop.into()))
    }

    fn write_stream(&mut self, stream: &Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.charge_stream(bytes.len() as u64)?;
        self.resources.get_mut(stream)?.write(bytes.into())
    }

    fn zero_stream(&mut self, stream: &Resource<DynOutputStream>, count: u64) -> StreamResult<()> {
        self.charge_stream(count.min(MAX_READ))?;
        self.resources.get_mut(stream)?.write_zeroes(length(count))
    }

    fn copy_stream(
        &mut self,
        to: &Resource<DynOutputStream>,
        from: &Resource<DynInputStream>,
        most: u64,
    ) -> StreamResult<u64> {
        let permit = self.resources.get_mut(to)?.check_write()?;
        let bytes = self.resources.get_mut(from)?.read(length(most).min(permit))?;
        let copied = bytes.len() as u64;
        self.charge_stream(copied)?;
        self.resources.get_mut(to)?.write(bytes)?;
        Ok(copied)
    }
}

impl streams::HostInputStream for Guest {
    fn read(&mut self, stream: Resource<DynInputStream>, most: u64) -> StreamResult<Vec<u8>> {
        let bytes = self.resources.get_mut(&stream)?.read(length(most.min(MAX_READ)))?;
        self.charge_stream(bytes.len() as u64)?;
        Ok(bytes.into())
    }

    fn blocking_read(&mut self, stream: Resource<DynInputStream>, most: u64) -> StreamResult<Vec<u8>> {
        streams::HostInputStream::read(self, stream, most)
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, most: u64) -> StreamResult<u64> {
        let skipped = self.resources.get_mut(&stream)?.skip(length(most.min(MAX_READ)))? as u64;
        self.charge_stream(skipped)?;
        Ok(skipped)
    }

    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, most: u64) -> StreamResult<u64> {
        streams::HostInputStream::skip(self, stream, most)
    }

    fn subscribe(&mut self, _: Resource<DynInputStream>) -> Result<Resource<DynPollable>> {
        ready(&mut self.resources)
    }

    fn drop(&mut self, stream: Resource<DynInputStream>) -> Result<()> {
        self.resources.delete(stream)?;
        Ok(())
    }
}

impl streams::HostOutputStream for Guest {
    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        Ok(self.resources.get_mut(&stream)?.check_write()? as u64)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.write_stream(&stream, bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.write_stream(&stream, bytes)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, count: u64) -> StreamResult<()> {
        self.zero_stream(&stream, count)
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        count: u64,
    ) -> StreamResult<()> {
        self.zero_stream(&stream, count)
    }

    fn flush(&mut self, _: Resource<DynOutputStream>) -> StreamResult<()> {
        Ok(())
    }

    fn blocking_flush(&mut self, _: Resource<DynOutputStream>) -> StreamResult<()> {
        Ok(())
    }

    fn subscribe(&mut self, _: Resource<DynOutputStream>) -> Result<Resource<DynPollable>> {
        ready(&mut self.resources)
    }

    fn splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        most: u64,
    ) -> StreamResult<u64> {
        self.copy_stream(&to, &from, most)
    }

    fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        most: u64,
    ) -> StreamResult<u64> {
        self.copy_stream(&to, &from, most)
    }

    fn drop(&mut self, stream: Resource<DynOutputStream>) -> Result<()> {
        self.resources.delete(stream)?;
        Ok(())
    }
}
