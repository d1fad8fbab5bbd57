//! What is behind the streams that guests have: what they print to, and files.
//!
//! None of them ever waits.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use prefab_model::Limit;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::Log;
use crate::end::Stop;
use crate::files::{File, FileError};

/// What a stream takes in one write. The contract lets `blocking-write-and-flush` have no more than 4,096 bytes.
const MAX_WRITE: usize = 64 << 10;

/// A log that several streams print to.
pub(crate) type SharedLog = Arc<Mutex<Log>>;

/// What was printed to one stream, all of it.
#[derive(Debug, Clone)]
pub(crate) struct Capture {
    printed: Arc<Mutex<Vec<u8>>>,
    most: u64,
}

impl Capture {
    pub(crate) fn new(most: u64) -> Self {
        Self { printed: Arc::default(), most }
    }

    fn append(&self, bytes: &[u8]) -> Result<(), Stop> {
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        if (printed.len() as u64).saturating_add(bytes.len() as u64) > self.most {
            return Err(Stop::OutputCap(Limit::DiagnosticBytes));
        }
        printed.extend_from_slice(bytes);
        Ok(())
    }

    /// What was printed so far; it is forgotten here.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.printed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Prints to the log, and to a capture if there is one.
pub(crate) struct Printer {
    pub(crate) log: SharedLog,
    pub(crate) capture: Option<Capture>,
}

/// Reads a file from some place on.
pub(super) struct Reader {
    pub(super) file: Arc<File>,
    pub(super) at: u64,
}

/// Writes a file from some place on, or at its end.
pub(super) struct Writer {
    pub(super) file: Arc<File>,
    pub(super) at: Option<u64>,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Printer {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {}
}

impl OutputStream for Printer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).append(&bytes);
        let captured = self.capture.as_ref().map_or(Ok(()), |capture| capture.append(&bytes));
        captured.map_err(|stop| StreamError::Trap(stop.into()))
    }

    fn write_zeroes(&mut self, count: usize) -> StreamResult<()> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).append_zeroes(count as u64);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE)
    }
}

impl InputStream for Reader {
    fn read(&mut self, most: usize) -> StreamResult<Bytes> {
        let (bytes, _) = self.file.read(self.at, most as u64);
        if bytes.is_empty() && most > 0 {
            return Err(StreamError::Closed);
        }
        self.at += bytes.len() as u64;
        Ok(bytes.into())
    }
}

impl Writer {
    fn put(
        &mut self,
        length: usize,
        put: impl FnOnce(&File, Option<u64>) -> Result<(), FileError>,
    ) -> StreamResult<()> {
        put(&self.file, self.at).map_err(|error| match error {
            FileError::Stop(stop) => StreamError::Trap(stop.into()),
            other => StreamError::LastOperationFailed(other.into()),
        })?;
        self.at = self.at.map(|at| at.saturating_add(length as u64));
        Ok(())
    }
}

impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.put(bytes.len(), |file, at| file.write(at, &bytes))
    }

    fn write_zeroes(&mut self, count: usize) -> StreamResult<()> {
        if count > MAX_WRITE {
            return Err(StreamError::trap("it wrote more zeroes at once than it may"));
        }
        self.put(count, |file, at| file.write(at, &vec![0; count]))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE)
    }
}
