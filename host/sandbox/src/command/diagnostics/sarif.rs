//! A SARIF 2.1.0 log: its results, with their rules' levels, first locations and related ones. Read leniently: what is missing is
//! missing.

use prefab_model::Severity;
use serde::Deserialize;

use super::{Found, Spot, Unit};

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    runs: Vec<Run>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    #[serde(default)]
    results: Vec<Result>,
    column_kind: Option<String>,
    #[serde(default)]
    tool: Tool,
}

#[derive(Default, Deserialize)]
struct Tool {
    #[serde(default)]
    driver: Driver,
}

#[derive(Default, Deserialize)]
struct Driver {
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: Option<String>,
    default_configuration: Option<Configuration>,
}

#[derive(Deserialize)]
struct Configuration {
    level: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Result {
    level: Option<String>,
    rule_id: Option<String>,
    rule_index: Option<i64>,
    #[serde(default)]
    message: Message,
    #[serde(default)]
    locations: Vec<Location>,
    #[serde(default)]
    related_locations: Vec<Location>,
}

#[derive(Default, Deserialize)]
struct Message {
    text: Option<String>,
    markdown: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Option<Physical>,
    message: Option<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Option<Artifact>,
    region: Option<Region>,
}

#[derive(Deserialize)]
struct Artifact {
    uri: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: Option<u32>,
    start_column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
}

pub(super) fn read(text: &str, most: usize) -> Vec<Found> {
    let Ok(log) = serde_json::from_str::<Log>(text.trim_start_matches('\u{feff}')) else { return Vec::new() };
    let results = log.runs.into_iter().flat_map(|run| {
        let unit = match run.column_kind.as_deref() {
            Some("unicodeCodePoints") => Unit::Characters,
            _ => Unit::Utf16,
        };
        let rules = run.tool.driver.rules;
        run.results.into_iter().map(move |result| finding(result, &rules, unit))
    });
    results.take(most).collect()
}

fn finding(result: Result, rules: &[Rule], unit: Unit) -> Found {
    let at = result.rule_index.and_then(|index| usize::try_from(index).ok());
    let rule = at.and_then(|at| rules.get(at)).or_else(|| {
        let id = result.rule_id.as_deref()?;
        rules.iter().find(|rule| rule.id.as_deref() == Some(id))
    });
    let of_rule = || rule?.default_configuration.as_ref()?.level.clone();
    let level = result.level.or_else(of_rule);
    Found {
        severity: Some(match level.as_deref() {
            Some("error") => Severity::Error,
            Some("note" | "none") => Severity::Note,
            // What a result without a level has.
            _ => Severity::Warning,
        }),
        code: result.rule_id.or_else(|| rule?.id.clone()),
        message: result.message.text.or(result.message.markdown).unwrap_or_default(),
        spot: result.locations.into_iter().next().map(spot).unwrap_or_default(),
        unit,
        labels: result
            .related_locations
            .into_iter()
            .map(|mut location| {
                let text = location.message.take().and_then(|message| message.text);
                (spot(location), text.unwrap_or_default())
            })
            .collect(),
        help: None,
    }
}

fn spot(location: Location) -> Spot {
    let Some(physical) = location.physical_location else { return Spot::default() };
    let region = physical.region;
    let number = |get: fn(Region) -> Option<u32>| region.and_then(get);
    Spot {
        file: physical.artifact_location.and_then(|artifact| artifact.uri).map(|uri| decoded(&uri)),
        line: number(|region| region.start_line),
        column: number(|region| region.start_column),
        end_line: number(|region| region.end_line),
        end_column: number(|region| region.end_column),
    }
}

/// A URI's path with its percent signs resolved.
fn decoded(uri: &str) -> String {
    let bytes = uri.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = uri.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let resolved = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(resolved.unwrap_or(*byte));
        at += if resolved.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_with_the_levels_of_their_rules() {
        let found = read(
            r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","rules":[
                {"id":"R1","defaultConfiguration":{"level":"error"}},{"id":"R2"}]}},
              "results":[
                {"ruleIndex":0,"message":{"text":"one"},"locations":[{"physicalLocation":{
                  "artifactLocation":{"uri":"src/a%20b.c"},"region":{"startLine":2,"startColumn":3,"endColumn":5}}}],
                 "relatedLocations":[{"message":{"text":"here"},"physicalLocation":{"artifactLocation":{"uri":"c.c"}}}]},
                {"ruleId":"R2","message":{"text":"two"}},
                {"ruleId":"R3","level":"note","message":{}}]}]}"#,
            10,
        );
        let brief: Vec<_> =
            found.iter().map(|it| (it.severity.unwrap(), it.code.as_deref(), it.message.as_str())).collect();
        assert_eq!(
            brief,
            [
                (Severity::Error, Some("R1"), "one"),
                (Severity::Warning, Some("R2"), "two"),
                (Severity::Note, Some("R3"), "")
            ]
        );
        assert_eq!(found[0].spot.file.as_deref(), Some("src/a b.c"));
        assert_eq!((found[0].spot.line, found[0].spot.end_column), (Some(2), Some(5)));
        assert_eq!(found[0].labels[0].1, "here");
        assert!(read("{\"runs\":1}", 10).is_empty() && read("", 10).is_empty());
    }
}
