//! Caps on one compilation, their defaults with reasons, and how they are overridden.
//!
//! A release may set limits for all its compilers or for one; the environment's configuration comes on top.
//! The names here are those of the manifest, of `prefab config` and of the messages that say which cap was hit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An amount of computing. One unit is about one WebAssembly instruction; a unit costs the same on every machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fuel(pub u64);

/// An amount of memory or storage in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl fmt::Display for Fuel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(f, self.0, 1000.0, &["", "K", "M", "G", "T", "P"])
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(f, self.0, 1024.0, &[" B", " KiB", " MiB", " GiB", " TiB", " PiB"])
    }
}

fn scaled(f: &mut fmt::Formatter<'_>, amount: u64, step: f64, units: &[&str]) -> fmt::Result {
    let mut value = amount as f64;
    let mut unit = 0;
    while value >= step && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    let digits = usize::from(value.fract() != 0.0 && value < 100.0);
    write!(f, "{value:.digits$}{}", units[unit])
}

/// The caps on one compilation. Hitting one ends the compilation with an outcome that names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Fuel for one call of a compiler. Default 50 G: some minute of computing, and more than fifty times what the
    /// heaviest npm package of the benchmark tree takes.
    pub fuel: Fuel,
    /// Linear memory, summed over all memories of the instance. Default 1 GiB: a component can address 4 GiB, and two
    /// compilations at a time must leave room on a small machine.
    pub memory: Bytes,
    /// Elements of all tables together. Default 1,000,000; a large compiler has some 10,000 functions in its table.
    pub table_elements: u64,
    /// Time on the wall. Not deterministic, so only a backstop behind fuel. Default 5 minutes.
    #[serde(with = "seconds")]
    pub deadline: Duration,
    /// Bytes of all artifacts together, and of a signature. Default 256 MiB.
    pub output: Bytes,
    /// Number of artifacts. Default 100,000.
    pub artifacts: u64,
    /// Number of diagnostics. Default 10,000; further ones end the compilation.
    pub diagnostics: u64,
    /// Bytes of all diagnostics together. Default 8 MiB.
    pub diagnostic_bytes: Bytes,
    /// Bytes of what the guest prints. More is dropped and a mark is set. Default 64 KiB.
    pub log: Bytes,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: Fuel(50_000_000_000),
            memory: Bytes(1 << 30),
            table_elements: 1_000_000,
            deadline: Duration::from_mins(5),
            output: Bytes(256 << 20),
            artifacts: 100_000,
            diagnostics: 10_000,
            diagnostic_bytes: Bytes(8 << 20),
            log: Bytes(64 << 10),
        }
    }
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

/// The limits that can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// [`Limits::fuel`]
    Fuel,
    /// [`Limits::memory`]
    Memory,
    /// [`Limits::table_elements`]
    TableElements,
    /// [`Limits::deadline`]
    Deadline,
    /// [`Limits::output`]
    Output,
    /// [`Limits::artifacts`]
    Artifacts,
    /// [`Limits::diagnostics`]
    Diagnostics,
    /// [`Limits::diagnostic_bytes`]
    DiagnosticBytes,
    /// [`Limits::log`]
    Log,
}

impl Limit {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [Self; 9] = [
        Self::Fuel,
        Self::Memory,
        Self::TableElements,
        Self::Deadline,
        Self::Output,
        Self::Artifacts,
        Self::Diagnostics,
        Self::DiagnosticBytes,
        Self::Log,
    ];

    /// The name in a manifest, as in `limits.NAME` of the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::Memory => "memory",
            Self::TableElements => "table-elements",
            Self::Deadline => "deadline",
            Self::Output => "output",
            Self::Artifacts => "artifacts",
            Self::Diagnostics => "diagnostics",
            Self::DiagnosticBytes => "diagnostic-bytes",
            Self::Log => "log",
        }
    }

    /// What is allowed: the smallest and the largest value that `prefab` takes.
    const fn range(self) -> (u64, u64) {
        match self {
            Self::Fuel => (1, u64::MAX / 2),
            Self::Memory => (64 << 10, 64 << 30),
            Self::TableElements | Self::Artifacts | Self::Diagnostics => (0, 10_000_000),
            Self::Deadline => (1, 7 * 24 * 3600),
            Self::Output => (0, 4 << 30),
            Self::DiagnosticBytes | Self::Log => (0, 1 << 30),
        }
    }

    /// Reads a value: a whole number with an optional unit. Fuel and counts take `K`, `M`, `G`, `T` (powers of
    /// 1,000), bytes take `KiB`, `MiB`, `GiB`, the deadline takes `s`, `m`, `h`.
    ///
    /// # Errors
    /// [`InvalidLimit`] when it is no such number or out of range.
    pub fn parse_value(self, text: &str) -> Result<u64, InvalidLimit> {
        let invalid = |reason: String| InvalidLimit { limit: self.name(), value: text.to_owned(), reason };
        let digits = text.trim().trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = text.trim()[digits.len()..].trim();
        let units: &[(&str, u64)] = match self {
            Self::Fuel | Self::TableElements | Self::Artifacts | Self::Diagnostics => {
                &[("", 1), ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)]
            }
            Self::Deadline => &[("", 1), ("s", 1), ("m", 60), ("h", 3600)],
            _ => &[("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)],
        };
        let known = || {
            units.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ")
        };
        let number: u64 = digits.replace('_', "").parse().map_err(|_| {
            invalid(format!("expected a whole number, optionally with one of the units {}", known()))
        })?;
        let (_, scale) = units
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| invalid(format!("the unit {unit:?} is not one of {}", known())))?;
        let (least, most) = self.range();
        number
            .checked_mul(*scale)
            .filter(|value| (least..=most).contains(value))
            .ok_or_else(|| invalid(format!("it must be between {least} and {most}")))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A limit's name or value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limit `{limit}`: {value:?} cannot be used: {reason}")]
pub struct InvalidLimit {
    limit: &'static str,
    value: String,
    reason: String,
}

impl InvalidLimit {
    /// What is wrong with the value.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl FromStr for Limit {
    type Err = InvalidLimit;

    fn from_str(name: &str) -> Result<Self, InvalidLimit> {
        Self::ALL.into_iter().find(|limit| limit.name() == name).ok_or_else(|| InvalidLimit {
            limit: "name",
            value: name.to_owned(),
            reason: format!("known are {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}

/// Some limits, to be laid over others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitsPatch(Vec<(Limit, u64)>);

impl LimitsPatch {
    /// Whether this limit is set.
    pub fn has(&self, limit: Limit) -> bool {
        self.0.iter().any(|(other, _)| *other == limit)
    }

    /// Sets one limit, in fuel units, bytes, seconds or a count. A later value for the same limit wins.
    pub fn set(&mut self, limit: Limit, value: u64) {
        self.0.retain(|(other, _)| *other != limit);
        self.0.push((limit, value));
    }
}

impl Limits {
    /// These limits with those of `patch` laid over them.
    #[must_use]
    pub fn with(mut self, patch: &LimitsPatch) -> Self {
        for (limit, value) in &patch.0 {
            let value = *value;
            match limit {
                Limit::Fuel => self.fuel = Fuel(value),
                Limit::Memory => self.memory = Bytes(value),
                Limit::TableElements => self.table_elements = value,
                Limit::Deadline => self.deadline = Duration::from_secs(value),
                Limit::Output => self.output = Bytes(value),
                Limit::Artifacts => self.artifacts = value,
                Limit::Diagnostics => self.diagnostics = value,
                Limit::DiagnosticBytes => self.diagnostic_bytes = Bytes(value),
                Limit::Log => self.log = Bytes(value),
            }
        }
        self
    }

    /// The value of one limit as text that [`Limit::parse_value`] reads.
    pub fn show(&self, limit: Limit) -> String {
        match limit {
            Limit::Fuel => self.fuel.to_string(),
            Limit::Memory => self.memory.to_string(),
            Limit::TableElements => self.table_elements.to_string(),
            Limit::Deadline => format!("{} s", self.deadline.as_secs()),
            Limit::Output => self.output.to_string(),
            Limit::Artifacts => self.artifacts.to_string(),
            Limit::Diagnostics => self.diagnostics.to_string(),
            Limit::DiagnosticBytes => self.diagnostic_bytes.to_string(),
            Limit::Log => self.log.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for LimitsPatch {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Value {
            Number(u64),
            Text(String),
        }
        let table = std::collections::BTreeMap::<String, Value>::deserialize(deserializer)?;
        let mut patch = Self::default();
        for (name, value) in table {
            let text = match value {
                Value::Number(number) => number.to_string(),
                Value::Text(text) => text,
            };
            let limit: Limit = name.parse().map_err(serde::de::Error::custom)?;
            patch.set(limit, limit.parse_value(&text).map_err(serde::de::Error::custom)?);
        }
        Ok(patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_units_of_their_kind() {
        assert_eq!(Limit::Fuel.parse_value("20G"), Ok(20_000_000_000));
        assert_eq!(Limit::Memory.parse_value("512 MiB"), Ok(512 << 20));
        assert_eq!(Limit::Deadline.parse_value("2m"), Ok(120));
        for (limit, text) in [
            (Limit::Fuel, "1 MiB"),
            (Limit::Memory, "2"),
            (Limit::Fuel, "-1"),
            (Limit::Fuel, "99999999999999999999"),
        ] {
            assert!(limit.parse_value(text).is_err(), "{limit} {text}");
        }
    }

    #[test]
    fn a_shown_default_reads_back() {
        let limits = Limits::default();
        for limit in Limit::ALL {
            let mut patch = LimitsPatch::default();
            patch.set(limit, limit.parse_value(&limits.show(limit)).unwrap());
            assert_eq!(limits.clone().with(&patch), limits, "{limit}");
        }
    }

    #[test]
    fn an_unknown_limit_is_named_with_those_that_exist() {
        let error = toml::from_str::<LimitsPatch>("fule = 3").unwrap_err().to_string();
        assert!(error.contains("fule") && error.contains("table-elements"), "{error}");
    }
}
