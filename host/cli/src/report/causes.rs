//! Sorting what is wrong with the modules of an environment by its cause: the error code, the cap, or the module at the
//! root. Pure; how it is drawn is in `errors.rs`.

use std::collections::{BTreeMap, BTreeSet};

use prefab_model::{Diagnostic, Limit, ModuleName, ModuleState, Severity};
use prefab_prepare::{Cause, ErrorReport, ModuleErrors, Note, Problem};

use crate::report::escape;

/// One thing that is wrong, with where it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finding<'a> {
    pub(crate) module: &'a ModuleErrors,
    pub(crate) problem: &'a Problem,
    /// None where the outcome itself is the finding.
    pub(crate) diagnostic: Option<&'a Diagnostic>,
}

/// All findings with one cause.
pub(crate) struct Group<'a> {
    pub(crate) cause: Cause,
    pub(crate) severity: Severity,
    pub(crate) findings: Vec<Finding<'a>>,
}

impl Group<'_> {
    /// The modules it occurs in, sorted by name.
    pub(crate) fn modules(&self) -> BTreeSet<&ModuleName> {
        self.findings.iter().map(|finding| &finding.module.module).collect()
    }
}

/// What is wrong, sorted.
pub(crate) struct Causes<'a> {
    /// Errors before warnings before notes, then the most frequent first.
    pub(crate) groups: Vec<Group<'a>>,
    /// The modules that were skipped, by the module at the root.
    pub(crate) skipped: BTreeMap<&'a ModuleName, Vec<&'a ModuleName>>,
    /// The modules that a note is about.
    pub(crate) notes: BTreeMap<&'a Note, Vec<&'a ModuleName>>,
}

impl<'a> Causes<'a> {
    /// Sorts a report. A finding that both passes made counts once.
    pub(crate) fn of(report: &'a ErrorReport) -> Self {
        let mut groups = BTreeMap::<(Severity, Cause), Vec<Finding<'a>>>::new();
        let mut skipped = BTreeMap::<_, Vec<_>>::new();
        let mut notes = BTreeMap::<_, Vec<_>>::new();
        for module in &report.modules {
            if let ModuleState::Skipped(reason) = &module.state {
                skipped.entry(&reason.root).or_default().push(&module.module);
            }
            for note in &module.notes {
                notes.entry(note).or_default().push(&module.module);
            }
            let mut seen = Vec::new();
            for problem in &module.problems {
                for (severity, cause, diagnostic) in problem.findings() {
                    let finding = Finding { module, problem, diagnostic };
                    let same = (severity, cause.clone(), diagnostic.map(|d| (&d.message, &d.file, d.span)));
                    if !seen.contains(&same) {
                        seen.push(same);
                        groups.entry((severity, cause)).or_default().push(finding);
                    }
                }
            }
        }
        let mut groups: Vec<Group<'a>> = groups
            .into_iter()
            .map(|((severity, cause), findings)| Group { cause, severity, findings })
            .collect();
        groups.sort_by_key(|group| (group.severity, std::cmp::Reverse(group.findings.len())));
        Self { groups, skipped, notes }
    }
}

/// A cause in a few words.
pub(crate) fn title(cause: &Cause) -> String {
    match cause {
        Cause::Code(Some(code)) => escape::line(code),
        Cause::Code(None) => "without a code".to_owned(),
        Cause::Cap(Limit::Fuel) => "out of fuel".to_owned(),
        Cause::Cap(Limit::Memory | Limit::TableElements) => "out of memory".to_owned(),
        Cause::Cap(Limit::Deadline) => "out of time".to_owned(),
        Cause::Cap(limit) => format!("more {} than allowed", limit.name()),
        Cause::Trap => "the compiler crashed".to_owned(),
        Cause::Refused => "the compiler cannot be used".to_owned(),
        Cause::Host => "trouble of this machine".to_owned(),
        Cause::Cancelled => "cancelled".to_owned(),
        Cause::Silent => "rejected without a reason".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! A report with something of everything, for the tests of this module and of the renderers.

    use std::time::Duration;

    use prefab_model::{
        Bytes, Excerpt, Limits, OutcomeKind, Position, PreparationId, SignatureDigest, SkipReason, Span,
        Stored, Task, Usage,
    };

    use super::*;

    fn problem(outcome: OutcomeKind, diagnostics: Vec<Diagnostic>) -> Problem {
        Problem {
            compiler: Some("typescript".parse().unwrap()),
            task: Some(Task::Compile),
            outcome,
            limits: Some(Limits::default()),
            usage: Some(Usage { fuel: None, peak_memory: Bytes(1 << 20), time: Duration::from_millis(3200) }),
            diagnostics,
            log: String::new(),
        }
    }

    fn module(name: &str, state: ModuleState, notes: Vec<Note>, problems: Vec<Problem>) -> ModuleErrors {
        ModuleErrors {
            module: name.parse().unwrap(),
            path: format!("/srv/shop/modules/{name}").into(),
            state,
            notes,
            problems,
        }
    }

    fn diagnostic(severity: Severity, code: Option<&str>, message: &str, column: u32) -> Diagnostic {
        Diagnostic {
            severity,
            code: code.map(str::to_owned),
            message: message.to_owned(),
            file: Some("src/index.ts".into()),
            span: Some(Span {
                start: Position { line: 3, column },
                end: Position { line: 3, column: column + 5 },
            }),
            labels: vec![],
            help: None,
            excerpt: Some(Excerpt {
                first_line: 2,
                first_column: 1,
                text: "// what it costs\nexport function total(items: Item[]) {\n    return sum(items);"
                    .into(),
            }),
        }
    }

    fn annotate(column: u32) -> Diagnostic {
        let message = "Function must have an explicit return type annotation with --isolatedDeclarations.";
        diagnostic(Severity::Error, Some("TS9007"), message, column)
    }

    fn skipped() -> ModuleState {
        ModuleState::Skipped(SkipReason { root: "tokens".parse().unwrap() })
    }

    pub(crate) fn report() -> ErrorReport {
        use ModuleState::{Failed, Prepared};
        let missing = || Note::DependencyMissing("left-pad".into());
        let host = Problem {
            compiler: None,
            task: None,
            limits: None,
            usage: None,
            ..problem(OutcomeKind::HostError("cannot read src/big.ts: Input/output error".into()), vec![])
        };
        let unreadable = Diagnostic {
            span: None,
            excerpt: None,
            file: Some("src/a b.ts".into()),
            ..diagnostic(Severity::Error, Some("prefab/not-utf-8"), "The file is not UTF-8.", 1)
        };
        let trap =
            "wasm trap: wasm `unreachable` instruction executed\n  0: parser::expect\n  1: parser::run";
        ErrorReport {
            preparation: Some(PreparationId(3)),
            platform: Some(semver::Version::new(11, 9, 0)),
            modules: vec![
                module(
                    "cart",
                    Failed,
                    vec![missing()],
                    vec![problem(OutcomeKind::Rejected, vec![annotate(17)])],
                ),
                module("checkout", skipped(), vec![], vec![]),
                module(
                    "money",
                    Failed,
                    vec![],
                    // Both passes found the same.
                    vec![
                        problem(OutcomeKind::Rejected, vec![annotate(17)]),
                        problem(OutcomeKind::Rejected, vec![annotate(17)]),
                    ],
                ),
                module("matrix", Failed, vec![], vec![problem(OutcomeKind::OutOfFuel, vec![])]),
                module(
                    "images",
                    Failed,
                    vec![],
                    vec![problem(OutcomeKind::OutOfMemory(Limit::Memory), vec![])],
                ),
                module(
                    "parser",
                    Failed,
                    vec![],
                    vec![Problem {
                        log: "line 1\nline \u{1b}[2J2\n".into(),
                        ..problem(OutcomeKind::Trapped(trap.into()), vec![])
                    }],
                ),
                module("disk", Failed, vec![], vec![host]),
                module("latin", Failed, vec![], vec![problem(OutcomeKind::Rejected, vec![unreadable])]),
                module(
                    "search",
                    Prepared,
                    vec![Note::DependencyFailed("money".parse().unwrap()), missing()],
                    vec![problem(
                        OutcomeKind::Compiled(Stored::Signature(SignatureDigest::of(b""))),
                        vec![diagnostic(Severity::Warning, None, "`total` is deprecated", 17)],
                    )],
                ),
                module("theme", skipped(), vec![], vec![]),
            ],
        }
    }

    #[test]
    fn the_same_finding_of_both_passes_counts_once() {
        let report = report();
        let causes = Causes::of(&report);
        let group = &causes.groups[0];
        assert_eq!((&group.cause, group.findings.len()), (&Cause::Code(Some("TS9007".to_owned())), 2));
        assert_eq!(causes.skipped.values().flatten().count(), 2);
    }
}
