//! What the measurements mean: medians, ratios beside what is demanded of them, as a table and as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::measure::{Letter, Measurement};
use crate::rounds::{Plan, Results};
use crate::scene::RELEASE;

/// What a second preparation may take for a source file and for a module, in seconds.
const AGAIN: (f64, f64) = (5e-6, 50e-6);

/// A ratio or a price, and what is demanded of it.
#[derive(Debug, Serialize)]
struct Figure {
    #[serde(skip)]
    name: &'static str,
    value: f64,
    /// The same by processor time, which says more while other programs run.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_cpu_time: Option<f64>,
    demanded: Demanded,
    met: bool,
    #[serde(skip)]
    unit: &'static str,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Demanded {
    AtMost(f64),
    AtLeast(f64),
}

impl Demanded {
    fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

/// The benchmark as JSON: a key for each letter, with the median of the rounds, and `ratios`.
pub(crate) fn json(plan: &Plan<'_>, results: &Results) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| all.insert(name.to_owned(), value);
    put("tree", json!(plan.tree));
    put("release", json!(RELEASE));
    put("rounds", json!(plan.rounds));
    put("cores", json!(cores()));
    put("modules", json!(results.set_up.counts.modules));
    put("files", json!(results.files));
    put("source_bytes", json!(results.source_bytes));
    put("counts", json!(results.set_up.counts));
    for (letter, rounds) in &results.measured {
        put(letter.name(), json!(median_of(rounds)));
    }
    // The letter of the issue is the whole on all threads.
    let all_threads = results.measured.get(&Letter::C2).map(|rounds| median_of(rounds));
    put("c", json!(all_threads));
    if let Some(reason) = &results.without_bubblewrap {
        put("e", json!({ "missing": reason }));
    }
    let ratios: Map<_, _> =
        figures(results).iter().map(|figure| (figure.name.to_owned(), json!(figure))).collect();
    put("ratios", Value::Object(ratios));
    Value::Object(all)
}

/// The benchmark as a table.
pub(crate) fn table(plan: &Plan<'_>, results: &Results) -> String {
    let mut text = String::new();
    let counts = results.set_up.counts;
    let _ = writeln!(
        text,
        "Release {RELEASE} on {}: {} modules ({} prepared, {} failed, {} skipped), {} source files, {:.1} MB.\n\
         Medians of {} rounds on {} cores.\n",
        plan.tree.display(),
        counts.modules,
        counts.prepared,
        counts.failed,
        counts.skipped,
        results.files,
        results.source_bytes as f64 / 1e6,
        plan.rounds,
        cores(),
    );
    let _ = writeln!(
        text,
        "{:<7} {:<44} {:>8} {:>9} {:>9} {:>12} {:>9}",
        "", "", "modules", "seconds", "CPU s", "ms/module", "peak MiB"
    );
    for (letter, rounds) in &results.measured {
        let it = median_of(rounds);
        let _ = writeln!(
            text,
            "{:<7} {:<44} {:>8} {:>9.3} {:>9} {:>12.3} {:>9.0}",
            letter.name(),
            title(*letter),
            it.modules,
            it.seconds,
            it.cpu_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.3}")),
            it.seconds * 1e3 / it.modules.max(1) as f64,
            it.peak_rss_bytes as f64 / f64::from(1 << 20),
        );
    }
    if let Some(reason) = &results.without_bubblewrap {
        let _ = writeln!(text, "{:<7} not measured, bubblewrap cannot be used: {reason}", "e");
    }
    let _ = writeln!(text, "\n{:<34} {:>10} {:>12} {:>14}", "", "is", "by CPU time", "demanded");
    for figure in figures(results) {
        let demanded = match figure.demanded {
            Demanded::AtMost(most) => format!("at most {most}"),
            Demanded::AtLeast(least) => format!("at least {least}"),
        };
        let _ = writeln!(
            text,
            "{:<34} {:>10} {:>12} {:>14}  {}",
            figure.name,
            format!("{:.2}{}", figure.value, figure.unit),
            figure.by_cpu_time.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            demanded,
            if figure.met { "met" } else { "MISSED" },
        );
    }
    text.push_str(
        "\nPeak memory of a, b, d and e is that of the process; a and b hold all sources. d and e compile a sample of the\n\
         modules, and are compared with g by the tiny module. Ratios are medians of the ratios within each round.\n",
    );
    text
}

const fn title(letter: Letter) -> &'static str {
    match letter {
        Letter::A => "native, in process, one thread",
        Letter::B => "sandboxed, all caps on, one thread",
        Letter::C1 => "the whole prepare, one thread",
        Letter::C2 => "the whole prepare, all threads",
        Letter::D => "a native process per module",
        Letter::E => "a native process in bubblewrap per module",
        Letter::F => "prepare again, nothing changed",
        Letter::G => "a tiny module, sandboxed",
        Letter::DTiny => "a native process for the tiny module",
        Letter::ETiny => "the same in bubblewrap",
    }
}

fn figures(results: &Results) -> Vec<Figure> {
    use Demanded::{AtLeast, AtMost};
    use Letter::{A, B, C1, C2, DTiny, ETiny, F, G};

    let seconds = |it: &Measurement| it.seconds;
    let per_module = |it: &Measurement| it.seconds / it.modules.max(1) as f64;
    let allowed = |it: &Measurement| AGAIN.0 * results.files as f64 + AGAIN.1 * it.modules as f64;
    let within = |one: Letter, other: Letter, of: &dyn Fn(&Measurement) -> f64| {
        let (one, other) = (results.measured.get(&one)?, results.measured.get(&other)?);
        Some(median(one.iter().zip(other).map(|(one, other)| of(one) / of(other)).collect()))
    };
    let alone = |letter: Letter, of: &dyn Fn(&Measurement) -> f64| {
        Some(median(results.measured.get(&letter)?.iter().map(of).collect()))
    };
    let cpu = |it: &Measurement| it.cpu_seconds.unwrap_or(f64::NAN);
    let figure = |name, unit, demanded: Demanded, value: Option<f64>, by_cpu_time| {
        value.map(|value| Figure { name, value, by_cpu_time, demanded, met: demanded.is_met_by(value), unit })
    };
    [
        figure("b/a", "", AtMost(1.8), within(B, A, &seconds), within(B, A, &cpu)),
        figure("c1/b", "", AtMost(1.15), within(C1, B, &seconds), within(C1, B, &cpu)),
        figure("c1/c2", "", AtLeast(1.8), within(C1, C2, &seconds), None),
        figure(
            "f/(5 us a file + 50 us a module)",
            "",
            AtMost(1.0),
            alone(F, &|it| it.seconds / allowed(it)),
            None,
        ),
        figure("g", " us", AtMost(200.0), alone(G, &|it| per_module(it) * 1e6), None),
        figure("d/g", "", AtLeast(10.0), within(DTiny, G, &per_module), None),
        figure("e/g", "", AtLeast(50.0), within(ETiny, G, &per_module), None),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The measurement that took the median time, with the most memory of any.
fn median_of(rounds: &[Measurement]) -> Measurement {
    let mut sorted: Vec<&Measurement> = rounds.iter().collect();
    sorted.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let peak_rss_bytes = rounds.iter().map(|it| it.peak_rss_bytes).max().unwrap_or_default();
    let cpu_seconds: Option<Vec<f64>> = rounds.iter().map(|it| it.cpu_seconds).collect();
    Measurement { peak_rss_bytes, cpu_seconds: cpu_seconds.map(median), ..sorted[sorted.len() / 2].clone() }
}

/// The value in the middle, or between the two there.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length.is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert!((median(vec![4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-9);
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_demand_includes_its_bound() {
        assert!(Demanded::AtMost(1.8).is_met_by(1.8) && !Demanded::AtMost(1.8).is_met_by(1.81));
        assert!(Demanded::AtLeast(10.0).is_met_by(10.0) && !Demanded::AtLeast(10.0).is_met_by(9.9));
    }
}
