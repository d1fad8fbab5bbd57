//! What all handlers share, and serving until the process is asked to end.

use std::io;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prefab_model::BlobsUrl;
use prefab_prepare::{Environment, Isolation, SandboxError, Stop, check_blobs};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use crate::connections;
use crate::controls::Controls;
use crate::data::{Data, DataError};
use crate::db::{DbError, NewToken};
use crate::follow::Followers;
use crate::keeper::Keeper;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::names::{EnvironmentName, TenantName};
use crate::oidc::{Oidc, OidcError, OidcOptions};
use crate::open::Environments;
use crate::problem::Problem;
use crate::quotas::Ceilings;
use crate::rates::Rates;
use crate::routes;
use crate::runs::Runs;
use crate::sandboxes::Sandboxes;
use crate::shares::Shares;
use crate::tls::{self, Tls, TlsError, TlsFiles};
use crate::token::{Scope, Secret, TokenId};
use crate::upload;
use crate::usage::Kept;

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
    /// The issuer of tokens cannot be asked.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// TLS cannot be done with these files.
    #[error(transparent)]
    Tls(#[from] TlsError),
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
    /// Where artifacts of environments that are made from now on are kept; in their folders without it.
    pub blobs: Option<BlobsUrl>,
    /// Whose tokens are believed besides the server's own.
    pub oidc: Option<OidcOptions>,
    /// With what to speak TLS; plain HTTP without it.
    pub tls: Option<TlsFiles>,
    /// How many compilations run at a time, of all tenants together.
    pub jobs: NonZeroUsize,
    /// The most that one compilation may be allowed, unless a tenant's quotas say otherwise.
    pub ceilings: Ceilings,
    /// A folder in which releases are looked for.
    pub watch: Option<PathBuf>,
    /// A folder with one for each tenant, which the tenant's environments may read modules from.
    pub sources: Option<PathBuf>,
}

/// What is to be told when the server listens.
#[derive(Debug)]
pub struct Listening {
    /// Where: with the port that was chosen, if that was left open.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
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
    shares: Shares,
    kept: Kept,
    ceilings: Ceilings,
    sources: Option<PathBuf>,
    followers: Followers,
    controls: Controls,
    live: Live,
    metrics: Metrics,
    blobs: Option<BlobsUrl>,
    oidc: Option<Oidc>,
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

    pub(crate) fn shares(&self) -> &Shares {
        &self.shares
    }

    pub(crate) fn ceilings(&self) -> Ceilings {
        self.ceilings
    }

    /// The folder with one for each tenant, which its environments may read modules from.
    pub(crate) fn sources(&self) -> Option<&Path> {
        self.sources.as_deref()
    }

    pub(crate) fn followers(&self) -> &Followers {
        &self.followers
    }

    pub(crate) fn controls(&self) -> &Controls {
        &self.controls
    }

    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// A hand on something that is to be run for a tenant, in turn with what others run. Blocks.
    pub(crate) fn stop(&self, tenant: &TenantName) -> Result<Stop, Problem> {
        Ok(Stop::new().with_share(self.shares.of(self.data.db(), tenant)?))
    }

    /// The same for what a caller waits for. [`Server::was_held_back`] is to be asked when it is over.
    pub(crate) fn stop_at_once(&self, tenant: &TenantName) -> Result<Stop, Problem> {
        Ok(Stop::new().with_share(self.shares.of(self.data.db(), tenant)?.impatient()))
    }

    /// Says so if that was stopped for want of a quota. What it had done before stays done.
    pub(crate) fn was_held_back(&self, tenant: &TenantName, stop: &Stop) -> Result<(), Problem> {
        if !stop.is_asked() {
            return Ok(());
        }
        match self.shares.of(self.data.db(), tenant)?.held_back() {
            Some(reason) => Err(Problem::held_back(&reason)),
            None => Ok(()),
        }
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whose tokens are believed besides the server's own.
    pub(crate) fn oidc(&self) -> Option<&Oidc> {
        self.oidc.as_ref()
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

    /// Where the artifacts of a new environment are to be kept, if not in its folder.
    pub(crate) fn blobs(
        &self,
        tenant: &TenantName,
        name: &EnvironmentName,
    ) -> Result<Option<BlobsUrl>, Problem> {
        let parts = ["tenants", tenant.as_str(), "environments", name.as_str()];
        Ok(self.blobs.as_ref().map(|blobs| blobs.within(parts)).transpose()?)
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

impl Server {
    /// Has the issuer's keys at hand before the first of its tokens comes.
    fn fetch_keys(self: &Arc<Self>) {
        if self.oidc.is_some() {
            let app = Arc::clone(self);
            tokio::task::spawn_blocking(move || app.oidc().map(Oidc::prepare));
        }
    }

    /// Says in the log, when that is found out, if artifacts cannot be kept where they are to be. All else goes on meanwhile.
    fn check_blobs(&self) {
        let Some(blobs) = self.blobs.clone() else { return };
        tokio::task::spawn_blocking(move || match check_blobs(&blobs) {
            Ok(()) => tracing::info!(%blobs, "artifacts of new environments are kept in an object store"),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "artifacts cannot be kept");
            }
        });
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
    let tls = options.tls.as_ref().map(Tls::open).transpose()?;
    let oidc = options.oidc.as_ref().map(Oidc::open).transpose()?;
    let data = Data::open(&options.data)?;
    let _lock = data.lock()?;
    let first_token = first_token(&data)?;
    let now = OffsetDateTime::now_utc();
    let start = now.unix_timestamp_nanos();
    let shares = Shares::open(data.db(), options.jobs, now).map_err(DataError::from)?;
    let app = Arc::new(Server {
        data,
        sandboxes: Sandboxes::open(options.isolation.clone())?,
        environments: Environments::default(),
        rates: Rates::new(RATE),
        runs: Runs::default(),
        shares,
        kept: Kept::default(),
        ceilings: options.ceilings,
        sources: options.sources.clone(),
        followers: Followers::default(),
        controls: Controls::default(),
        live: Live::new(&format!("{start:x}")),
        metrics: Metrics::default(),
        blobs: options.blobs.clone(),
        oidc,
        uploads: Semaphore::new(upload::AT_A_TIME),
        changes: Mutex::default(),
        ending: watch::Sender::new(false),
    });
    let keeper = Keeper::start(&app, options.watch.clone())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let listening = |source| ServeError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listening)?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let address = listener.local_addr()?;
        app.check_blobs();
        app.fetch_keys();
        app.runs.resume(&app);
        if tls.is_none() && !address.ip().is_loopback() {
            tracing::warn!(%address, "without TLS, tokens and sources can be read and changed on their way to other machines");
        }
        told(&Listening { address, tls: tls.is_some(), first_token });
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
        let mut router = routes::router(&app);
        if let Some(tls) = &tls {
            router = tls::strict(router);
            tokio::spawn(tls.clone().follow());
        }
        connections::take(listener, tls, router, app.ending()).await;
        Ok(())
    });
    app.runs.stop();
    drop(keeper);
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
