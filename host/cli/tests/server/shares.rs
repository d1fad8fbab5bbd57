//! Shares and quotas, with real preparations: one tenant's thousands do not delay another's few, and what is over a quota waits.

use serde_json::{Value, json};

use crate::events::Stream;
use crate::scene::{Client, Scene, tar, until};

/// Compiling one of these takes some tenths of a second, however busy the machine is.
const WORK: &str = "$a: 0;\n@for $i from 1 through 20000 { $a: $a + $i; }\nb { c: $a; }\n";

fn place(tenant: &str, rest: &str) -> String {
    format!("/tenants/{tenant}/environments/main{rest}")
}

/// A tenant with an environment `main` and so many modules that take some time each.
fn tenant(all: &Client, name: &str, modules: usize) {
    all.post("/tenants", &json!({"name": name})).expect(201);
    all.post(&format!("/tenants/{name}/environments"), &json!({"name": "main"})).expect(201);
    for number in 0..modules {
        let text = format!("{WORK}/* {name} {number} */\n");
        module(all, name, &format!("m{number}"), &text).expect(200);
    }
}

fn module(all: &Client, tenant: &str, name: &str, text: &str) -> crate::scene::Answer {
    let tar = tar(&[("module.toml", &format!("name = \"{name}\"\n")), ("a.scss", text)]);
    all.send("PUT", &place(tenant, &format!("/modules/{name}")), &tar)
}

fn upgrade(all: &Client, tenant: &str) -> Value {
    all.post(&place(tenant, "/upgrade"), &json!({"version": "11.8.0"})).expect(202).json()["preparation"]
        .clone()
}

fn status(all: &Client, tenant: &str) -> Value {
    all.get(&place(tenant, "")).expect(200).json()
}

fn ended(all: &Client, tenant: &str) -> u64 {
    let status = status(all, tenant);
    ["prepared", "failed", "skipped"].iter().map(|state| status[*state].as_u64().unwrap()).sum()
}

fn usage(all: &Client, tenant: &str) -> Value {
    all.get(&format!("/tenants/{tenant}/usage")).expect(200).json()
}

#[test]
fn a_tenant_with_many_modules_does_not_delay_one_with_few() {
    let scene = Scene::with_releases(&["--jobs", "2"]);
    let all = scene.administrator();
    tenant(&all, "large", 600);
    tenant(&all, "small", 10);
    upgrade(&all, "large");
    until(|| ended(&all, "large") >= 20);
    let before = ended(&all, "large");
    upgrade(&all, "small");
    until(|| status(&all, "small")["state"] == "ready");
    let meanwhile = ended(&all, "large") - before;
    // Half each is 10; what is under way at either end, and what a busy machine keeps the small one from between two of its own, come on
    // top. That turns are fair to the last is for the queue's own tests.
    assert!(meanwhile <= 400, "{meanwhile} modules of the large one went before");
    assert!(ended(&all, "large") < 600, "the large one was through already: the test tells nothing");
    let usage = || usage(&all, "large");
    assert!(usage()["running"].as_u64().unwrap() <= 2 && usage()["fuel_today"].as_u64().unwrap() > 0);
    until(|| usage()["waiting"].as_u64().unwrap() >= 1);
    let figures = all.ask("GET", "/metrics", &[], b"").expect(200).text();
    assert!(figures.contains("prefab_slots_waiting{tenant=\"large\"}"), "{figures}");
    assert!(figures.contains("prefab_fuel_today{tenant=\"small\"}"), "{figures}");
}

#[test]
fn what_is_paused_or_called_off_leaves_its_slot_to_others() {
    let scene = Scene::with_releases(&["--jobs", "1"]);
    let all = scene.administrator();
    tenant(&all, "endless", 0);
    for (limit, value) in [("fuel", "100T"), ("deadline", "3h")] {
        let change = json!({"key": format!("limits.{limit}"), "value": value});
        all.send_json("PATCH", &place("endless", "/config"), &[], &change).expect(200);
    }
    module(&all, "endless", "endless", "@while true { $a: 1; }\n").expect(200);
    tenant(&all, "other", 1);
    let preparation = upgrade(&all, "endless");
    until(|| usage(&all, "endless")["running"] == 1);
    upgrade(&all, "other");
    until(|| usage(&all, "other")["waiting"] == 1);
    all.post(&place("endless", &format!("/preparations/{preparation}/pause")), &json!({})).expect(200);
    until(|| status(&all, "other")["state"] == "ready");
    assert_eq!(usage(&all, "endless")["running"], 0);
    all.post(&place("endless", &format!("/preparations/{preparation}/resume")), &json!({})).expect(200);
    until(|| usage(&all, "endless")["running"] == 1);
    module(&all, "other", "more", WORK).expect(200);
    all.post(&place("other", "/preparations"), &json!({})).expect(202);
    until(|| usage(&all, "other")["waiting"] == 1);
    all.post(&place("endless", &format!("/preparations/{preparation}/cancel")), &json!({})).expect(200);
    until(|| status(&all, "other")["state"] == "ready" && status(&all, "other")["prepared"] == 2);
    let usage = usage(&all, "endless");
    assert_eq!((&usage["running"], &usage["waiting"]), (&0.into(), &0.into()));
}

#[test]
fn who_has_used_the_fuel_of_the_day_waits_until_there_is_more_also_after_a_restart() {
    let mut scene = Scene::with_releases(&[]);
    let all = scene.administrator();
    tenant(&all, "acme", 4);
    let set = |all: &Client, quotas: Value| {
        all.send_json("PUT", "/tenants/acme/quotas", &[], &quotas).expect(200);
    };
    // The first compilation uses it up, and those that run beside it are not broken off.
    set(&all, json!({"fuel_a_day": 1, "compilations": 1}));
    upgrade(&all, "acme");
    until(|| !status(&all, "acme")["held_back"].is_null());
    let now = status(&all, "acme");
    assert_eq!((&now["state"], &now["held_back"]["reason"]), (&"preparing".into(), &"fuel".into()));
    assert!(now["held_back"]["used"].as_u64() > now["held_back"]["quota"].as_u64(), "{now}");
    assert!(ended(&all, "acme") < 4);
    // It is written once a second.
    until(|| usage(&all, "acme")["running"] == 0);
    assert_eq!(scene.terminate(), Some(0));
    scene.start();
    let all = scene.administrator();
    until(|| !status(&all, "acme")["held_back"].is_null());
    set(&all, json!({"fuel_a_day": null}));
    until(|| status(&all, "acme")["state"] == "ready");
    assert!(status(&all, "acme")["held_back"].is_null());
}

#[test]
fn what_is_over_a_quota_is_refused_with_figures_and_only_the_operator_sets_quotas() {
    let scene = Scene::with_releases(&[]);
    let all = scene.administrator();
    tenant(&all, "acme", 1);
    let own = scene.client(Some(&scene.token("acme", "administer")));
    let quotas = json!({"environments": 1, "modules": 2, "storage": 100_000_000, "weight": 3});
    own.send_json("PUT", "/tenants/acme/quotas", &[], &quotas).refused(403, "forbidden");
    let seen = all.get("/tenants/acme/quotas").expect(200).header("etag").to_owned();
    let set = |quotas: &Value| all.send_json("PUT", "/tenants/acme/quotas", &[("if-match", &seen)], quotas);
    set(&json!({"weight": 0})).refused(422, "invalid");
    set(&quotas).expect(200);
    set(&quotas).refused(412, "changed");
    assert_eq!(own.get("/tenants/acme/quotas").expect(200).json()["weight"], 3);

    let problem = own.post("/tenants/acme/environments", &json!({"name": "two"})).refused(409, "over-quota");
    assert!(problem["detail"].as_str().unwrap().contains("the quota is 1"), "{problem}");
    module(&own, "acme", "second", "").expect(200);
    module(&own, "acme", "third", "").refused(409, "over-quota");
    module(&own, "acme", "second", "a { b: c }\n").expect(200);
    let usage = usage(&own, "acme");
    assert_eq!((&usage["modules"], &usage["environments"]), (&2.into(), &1.into()));

    let stored = usage["storage"].as_u64().unwrap();
    let quotas = json!({"storage": stored + 1000});
    all.send_json("PUT", "/tenants/acme/quotas", &[], &quotas).expect(200);
    let large = format!("/* {} */", "x".repeat(10_000));
    module(&own, "acme", "second", &large).refused(409, "over-quota");
    all.send_json("PUT", "/tenants/acme/quotas", &[], &json!({"storage": 1})).expect(200);
    upgrade(&all, "acme");
    until(|| status(&all, "acme")["held_back"]["reason"] == "storage");
    all.send_json("PUT", "/tenants/acme/quotas", &[], &json!({})).expect(200);
    until(|| status(&all, "acme")["state"] == "ready");
}

#[test]
fn a_module_that_somebody_wants_first_goes_next_in_a_preparation_that_runs() {
    let scene = Scene::with_releases(&["--jobs", "1"]);
    let all = scene.administrator();
    tenant(&all, "acme", 40);
    module(&all, "acme", "wanted", "a { b: c }\n").expect(200);
    let preparation = upgrade(&all, "acme");
    until(|| ended(&all, "acme") >= 2);
    let control = |request: &str| {
        let path = place("acme", &format!("/preparations/{preparation}/{request}"));
        all.post(&path, &json!({})).expect(200);
    };
    control("pause");
    let first = place("acme", &format!("/preparations/{preparation}/prioritise"));
    all.post(&first, &json!({"modules": ["no-such-module"]})).refused(404, "no-such-module");
    all.post(&first, &json!({"modules": []})).refused(422, "invalid");
    all.post(&first, &json!({"modules": ["wanted"]})).expect(200);
    let mut events = Stream::open_at(&all, &place("acme", "/events"), None);
    assert_eq!(events.next().unwrap().name, "status");
    control("resume");
    let mut meanwhile = 0;
    loop {
        let event = events.next().unwrap();
        if event.name == "module-ended" && event.data["module"] == "wanted" {
            break;
        }
        meanwhile += usize::from(event.name == "module-ended");
    }
    // What is under way already comes first. By its size it would come after all 38.
    assert!(meanwhile <= 20, "{meanwhile} went before");
}
