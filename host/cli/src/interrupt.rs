//! Ctrl-C while a preparation runs: the first lets the running compilations end, the second stops at once.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use prefab_prepare::Stop;

use crate::exit::Exit;
use crate::report::progress::Voice;

/// Lets Ctrl-C, a hang-up or a request to terminate stop the preparation, and say so.
pub(crate) fn stops(stop: &Stop, voice: Voice) -> anyhow::Result<()> {
    let stop = stop.clone();
    let again = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if again.swap(true, Ordering::Relaxed) {
            voice.say("Stopping now: the running compilations are cancelled");
            stop.now();
        } else {
            voice.say("Stopping when the running compilations have ended; press Ctrl-C again to stop now");
            stop.finish_running();
        }
    })
    .context("cannot listen for Ctrl-C")
}

/// Lets Ctrl-C leave a preparation on a server to itself.
pub(crate) fn leaves(voice: Voice) -> anyhow::Result<()> {
    ctrlc::set_handler(move || {
        voice.say("Left: the preparation goes on at the server. Watch it with `prefab status --watch`, or call it off with `prefab cancel`");
        std::process::exit(i32::from(Exit::Trouble.code()));
    })
    .context("cannot listen for Ctrl-C")
}
