//! What a release asks for where making native code of a compiler takes more than usual.

use serde::Deserialize;
use serde::de::Error as _;

use crate::Limit;

/// More than usual, for making native code of one compiler. How much is granted is the host's decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CodegenWish {
    /// CPU time in seconds.
    pub cpu: Option<u64>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Time on the wall in seconds.
    pub deadline: Option<u64>,
    /// The most costly function, as its bytes times its locals.
    pub function: Option<u64>,
}

impl<'de> Deserialize<'de> for CodegenWish {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Value {
            Number(u64),
            Text(String),
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            cpu: Option<Value>,
            memory: Option<Value>,
            deadline: Option<Value>,
            function: Option<Value>,
        }

        // Each is read in the words of the limit that it is like.
        let read = |name: &str, value: Option<Value>, like: Limit| {
            let text = match value {
                None => return Ok(None),
                Some(Value::Number(number)) => number.to_string(),
                Some(Value::Text(text)) => text,
            };
            let read = like.parse_value(&text);
            read.map(Some).map_err(|error| {
                D::Error::custom(format!("`{name}`: {text:?} cannot be used: {}", error.reason()))
            })
        };
        let table = Table::deserialize(deserializer)?;
        Ok(Self {
            cpu: read("cpu", table.cpu, Limit::Deadline)?,
            memory: read("memory", table.memory, Limit::Memory)?,
            deadline: read("deadline", table.deadline, Limit::Deadline)?,
            function: read("function", table.function, Limit::Fuel)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_read_with_units_and_a_mistake_is_named() {
        let wish: CodegenWish = toml::from_str("cpu = \"5m\"\nmemory = \"6GiB\"\nfunction = \"4G\"").unwrap();
        assert_eq!(
            wish,
            CodegenWish {
                cpu: Some(300),
                memory: Some(6 << 30),
                deadline: None,
                function: Some(4_000_000_000)
            }
        );
        for (text, told) in
            [("cpu = \"much\"", "`cpu`: \"much\""), ("memory = 1", "`memory`"), ("cpus = 1", "cpus")]
        {
            let error = toml::from_str::<CodegenWish>(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
