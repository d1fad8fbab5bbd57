//! A whole life over HTTP: modules sent, prepared, mended, published, rolled back.

use std::fs;

use serde_json::json;

use crate::scene::{Scene, shop, tar};

#[test]
fn an_environment_is_upgraded_mended_published_and_rolled_back() {
    let scene = Scene::with_shop();
    let all = scene.administrator();
    assert_eq!(all.get(&shop("")).expect(200).json()["state"], "new");
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.module("@acme/cart", "index.ts", "export const cart: = ;\n");
    scene.upgrade("11.8.0");

    let status = all.get(&shop("")).expect(200).json();
    assert_eq!((&status["state"], &status["platform"]), (&"errors".into(), &"11.8.0".into()));
    assert_eq!((&status["prepared"], &status["failed"]), (&1.into(), &1.into()));
    let errors = all.get(&shop("/errors")).expect(200).json();
    assert_eq!(errors["modules"][0]["module"], "@acme/cart");
    assert_eq!(errors["modules"][0]["path"], "modules/@acme/cart");
    assert_eq!(errors["modules"][0]["problems"][0]["diagnostics"][0]["file"], "index.ts");

    scene.module("@acme/cart", "index.ts", "export const cart = 1;\n");
    let begun = all.post(&shop("/preparations"), &json!({"failed": true})).expect(202).json();
    scene.through(&begun["preparation"]);
    assert_eq!(all.get(&shop("")).expect(200).json()["state"], "ready");
    let cart = all.get(&shop("/modules/@acme%2Fcart/errors")).expect(200).json();
    assert_eq!(cart["modules"][0]["problems"], json!([]));

    let published = all.post(&shop("/publish"), &json!({"all": true})).expect(200).json();
    assert_eq!(published["published"], 2);
    let deployed = |file: &str| {
        fs::read_to_string(scene.data("tenants/acme/environments/shop/deployed").join(file)).unwrap()
    };
    assert!(deployed("money/index.js").contains("euro = 1"));
    let artifact = all.get(&shop("/modules/money/artifacts/index.js")).expect(200);
    assert_eq!(artifact.text(), deployed("money/index.js"));
    assert_eq!(artifact.header("content-disposition"), "attachment");

    scene.module("money", "index.ts", "export const euro: number = 2;\n");
    scene.upgrade("11.9.0");
    assert!(deployed("money/index.js").contains("euro = 1"), "nothing is deployed until it is published");
    all.post(&shop("/publish"), &json!({"modules": ["money"]})).expect(200);
    assert!(deployed("money/index.js").contains("euro = 2"));
    all.post(&shop("/rollback"), &json!({"modules": ["money"]})).expect(200);
    assert!(deployed("money/index.js").contains("euro = 1"));

    let history = all.get(&shop("/history")).expect(200).json();
    assert_eq!(
        (&history[0]["what"], &history[0]["who"]),
        (&"rolled-back".into(), &"first administrator (token 1)".into())
    );
    let preparations = all.get(&shop("/preparations?limit=2")).expect(200).json();
    assert_eq!((preparations.as_array().unwrap().len(), &preparations[0]["state"]), (2, &"done".into()));
    all.send("DELETE", &shop("/modules/money"), b"").expect(204);
    all.get(&shop("/modules/money")).refused(404, "no-such-module");
}

#[test]
fn a_rehearsal_shows_what_would_break_and_keeps_nobody_from_anything() {
    let scene = Scene::with_shop();
    let all = scene.administrator();
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.8.0");
    let begun = all.post(&shop("/rehearse"), &json!({"version": "11.9.0"})).expect(202).json();
    scene.through(&begun["preparation"]);
    let rehearsal = all.get(&shop(&format!("/preparations/{}", begun["preparation"]))).expect(200).json();
    assert_eq!((&rehearsal["kind"], &rehearsal["platform"]), (&"rehearsal".into(), &"11.9.0".into()));
    assert_eq!(all.get(&shop("")).expect(200).json()["platform"], "11.8.0");
}

#[test]
fn long_lists_come_in_pages() {
    let scene = Scene::with_shop();
    for name in ["a", "b", "c"] {
        scene.module(name, "index.ts", "");
    }
    let all = scene.administrator();
    let names = |query: &str| {
        let page = all.get(&shop(&format!("/modules{query}"))).expect(200).json();
        page.as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("?limit=2"), ["a", "b"]);
    assert_eq!(names("?limit=2&after=b"), ["c"]);
    for query in ["?page=2", "?limit=0", "?limit=1001"] {
        all.get(&shop(&format!("/modules{query}"))).refused(422, "invalid");
    }
}

#[test]
fn what_somebody_else_has_changed_meanwhile_is_not_changed_by_who_did_not_see_it() {
    let scene = Scene::with_shop();
    let all = scene.administrator();
    let seen = all.get(&shop("/config")).expect(200).header("etag").to_owned();
    let fuel = json!({"key": "limits.fuel", "value": "40G"});
    let change = |seen: &str| all.send_json("PATCH", &shop("/config"), &[("if-match", seen)], &fuel);
    let now = change(&seen).expect(200).header("etag").to_owned();
    assert_ne!(now, seen);
    change(&seen).refused(412, "changed");
    change(&now).expect(200);

    scene.module("money", "index.ts", "");
    let path = shop("/modules/money");
    let seen = all.get(&path).expect(200).header("etag").to_owned();
    let tree = tar(&[("module.toml", "name = \"money\"\n"), ("index.ts", "let a = 1;")]);
    let send = |seen: &str| all.ask("PUT", &format!("/api/v1{path}"), &[("if-match", seen)], &tree);
    send(&seen).expect(200);
    send(&seen).refused(412, "changed");
    let remove = |seen: &str| all.ask("DELETE", &format!("/api/v1{path}"), &[("if-match", seen)], b"");
    remove(&seen).refused(412, "changed");
    remove("*").expect(204);
    send("*").refused(412, "changed");
}

#[test]
fn a_request_with_an_idempotency_key_is_done_once() {
    let scene = Scene::with_shop();
    let all = scene.administrator();
    let ask = |key: &str, version: &str| {
        all.send_json("POST", &shop("/upgrade"), &[("idempotency-key", key)], &json!({"version": version}))
    };
    ask("one", "11.8.0").refused(409, "no-modules");
    scene.module("money", "index.ts", "");
    let first = ask("one", "11.8.0").expect(202).json();
    scene.through(&first["preparation"]);
    assert_eq!(ask("one", "11.8.0").expect(202).json(), first);
    assert_eq!(all.get(&shop("")).expect(200).json()["preparation"], first["preparation"]);
    ask("one", "11.9.0").refused(422, "key-reused");
    ask("", "11.8.0").refused(422, "invalid");
    let token = json!({"name": "a", "scope": "read"});
    all.send_json("POST", "/tenants/acme/tokens", &[("idempotency-key", "two")], &token)
        .refused(422, "invalid");
    let other = scene.token("acme", "operate");
    let other = scene.client(Some(&other));
    let headers = [("idempotency-key", "one")];
    let second =
        other.send_json("POST", &shop("/upgrade"), &headers, &json!({"version": "11.8.0"})).expect(202);
    assert_ne!(second.json(), first, "keys are each token's own");
}
