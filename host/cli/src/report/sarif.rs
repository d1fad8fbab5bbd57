//! What is wrong with the modules as SARIF 2.1.0, for editors and code hosts. Paths are relative to the environment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use prefab_model::{Diagnostic, Label, Severity, Span};
use prefab_prepare::{Cause, ErrorReport};
use serde_sarif::sarif::{
    ArtifactContent, ArtifactLocation, Location, LogicalLocation, Message, PhysicalLocation, Region,
    ReportingDescriptor, Result as Finding, ResultColumnKind, ResultLevel, Run, SCHEMA_URL, Sarif, Tool,
    ToolComponent, Version,
};

use crate::report::causes::Causes;
use crate::report::errors::module_dir;
use crate::report::frame::in_dir;

/// Stands for the environment's folder in the file.
const BASE: &str = "ENVIRONMENT";

/// The report as a SARIF file with one run.
pub(crate) fn sarif(report: &ErrorReport, root: &Path) -> Sarif {
    let causes = Causes::of(report);
    let mut rules = Rules::default();
    let mut results = Vec::new();
    for group in &causes.groups {
        let id = rule(&group.cause);
        let index = rules.index(&id);
        for finding in &group.findings {
            let dir = module_dir(&finding.module.path, root);
            let text = || outcome(&group.cause, finding.problem);
            let name = finding.module.module.as_str();
            results.push(result((&id, index), group.severity, finding.diagnostic, text, (&dir, name)));
        }
    }
    for (root_module, modules) in &causes.skipped {
        let index = rules.index("prefab/skipped");
        results.extend(modules.iter().map(|name| {
            Finding::builder()
                .rule_id("prefab/skipped")
                .rule_index(index)
                .level(ResultLevel::Error)
                .message(Message::from(format!("{name} was skipped because {root_module} failed").as_str()))
                .locations(vec![module_place(&dir_of(report, name.as_str(), root), name.as_str())])
                .build()
        }));
    }
    file(rules, results)
}

/// A finding under a rule; without a diagnostic, `text` says what there is to say. `(dir, module)` is where it is.
pub(crate) fn result(
    (id, index): (&str, i64),
    severity: Severity,
    diagnostic: Option<&Diagnostic>,
    text: impl FnOnce() -> String,
    (dir, module): (&str, &str),
) -> Finding {
    let level = match severity {
        Severity::Error => ResultLevel::Error,
        Severity::Warning => ResultLevel::Warning,
        Severity::Note => ResultLevel::Note,
    };
    let result = Finding::builder().rule_id(id).rule_index(index).level(level);
    match diagnostic {
        Some(diagnostic) => result
            .message(message(diagnostic))
            .locations(vec![place(diagnostic, dir, module)])
            .related_locations(diagnostic.labels.iter().map(|label| related(label, dir)).collect::<Vec<_>>())
            .build(),
        None => {
            result.message(Message::from(text().as_str())).locations(vec![module_place(dir, module)]).build()
        }
    }
}

/// A file with one run.
pub(crate) fn file(rules: Rules, results: Vec<Finding>) -> Sarif {
    let driver = ToolComponent::builder()
        .name("prefab")
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .rules(rules.list())
        .build();
    let run = Run::builder()
        .tool(Tool::from(driver))
        .column_kind(ResultColumnKind::UnicodeCodePoints.to_string())
        .results(results)
        .build();
    Sarif::builder().version(Version::V2_1_0.to_string()).schema(SCHEMA_URL).runs(vec![run]).build()
}

/// The rules that occur, in the order in which they first do.
#[derive(Default)]
pub(crate) struct Rules {
    known: BTreeMap<String, i64>,
}

impl Rules {
    pub(crate) fn index(&mut self, id: &str) -> i64 {
        let next = i64::try_from(self.known.len()).unwrap_or(i64::MAX);
        *self.known.entry(id.to_owned()).or_insert(next)
    }

    fn list(self) -> Vec<ReportingDescriptor> {
        let mut rules: Vec<_> = self.known.into_iter().collect();
        rules.sort_by_key(|(_, index)| *index);
        rules.into_iter().map(|(id, _)| ReportingDescriptor::builder().id(id).build()).collect()
    }
}

pub(crate) fn rule(cause: &Cause) -> String {
    match cause {
        Cause::Code(Some(code)) => code.clone(),
        Cause::Code(None) => "prefab/no-code".to_owned(),
        Cause::Cap(limit) => format!("prefab/cap-{limit}"),
        Cause::Trap => "prefab/compiler-crashed".to_owned(),
        Cause::Refused => "prefab/compiler-refused".to_owned(),
        Cause::Host => "prefab/host-error".to_owned(),
        Cause::Cancelled => "prefab/cancelled".to_owned(),
        Cause::Silent => "prefab/no-reason".to_owned(),
    }
}

fn outcome(cause: &Cause, problem: &prefab_prepare::Problem) -> String {
    use prefab_model::OutcomeKind::{HostError, Refused, Trapped};
    match (&problem.outcome, cause) {
        (Trapped(text) | Refused(text) | HostError(text), _) => text.clone(),
        (_, Cause::Cap(limit)) => match &problem.limits {
            Some(limits) => format!("The compilation hit the cap limits.{limit} of {}", limits.show(*limit)),
            None => format!("The compilation hit the cap limits.{limit}"),
        },
        _ => "The compilation gave no reason".to_owned(),
    }
}

fn message(diagnostic: &Diagnostic) -> Message {
    match &diagnostic.help {
        Some(help) => Message::from(format!("{}\n{help}", diagnostic.message).as_str()),
        None => Message::from(diagnostic.message.as_str()),
    }
}

fn place(diagnostic: &Diagnostic, dir: &str, module: &str) -> Location {
    let Some(file) = &diagnostic.file else { return module_place(dir, module) };
    let artifact = artifact(&in_dir(dir, file));
    let physical = match diagnostic.span {
        Some(span) => {
            let snippet = diagnostic.excerpt.as_ref().and_then(|excerpt| {
                let line =
                    excerpt.text.split('\n').nth(span.start.line.checked_sub(excerpt.first_line)? as usize)?;
                Some(ArtifactContent::builder().text(line).build())
            });
            // The text of a region is all of it: kept where the region lies on one line.
            match snippet.filter(|_| span.start.line == span.end.line) {
                Some(context) => PhysicalLocation::builder()
                    .artifact_location(artifact)
                    .region(region(span))
                    .context_region(
                        Region::builder().start_line(i64::from(span.start.line)).snippet(context).build(),
                    )
                    .build(),
                None => PhysicalLocation::builder().artifact_location(artifact).region(region(span)).build(),
            }
        }
        None => PhysicalLocation::builder().artifact_location(artifact).build(),
    };
    Location::builder().physical_location(physical).logical_locations(logical(module)).build()
}

fn module_place(dir: &str, module: &str) -> Location {
    let physical = PhysicalLocation::builder().artifact_location(artifact(dir)).build();
    Location::builder().physical_location(physical).logical_locations(logical(module)).build()
}

fn logical(module: &str) -> Vec<LogicalLocation> {
    vec![LogicalLocation::builder().name(module).kind("module").build()]
}

fn related(label: &Label, dir: &str) -> Location {
    let physical = PhysicalLocation::builder()
        .artifact_location(artifact(&in_dir(dir, &label.file)))
        .region(region(label.span))
        .build();
    Location::builder().physical_location(physical).message(Message::from(label.message.as_str())).build()
}

fn region(span: Span) -> Region {
    Region::builder()
        .start_line(i64::from(span.start.line))
        .start_column(i64::from(span.start.column))
        .end_line(i64::from(span.end.line))
        .end_column(i64::from(span.end.column))
        .build()
}

fn artifact(path: &str) -> ArtifactLocation {
    if path.starts_with('/') {
        ArtifactLocation::builder().uri(format!("file://{}", percent_encoded(path))).build()
    } else {
        ArtifactLocation::builder().uri(percent_encoded(path)).uri_base_id(BASE).build()
    }
}

/// A path as a part of a URI (RFC 3986).
fn percent_encoded(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut uri, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/@!$&'()*+,;=".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
        uri
    })
}

fn dir_of(report: &ErrorReport, module: &str, root: &Path) -> String {
    report
        .modules
        .iter()
        .find(|other| other.module.as_str() == module)
        .map(|module| module_dir(&module.path, root))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::causes::samples;

    #[test]
    fn a_report_becomes_a_sarif_file() {
        let mut sarif = sarif(&samples::report(), Path::new("/srv/shop"));
        sarif.runs[0].tool.driver.semantic_version = Some("VERSION".to_owned());
        insta::assert_json_snapshot!(sarif);
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(percent_encoded("a b/ü#.ts"), "a%20b/%C3%BC%23.ts");
    }
}
