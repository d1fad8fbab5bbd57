//! A comparison with something of everything, for the tests of the renderers.

use prefab_model::{
    Counts, Diagnostic, Excerpt, Limit, Limits, ModuleState, Position, PreparationId, PreparationKind,
    PreparationState, ReleaseDigest, Severity, SkipReason, Span,
};
use prefab_prepare::{
    ArtifactChange, ArtifactDiff, Cause, CauseReport, Change, ContentDiff, Difference, ErrorCount, Finding,
    ModuleDiff, ModuleReport, Report, RootReport, Side, Verdict, Verdicts,
};
use semver::Version;

fn side(id: i64, minor: u64, kind: PreparationKind) -> Side {
    Side {
        preparation: PreparationId(id),
        kind,
        platform: Version::new(11, minor, 0),
        release: ReleaseDigest::of(&[u8::try_from(id).unwrap()]),
        notes: Some(format!("https://example.com/11.{minor}.0/notes")),
        state: PreparationState::Done,
        counts: Counts { modules: 10, signed: 10, prepared: 6, failed: 3, skipped: 1, ..Counts::default() },
        started_at: time::OffsetDateTime::UNIX_EPOCH,
    }
}

fn module(name: &str, verdict: Verdict, now: Option<ModuleState>) -> ModuleReport {
    ModuleReport {
        module: name.parse().unwrap(),
        verdict,
        now,
        why: None,
        path: Some(format!("/srv/shop/modules/{name}").into()),
        size: None,
        source_maps_only: false,
        fuel: None,
        errors: vec![],
        findings: vec![],
        findings_left_out: 0,
    }
}

fn finding(change: Change, severity: Severity, code: Option<&str>, message: &str, line: u32) -> Finding {
    let at = |column| Position { line, column };
    Finding {
        change,
        severity,
        cause: Cause::Code(code.map(str::to_owned)),
        compiler: Some("typescript".parse().unwrap()),
        diagnostic: Some(Diagnostic {
            severity,
            code: code.map(str::to_owned),
            message: message.to_owned(),
            file: Some("src/messages.ts".to_owned()),
            span: Some(Span { start: at(42), end: at(59) }),
            labels: vec![],
            help: Some("Write `with` in place of `assert`.".to_owned()),
            excerpt: Some(Excerpt {
                first_line: line,
                first_column: 1,
                text: "import german from \"./messages.de.json\"; assert { type: \"json\" };".to_owned(),
            }),
        }),
        reason: None,
        limits: None,
    }
}

fn out_of_fuel() -> Finding {
    Finding {
        cause: Cause::Cap(Limit::Fuel),
        diagnostic: None,
        limits: Some(Limits::default()),
        ..finding(Change::Appeared, Severity::Error, None, "", 1)
    }
}

fn cause(cause: Cause, roots: Vec<RootReport>) -> CauseReport {
    CauseReport {
        cause,
        blocks: roots.iter().map(|root| root.blocks).sum(),
        regressed: roots.iter().map(|root| root.regressed).sum(),
        root_modules: roots.len() as u64,
        roots,
    }
}

fn root(name: &str, verdict: Verdict, errors: u64, waiting: &[&str]) -> RootReport {
    let blocks = waiting.len() as u64 + 1;
    RootReport {
        module: name.parse().unwrap(),
        verdict,
        errors,
        blocks,
        regressed: if verdict == Verdict::Regressed { blocks } else { 0 },
        waiting: waiting.iter().map(|name| name.parse().unwrap()).collect(),
    }
}

fn of(modules: Vec<ModuleReport>, causes: Vec<CauseReport>) -> Report {
    let count = |verdict| modules.iter().filter(|module| module.verdict == verdict).count() as u64;
    let sum = |figure: fn(&ModuleReport) -> Option<Difference>| {
        let all = modules.iter().filter_map(figure);
        all.fold(Difference::default(), |sum, one| Difference {
            base: sum.base + one.base,
            new: sum.new + one.new,
        })
    };
    let list = |figure: fn(&ModuleReport) -> Option<Difference>| {
        let all = modules.iter().filter_map(|module| Some((module.module.clone(), figure(module)?)));
        all.filter(|(_, change)| change.growth() != 0).collect::<Vec<_>>()
    };
    Report {
        base: side(1, 8, PreparationKind::Preparation),
        new: side(2, 9, PreparationKind::Rehearsal),
        verdicts: Verdicts {
            modules: modules.len() as u64,
            regressed: count(Verdict::Regressed),
            newly_skipped: count(Verdict::NewlySkipped),
            still_failing: count(Verdict::StillFailing),
            not_compared: count(Verdict::NotCompared),
            fixed: count(Verdict::Fixed),
            changed: count(Verdict::Changed),
            added: count(Verdict::Added),
            unchanged: count(Verdict::Unchanged),
        },
        source_maps_only: modules.iter().filter(|module| module.source_maps_only).count() as u64,
        causes,
        size: sum(|module| module.size),
        fuel: sum(|module| module.fuel),
        biggest_size_changes: list(|module| module.size),
        biggest_fuel_changes: list(|module| module.fuel),
        modules,
    }
}

/// Every verdict once or twice.
pub(super) fn report() -> Report {
    use ModuleState::{Failed, Prepared, Skipped};
    let figures = |base, new| Some(Difference { base, new });
    let error = |line| {
        finding(
            Change::Appeared,
            Severity::Error,
            Some("TS2880"),
            "Import assertions have been replaced by import attributes.",
            line,
        )
    };
    let warning = |change, text: &str| finding(change, Severity::Warning, None, text, 9);
    let modules = vec![
        ModuleReport {
            errors: vec![ErrorCount { cause: error(3).cause, errors: 2 }],
            findings: vec![
                error(3),
                error(4),
                warning(Change::Stayed, "`total` is deprecated"),
                warning(Change::Disappeared, "`sum` is deprecated"),
            ],
            ..module("i18n", Verdict::Regressed, Some(Failed))
        },
        ModuleReport { findings: vec![out_of_fuel()], ..module("matrix", Verdict::Regressed, Some(Failed)) },
        module(
            "checkout",
            Verdict::NewlySkipped,
            Some(Skipped(SkipReason { root: "i18n".parse().unwrap() })),
        ),
        ModuleReport { findings: vec![error(1)], ..module("legacy", Verdict::StillFailing, Some(Failed)) },
        ModuleReport {
            why: Some("it took no part in the new preparation, or has not ended yet".to_owned()),
            ..module("maps", Verdict::NotCompared, None)
        },
        module("search", Verdict::Fixed, Some(Prepared)),
        ModuleReport {
            size: figures(12_345, 12_000),
            fuel: figures(5_000_000, 6_200_000),
            ..module("cart", Verdict::Changed, Some(Prepared))
        },
        ModuleReport {
            size: figures(2_000, 9_000),
            source_maps_only: true,
            fuel: figures(1_000_000, 1_000_000),
            ..module("money", Verdict::Changed, Some(Prepared))
        },
        module("wallet", Verdict::Added, Some(Prepared)),
        ModuleReport {
            fuel: figures(3_000_000, 3_000_000),
            ..module("theme", Verdict::Unchanged, Some(Prepared))
        },
    ];
    let causes = vec![
        cause(
            Cause::Code(Some("TS2880".to_owned())),
            vec![
                root("i18n", Verdict::Regressed, 2, &["checkout"]),
                root("legacy", Verdict::StillFailing, 1, &[]),
            ],
        ),
        cause(Cause::Cap(Limit::Fuel), vec![root("matrix", Verdict::Regressed, 1, &[])]),
    ];
    of(modules, causes)
}

/// Nothing differs.
pub(super) fn same() -> Report {
    let fuel = Some(Difference { base: 3_000_000, new: 3_000_000 });
    let theme = module("theme", Verdict::Unchanged, Some(ModuleState::Prepared));
    let report = of(vec![ModuleReport { fuel, ..theme }], vec![]);
    Report { new: report.base.clone(), ..report }
}

/// Texts of a compiler that means harm.
pub(super) fn hostile() -> Report {
    let text = "]]></failure></script><script>alert(1)</script>\u{1b}]0;x\u{7}\u{202e}\"'&\u{0}<img src=x onerror=alert(1)>";
    let mut bad = finding(Change::Appeared, Severity::Error, Some(text), text, 1);
    if let Some(diagnostic) = &mut bad.diagnostic {
        diagnostic.file = Some(text.to_owned());
        diagnostic.help = Some(text.to_owned());
        diagnostic.excerpt =
            Some(Excerpt { first_line: 1, first_column: 1, text: format!("{text}\n{text}") });
    }
    let reported = cause(bad.cause.clone(), vec![root("bad", Verdict::Regressed, 1, &[])]);
    let failed = module("bad", Verdict::Regressed, Some(ModuleState::Failed));
    let mut report =
        of(vec![ModuleReport { why: Some(text.to_owned()), findings: vec![bad], ..failed }], vec![reported]);
    report.new.notes = Some("javascript:alert(1)".to_owned());
    report
}

/// A module with artifacts of each kind of difference.
pub(super) fn diff() -> ModuleDiff {
    let artifact = |path: &str, media_type: &str, change| ArtifactDiff {
        path: path.parse().unwrap(),
        media_type: media_type.to_owned(),
        change,
    };
    let changed = |base, new, content| ArtifactChange::Changed { size: Difference { base, new }, content };
    let unified = "@@ -1,3 +1,3 @@\n export const a = 1;\n-export const b = 2 + 0;\n+export const b = 2;\n // </script>\u{202e}\n";
    let report = report();
    ModuleDiff {
        module: "cart".parse().unwrap(),
        path: Some("/srv/shop/modules/cart".into()),
        base: report.base,
        new: report.new,
        verdict: Verdict::Changed,
        why: None,
        fuel: Some(Difference { base: 5_000_000, new: 6_200_000 }),
        artifacts: vec![
            artifact(
                "index.js",
                "text/javascript",
                changed(12_345, 12_000, ContentDiff::Text { unified: unified.to_owned(), lines_left_out: 7 }),
            ),
            artifact("index.js.map", "application/json", changed(900, 880, ContentDiff::SourceMap)),
            artifact("logo.png", "image/png", changed(400, 401, ContentDiff::Binary)),
            artifact("new.css", "text/css", ArtifactChange::Added { size: 77 }),
            artifact("old.css", "text/css", ArtifactChange::Removed { size: 78 }),
        ],
        unchanged: 4,
        findings: report.modules.into_iter().flat_map(|module| module.findings).take(4).collect(),
    }
}
