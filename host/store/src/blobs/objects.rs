//! Blobs in an object store that speaks S3.
//!
//! What is put is durable, and seen by everybody, when the store has answered: there is nothing to flush, and a blob is there wholly or
//! not at all. A blob has the name of its digest, so writing it twice writes the same: no condition is needed.
//! What does not come through is tried again for a while, by `object_store`'s own rules.

use std::future::Future;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, RetryConfig};
use prefab_model::BlobsUrl;
use tokio::runtime::{Builder, Handle, Runtime};

use super::http::{Connector, Ring};
use super::{Place, Refusal, is_dead};
use crate::StoreError;
use crate::gc::{LiveBlobs, Tally};

/// How long a request that does not come through is tried again: long enough for a store that is started anew.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the pauses between are at most.
const PAUSE: Duration = Duration::from_secs(2);
/// So many are listed, and removed, at a time.
const PAGE: usize = 1000;
/// No blob is larger: what pretends to be is not read.
const MOST: u64 = 1 << 30;

/// Why an object store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The environment variables say something that cannot be used.
    #[error("the AWS_* variables cannot be used")]
    Variables(#[source] Box<object_store::Error>),
    /// It could not be reached in time, or refused.
    #[error("it cannot be reached, or refuses")]
    Refused(#[source] Box<object_store::Error>),
    /// An object has more bytes than any blob.
    #[error("the object has {0} bytes, more than any blob: somebody else has put it there")]
    TooLarge(u64),
    /// The operating system has no thread for asking it.
    #[error("cannot start the thread that asks it")]
    Thread(#[source] std::io::Error),
    /// The thread that asks it has died.
    #[error("the thread that asks it has died: this is a bug in prefab, please report it")]
    Died,
}

#[derive(Debug)]
pub(super) struct Objects {
    url: BlobsUrl,
    runtime: Handle,
    store: AmazonS3,
    prefix: Path,
}

impl Objects {
    /// Credentials, region and endpoint are as the `AWS_*` variables say.
    pub(super) fn open(url: &BlobsUrl) -> Result<Self, StoreError> {
        let failed =
            |source| StoreError::Objects { action: "begin".to_owned(), place: url.to_string(), source };
        let runtime = runtime().map_err(|error| failed(ObjectsError::Thread(error)))?;
        let builder = AmazonS3Builder::from_env();
        let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
            .iter()
            .find_map(|key| builder.get_config_value(key));
        // Only who names an endpoint without TLS is served without TLS.
        let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let store = builder
            .with_bucket_name(url.bucket())
            .with_allow_http(plain)
            .with_crypto_provider(Arc::new(Ring))
            .with_http_connector(Connector)
            .with_retry(RetryConfig {
                backoff: BackoffConfig { max_backoff: PAUSE, ..BackoffConfig::default() },
                // The time is what counts.
                max_retries: 1000,
                retry_timeout: PATIENCE,
            })
            .build()
            .map_err(|error| failed(ObjectsError::Variables(Box::new(error))))?;
        let prefix = url.prefix().iter().map(String::as_str).collect();
        Ok(Self { url: url.clone(), runtime, store, prefix })
    }

    /// Writes something small.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let location = self.prefix.clone().join("prefab");
        let text = "prefab keeps artifacts here\n";
        self.ask(|store| async move { store.put(&location, text.into()).await.map(|_| ()).map_err(refused) })
            .map_err(|error| self.failed("write", error))
    }

    fn location(&self, hex: &str) -> Path {
        self.prefix.clone().join(&hex[..2]).join(hex)
    }

    /// Asks on the runtime's thread, and waits on this one.
    fn ask<T, F>(&self, what: impl FnOnce(AmazonS3) -> F) -> Result<T, ObjectsError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ObjectsError>> + Send + 'static,
    {
        let (tell, answer) = mpsc::sync_channel(1);
        let asking = what(self.store.clone());
        self.runtime.spawn(async move {
            let _ = tell.send(asking.await);
        });
        answer.recv().unwrap_or(Err(ObjectsError::Died))
    }

    fn failed(&self, action: &str, source: ObjectsError) -> StoreError {
        StoreError::Objects { action: action.to_owned(), place: self.url.to_string(), source }
    }

    /// The next objects in the order of their names.
    fn page(&self, after: Option<Path>) -> Result<Vec<ObjectMeta>, ObjectsError> {
        let prefix = self.prefix.clone();
        self.ask(|store| async move {
            let all = match &after {
                Some(after) => store.list_with_offset(Some(&prefix), after),
                None => store.list(Some(&prefix)),
            };
            all.take(PAGE).try_collect().await.map_err(refused)
        })
    }

    fn remove(&self, dead: Vec<Path>) -> Result<(), ObjectsError> {
        self.ask(|store| async move {
            let removed = store.delete_stream(Box::pin(stream::iter(dead.into_iter().map(Ok))));
            // One that is gone already is what was wanted.
            let gone = |removed: object_store::Result<Path>| match removed {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(refused(error)),
            };
            removed.map(gone).try_collect::<()>().await
        })
    }
}

impl Place for Objects {
    fn put(&self, hex: &str, bytes: Vec<u8>) -> Result<(), Refusal> {
        let location = self.location(hex);
        self.ask(|store| async move { store.put(&location, bytes.into()).await.map(|_| ()).map_err(refused) })
            .map_err(Refusal::Away)
    }

    fn get(&self, hex: &str) -> Result<Vec<u8>, Refusal> {
        let location = self.location(hex);
        self.ask(|store| async move {
            let object = store.get(&location).await.map_err(refused)?;
            if object.meta.size > MOST {
                return Err(ObjectsError::TooLarge(object.meta.size));
            }
            Ok(object.bytes().await.map_err(refused)?.into())
        })
        .map_err(not_read)
    }

    fn has(&self, hex: &str) -> Result<bool, Refusal> {
        let location = self.location(hex);
        let found = self.ask(|store| async move { store.head(&location).await.map_err(refused) });
        match found.map_err(not_read) {
            Ok(_) => Ok(true),
            Err(Refusal::Missing) => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn collect(
        &self,
        live: &LiveBlobs,
        dry_run: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        let (mut seen, mut after) = (0, None);
        loop {
            let page = self.page(after).map_err(|error| self.failed("list the blobs", error))?;
            let Some(last) = page.last() else { return Ok(tally) };
            after = Some(last.location.clone());
            let mut dead = Vec::new();
            for object in page {
                seen += 1;
                progress(seen);
                if object.location.filename().is_some_and(|name| is_dead(name, live)) {
                    tally.add(object.size);
                    dead.push(object.location);
                }
            }
            if !dry_run && !dead.is_empty() {
                self.remove(dead).map_err(|error| self.failed("remove blobs", error))?;
            }
        }
    }

    fn bytes_elsewhere(&self) -> Result<u64, StoreError> {
        let (mut bytes, mut after) = (0_u64, None);
        loop {
            let page = self.page(after).map_err(|error| self.failed("list the blobs", error))?;
            let Some(last) = page.last() else { return Ok(bytes) };
            after = Some(last.location.clone());
            bytes = page.iter().fold(bytes, |bytes, object| bytes.saturating_add(object.size));
        }
    }

    fn name(&self) -> String {
        self.url.to_string()
    }
}

fn not_read(error: ObjectsError) -> Refusal {
    match error {
        ObjectsError::Refused(error) if matches!(*error, object_store::Error::NotFound { .. }) => {
            Refusal::Missing
        }
        error => Refusal::Away(error),
    }
}

fn refused(error: object_store::Error) -> ObjectsError {
    ObjectsError::Refused(Box::new(error))
}

/// One for all object stores of the process, made when the first is opened: their connections are looked after on its one thread.
fn runtime() -> std::io::Result<Handle> {
    static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*runtime {
        return Ok(runtime.handle().clone());
    }
    let made =
        Builder::new_multi_thread().worker_threads(1).thread_name("prefab-objects").enable_all().build()?;
    Ok(runtime.insert(made).handle().clone())
}
