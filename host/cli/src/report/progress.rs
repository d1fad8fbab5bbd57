//! The progress of a preparation on standard error: a bar on a terminal, now and then a line elsewhere.
//!
//! [`View`] is a pure consumer of events; [`Progress`] draws it.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use prefab_model::{CompilerName, Counts, ModuleName};
use prefab_prepare::{Event, HeldBack};

use crate::report::paint::Paint;
use crate::report::summary;

/// How many of the modules that are compiling are named.
const NAMED: usize = 3;
/// Off a terminal there is a line when so many per cent are done, or so much time has gone, since the one before.
const LINE_STEP: u64 = 10;
const LINE_PAUSE: Duration = Duration::from_secs(2);

/// What is known of a preparation that runs.
#[derive(Debug, Default)]
pub(crate) struct View {
    counts: Counts,
    eta: Option<Duration>,
    running: Vec<(ModuleName, CompilerName)>,
    /// When the first module was accounted for, since the start: the rate counts from there.
    first_end: Option<(Duration, u64)>,
    paused: bool,
}

impl View {
    /// Takes in an event, so long after the start.
    fn take(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Started { modules, .. } => {
                *self = Self { counts: Counts { modules: *modules, ..Counts::default() }, ..Self::default() };
            }
            Event::Compiling { module, compiler, .. } => {
                self.running.push((module.clone(), compiler.clone()));
            }
            Event::Compiled { module, compiler, .. } => {
                if let Some(at) = self.running.iter().position(|(m, c)| m == module && c == compiler) {
                    self.running.remove(at);
                }
            }
            Event::Progress { counts, eta } => self.figures(*counts, *eta, now),
            Event::Finished(summary) => self.figures(summary.counts, None, now),
            Event::Paused | Event::HeldBack(_) => self.paused = true,
            Event::Resumed | Event::LetGo => self.paused = false,
            Event::Admitted { .. }
            | Event::Loading { .. }
            | Event::Sending { .. }
            | Event::Upgraded { .. }
            | Event::ModuleEnded { .. }
            | Event::TryingAgain { .. } => {}
        }
    }

    /// Takes in the figures, so long after the start.
    fn figures(&mut self, counts: Counts, eta: Option<Duration>, now: Duration) {
        (self.counts, self.eta) = (counts, eta);
        if counts.ended() > 0 && self.first_end.is_none() {
            self.first_end = Some((now, counts.ended()));
        }
    }

    fn details(&self, now: Duration) -> String {
        let counts = &self.counts;
        let mut parts = vec![
            format!("{} prepared", counts.prepared),
            format!("{} failed", counts.failed),
            format!("{} skipped", counts.skipped),
        ];
        if let Some((since, before)) = self.first_end {
            let seconds = now.saturating_sub(since).as_secs_f64();
            let ended = counts.ended().saturating_sub(before);
            if seconds >= 0.5 && ended > 0 {
                parts.push(format!("{:.1}/s", ended as f64 / seconds));
            }
        }
        let eta = self.eta.filter(|_| counts.ended() < counts.modules && !self.paused);
        parts.extend(eta.map(summary::left));
        if counts.ended() == 0 && counts.modules > 0 {
            return format!("signatures of {} of {} modules", counts.signed, counts.modules);
        }
        format!("{} of {} modules: {}", counts.ended(), counts.modules, parts.join(", "))
    }

    fn compiling(&self) -> String {
        if self.paused {
            return "paused: `prefab resume` lets it go on".to_owned();
        }
        if self.running.is_empty() {
            return String::new();
        }
        let named: Vec<_> = self
            .running
            .iter()
            .take(NAMED)
            .map(|(module, compiler)| format!("{module} ({compiler})"))
            .collect();
        let more = match self.running.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("now compiling {}{more}", named.join(", "))
    }

    fn line(&self, now: Duration) -> String {
        format!("{} ({})", summary::preparing(self.counts.percent()), self.details(now))
    }
}

/// When to print a line off a terminal.
#[derive(Debug, Default)]
struct Pace {
    last: Option<(u64, Duration)>,
}

impl Pace {
    fn is_due(&mut self, percent: u64, now: Duration) -> bool {
        let due = self.last.is_none_or(|(last_percent, last)| {
            percent != last_percent
                && (percent.abs_diff(last_percent) >= LINE_STEP
                    || now.saturating_sub(last) >= LINE_PAUSE
                    || percent == 100)
        });
        if due {
            self.last = Some((percent, now));
        }
        due
    }
}

enum Face {
    Bar(ProgressBar),
    Lines(Pace),
    Silent,
}

/// Shows a preparation's progress.
pub(crate) struct Progress {
    view: View,
    face: Face,
    started: Instant,
}

impl Progress {
    /// A bar if standard error is a terminal and nothing else writes to it, else lines; nothing if `quiet`.
    pub(crate) fn new(quiet: bool, logs: bool, paint: Paint) -> Self {
        let face = if quiet {
            Face::Silent
        } else if io::stderr().is_terminal() && !logs {
            Face::Bar(bar(paint))
        } else {
            Face::Lines(Pace::default())
        };
        Self { view: View::default(), face, started: Instant::now() }
    }

    /// Shows an event.
    pub(crate) fn event(&mut self, event: &Event) {
        self.view.take(event, self.started.elapsed());
        match event {
            Event::Loading { compiler, platform } => self.loading(&format!(
                "making native code of the {compiler} compiler of {platform}, once on this machine …"
            )),
            Event::Sending { platform, size } => self.loading(&format!(
                "sending release {platform} ({size}) to the server, which makes native code of what is new to it …"
            )),
            Event::TryingAgain { modules } => {
                let them = if *modules == 1 { "1 module".to_owned() } else { format!("{modules} modules") };
                self.say(&format!("this machine was in the way of {them}: trying again, one at a time"));
            }
            Event::Paused => self.say("paused: `prefab resume` lets it go on, `prefab cancel` calls it off"),
            Event::Resumed | Event::LetGo => self.say("going on"),
            Event::HeldBack(HeldBack::Fuel { used, quota }) => self
                .say(&format!("waiting: {used} fuel was used today, and the quota is {quota} a day (UTC)")),
            Event::HeldBack(HeldBack::Storage { used, quota }) => {
                self.say(&format!("waiting: {used} are stored, and the quota is {quota}"));
            }
            Event::Admitted { .. } | Event::Upgraded { .. } | Event::ModuleEnded { .. } => {}
            _ => self.draw(),
        }
    }

    /// A line that stays; nothing if quiet.
    fn say(&mut self, line: &str) {
        if !matches!(self.face, Face::Silent) {
            self.voice().say(line);
        }
        self.draw();
    }

    fn loading(&self, line: &str) {
        match &self.face {
            Face::Bar(bar) => {
                bar.set_prefix(line.to_owned());
                bar.tick();
            }
            Face::Lines(_) => tell(line),
            Face::Silent => {}
        }
    }

    /// Shows figures that came another way than by events.
    pub(crate) fn figures(&mut self, counts: Counts, eta: Option<Duration>, paused: bool) {
        self.view.figures(counts, eta, self.started.elapsed());
        self.view.paused = paused;
        self.draw();
    }

    fn draw(&mut self) {
        let now = self.started.elapsed();
        let percent = self.view.counts.percent();
        match &mut self.face {
            Face::Bar(bar) => {
                bar.set_prefix(summary::preparing(percent));
                bar.set_message(format!("{}\n{}", self.view.details(now), self.view.compiling()));
                bar.set_position(percent);
            }
            Face::Lines(pace) => {
                if pace.is_due(percent, now) {
                    tell(&self.view.line(now));
                }
            }
            Face::Silent => {}
        }
    }

    /// A way to say something from another thread without spoiling the bar.
    pub(crate) fn voice(&self) -> Voice {
        match &self.face {
            Face::Bar(bar) => Voice { bar: Some(bar.clone()) },
            Face::Lines(_) | Face::Silent => Voice { bar: None },
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&mut self) {
        if let Face::Bar(bar) = &self.face {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn bar(paint: Paint) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr_with_hz(10));
    let template =
        if paint.is_on() { "{prefix:.bold}\n{bar:36.green} {msg}" } else { "{prefix}\n{bar:36} {msg}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
    }
    bar
}

/// A number that grows, for what takes a while and has no known end.
pub(crate) struct Counter {
    bar: ProgressBar,
}

impl Counter {
    /// Counts on a terminal; elsewhere, and if `quiet`, it is not shown.
    pub(crate) fn new(quiet: bool, what: &'static str) -> Self {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(10) };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{pos} {msg}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self { bar }
    }

    /// The same with an end, and so a bar.
    pub(crate) fn of(quiet: bool, what: &'static str) -> Self {
        let counter = Self::new(quiet, what);
        if let Ok(style) = ProgressStyle::with_template("{bar:36} {pos} of {len} {msg}, {eta} left") {
            counter.bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        counter
    }

    /// The same for bytes.
    pub(crate) fn bytes(quiet: bool, what: &'static str) -> Self {
        let counter = Self::new(quiet, what);
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:36} {bytes} of {total_bytes} {msg}, {bytes_per_sec}, {eta} left",
        ) {
            counter.bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        counter
    }

    pub(crate) fn total(&self, total: u64) {
        self.bar.set_length(total);
    }

    pub(crate) fn set(&self, count: u64) {
        self.bar.set_position(count);
    }

    /// Does something that prints, without the bar being in its way.
    pub(crate) fn hide_while(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Says something on standard error, above the bar if there is one.
#[derive(Clone)]
pub(crate) struct Voice {
    bar: Option<ProgressBar>,
}

impl Voice {
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) if !bar.is_finished() => bar.println(line),
            _ => tell(line),
        }
    }
}

/// Nobody may be reading any more; that stops no preparation.
fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use prefab_model::{PreparationId, Task};
    use semver::Version;

    use super::*;

    fn counts(signed: u64, prepared: u64, failed: u64) -> Counts {
        Counts { modules: 256, signed, prepared, failed, ..Counts::default() }
    }

    fn compiling(module: &str) -> Event {
        Event::Compiling {
            module: module.parse().unwrap(),
            compiler: "typescript".parse().unwrap(),
            task: Task::Compile,
        }
    }

    fn view(events: &[(u64, Event)]) -> View {
        let mut view = View::default();
        let started = Event::Started {
            preparation: PreparationId(1),
            platform: Version::new(11, 9, 0),
            modules: 256,
            jobs: 2,
        };
        view.take(&started, Duration::ZERO);
        for (ms, event) in events {
            view.take(event, Duration::from_millis(*ms));
        }
        view
    }

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let view = view(&[
            (900, Event::Progress { counts: counts(256, 1, 0), eta: None }),
            (2900, Event::Progress { counts: counts(256, 80, 4), eta: Some(Duration::from_secs(12)) }),
        ]);
        assert_eq!(
            view.line(Duration::from_millis(2900)),
            "We are now preparing your modules - 66% (84 of 256 modules: 80 prepared, 4 failed, 0 skipped, 41.5/s, 12 s left)"
        );
    }

    #[test]
    fn the_first_pass_counts_signatures() {
        let view = view(&[(100, Event::Progress { counts: counts(64, 0, 0), eta: None })]);
        assert_eq!(
            view.line(Duration::from_millis(100)),
            "We are now preparing your modules - 12% (signatures of 64 of 256 modules)"
        );
    }

    #[test]
    fn a_few_of_the_modules_that_are_compiling_are_named() {
        let mut view = view(&["a", "b", "c", "d", "e"].map(|name| (0, compiling(name))));
        assert_eq!(
            view.compiling(),
            "now compiling a (typescript), b (typescript), c (typescript) and 2 more"
        );
        for name in ["a", "b", "d", "e"] {
            let Event::Compiling { module, compiler, task } = compiling(name) else { unreachable!() };
            view.take(&Event::Compiled { module, compiler, task }, Duration::ZERO);
        }
        assert_eq!(view.compiling(), "now compiling c (typescript)");
    }

    #[test]
    fn lines_come_at_most_every_ten_per_cent_or_two_seconds() {
        let mut pace = Pace::default();
        let due: Vec<(u64, u64)> = [
            (0, 0),
            (4, 100),
            (9, 200),
            (10, 300),
            (11, 1000),
            (12, 2300),
            (12, 9000),
            (99, 9100),
            (100, 9101),
        ]
        .into_iter()
        .filter(|(percent, ms)| pace.is_due(*percent, Duration::from_millis(*ms)))
        .collect();
        assert_eq!(due, [(0, 0), (10, 300), (12, 2300), (99, 9100), (100, 9101)]);
    }
}
