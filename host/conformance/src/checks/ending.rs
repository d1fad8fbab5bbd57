//! Calling a compilation off in the middle of it.

use std::thread;
use std::time::{Duration, Instant};

use prefab_model::OutcomeKind;
use prefab_sandbox::Control;

use super::{Checking, sources};
use crate::case::{How, ended, millis};
use crate::report::Check;

/// A compilation that takes less cannot be met in its middle.
const LONG_ENOUGH: Duration = Duration::from_millis(200);
/// It must have ended so soon after it was called off.
const BOUND: Duration = Duration::from_secs(10);
/// Larger sources, in bytes, for compilers that are quick with all that was compiled before.
const SIZES: [usize; 2] = [16 << 20, 32 << 20];

pub(super) fn cancellation(it: &mut Checking<'_>) -> Check {
    const NAME: &str = "cancellation";
    let mut longest = it.slowest.clone();
    for size in SIZES {
        if longest.as_ref().is_none_or(|(_, took)| *took >= LONG_ENOUGH) {
            break;
        }
        longest = sources::largest(it, size).map(|case| {
            let took = it.bench.run(&case).usage.time;
            (case, took)
        });
    }
    let took = longest.as_ref().map(|(_, took)| *took).unwrap_or_default();
    let Some((case, _)) = longest.filter(|(_, took)| *took >= LONG_ENOUGH) else {
        let found = format!("nothing took long enough to be called off: {} ms at most", millis(took));
        return Check::not_applicable(NAME, found);
    };
    let control = Control::default();
    let how = How { control: control.clone(), ..it.bench.usual() };
    let (called_off, run) = thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            thread::sleep(took / 4);
            control.cancel();
            Instant::now()
        });
        let run = it.bench.run_as(&case, &how);
        let over = Instant::now();
        (canceller.join().map(|at| over.saturating_duration_since(at)), run)
    });
    let after = called_off.unwrap_or_default();
    let figures = [("after-ms", millis(after)), ("whole-ms", millis(took))];
    match run.kind {
        OutcomeKind::Cancelled if after <= BOUND => {
            Check::pass(NAME, format!("it ended {} ms after it was called off", millis(after))).with(figures)
        }
        OutcomeKind::Cancelled => Check::fail(
            NAME,
            format!("it ended only {} ms after it was called off", millis(after)),
            "report this with the compiler: nothing in the sandbox may take so long at a time",
        )
        .with(figures),
        _ => Check::not_applicable(NAME, format!("it was over before it was called off ({})", ended(&run))),
    }
}
