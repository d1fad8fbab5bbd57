//! `/events`: what happens in an environment, as it happens.
//!
//! A stream begins with `status`, how the environment is. One that broke off goes on after `Last-Event-ID`, with all that happened
//! since; where that is not kept any more, it begins with `status` again. So a watcher that heeds `status` never misses anything.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::sleep;

use super::TAG_WATCH;
use super::environments::Now;
use crate::access::{Place, Read};
use crate::live::{After, EventId, Feed};
use crate::problem::Problem;
use crate::server::App;

/// So many events are taken from the row at a time.
const BATCH: usize = 256;
/// How often a stream looks whether its token is still good.
const LOOK: Duration = Duration::from_secs(1);
/// How often something is sent, for what lies between to keep the connection.
const ALIVE: Duration = Duration::from_secs(15);

/// Follow what happens in an environment, as server-sent events
#[utoipa::path(get, path = "/tenants/{tenant}/environments/{environment}/events", tag = TAG_WATCH,
    params(("last-event-id" = Option<String>, Header, description = "The last event that was seen: the stream goes on after it")),
    security(("token" = ["read"])), responses((status = 200, description = "The events", body = String, content_type = "text/event-stream")))]
pub(super) async fn follow(
    State(app): State<App>,
    at: Place<Read>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Sent, Infallible>>>, Problem> {
    let at = Arc::new(at);
    let place = Arc::clone(&at);
    app.blocking(move |server| place.open(server).map(drop)).await?;
    let feed = app.live().feed(&at.tenant, &at.environment);
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (more, ending) = (feed.watch(), app.ending());
    app.metrics().watchers.inc();
    // Before the answer begins: a caller that has it misses nothing of what it starts then.
    let (begin, waiting) = (feed.now(), VecDeque::new());
    let watcher = Watcher { app, at, feed, more, ending, begin, seen, waiting, looked: Instant::now() };
    Ok(Sse::new(unfold(watcher, Watcher::next)).keep_alive(KeepAlive::new().interval(ALIVE)))
}

/// One stream. It ends when the server does, when its token is not good any more, and when the environment is gone.
struct Watcher {
    app: App,
    at: Arc<Place<Read>>,
    feed: Arc<Feed>,
    more: watch::Receiver<u64>,
    ending: watch::Receiver<bool>,
    /// Where it begins, if nothing was seen before.
    begin: EventId,
    /// The last event that was sent; none at the beginning.
    seen: Option<EventId>,
    waiting: VecDeque<Sent>,
    looked: Instant,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.app.metrics().watchers.dec();
    }
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<Sent, Infallible>, Self)> {
        loop {
            if *self.ending.borrow() || (self.looked.elapsed() >= LOOK && !self.may_go_on().await) {
                return None;
            }
            if let Some(sent) = self.waiting.pop_front() {
                return Some((Ok(sent), self));
            }
            let _ = self.more.borrow_and_update();
            let after = match &self.seen {
                Some(seen) => self.feed.after(seen, BATCH),
                None => After::Lost(self.begin.clone()),
            };
            match after {
                After::Lost(now) => {
                    // After the number was taken: what happens from now on is told as well.
                    let at = Arc::clone(&self.at);
                    let status = self.app.blocking(move |server| Now::look(server, &at)).await.ok()?;
                    let event = Sent::default().id(now.to_string()).event("status").json_data(status);
                    self.waiting.push_back(event.ok()?);
                    self.seen = Some(now);
                }
                After::Events(events) if events.is_empty() => {
                    tokio::select! {
                        _ = self.more.changed() => {}
                        _ = self.ending.changed() => {}
                        () = sleep(LOOK) => {}
                    }
                }
                After::Events(events) => {
                    for (id, told) in events {
                        let event = Sent::default().id(id.to_string()).event(told.name).data(&*told.data);
                        self.waiting.push_back(event);
                        self.seen = Some(id);
                    }
                }
            }
        }
    }

    async fn may_go_on(&mut self) -> bool {
        self.looked = Instant::now();
        let Some(id) = self.at.caller.kept() else {
            return self.at.caller.token().is_good(OffsetDateTime::now_utc());
        };
        let token = self.app.blocking(move |server| Ok(server.data().db().token(id)?)).await;
        token.is_ok_and(|token| token.is_some_and(|token| token.is_good(OffsetDateTime::now_utc())))
    }
}
