//! What a program can see besides the module's files: what ships with it, and what dependencies share.

use std::sync::Arc;

use prefab_model::OutcomeKind;
use prefab_sandbox::Success;

use crate::scene::{Place, Scene, artifacts, with_args};

/// A digest that the scene replaces.
const ANY: &str = "blake3:0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn files_that_ship_with_a_compiler_can_be_read() {
    for place in [Place::Here, Place::Worker] {
        let scene = Scene {
            place,
            command: format!(
                r#"{{"args":["compile","{{toolchain}}/lib/std.h","{{output}}/std"],"mount":[{{"path":"lib/std.h","digest":"{ANY}"}}]}}"#
            ),
            mounts: vec!["header"],
            ..with_args("[]")
        };
        assert_eq!(artifacts(scene.run()), [("std".to_owned(), "HEADER".to_owned())]);
    }
}

fn sharing() -> Scene {
    Scene {
        command: r#"{"args":["compile","{file}","{output}/{stem}"],"share":["**/*.h"],"each":["**/*.c"]}"#
            .to_owned(),
        files: vec![("main.c", "main"), ("include/b.h", "b"), ("a.h", "a")],
        ..with_args("[]")
    }
}

#[test]
fn a_module_is_signed_with_the_files_that_it_shares() {
    let signature = |scene: &Scene| match scene.signature().kind {
        OutcomeKind::Compiled(Success::Signature(bytes)) => bytes,
        other => panic!("{other:?}"),
    };
    let scene = sharing();
    assert!(scene.load().is_modular() && !with_args("[]").load().is_modular());
    let bytes = signature(&scene);
    // What is not shared does not change it, so that nobody is compiled anew; nor does the order of files.
    let other = [("a.h", "a"), ("include/b.h", "b"), ("main.c", "changed")];
    assert_eq!(signature(&Scene { files: other.to_vec(), ..sharing() }), bytes);
    let other = [("a.h", "changed"), ("include/b.h", "b")];
    assert_ne!(signature(&Scene { files: other.to_vec(), ..sharing() }), bytes);

    let dependent = Scene {
        command: r#"{"args":["compile","{dependency}/include/b.h","{output}/b"],"share":["**/*.h"]}"#
            .to_owned(),
        signatures: [("dep".to_owned(), Arc::from(bytes))].into(),
        ..with_args("[]")
    };
    for place in [Place::Here, Place::Worker] {
        let dependent = Scene {
            place,
            signatures: dependent.signatures.clone(),
            command: dependent.command.clone(),
            ..with_args("[]")
        };
        assert_eq!(artifacts(dependent.run()), [("b".to_owned(), "B".to_owned())]);
    }
}

#[test]
fn only_the_files_that_are_meant_have_a_run() {
    assert_eq!(artifacts(sharing().run()), [("main".to_owned(), "MAIN".to_owned())]);
    let none = Scene { files: vec![("a.h", "a")], ..sharing() };
    assert_eq!(artifacts(none.run()), []);
}

#[test]
fn a_signature_of_something_else_is_a_warning() {
    for bytes in [&b"of another compiler"[..], b"prefab shared files 1\n\xff\xff\xff\xff\xff"] {
        let scene = Scene { signatures: [("dep".to_owned(), Arc::from(bytes))].into(), ..sharing() };
        let run = scene.run();
        assert_eq!(run.diagnostics[0].code.as_deref(), Some("prefab/dependency"));
        assert_eq!(artifacts(run).len(), 1);
    }
}

#[test]
fn arguments_follow_the_options() {
    let scene = |minify| {
        Scene {
        command: r#"{"args":["compile","/src/a.txt",{"if":"minify","args":["{output}/small"]},{"if":"minify","is":"false","args":["{output}/large"]}]}"#.to_owned(),
        options: vec![("minify", minify)],
        ..with_args("[]")
    }
    };
    assert_eq!(artifacts(scene("true").run())[0].0, "small");
    assert_eq!(artifacts(scene("false").run())[0].0, "large");
}
