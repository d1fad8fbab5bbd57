//! The comparison as JUnit XML, for continuous integration: a test case a module, which fails if the module got worse.

use std::path::Path;

use anyhow::Context as _;
use prefab_model::ModuleState;
use prefab_prepare::{Finding, ModuleReport, Report, Verdict};
use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::{meaning, named, said, word};
use crate::report::errors::module_dir;
use crate::report::paint::Paint;
use crate::report::{causes, escape, frame};

/// Columns of a code frame.
const WIDTH: usize = 110;

/// The report as JUnit XML.
pub(crate) fn junit(report: &Report, root: &Path) -> anyhow::Result<String> {
    let name = format!("{} compared with {}", named(&report.new), named(&report.base));
    let mut suite = TestSuite::new(name.as_str());
    for module in &report.modules {
        let mut case = TestCase::new(module.module.as_str(), status(module, root));
        case.set_classname("prefab");
        suite.add_test_case(case);
    }
    let mut suites = Suites::new("prefab report");
    suites.add_test_suite(suite);
    suites.to_string().context("cannot write the report as JUnit XML")
}

fn status(module: &ModuleReport, root: &Path) -> TestCaseStatus {
    let message = match (&module.now, &module.why) {
        (_, Some(why)) => why.clone(),
        (Some(ModuleState::Skipped(reason)), _) => {
            format!("{}: it needs {}", meaning(module.verdict), reason.root)
        }
        _ => meaning(module.verdict).to_owned(),
    };
    let failed = module.verdict.is_worse();
    let mut status = match module.verdict {
        Verdict::Regressed | Verdict::NewlySkipped => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::StillFailing | Verdict::NotCompared => TestCaseStatus::skipped(),
        // It has nothing to fail against.
        Verdict::Added if module.now != Some(ModuleState::Prepared) => TestCaseStatus::skipped(),
        Verdict::Fixed | Verdict::Changed | Verdict::Added | Verdict::Unchanged => TestCaseStatus::success(),
    };
    if failed || matches!(status, TestCaseStatus::Skipped { .. }) {
        status.set_type(word(module.verdict)).set_message(escape::line(&message));
    }
    if failed && !module.findings.is_empty() {
        let dir = module.path.as_ref().map(|path| module_dir(path, root)).unwrap_or_default();
        let told: Vec<String> = module.findings.iter().map(|finding| told(finding, &dir)).collect();
        status.set_description(told.join("\n\n"));
    }
    status
}

fn told(finding: &Finding, dir: &str) -> String {
    match &finding.diagnostic {
        Some(diagnostic) => frame::frame(diagnostic, dir, Paint::PLAIN, WIDTH),
        None => format!("{}: {}", causes::title(&finding.cause), escape::lines(&said(finding))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn only_what_got_worse_fails() {
        insta::assert_snapshot!(junit(&samples::report(), Path::new("/srv/shop")).unwrap());
    }

    #[test]
    fn hostile_texts_do_not_leave_their_place() {
        let xml = junit(&samples::hostile(), Path::new("/srv/shop")).unwrap();
        assert!(!xml.contains("<script>") && !xml.contains("]]><"), "{xml}");
        assert!(!xml.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{xml:?}");
    }
}
