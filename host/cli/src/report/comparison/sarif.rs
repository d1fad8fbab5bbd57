//! The comparison as SARIF 2.1.0: what is found in modules that got worse, each finding with its baseline state: `new`, `unchanged`
//! or `absent`. What fails as it did before is no result of an upgrade, and is not in it.

use std::path::Path;

use prefab_model::{ModuleState, Severity};
use prefab_prepare::{Change, Report};
use serde_sarif::sarif::Sarif;

use super::said;
use crate::report::errors::module_dir;
use crate::report::sarif::{Rules, file, result, rule};

/// The report as a SARIF file with one run. Paths are relative to the environment, `root`.
pub(crate) fn sarif(report: &Report, root: &Path) -> Sarif {
    let mut rules = Rules::default();
    let mut results = Vec::new();
    for module in report.modules.iter().filter(|module| module.verdict.is_worse()) {
        let name = module.module.as_str();
        let dir = module.path.as_ref().map(|path| module_dir(path, root)).unwrap_or_default();
        if let Some(ModuleState::Skipped(reason)) = &module.now {
            let id = "prefab/skipped";
            let text = || format!("{name} is skipped because {} failed", reason.root);
            let mut skipped = result((id, rules.index(id)), Severity::Error, None, text, (&dir, name));
            skipped.baseline_state = Some("new".into());
            results.push(skipped);
        }
        for finding in &module.findings {
            let id = rule(&finding.cause);
            let rule = (id.as_str(), rules.index(&id));
            let text = || said(finding);
            let mut found = result(rule, finding.severity, finding.diagnostic.as_ref(), text, (&dir, name));
            let state = match finding.change {
                Change::Appeared => "new",
                Change::Stayed => "unchanged",
                Change::Disappeared => "absent",
            };
            found.baseline_state = Some(state.into());
            results.push(found);
        }
    }
    file(rules, results)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn only_modules_that_got_worse_are_told_of_with_what_is_new() {
        let sarif = sarif(&samples::report(), Path::new("/srv/shop"));
        let told: Vec<_> = sarif.runs[0]
            .results
            .iter()
            .flatten()
            .map(|found| {
                let state = found.baseline_state.clone().unwrap();
                (found.rule_id.clone().unwrap(), state.as_str().unwrap().to_owned())
            })
            .collect();
        let expected = [
            ("TS2880", "new"),
            ("TS2880", "new"),
            ("prefab/no-code", "unchanged"),
            ("prefab/no-code", "absent"),
            ("prefab/cap-fuel", "new"),
            ("prefab/skipped", "new"),
        ];
        assert_eq!(told, expected.map(|(rule, state)| (rule.to_owned(), state.to_owned())));
    }
}
