//! What is in `host/deploy`, held against a server that runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::scene::Scene;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

/// All texts under a key of this name, wherever it is.
fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == key => found.push(text),
                    _ => texts(value, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, found)),
        _ => {}
    }
}

/// The words of an expression that are names of figures.
fn names(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("prefab_"))
}

#[test]
fn every_figure_on_the_dashboard_is_one_that_the_server_has() {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(file("grafana.json")).unwrap()).unwrap();
    let mut expressions = Vec::new();
    texts(&dashboard, "expr", &mut expressions);
    texts(&dashboard, "definition", &mut expressions);
    let asked: BTreeSet<&str> = expressions.iter().flat_map(|expression| names(expression)).collect();
    assert!(expressions.len() > 10 && asked.len() > 5, "{asked:?}");

    let scene = Scene::with_shop();
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.8.0");
    let figures = scene.administrator().ask("GET", "/metrics", &[], b"").expect(200).text();
    for name in asked {
        let is_there = figures
            .lines()
            .any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        assert!(is_there, "{name} is not in {figures}");
    }
    // Labels by which figures are chosen or grouped.
    for label in [
        "tenant=\"acme\"",
        "state=\"prepared\"",
        "reused=\"false\"",
        "kind=\"preparation\"",
        "route=",
        "status=\"200\"",
        "le=",
    ] {
        assert!(figures.contains(label), "{label} is not in {figures}");
    }
}

#[test]
fn the_service_and_the_container_start_the_server_with_flags_that_it_has() {
    let help =
        std::process::Command::new(env!("CARGO_BIN_EXE_prefab")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for (name, line) in [("prefab.service", "ExecStart="), ("Containerfile", "CMD [\"serve\"")] {
        let text = fs::read_to_string(file(name)).unwrap();
        let line = text.lines().find(|text| text.starts_with(line)).unwrap();
        let flags: Vec<_> = line.split([' ', '"', ',']).filter(|word| word.starts_with("--")).collect();
        assert!(flags.len() >= 3, "{line}");
        for flag in flags {
            assert!(help.contains(flag), "{flag} of {name}");
        }
    }
}

#[test]
fn the_container_can_ask_the_server_whether_it_lives() {
    let scene = Scene::new();
    let asked = |address: &str| {
        let program = env!("CARGO_BIN_EXE_prefab");
        std::process::Command::new(program).args(["healthcheck", address]).output().unwrap()
    };
    assert!(asked(&format!("http://{}", scene.socket())).status.success());
    let nobody =
        format!("http://{}", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let refused = asked(&nobody);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("does not say that it lives"));
}
