//! When an environment may be upgraded by itself: `sat,sun 01:00-05:00`, in UTC. Text in and out, and when it opens next.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, UtcOffset, Weekday};

/// The most spans that a window may have.
const MOST: usize = 16;
const MINUTES: u16 = 24 * 60;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Spans of time that come again every week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window(Vec<Span>);

/// From a minute of certain days to another, of the next day if that is not later: so from one to the same is a whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// The days on which it begins: a bit each, Monday's first.
    days: u8,
    from: u16,
    to: u16,
}

/// A text that is not a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a window: {reason}. Say days and times in UTC, such as `sat,sun 01:00-05:00`, `mon-fri 22:00-04:00` or `daily 00:00-24:00`, \
     several with `;` between them"
)]
pub(crate) struct InvalidWindow {
    text: String,
    reason: String,
}

impl Window {
    /// When it is open: now, or the next time that it opens.
    pub(crate) fn next_opening(&self, now: OffsetDateTime) -> OffsetDateTime {
        // At the very end of time there is no such time in UTC.
        let now = now.checked_to_offset(UtcOffset::UTC).unwrap_or(now);
        let midnight = now.replace_time(time::Time::MIDNIGHT);
        let mut next: Option<OffsetDateTime> = None;
        // One that began yesterday may still be open; one that was open today comes again in a week.
        for ahead in -1..=7_i64 {
            let Some(day) = midnight.checked_add(time::Duration::days(ahead)) else { continue };
            let bit = 1 << day.weekday().number_days_from_monday();
            for span in self.0.iter().filter(|span| span.days & bit != 0) {
                let at = |minutes: u16| day.checked_add(time::Duration::minutes(minutes.into()));
                let over = if span.to > span.from { 0 } else { MINUTES };
                let (Some(from), Some(to)) = (at(span.from), at(span.to + over)) else { continue };
                if from <= now && now < to {
                    return now;
                }
                if from > now {
                    next = Some(next.map_or(from, |next| next.min(from)));
                }
            }
        }
        // There is always a span, and each comes within a week; only at the end of time there is none.
        next.unwrap_or(now)
    }

    /// Whether it is open now.
    pub(crate) fn is_open(&self, now: OffsetDateTime) -> bool {
        self.next_opening(now) == now
    }
}

impl FromStr for Window {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, InvalidWindow> {
        let invalid = |reason: String| InvalidWindow { text: text.chars().take(100).collect(), reason };
        let spans: Result<Vec<Span>, String> = text.split(';').map(|span| span.trim().parse()).collect();
        let spans = spans.map_err(invalid)?;
        if spans.len() > MOST {
            return Err(invalid(format!("it has {} spans, and {MOST} is the most", spans.len())));
        }
        Ok(Self(spans))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split_whitespace();
        let (Some(days), Some(times), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err("it is not days and times with a space between them".to_owned());
        };
        let (from, to) = times.split_once('-').ok_or("its times have no `-` between them")?;
        let (from, to) = (minute(from)?, minute(to)?);
        if from == MINUTES {
            return Err(format!("{times} is no time at all"));
        }
        Ok(Self { days: days_in(days)?, from, to })
    }
}

fn days_in(text: &str) -> Result<u8, String> {
    if text == "daily" {
        return Ok(0x7f);
    }
    let day = |name: &str| {
        let known = DAYS.iter().position(|(known, _)| name == *known);
        known.ok_or_else(|| format!("{name:?} is not one of mon, tue, wed, thu, fri, sat, sun, or `daily`"))
    };
    let mut days = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (day(first)?, day(last)?);
        days |= 1 << at;
        while at != last {
            at = (at + 1) % DAYS.len();
            days |= 1 << at;
        }
    }
    Ok(days)
}

/// `HH:MM`, up to `24:00`.
fn minute(text: &str) -> Result<u16, String> {
    let read = || {
        let (hours, minutes) = text.split_once(':')?;
        let two = |digits: &str| {
            let fine = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
            fine.then(|| digits.parse::<u16>().ok()).flatten()
        };
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        let all = hours * 60 + minutes;
        (minutes < 60 && all <= MINUTES).then_some(all)
    };
    read().ok_or_else(|| format!("{text:?} is not a time of day such as 01:30"))
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, span) in self.0.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "; " })?;
            if span.days == 0x7f {
                f.write_str("daily")?;
            } else {
                let days = DAYS.iter().enumerate().filter(|(at, _)| span.days & (1 << at) != 0);
                let days: Vec<&str> = days.map(|(_, (name, _))| *name).collect();
                f.write_str(&days.join(","))?;
            }
            let Span { from, to, .. } = span;
            write!(f, " {:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)?;
        }
        Ok(())
    }
}

impl Serialize for Window {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    fn window(text: &str) -> Window {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_opens_when_it_says() {
        // A Thursday.
        let now = datetime!(2026-11-26 12:00 UTC);
        for (text, opens) in [
            ("sat,sun 01:00-05:00", datetime!(2026-11-28 01:00 UTC)),
            ("daily 11:00-13:00", now),
            ("daily 12:00-13:00", now),
            ("daily 11:00-12:00", datetime!(2026-11-27 11:00 UTC)),
            ("thu 10:00-11:00", datetime!(2026-12-03 10:00 UTC)),
            ("wed 23:00-13:00", now),
            ("wed 23:00-12:00", datetime!(2026-12-02 23:00 UTC)),
            ("thu 12:00-12:00", now),
            ("wed 12:00-12:00", datetime!(2026-12-02 12:00 UTC)),
            ("fri-mon 00:00-24:00", datetime!(2026-11-27 00:00 UTC)),
            ("sat 01:00-02:00; thu 20:00-21:00", datetime!(2026-11-26 20:00 UTC)),
        ] {
            assert_eq!(window(text).next_opening(now), opens, "{text}");
            assert_eq!(window(text).is_open(now), opens == now, "{text}");
        }
        let elsewhere = datetime!(2026-11-26 23:30 -05:00);
        assert_eq!(window("fri 04:00-05:00").next_opening(elsewhere), elsewhere, "it is Friday in UTC");
    }

    #[test]
    fn what_is_not_a_window_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "days and times"),
            ("sat", "days and times"),
            ("sat 01:00", "no `-`"),
            ("sat 1:00-2:00", "not a time of day"),
            ("sat 01:60-02:00", "not a time of day"),
            ("sat 01:00-24:01", "not a time of day"),
            ("sat 24:00-01:00", "no time at all"),
            ("caturday 01:00-02:00", "not one of mon"),
            ("sat, 01:00-02:00", "not one of mon"),
            ("sat 01:00-02:00;", "days and times"),
            (&["daily 01:00-02:00"; 17].join(";"), "16 is the most"),
        ] {
            let error = text.parse::<Window>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    fn any_window() -> impl Strategy<Value = Window> {
        let span = (1_u8..0x80, 0..MINUTES, 0..=MINUTES);
        prop::collection::vec(span.prop_map(|(days, from, to)| Span { days, from, to }), 1..4)
            .prop_map(Window)
    }

    proptest! {
        #[test]
        fn a_window_reads_back_as_it_is_written(window in any_window()) {
            prop_assert_eq!(window.to_string().parse::<Window>(), Ok(window));
        }

        #[test]
        fn no_time_makes_it_panic(window in any_window(), seconds in -377_705_116_800_i64..=253_402_300_799, hours in -25_i8..=25) {
            let Ok(offset) = UtcOffset::from_hms(hours, 0, 0) else { return Ok(()) };
            let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            let now = now.checked_to_offset(offset).unwrap_or(now.replace_offset(offset));
            let _ = window.next_opening(now);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Window>();
        }

        #[test]
        fn it_opens_within_a_week_at_a_time_when_it_is_open_and_not_before(
            window in any_window(),
            seconds in 0_i64..2_000_000_000,
            before in 0_i32..1000,
        ) {
            let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let opens = window.next_opening(now);
            prop_assert!(opens >= now && opens - now <= time::Duration::weeks(1));
            prop_assert!(window.is_open(opens));
            // At no time in between.
            let between = now + (opens - now) * before / 1000;
            prop_assert_eq!(window.is_open(between), between == opens);
        }
    }
}
