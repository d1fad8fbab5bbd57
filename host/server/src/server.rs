//! What all handlers share, and serving until the process is asked to end.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prefab_prepare::{Environment, Isolation, SandboxError};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use crate::connections;
use crate::data::{Data, DataError};
use crate::db::{DbError, NewToken};
use crate::live::Live;
use crate::metrics::Metrics;
use crate::names::{EnvironmentName, TenantName};
use crate::open::Environments;
use crate::problem::Problem;
use crate::rates::Rates;
use crate::routes;
use crate::runs::Runs;
use crate::sandboxes::Sandboxes;
use crate::token::{Scope, Secret, TokenId};
use crate::upload;

/// Requests a second for each token, unless it is said otherwise.
const RATE: NonZeroU32 = NonZeroU32::new(500).unwrap();

/// How long the process waits at its end for what still reads or writes.
const LAST: Duration = Duration::from_secs(5);

/// The state that handlers are given.
pub type App = Arc<Server>;

/// Why the server could not be started, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The sandbox cannot be used.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: is another program there?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The operating system refused something else.
    #[error("cannot run the server")]
    Io(#[from] io::Error),
}

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The data directory.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where compilers run.
    pub isolation: Isolation,
}

/// What is to be told when the server listens.
#[derive(Debug)]
pub struct Listening {
    /// Where: with the port that was chosen, if that was left open.
    pub address: SocketAddr,
    /// The first administrator's token, where nobody had one. It is shown this once.
    pub first_token: Option<Secret>,
}

/// The server's state.
pub struct Server {
    data: Data,
    sandboxes: Sandboxes,
    environments: Environments,
    rates: Rates,
    runs: Runs,
    live: Live,
    metrics: Metrics,
    uploads: Semaphore,
    changes: Mutex<()>,
    ending: watch::Sender<bool>,
}

impl Server {
    /// The data directory.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Where compilers run.
    pub(crate) fn sandboxes(&self) -> &Sandboxes {
        &self.sandboxes
    }

    pub(crate) fn environments(&self) -> &Environments {
        &self.environments
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.rates
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Room for trees that are being received.
    pub(crate) fn uploads(&self) -> &Semaphore {
        &self.uploads
    }

    /// Keeps others from changing what a caller said that it had seen, between looking and changing. Blocks.
    pub(crate) fn change(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes true when the process is asked to end.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// An environment of a tenant. Blocks.
    ///
    /// # Errors
    /// A problem with the status 404 if it is not there.
    pub fn environment(
        &self,
        tenant: &TenantName,
        name: &EnvironmentName,
    ) -> Result<Arc<Environment>, Problem> {
        let trust = || self.data.trust_files(Some(tenant));
        self.environments.get(tenant, name, &self.data.environment(tenant, name), trust)
    }

    /// Does something that blocks on a thread that may: asking a database, reading a file, compiling.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        body: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let app = Arc::clone(self);
        match tokio::task::spawn_blocking(move || body(&app)).await {
            Ok(done) => done,
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes a token and keeps its hash.
///
/// # Errors
/// Trouble with the database, or no random bytes.
pub fn create_token(data: &Data, new: &NewToken) -> Result<(TokenId, Secret), DataError> {
    let secret = Secret::new().map_err(|source| DataError::Io {
        what: "cannot get random bytes for",
        path: "a token".into(),
        source,
    })?;
    let id = data.db().add_token(new, secret.hash(), OffsetDateTime::now_utc())?;
    Ok((id, secret))
}

/// Serves until the process is asked to end; what runs then is stopped, and goes on at the next start.
///
/// # Errors
/// The data directory, the sandbox or the address cannot be used.
pub fn serve(options: &ServeOptions, told: impl FnOnce(&Listening)) -> Result<(), ServeError> {
    let data = Data::open(&options.data)?;
    let _lock = data.lock()?;
    let first_token = first_token(&data)?;
    let start = OffsetDateTime::now_utc().unix_timestamp_nanos();
    let app = Arc::new(Server {
        data,
        sandboxes: Sandboxes::open(options.isolation.clone())?,
        environments: Environments::default(),
        rates: Rates::new(RATE),
        runs: Runs::default(),
        live: Live::new(&format!("{start:x}")),
        metrics: Metrics::default(),
        uploads: Semaphore::new(upload::AT_A_TIME),
        changes: Mutex::default(),
        ending: watch::Sender::new(false),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let listening = |source| ServeError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listening)?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let address = listener.local_addr()?;
        app.runs.resume(&app);
        told(&Listening { address, first_token });
        let ended = Arc::clone(&app);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("ending: what runs is stopped and goes on at the next start");
            // At once: whoever waits for a run to begin is answered before the last connections are closed.
            ended.runs.ask_to_stop();
            ended.ending.send_replace(true);
        });
        connections::take(listener, routes::router(&app), app.ending()).await;
        Ok(())
    });
    app.runs.stop();
    runtime.shutdown_timeout(LAST);
    served
}

fn first_token(data: &Data) -> Result<Option<Secret>, DataError> {
    let without = data.db().is_without_tokens().map_err(|error: DbError| DataError::from(error))?;
    if !without {
        return Ok(None);
    }
    let new = NewToken {
        name: "first administrator".to_owned(),
        tenant: None,
        scope: Scope::Administer,
        expires_at: None,
    };
    create_token(data, &new).map(|(_, secret)| Some(secret))
}
