//! The API against its own description: schemathesis asks what the document at `/openapi.json` allows, and what it does not.
//!
//! It is a program in Python (`pip install schemathesis`), found in the path. Where there is none the test says so and does nothing, but
//! in continuous integration it must be there.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::scene::{Scene, shop};

/// So many requests for each operation and phase: a few minutes on two cores.
const EXAMPLES: &str = "12";

#[test]
fn what_the_description_allows_is_understood_and_nothing_breaks_the_server() {
    let there = Command::new("schemathesis").arg("--version").stdout(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "schemathesis is to be there: pip install schemathesis");
        eprintln!("skipped: there is no schemathesis in the path");
        return;
    }
    let scene = Scene::with_shop();
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.8.0");
    let token = scene.token_command(&["create", "all", "--scope", "administer"]);
    let token = token["token"].as_str().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/described");
    let here = tempfile::tempdir().unwrap();
    let server = format!("http://{}", scene.socket());
    let output = Command::new("schemathesis")
        .current_dir(here.path())
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &format!("{server}/openapi.json"), "--url", &format!("{server}/api/v1")])
        .args([
            "--header",
            &format!("Authorization: Bearer {token}"),
            "--max-examples",
            EXAMPLES,
            "--seed",
            "1",
        ])
        // A stream has no end.
        .args(["--exclude-path-regex", "/events$", "--request-timeout", "120", "--no-color"])
        .args(["--generation-database", "none", "--suppress-health-check", "all"])
        .env("SCHEMATHESIS_HOOKS", folder.join("hooks.py"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    // It asked what it was to ask, and the server lives.
    assert!(told.contains("generated"), "{told}");
    scene.administrator().get(&shop("")).expect(200);
}
