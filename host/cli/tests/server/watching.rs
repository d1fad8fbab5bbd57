//! What whoever runs the server sees: readiness, figures, the log, the description.

use serde_json::{Value, json};

use crate::scene::{Scene, shop};

#[test]
fn the_server_says_whether_it_is_well_and_counts_what_it_does() {
    let scene = Scene::with_shop();
    let anybody = scene.client(None);
    assert_eq!(anybody.ask("GET", "/healthz", &[], b"").expect(200).text(), "ok\n");
    assert_eq!(anybody.ask("GET", "/readyz", &[], b"").expect(200).text(), "ready\n");
    scene.module("money", "index.ts", "export const a = 1;\n");
    scene.module("bad", "index.ts", "export const = ;\n");
    scene.upgrade("11.8.0");
    let figures = scene.administrator().ask("GET", "/metrics", &[], b"").expect(200).text();
    for line in [
        r#"prefab_modules_total{tenant="acme",state="prepared",reused="false"} 1"#,
        r#"prefab_modules_total{tenant="acme",state="failed",reused="false"} 1"#,
        r#"prefab_preparations_total{tenant="acme",kind="preparation",state="done"} 1"#,
        r#"prefab_http_requests_total{method="POST",route="/api/v1/tenants/{tenant}/environments/{environment}/upgrade",status="202"} 1"#,
    ] {
        assert!(figures.lines().any(|one| one == line), "{line} is not in {figures}");
    }
}

#[test]
fn the_log_is_json_and_has_no_secrets() {
    let scene = Scene::with_shop();
    let token = scene.token("acme", "operate");
    let client = scene.client(Some(&token));
    client.get(&shop("")).expect(200);
    client.get(&shop("/modules/none%0aforged")).expect(404);
    let log = scene.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered = lines.iter().filter(|line| line["message"] == "answered").count();
    assert!(answered >= 5, "{log}");
    assert!(!log.contains(&token), "{log}");
}

#[test]
fn the_description_is_whole_and_people_can_read_it() {
    let scene = Scene::new();
    let anybody = scene.client(None);
    let document = anybody.ask("GET", "/openapi.json", &[], b"").expect(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{what}");
            assert!(
                operation["responses"]["default"]["content"]["application/problem+json"].is_object(),
                "{what}"
            );
            let named = operation["parameters"].as_array().into_iter().flatten();
            let named: Vec<_> =
                named.filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap()).collect();
            assert_eq!(named.len(), path.matches('{').count(), "{what}");
        }
    }
    let page = anybody.ask("GET", "/api", &[], b"").expect(200);
    assert!(page.text().contains("Go to a platform version"));
    assert!(!page.text().contains("<script"));
    assert!(page.header("content-security-policy").contains("style-src 'self'"));
    assert!(
        anybody.ask("GET", "/api.css", &[], b"").expect(200).header("content-type").starts_with("text/css")
    );
    // Everything that is answered without a token.
    scene
        .client(None)
        .ask(
            "POST",
            "/api/v1/tenants",
            &[("content-type", "application/json")],
            json!({"name": "a"}).to_string().as_bytes(),
        )
        .refused(401, "unauthenticated");
}
