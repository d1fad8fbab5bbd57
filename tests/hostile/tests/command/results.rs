//! What becomes of a run: artifacts, findings, exit statuses, and the same again.

use prefab_artifacts::Wasi;
use prefab_model::{Fuel, Limit, OutcomeKind, Severity};

use crate::scene::{Place, Scene, artifacts, with_args};

const COMPILE: &str = r#"["compile", "{file}", "{output}/{stem}.up"]"#;

fn compiling(files: &[(&'static str, &'static str)]) -> Scene {
    let command = format!("{{\"args\":{COMPILE},\"diagnostics\":\"gcc\"}}");
    Scene { command, files: files.to_vec(), ..with_args("[]") }
}

#[test]
fn each_file_is_compiled_and_what_lies_in_the_output_folder_are_the_artifacts() {
    for wasi in [Wasi::P1, Wasi::P2] {
        for place in [Place::Here, Place::Worker] {
            let scene = Scene { wasi, place, ..compiling(&[("x/b.txt", "beta\n"), ("a.txt", "alpha\n")]) };
            let run = scene.run();
            assert!(run.usage.fuel > Some(Fuel(0)) && run.usage.peak_memory.0 > 0, "{:?}", run.usage);
            let expected = [("a.up", "ALPHA\n"), ("x/b.up", "BETA\n")]
                .map(|(path, text)| (path.to_owned(), text.to_owned()));
            assert_eq!(artifacts(run), expected, "{wasi:?} {place:?}");
        }
    }
}

#[test]
fn what_it_prints_becomes_findings_in_the_sources_of_all_files() {
    for wasi in [Wasi::P1, Wasi::P2] {
        let scene = Scene {
            wasi,
            ..compiling(&[("a.txt", "fine\nä error\n"), ("b.txt", "odd\nerror\n"), ("c.txt", "")])
        };
        let run = scene.run();
        assert!(matches!(run.kind, OutcomeKind::Rejected), "{:?}", run.kind);
        let told: Vec<_> = run
            .diagnostics
            .iter()
            .map(|it| {
                let start = it.span.unwrap().start;
                let at = (start.line, start.column);
                (it.severity, it.file.as_deref().unwrap(), at, it.message.as_str(), it.code.as_deref())
            })
            .collect();
        assert_eq!(
            told,
            [
                // The column is one of characters, although the program counts bytes.
                (Severity::Error, "a.txt", (2, 3), "there is an error", Some("-Wfound")),
                (Severity::Warning, "b.txt", (1, 1), "this is odd", None),
                (Severity::Error, "b.txt", (2, 1), "there is an error", Some("-Wfound")),
            ]
        );
        assert!(run.log.contains("/src/a.txt:2:4: error"), "{}", run.log);
    }
}

#[test]
fn a_warning_alone_rejects_nothing() {
    let run = compiling(&[("a.txt", "odd\n")]).run();
    assert_eq!(run.diagnostics.len(), 1);
    assert_eq!(artifacts(run), [("a.up".to_owned(), "ODD\n".to_owned())]);
}

#[test]
fn an_exit_status_means_what_the_release_says() {
    let ended = |status: &str, words: &str| {
        let scene = with_args(&format!("[\"exit\", \"{status}\"]{words}"));
        let run = scene.run();
        let codes = run.diagnostics.iter().filter_map(|it| it.code.clone()).collect::<Vec<_>>();
        (run.kind.is_compiled(), codes.join(" "))
    };
    assert_eq!(ended("0", ""), (true, String::new()));
    assert_eq!(ended("1", ""), (false, "prefab/rejected".to_owned()));
    assert_eq!(ended("1", ",\"success\":[0,1],\"rejected\":[]"), (true, String::new()));
    assert_eq!(ended("1", ",\"rejected\":[]"), (false, "prefab/exit-status".to_owned()));
    assert_eq!(ended("0", ",\"success\":[1],\"rejected\":[0]"), (false, "prefab/rejected".to_owned()));
}

#[test]
fn a_rejection_without_a_finding_says_what_was_printed() {
    let run = with_args(r#"["read", "{sources}/missing"]"#).run();
    assert!(matches!(run.kind, OutcomeKind::Rejected));
    let message = &run.diagnostics[0].message;
    assert!(message.contains("exit status 1 and said: [\"read\", \"/src/missing\"]"), "{message}");
}

#[test]
fn a_panic_is_a_trap_and_what_was_found_before_is_kept() {
    let run = with_args(r#"["panic"]"#).run();
    assert!(matches!(run.kind, OutcomeKind::Trapped(_)), "{:?}", run.kind);
    assert!(run.log.contains("as asked"), "{}", run.log);
}

#[test]
fn findings_are_read_from_the_stream_that_is_named() {
    let command = r#"{"args":["say", "{option:out}", "{option:err}"],"diagnostics":"json","diagnostics-from":"stdout"}"#;
    let scene = Scene {
        command: command.to_owned(),
        options: vec![("out", r#"[{"message":"m","file":"a.txt","line":1}]"#), ("err", "chatter")],
        ..with_args("[]")
    };
    let run = scene.run();
    assert!(matches!(run.kind, OutcomeKind::Rejected));
    assert_eq!(run.diagnostics.len(), 1, "{:?}", run.diagnostics);
    assert!(run.log.contains("chatter"));
}

#[test]
fn two_runs_see_the_same_and_nothing_of_this_machine() {
    let looked = |wasi, place| {
        let scene = Scene { wasi, place, ..with_args(r#"["look", "{output}/seen"]"#) };
        let run = scene.run();
        (run.usage.fuel, artifacts(run).remove(0).1)
    };
    for wasi in [Wasi::P1, Wasi::P2] {
        let (fuel, seen) = looked(wasi, Place::Here);
        assert_eq!(looked(wasi, Place::Here), (fuel, seen.clone()));
        assert_eq!(looked(wasi, Place::Worker), (fuel, seen.clone()));
        let expected = [
            "arguments [\"compiler\", \"look\", \"/out/seen\"]",
            "environment []",
            "now 315532800s",
            "took 0ns",
            "/src/a.txt 6 315532800s",
        ];
        for line in expected {
            assert!(seen.lines().any(|it| it == line), "{line} is not in\n{seen}");
        }
        let paths: Vec<_> = seen
            .lines()
            .filter(|line| line.starts_with('/'))
            .map(|it| it.split(' ').next().unwrap())
            .collect();
        assert_eq!(paths[..5], ["/dependencies", "/out", "/src", "/tmp", "/toolchain"]);
    }
}

#[test]
fn all_runs_of_a_compilation_share_its_fuel() {
    let one = compiling(&[("a.txt", "a\n")]).run().usage.fuel.unwrap();
    let files = [("a.txt", "a\n"), ("b.txt", "b\n"), ("c.txt", "c\n")];
    let mut scene = compiling(&files);
    let three = scene.run().usage.fuel.unwrap();
    assert!(three.0 > one.0 * 2, "{one:?} {three:?}");
    scene.limits.fuel = Fuel(one.0 * 3 / 2);
    let run = scene.run();
    assert!(matches!(run.kind, OutcomeKind::OutOfFuel), "{:?}", run.kind);
    assert_eq!(run.usage.fuel, Some(scene.limits.fuel));
}

#[test]
fn too_many_findings_end_the_compilation() {
    let mut scene = compiling(&[("a.txt", "odd\nodd\nodd\n")]);
    scene.limits.diagnostics = 2;
    assert!(matches!(scene.run().kind, OutcomeKind::OutputCap(Limit::Diagnostics)));
}
