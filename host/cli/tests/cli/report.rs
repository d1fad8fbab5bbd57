//! Comparing two preparations with the real releases: the sample modules on 11.8.0 and on 11.9.0.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::scene::{Scene, releases};

/// Three that 11.9.0 does not take, and some that it does.
const MODULES: [&str; 7] = ["i18n", "reports", "scheduler", "money", "dates", "design-tokens", "theme-dark"];

/// An environment that was prepared on both: preparation 1 and preparation 2.
fn upgraded() -> Scene {
    let scene = Scene::with_samples(&MODULES);
    assert_eq!(scene.upgrade("11.8.0"), Some(0));
    assert_eq!(scene.upgrade("11.9.0"), Some(3));
    scene
}

fn verdict(report: &Value, verdict: &str) -> u64 {
    report["verdicts"][verdict].as_u64().unwrap()
}

#[test]
fn an_upgrade_is_compared_module_by_module_in_every_form() {
    let scene = upgraded();
    let both = ["report", "--base", "1", "--new", "2"];

    let report = scene.json(both);
    assert_eq!(verdict(&report, "modules"), 7, "{report}");
    assert_eq!(verdict(&report, "regressed"), 3, "{report}");
    let sum: u64 =
        report["verdicts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(sum, 14, "every module has one verdict");
    assert_eq!(report["modules"].as_array().unwrap().len(), 7);
    assert_eq!(
        (&report["causes"][0]["detail"], &report["causes"][0]["blocks"]),
        (&"TS2880".into(), &3.into())
    );

    let human = scene.prefab(both).output().unwrap();
    assert_eq!(human.status.code(), Some(3));
    let human = String::from_utf8(human.stdout).unwrap();
    // How large artifacts are and what compiling them costs is for the compilers to say.
    insta::with_settings!({ filters => [
        (r"\d+(\.\d+)? (B|KiB)", "SIZE"), (r"\d+(\.\d+)?[MGK]\b", "FUEL"), (r"[+−±]\d+(\.\d+)? %", "CHANGE"),
        (r"(?m)^  [a-z].*[+−]FUEL.*\n", ""), (r"(?m)^  [a-z].*[+−]SIZE.*\n", ""), (r"(?m)^  BIGGEST.*$", "  BIGGEST"),
    ] }, { insta::assert_snapshot!(human) });

    scene
        .prefab(both)
        .args(["--format", "junit"])
        .assert()
        .code(3)
        .stdout(contains("failures=\"3\"").and(contains("TS2880")));
    let sarif = scene.prefab(both).args(["--format", "sarif"]).output().unwrap().stdout;
    let sarif: Value = serde_json::from_slice(&sarif).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    assert!(results.iter().all(|result| result["baselineState"] == "new" && result["ruleId"] == "TS2880"));
    let html = scene.prefab(both).args(["--format", "html"]).output().unwrap().stdout;
    let html = String::from_utf8(html).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("TS2880"));

    scene
        .prefab(both)
        .args(["--output", "report.txt"])
        .assert()
        .code(3)
        .stdout("Wrote the report to report.txt\n");
    assert_eq!(
        fs::read_to_string(scene.path("report.txt")).unwrap(),
        human.trim_end_matches('\n').to_owned() + "\n"
    );
}

#[test]
fn a_rehearsal_is_compared_with_the_current_release_without_being_asked() {
    let scene = Scene::with_samples(&["i18n", "money"]);
    assert_eq!(scene.upgrade("11.8.0"), Some(0));
    let target = releases().join("11.9.0").into_os_string().into_string().unwrap();
    scene.prefab(["rehearse", &target, "--modules", "money"]).assert().success();
    scene.prefab(["report"]).assert().success().stdout(
        contains("11.9.0 (rehearsal 2) compared with 11.8.0 (preparation 1)\nNo module got worse\n")
            .and(contains("not compared"))
            .and(contains("prefab upgrade 11.9.0")),
    );

    scene.prefab(["rehearse", &target]).assert().code(3);
    scene.prefab(["report"]).assert().code(3).stdout(contains("1 of 2 modules regressed"));
    scene.prefab(["diff", "i18n"]).assert().success().stdout(contains("regressed: ").and(contains("TS2880")));
    scene.prefab(["report", "--rehearsal", "2"]).assert().success();
}

#[test]
fn a_preparation_compared_with_itself_has_no_differences() {
    let scene = upgraded();
    scene
        .prefab(["report", "--base", "1", "--new", "1"])
        .assert()
        .success()
        .stdout(contains("Nothing differs"));
    // What fails in both has not got worse.
    for id in ["1", "2"] {
        let report = scene.json(["report", "--base", id, "--new", id]);
        assert_eq!(verdict(&report, "unchanged") + verdict(&report, "still-failing"), 7, "{report}");
        assert_eq!(report["size"]["base"], report["size"]["new"]);
        assert_eq!(report["fuel"]["base"], report["fuel"]["new"]);
        assert_eq!(
            (&report["biggest_size_changes"], &report["biggest_fuel_changes"]),
            (&Value::Array(vec![]), &Value::Array(vec![]))
        );
    }
    let diff = scene.json(["diff", "money", "--base", "1", "--new", "1"]);
    assert_eq!((&diff["verdict"], &diff["artifacts"]), (&"unchanged".into(), &Value::Array(vec![])));
}

#[test]
fn what_was_mended_is_fixed_and_what_was_changed_is_shown_line_by_line() {
    let scene = Scene::empty();
    scene.module("broken", "index.ts", "export const one: number = ;\n");
    scene.module("greeting", "index.ts", "export const greeting: string = \"hello\";\n");
    scene.module("lonely", "index.ts", "export const one: number = 1;\n");
    assert_eq!(scene.upgrade("11.8.0"), Some(3));
    scene.write("modules/broken/index.ts", "export const one: number = 1;\n");
    scene.write("modules/greeting/index.ts", "export const greeting: string = \"good day\";\n");
    scene.prefab(["prepare"]).assert().success();
    let report = scene.json(["report", "--base", "1"]);
    for word in ["fixed", "changed", "unchanged"] {
        assert_eq!(verdict(&report, word), 1, "{word}: {report}");
    }
    scene.prefab(["diff", "greeting", "--base", "1"]).assert().success().stdout(
        contains("hello").and(contains("good day")).and(contains("prepared in both, with other artifacts")),
    );
    scene
        .prefab(["diff", "broken", "--base", "1"])
        .assert()
        .success()
        .stdout(contains("Found before, and no more: 1").and(contains("added, ")));
}

#[test]
fn what_a_compiler_says_of_a_hostile_source_stays_text_in_html() {
    let scene = Scene::empty();
    scene.module("evil", "index.ts", "export const a: string = \"1\";\n");
    assert_eq!(scene.upgrade("11.8.0"), Some(0));
    scene.write(
        "modules/evil/index.ts",
        "import \"</script><script>alert(1)</script>\u{202e}\u{1b}[2J<img src=x onerror=alert(1)>\";\nexport const = ;\n",
    );
    scene.prefab(["prepare"]).assert().code(3);
    let html = scene.prefab(["report", "--base", "1", "--format", "html"]).output().unwrap().stdout;
    let html = String::from_utf8(html).unwrap();
    assert!(html.contains("&lt;script&gt;alert(1)"), "{html}");
    for reference in ["<script", "<img", "src=\"", "url(", "\u{202e}", "\u{1b}"] {
        assert!(!html.contains(reference), "{reference:?}");
    }
}

#[test]
fn what_cannot_be_compared_is_said_with_what_to_do() {
    let scene = Scene::with_samples(&["money"]);
    scene.prefab(["report"]).assert().code(1).stderr(contains("prefab rehearse"));
    assert_eq!(scene.upgrade("11.8.0"), Some(0));
    scene
        .prefab(["report", "--base", "9", "--new", "1"])
        .assert()
        .code(1)
        .stderr(contains("there is no preparation 9"));
    scene.prefab(["report", "--base", "nine"]).assert().code(2).stderr(contains("prefab history"));
    scene
        .prefab(["diff", "mony", "--base", "1", "--new", "1"])
        .assert()
        .code(1)
        .stderr(contains("did you mean money?"));
}
