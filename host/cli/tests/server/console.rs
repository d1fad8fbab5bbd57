//! The console without a browser: who gets in, who is refused, and what pages are sent with.

use serde_json::{Value, json};

use crate::scene::{Answer, Client, Scene, shop, tar, until};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'";

/// Somebody with a browser that has no script.
struct Visitor {
    client: Client,
    cookie: String,
}

impl Visitor {
    /// Signs in.
    fn of(scene: &Scene, token: &str) -> Self {
        let client = scene.client(None);
        let form = format!("token={token}&to=");
        let signed = client.ask("POST", "/console/sign-in", &[FORM, SAME], form.as_bytes()).expect(303);
        assert_eq!(signed.header("location"), "/console");
        let cookie = signed.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { client, cookie }
    }

    fn get(&self, path: &str) -> Answer {
        self.client.ask("GET", path, &[HTML, ("cookie", &self.cookie)], b"")
    }

    /// Sends a form from a page of the console.
    fn post(&self, path: &str, form: &str) -> Answer {
        self.client.ask("POST", path, &[FORM, HTML, SAME, ("cookie", &self.cookie)], form.as_bytes())
    }

    fn act(&self, form: &str) -> Answer {
        self.post(&page("/act"), form)
    }
}

fn page(rest: &str) -> String {
    format!("/console{}", shop(rest))
}

/// All kinds of pages about the shop with the module `money`.
fn pages() -> Vec<String> {
    [
        "",
        "?state=failed&q=m",
        "/history",
        "/report",
        "/fuel",
        "/graph",
        "/modules/money",
        "/modules/money/view/index.js",
    ]
    .into_iter()
    .map(page)
    .chain(["/console/tenants/acme".to_owned()])
    .collect()
}

fn with_money() -> Scene {
    let scene = Scene::with_shop();
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.8.0");
    scene
}

#[test]
fn a_token_signs_in_and_a_session_ends_with_signing_out_or_with_its_token() {
    let scene = with_money();
    assert_eq!(scene.client(None).ask("GET", "/", &[], b"").expect(303).header("location"), "/console");
    let away = scene.client(None).ask("GET", &page("?q=a"), &[HTML], b"").expect(303);
    let wanted = "/console/sign-in?to=%2Fconsole%2Ftenants%2Facme%2Fenvironments%2Fshop%3Fq%3Da";
    assert_eq!(away.header("location"), wanted);
    scene.client(None).ask("GET", &page(""), &[], b"").refused(401, "unauthenticated");
    let token = scene.token_command(&["create", "ada", "--tenant", "acme", "--scope", "operate"]);
    let (id, token) = (&token["id"], token["token"].as_str().unwrap());
    for wrong in ["", "nonsense", &token[..49], &token.replace("prefab_", "prefab_A")] {
        let form = format!("token={wrong}");
        let refused = scene.client(None).ask("POST", "/console/sign-in", &[FORM, SAME], form.as_bytes());
        assert!(refused.expect(401).header("set-cookie").is_empty());
    }
    let ada = Visitor::of(&scene, token);
    assert_eq!(ada.get("/console").expect(303).header("location"), "/console/tenants/acme");
    for path in pages() {
        ada.get(&path).expect(200);
    }
    let out = ada.post("/console/sign-out", "").expect(303);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert!(ada.get(&page("")).expect(303).header("location").starts_with("/console/sign-in"));

    let again = Visitor::of(&scene, token);
    again.get(&page("")).expect(200);
    let events = again.client.open("GET", &page("/events"), &[("cookie", &again.cookie)], b"");
    assert_eq!(events.0, 200);
    scene.token_command(&["revoke", &id.to_string()]);
    again.get(&page("")).expect(303);
    // The stream that was open ends by itself.
    let mut stream = events.2;
    stream.read_to_string().unwrap();
    let database = std::fs::read(scene.data("server.db")).unwrap();
    let session = again.cookie.split_once('=').unwrap().1;
    assert!(!database.windows(session.len()).any(|part| part == session.as_bytes()));
}

#[test]
fn the_cookie_is_for_the_server_alone_and_secure_behind_tls() {
    let scene = Scene::new();
    let token =
        scene.token_command(&["create", "ada", "--scope", "read"])["token"].as_str().unwrap().to_owned();
    let form = format!("token={token}");
    let host = scene.socket().to_owned();
    for (scheme, secure) in [("http", false), ("https", true)] {
        let origin = format!("{scheme}://{host}");
        let headers = [FORM, ("origin", origin.as_str())];
        let signed =
            scene.client(None).ask("POST", "/console/sign-in", &headers, form.as_bytes()).expect(303);
        let cookie = signed.header("set-cookie").to_owned();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/;"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
    }
}

#[test]
fn a_form_from_another_origin_does_nothing() {
    let scene = with_money();
    let token = scene.token("acme", "operate");
    let ada = Visitor::of(&scene, &token);
    let (host, cookie) = (scene.socket().to_owned(), ada.cookie.clone());
    let (own, other) = (format!("http://{host}"), "http://evil.example");
    let paths = ["/console/sign-in".to_owned(), "/console/sign-out".to_owned(), page("/act")];
    let refused: [&[(&str, &str)]; 6] = [
        &[],
        &[("origin", other)],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", &own)],
        &[("sec-fetch-site", "same-site"), ("origin", &own)],
        &[("sec-fetch-site", "none")],
    ];
    for headers in refused {
        for path in &paths {
            for method in ["POST", "PUT", "DELETE", "PATCH"] {
                let headers = [headers, &[FORM, ("cookie", cookie.as_str())]].concat();
                let answer = scene.client(None).ask(method, path, &headers, b"action=publish-all&token=x");
                match method {
                    "POST" => drop(answer.refused(403, "other-origin")),
                    _ => drop(answer.expect(405)),
                }
            }
        }
    }
    let modules = || scene.administrator().get(&shop("/modules/money")).expect(200).json();
    assert_eq!(modules()["published"], Value::Null);
    ada.get(&page("")).expect(200);
    // Nor does a link do anything.
    ada.get(&page("/act?action=publish-all")).expect(405);
    for headers in [&[("origin", own.as_str())][..], &[SAME]] {
        let headers = [headers, &[FORM, ("cookie", cookie.as_str())]].concat();
        scene.client(None).ask("POST", &page("/act"), &headers, b"action=publish-all").expect(303);
    }
    assert_eq!(modules()["published"], "11.8.0");
}

#[test]
fn what_is_another_tenants_looks_like_what_is_not_there() {
    let scene = with_money();
    scene.administrator().post("/tenants", &json!({"name": "other"})).expect(201);
    let other = Visitor::of(&scene, &scene.token("other", "administer"));
    for path in pages().into_iter().chain([page("/events"), page("/modules/money/download/index.js")]) {
        let theirs = other.get(&path).expect(404);
        let nobodys = other.get(&path.replace("acme", "nobody")).expect(404);
        assert_eq!(theirs.body, nobodys.body, "{path}");
    }
    let theirs = other.act("action=publish-all").expect(404);
    let nobodys = other.post(&page("/act").replace("acme", "nobody"), "action=publish-all").expect(404);
    assert_eq!(theirs.body, nobodys.body);
    assert!(!other.get("/console/tenants/other").expect(200).text().contains("acme"));
    let all = Visitor::of(&scene, scene.token_command(&["create", "all"])["token"].as_str().unwrap());
    let tenants = all.get("/console").expect(200).text();
    assert!(tenants.contains("acme") && tenants.contains("other"));
}

#[test]
fn what_is_done_in_the_console_is_in_the_audit_log_as_if_the_api_had_been_asked() {
    let scene = with_money();
    let (operator, reader) = (scene.token("acme", "operate"), scene.token("acme", "read"));
    let reader = Visitor::of(&scene, &reader);
    reader.act("action=publish-all").expect(303);
    let told = reader.get(&page("")).expect(200).text();
    assert!(told.contains("it takes the scope `operate`"), "{told}");
    assert!(told.contains("Your token lets you look, and no more"));
    // It is told once.
    assert!(!reader.get(&page("")).expect(200).text().contains("it takes the scope"));
    let operator = Visitor::of(&scene, &operator);
    operator.act("action=publish&module=money").expect(303);
    let log = scene.administrator().get("/tenants/acme/audit?limit=4").expect(200).json();
    let entry = |place: usize| {
        let entry = &log[place];
        (entry["who"].as_str().unwrap(), entry["path"].as_str().unwrap(), entry["status"].as_u64().unwrap())
    };
    assert_eq!(entry(0), ("operate", &*shop("/publish"), 200));
    assert_eq!(entry(1), ("operate", "/console/sign-in", 303));
    assert_eq!(entry(2), ("read", &*shop("/publish"), 403));
    let history = operator.get(&page("/history")).expect(200).text();
    assert!(history.contains("Published ") && history.contains("operate (token"), "{history}");
}

#[test]
fn what_cannot_be_done_now_is_shown_with_the_reason_and_refused() {
    let (scene, preparation) = Scene::preparing();
    let operator = Visitor::of(&scene, &scene.token("acme", "operate"));
    let shown = operator.get(&page("")).expect(200).text();
    assert!(shown.contains("We are now preparing your modules - "), "{shown}");
    let held = format!("Preparation {preparation} holds the environment");
    for part in
        [held.as_str(), "value=\"publish-all\" disabled", "value=\"upgrade\" disabled", "value=\"pause\""]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    // Whoever has no script loads it again.
    assert!(shown.contains("<noscript><meta http-equiv=\"refresh\""));
    operator.act("action=publish-all").expect(303);
    assert!(operator.get(&page("")).expect(200).text().contains("holds the environment"));
    for (action, said) in [("pause", "The preparation is paused at"), ("resume", "We are now preparing")] {
        operator.act(&format!("action={action}&preparation={preparation}")).expect(303);
        let shown = operator.get(&page("")).expect(200).text();
        assert!(shown.contains(said), "{said} is not in {shown}");
    }
    operator.act(&format!("action=cancel&preparation={preparation}")).expect(303);
    until(|| operator.get(&page("")).expect(200).text().contains("was called off"));
    operator.act("action=publish&module=money").expect(303);
    assert!(operator.get(&page("/modules/money")).expect(200).text().contains("Published: 1 module."));
    for form in
        ["", "action=nonsense", "action=upgrade", "action=publish&module=..%2Fx", "action=retry&module=%00"]
    {
        assert_eq!(operator.act(form).status, 422, "{form}");
    }
    operator.act("action=publish&module=nobody").expect(404);
}

#[test]
fn what_modules_say_is_shown_and_never_obeyed() {
    let scene = Scene::with_shop();
    let hostile = format!("@error {HOSTILE:?};\n");
    let files = [
        (
            "module.toml",
            "name = \"evil\"\nversion = \"<script>alert(1)</script>\"\napplication = \"<script>alert(2)</script>\"\n",
        ),
        ("index.ts", "export const a: string = '</pre><script>alert(1)</script><svg onload=alert(1)>';\n"),
    ];
    scene.administrator().send("PUT", &shop("/modules/evil"), &tar(&files)).expect(200);
    scene.module("broken", "a.scss", &hostile);
    scene.upgrade("11.8.0");
    scene.upgrade("11.9.0");
    let reader = Visitor::of(&scene, &scene.token("acme", "read"));
    let mut told = 0;
    for rest in [
        "",
        "?q=%3Cscript%3E",
        "/history",
        "/report",
        "/fuel",
        "/graph",
        "/modules/evil",
        "/modules/broken",
        "/modules/evil/view/index.js",
        "/graph?around=evil",
        "/modules/%3Cscript%3E",
        "/nothing/%3Cscript%3E",
    ] {
        let answer = reader.get(&page(rest));
        let shown = answer.text();
        for tag in ["<script>alert", "<img", "<svg onload"] {
            assert!(!shown.contains(tag), "{rest}: {shown}");
        }
        told += usize::from(shown.contains("&lt;script&gt;"));
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), value, "{rest}");
        }
        // Nothing that the policy would forbid is there: no script or style in the page, no handler.
        for part in [" style=", "<style", " onclick", "javascript:"] {
            assert!(!shown.contains(part), "{part} in {rest}");
        }
        assert_eq!(
            shown.matches("<script").count(),
            shown.matches("<script src=\"/console/script.js\"").count()
        );
    }
    assert!(told >= 4, "{told}");
    let download = reader.get(&page("/modules/evil/download/index.js")).expect(200);
    assert_eq!(
        (download.header("content-disposition"), download.header("content-type")),
        ("attachment", "application/octet-stream")
    );
    assert!(download.header("content-security-policy").ends_with("sandbox"));
    assert!(download.text().contains("<svg onload=alert(1)>"));
}

#[test]
fn a_module_is_shown_with_all_there_is_to_know_of_it() {
    let scene = Scene::with_shop();
    let files =
        [("module.toml", "name = \"shop\"\ndependencies = [\"money\"]\n"), ("a.ts", "export const a = 1;\n")];
    scene.module("money", "index.ts", "export const euro: number = ;\n");
    scene.administrator().send("PUT", &shop("/modules/shop"), &tar(&files)).expect(200);
    scene.upgrade("11.8.0");
    let reader = Visitor::of(&scene, &scene.token("acme", "read"));
    let money = reader.get(&page("/modules/money")).expect(200).text();
    for part in [
        "Failed",
        "export const euro: number = ",
        "<mark>",
        "index.ts:1:",
        "It is needed by",
        "/modules/shop\"",
    ] {
        assert!(money.contains(part), "{part} is not in {money}");
    }
    let errors = reader.get(&page("?state=failed")).expect(200).text();
    assert!(errors.contains("There are errors in "), "{errors}");
    assert!(errors.contains("data-module=\"money\""));
    reader.get(&page("?state=nonsense")).expect(422);
    reader.get(&page("/modules/nobody")).expect(404);
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.9.0");
    let money = reader.get(&page("/modules/money")).expect(200).text();
    for part in ["Prepared", "Fuel", "Most memory", "view/index.js", "download/index.js"] {
        assert!(money.contains(part), "{part} is not in {money}");
    }
    let graph = reader.get(&page("/graph")).expect(200).text();
    assert!(graph.contains("<svg") && graph.contains("All 2 modules are drawn"), "{graph}");
    let report = reader.get(&page("/report")).expect(200).text();
    assert!(report.contains("nothing breaks") && report.contains("fixed"), "{report}");
}

#[test]
fn a_rehearsal_is_begun_by_its_button_and_compared_with_what_there_is() {
    let scene = with_money();
    scene.module(
        "assertion",
        "a.ts",
        "import a from \"./a.json\" assert { type: \"json\" };\nexport { a };\n",
    );
    scene.upgrade("11.8.0");
    let operator = Visitor::of(&scene, &scene.token("acme", "operate"));
    operator.act("action=rehearse&version=11.9.0").expect(303);
    assert!(operator.get(&page("")).expect(200).text().contains("The rehearsal with 11.9.0 has begun."));
    let rehearsal = scene.administrator().get(&shop("/preparations?limit=1")).expect(200).json();
    assert_eq!(rehearsal[0]["kind"], "rehearsal");
    scene.through(&rehearsal[0]["preparation"]);
    let report = operator.get(&page("/report")).expect(200).text();
    for part in ["1 module got worse", "TS2880", "<mark>assert</mark>", "After: 11.9.0", "1 newly"] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
    // Nothing has changed.
    assert!(operator.get(&page("")).expect(200).text().contains("Platform version 11.8.0"));
    let fuel = operator.get(&page("/fuel")).expect(200).text();
    assert!(fuel.contains("for 1 module prepared in both") && fuel.contains("<rect class=\"new\""), "{fuel}");
}
