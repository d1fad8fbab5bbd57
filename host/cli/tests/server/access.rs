//! Who may do what: every route of the description against every kind of caller.

use serde_json::{Value, json};

use crate::scene::{Answer, Client, Scene, shop, until};

/// What a route takes, as the description says.
struct Route {
    method: String,
    path: String,
    scope: String,
    of_server: bool,
    /// Of a tenant, but for the operator to do.
    by_operator: bool,
}

fn routes(scene: &Scene) -> Vec<Route> {
    let document = scene.client(None).ask("GET", "/openapi.json", &[], b"").expect(200).json();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let filled = path
                .replace("{tenant}", "acme")
                .replace("{environment}", "shop")
                .replace("{module}", "money")
                .replace("{preparation}", "1")
                .replace("{request}", "pause")
                .replace("{token}", "999")
                .replace("{version}", "11.8.0")
                .replace("{path}", "index.js");
            assert!(!filled.contains('{'), "{filled}");
            let scope = operation["security"][0]["token"][0].as_str().unwrap().to_owned();
            let of_server = !path.contains("{tenant}");
            let by_operator = operation["security"][0]["token"][1] == "server";
            let method = method.to_uppercase();
            routes.push(Route { method, path: filled, scope, of_server, by_operator });
        }
    }
    assert!(routes.len() > 30, "{} routes", routes.len());
    routes
}

/// Asks without a body that could do anything.
fn ask(client: &Client, route: &Route) -> Answer {
    let (status, headers) = ("", [("content-type", "application/json")]);
    if route.path.ends_with("/events") {
        // Whoever may see this gets a stream without an end.
        let (status, headers, body) = client.open("GET", &format!("/api/v1{}", route.path), &[], b"");
        return Answer::of_stream(status, headers, body);
    }
    client.ask(&route.method, &format!("/api/v1{}", route.path), &headers, status.as_bytes())
}

fn level(scope: &str) -> usize {
    ["read", "operate", "administer"].iter().position(|one| *one == scope).unwrap()
}

#[test]
fn no_route_answers_whoever_is_not_known() {
    let scene = Scene::with_shop();
    let made = |arguments: &[&str]| scene.token_command(arguments)["token"].as_str().unwrap().to_owned();
    let revoked = scene.token_command(&["create", "old", "--tenant", "acme", "--scope", "administer"]);
    scene.token_command(&["revoke", &revoked["id"].to_string()]);
    let soon = time::OffsetDateTime::now_utc() + time::Duration::milliseconds(50);
    let soon = soon.format(&time::format_description::well_known::Rfc3339).unwrap();
    let expiring = json!({"name": "short", "scope": "administer", "expires_at": soon});
    let expired = scene.administrator().post("/tenants/acme/tokens", &expiring).expect(201).json();
    let expired = expired["token"].as_str().unwrap().to_owned();
    until(|| scene.client(Some(&expired)).get("/tenants/acme").status == 401);
    let good = made(&["create", "all", "--scope", "administer"]);
    let tampered = format!("{}{}", &good[..good.len() - 2], if good.ends_with("AA") { "BA" } else { "AA" });
    let unknown =
        [None, Some("nonsense"), Some(&tampered), Some(revoked["token"].as_str().unwrap()), Some(&expired)];
    for route in routes(&scene) {
        for token in unknown {
            let problem = ask(&scene.client(token), &route).refused(401, "unauthenticated");
            assert_eq!(problem["title"], "Unauthorized");
        }
    }
    for path in ["/api/v1/nothing", "/metrics"] {
        scene.client(None).ask("GET", path, &[], b"").refused(401, "unauthenticated");
    }
}

#[test]
fn what_is_another_tenants_is_answered_as_what_is_not_there() {
    let scene = Scene::with_shop();
    scene.module("money", "index.ts", "");
    scene.upgrade("11.8.0");
    scene.administrator().post("/tenants", &json!({"name": "other"})).expect(201);
    let other = scene.token("other", "administer");
    let other = scene.client(Some(&other));
    for route in routes(&scene) {
        if route.of_server {
            ask(&other, &route).refused(403, "forbidden");
            continue;
        }
        let theirs = ask(&other, &route);
        let nobodys = Route { path: route.path.replace("acme", "nobody"), ..route };
        let nobodys = ask(&other, &nobodys);
        assert_eq!(theirs.body, nobodys.body);
        theirs.refused(404, "not-found");
    }
    other.ask("GET", "/metrics", &[], b"").refused(403, "forbidden");
    assert_eq!(other.get("/tenants/other/environments").expect(200).json(), json!([]));
    let audit = other.get("/tenants/other/audit").expect(200).text();
    assert!(audit.contains("/tenants/other/tokens") && !audit.contains("acme"), "{audit}");
}

#[test]
fn a_token_does_what_its_scope_says_and_no_more() {
    let scene = Scene::with_shop();
    scene.module("money", "index.ts", "");
    scene.upgrade("11.8.0");
    for scope in ["read", "operate", "administer"] {
        let token = scene.token("acme", scope);
        let client = scene.client(Some(&token));
        for route in routes(&scene) {
            let what = format!("{} {} with {scope}", route.method, route.path);
            let answer = ask(&client, &route);
            if route.of_server || route.by_operator || level(scope) < level(&route.scope) {
                answer.refused(403, "forbidden");
            } else {
                assert!(
                    ![401, 403, 404, 500].contains(&answer.status) || answer.is_about_a_name(),
                    "{what}: {answer:?}"
                );
            }
        }
        // What was removed by the one who may.
        scene.module("money", "index.ts", "");
        scene.upgrade("11.8.0");
    }
}

#[test]
fn what_was_asked_for_is_in_the_audit_log_also_if_it_was_refused() {
    let scene = Scene::with_shop();
    let token = scene.token("acme", "read");
    scene.client(Some(&token)).post(&shop("/publish"), &json!({"all": true})).refused(403, "forbidden");
    let log = scene.administrator().get("/tenants/acme/audit?limit=1").expect(200).json();
    assert_eq!(
        (&log[0]["method"], &log[0]["status"], &log[0]["who"]),
        (&"POST".into(), &403.into(), &"read".into())
    );
    assert_eq!(log[0]["path"], shop("/publish"));
}

#[test]
fn a_token_of_the_whole_server_that_may_only_see_makes_no_tenants() {
    let scene = Scene::with_shop();
    let token = scene.token_command(&["create", "eyes"])["token"].as_str().unwrap().to_owned();
    let eyes = scene.client(Some(&token));
    assert_eq!(eyes.get("/tenants").expect(200).json()[0]["name"], "acme");
    eyes.post("/tenants", &json!({"name": "more"})).refused(403, "forbidden");
    eyes.get("/tenants/acme/tokens").refused(403, "forbidden");
    let listed: Value = scene.token_command(&["list"]);
    assert!(!listed.to_string().contains(&token[7..]));
}
