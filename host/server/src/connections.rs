//! Taking connections, until the process is asked to end. Who sends slowly, or not at all, holds a connection for a bounded time.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::tls::Tls;

/// So many connections at a time; others wait in the kernel's queue. Twice the watchers that one preparation is measured with.
const MOST: usize = 4096;
/// How long the head of a request may take, and how long a connection may wait for the next request.
const HEAD: Duration = Duration::from_secs(30);
/// How many headers a request may have.
const HEADERS: usize = 100;
/// How long requests may go on when the process is asked to end.
const GRACE: Duration = Duration::from_secs(10);

/// Answers with `router` until `ending` says so, then lets what was asked before come to its end.
pub(crate) async fn take(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    mut ending: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(MOST));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_headers(HEADERS);
    loop {
        let next = async {
            let room = Arc::clone(&room).acquire_owned().await;
            (room, listener.accept().await)
        };
        let (room, accepted) = tokio::select! {
            next = next => next,
            _ = ending.wait_for(|ending| *ending) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // One that hung up is nothing; without file descriptors it is better to wait until some are closed.
                tracing::debug!(%error, "cannot take a connection");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Events are small and are to arrive now.
        let _ = stream.set_nodelay(true);
        let (http, router, watcher) = (http.clone(), router.clone(), graceful.watcher());
        let (tls, mut ending) = (tls.clone(), ending.clone());
        tokio::spawn(async move {
            let _room = room;
            match tls {
                None => answer(&http, stream, router, watcher).await,
                Some(tls) => {
                    // Whoever has not agreed on keys when the process is asked to end has asked for nothing yet.
                    let agreed = tokio::select! {
                        agreed = tls.accept(stream) => agreed,
                        _ = ending.wait_for(|ending| *ending) => None,
                    };
                    if let Some(stream) = agreed {
                        answer(&http, stream, router, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("ending, although some requests are not answered yet");
    }
}

async fn answer(
    http: &http1::Builder,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    watcher: Watcher,
) {
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke off");
    }
}
