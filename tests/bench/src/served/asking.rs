//! Asking for the status at a fixed rate, whatever the answers take: what an answer took is counted from when it should have been asked
//! for, so that none that waits hides another.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::percentile;
use super::scene::Scene;

/// Requests a second.
const RATE: u32 = 200;
/// Callers, each with a connection of its own.
const CALLERS: usize = 16;
/// How long is asked at most.
const MOST: Duration = Duration::from_secs(30);

/// How long answers took.
#[derive(Debug, Serialize)]
pub(crate) struct Answers {
    pub(crate) asked: usize,
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) most_ms: f64,
}

/// Asks while a preparation runs, until it ends.
pub(crate) fn measure(scene: &Scene) -> Result<Answers> {
    let preparation = scene.begin("asked")?;
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let running = || -> Result<bool> {
        let path = format!("/tenants/bench/environments/asked/preparations/{preparation}");
        Ok(scene.get(&path)?["state"] == "running")
    };
    let url = format!("{}/api/v1/tenants/bench/environments/asked", scene.url);
    let caller = || -> Result<Vec<f64>> {
        let agent = ureq::Agent::config_builder().build().new_agent();
        let mut took = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let due = began + Duration::from_secs(1) / RATE * u32::try_from(number)?;
            if due.duration_since(began) > MOST {
                return Ok(took);
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if began.elapsed() > MOST || (number.is_multiple_of(RATE as usize) && !running()?) {
                // Numbers from here on are nobody's.
                next.store(RATE as usize * 3600, Ordering::Relaxed);
                return Ok(took);
            }
            let request = agent.get(&url).header("authorization", format!("Bearer {}", scene.token));
            request.call()?.body_mut().read_to_vec()?;
            took.push(due.elapsed().as_secs_f64() * 1000.0);
        }
    };
    let mut took = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
        let mut all = Vec::new();
        for caller in callers {
            all.extend(caller.join().map_err(|_| anyhow::anyhow!("a caller panicked"))??);
        }
        Ok::<_, anyhow::Error>(all)
    })?;
    took.sort_by(f64::total_cmp);
    while running()? {
        thread::sleep(Duration::from_millis(200));
    }
    Ok(Answers {
        asked: took.len(),
        median_ms: percentile(&took, 50),
        p99_ms: percentile(&took, 99),
        most_ms: took.last().copied().unwrap_or(f64::NAN),
    })
}
