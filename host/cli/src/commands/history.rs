//! `prefab history`

use prefab_prepare::HistoryEntry;
use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;

use crate::exit::Exit;
use crate::report::escape;
use crate::session::Session;

pub(super) fn run(session: &Session, limit: u32) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    session.out.result(&env.history(limit)?, |entries| entries.iter().map(line).collect())?;
    Ok(Exit::Fine)
}

fn line(entry: &HistoryEntry) -> String {
    let at = entry.at.replace_nanosecond(0).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
    format!("{at}  {}  {}{}\n", escape::line(&entry.who), escape::line(&entry.what), detail(&entry.detail))
}

fn detail(detail: &Value) -> String {
    match detail {
        Value::Object(fields) if !fields.is_empty() => format!(" ({})", words(fields)),
        _ => String::new(),
    }
}

/// An object as `name value, …`: details are small and their names are words. Figures within come without those that are 0.
fn words(fields: &Map<String, Value>) -> String {
    let fields: Vec<_> = fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name} {}", escape::line(text)),
            Value::Object(figures) => {
                let some = figures.iter().filter(|(_, figure)| figure.as_u64() != Some(0));
                words(&some.map(|(name, figure)| (name.clone(), figure.clone())).collect())
            }
            other => format!("{name} {}", escape::line(&other.to_string())),
        })
        .collect();
    fields.join(", ")
}
