//! The most that a tenant's settings and releases may allow a compilation: what is above it is refused with both figures.

use std::fs;

use serde_json::json;

use crate::scene::{Scene, sample_release, shop, tar_of};

#[test]
fn what_is_above_the_operators_ceilings_is_refused_wherever_it_comes_from() {
    let scene = Scene::with_options(&["--max-fuel", "60G", "--max-memory", "1GiB"]);
    let all = scene.administrator();
    all.post("/tenants", &json!({"name": "acme"})).expect(201);
    all.post("/tenants/acme/environments", &json!({"name": "shop"})).expect(201);
    let own = scene.client(Some(&scene.token("acme", "administer")));
    let set = |key: &str, value: &str| {
        own.send_json("PATCH", &shop("/config"), &[], &json!({"key": key, "value": value}))
    };
    let problem = set("limits.fuel", "61G").refused(422, "above-ceiling");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("61G") && detail.contains("60G"), "{detail}");
    set("limits.memory", "2GiB").refused(422, "above-ceiling");
    set("limits.fuel", "60G").expect(200);
    set("limits.deadline", "1h").expect(200);

    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(sample_release("11.8.0")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let manifest = fs::read_to_string(folder.path().join("release.toml")).unwrap();
    let end = manifest.find("[[compiler]]").unwrap();
    let (head, _) = manifest[..end].split_once("[limits]").unwrap_or((&manifest[..end], ""));
    let greedy = format!("{head}[limits]\nfuel = \"100G\"\n\n{}", &manifest[end..]);
    fs::write(folder.path().join("release.toml"), greedy).unwrap();
    let problem = own.send("POST", "/tenants/acme/releases", &tar_of(folder.path()));
    let detail = problem.refused(422, "above-ceiling")["detail"].to_string();
    assert!(detail.contains("100G") && detail.contains("60G"), "{detail}");

    // A ceiling that comes down later holds for what was set before, and can be lifted for one tenant.
    scene.send_release("11.8.0");
    scene.module("money", "index.ts", "");
    let ceilings = |deadline: u64| {
        let quotas = json!({"ceilings": {"deadline": deadline}});
        all.send_json("PUT", "/tenants/acme/quotas", &[], &quotas).expect(200);
    };
    ceilings(1800);
    let upgrade = json!({"version": "11.8.0"});
    let problem = own.post(&shop("/upgrade"), &upgrade).refused(409, "above-ceiling");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("3600 s") && detail.contains("1800 s"), "{detail}");
    ceilings(3600);
    let begun = own.post(&shop("/upgrade"), &upgrade).expect(202).json();
    scene.through(&begun["preparation"]);
}
