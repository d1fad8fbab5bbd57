//! Many who watch one preparation over its event stream, from before it begins until it lets go of its environment.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

use super::scene::Scene;
use crate::scene::RELEASE;

/// Watchers are few lines of code each: their threads need little.
const STACK: usize = 128 << 10;
/// Connections are made one after the other with this pause: the server lets one token ask 500 times a second.
const PAUSE: Duration = Duration::from_millis(3);
/// Nobody waits longer for an event; something is sent every 15 seconds.
const SILENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Serialize)]
pub(crate) struct Watched {
    /// How many began to watch.
    pub(crate) began: usize,
    /// How many saw that it ended.
    pub(crate) ended: usize,
    /// Events that came to all of them together.
    pub(crate) events: u64,
    /// From when the first saw the end until the last did.
    pub(crate) spread_ms: f64,
}

/// Lets them watch.
pub(crate) fn measure(scene: &Scene, watchers: usize) -> Result<Watched> {
    scene.ready("watched")?;
    let all = Barrier::new(watchers + 1);
    let address = scene.url.trim_start_matches("http://");
    let watch = || -> Result<(u64, Instant)> {
        let stream = TcpStream::connect(address);
        let opened = stream.map_err(anyhow::Error::from).and_then(|stream| {
            stream.set_read_timeout(Some(SILENCE))?;
            let mut writer = &stream;
            write!(
                writer,
                "GET /api/v1/tenants/bench/environments/watched/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\r\n",
                scene.token
            )?;
            let mut lines = BufReader::new(stream).lines();
            // The first event says that the stream is there.
            loop {
                let line = lines.next().context("the stream broke off")??;
                if line.starts_with("event: status") {
                    return Ok(lines);
                }
            }
        });
        all.wait();
        let mut events = 1;
        for line in opened? {
            let line = line?;
            events += u64::from(line.starts_with("event: "));
            if line.starts_with("event: released") {
                return Ok((events, Instant::now()));
            }
        }
        anyhow::bail!("the stream ended before the preparation did")
    };
    thread::scope(|scope| {
        let mut threads = Vec::with_capacity(watchers);
        for _ in 0..watchers {
            threads.push(thread::Builder::new().stack_size(STACK).spawn_scoped(scope, watch)?);
            thread::sleep(PAUSE);
        }
        all.wait();
        scene.post("/tenants/bench/environments/watched/upgrade", &json!({"version": RELEASE}))?;
        let mut ends = Vec::new();
        let mut events = 0;
        for thread in threads {
            if let Ok(Ok((seen, end))) = thread.join() {
                events += seen;
                ends.push(end);
            }
        }
        ends.sort();
        let spread = ends.first().zip(ends.last()).map(|(first, last)| *last - *first).unwrap_or_default();
        Ok(Watched { began: watchers, ended: ends.len(), events, spread_ms: spread.as_secs_f64() * 1000.0 })
    })
}
