//! What callers send that cannot be taken: it is refused with a problem document, and the server goes on.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use serde_json::json;

use crate::scene::{PATIENCE, Scene, shop, tar};

#[test]
fn every_answer_is_a_problem_document_with_headers_that_keep_browsers_safe() {
    let scene = Scene::with_shop();
    let all = scene.administrator();
    let json = [("content-type", "application/json")];
    let api = |path: &str| format!("/api/v1{path}");
    for (method, path, headers, body, status, code) in [
        ("GET", "/nothing".to_owned(), &json[..], "", 404, "not-found"),
        ("GET", api("/nothing"), &json, "", 404, "not-found"),
        ("GET", api(&shop("/modules/..%2f..%2fserver.db")), &json, "", 404, "not-found"),
        ("GET", api("/tenants/ACME"), &json, "", 404, "not-found"),
        ("DELETE", api("/tenants"), &json, "", 405, "method-not-allowed"),
        ("POST", "/healthz".to_owned(), &json, "", 405, "method-not-allowed"),
        ("POST", api("/tenants"), &[], "{}", 415, "not-json"),
        ("POST", api("/tenants"), &json, "{", 400, "broken-json"),
        ("POST", api("/tenants"), &json, r#"{"name":"-"}"#, 422, "invalid"),
        ("POST", api("/tenants"), &json, r#"{"name":"a","owner":"b"}"#, 422, "invalid"),
        ("POST", api("/tenants"), &json, r#"{"name":"acme"}"#, 409, "exists"),
        ("POST", api("/tenants/acme/environments"), &json, r#"{"name":"shop"}"#, 409, "exists"),
        ("POST", api(&shop("/upgrade")), &json, r#"{"version":"99.0.0"}"#, 404, "no-such-release"),
        ("POST", api(&shop("/preparations")), &json, "{}", 409, "no-platform"),
        ("POST", api(&shop("/publish")), &json, r#"{"all":false}"#, 422, "invalid"),
        (
            "PATCH",
            api(&shop("/config")),
            &json,
            r#"{"key":"limits.fuel","value":"much"}"#,
            422,
            "invalid-setting",
        ),
        ("PATCH", api(&shop("/config")), &json, r#"{"key":"nothing","value":"1"}"#, 422, "invalid-setting"),
    ] {
        let answer = all.ask(method, &path, headers, body.as_bytes());
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        answer.refused(status, code);
    }
    let deep = "[".repeat(100_000);
    all.ask("POST", &api("/tenants"), &json, deep.as_bytes()).refused(422, "invalid");
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(2 << 20));
    all.ask("POST", &api("/tenants"), &json, large.as_bytes()).refused(413, "body-not-read");
}

#[test]
fn a_tree_that_reaches_out_of_its_folder_is_refused_and_leaves_nothing() {
    let scene = Scene::with_shop();
    let all = scene.administrator();
    let mut evil = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..9].copy_from_slice(b"../../own");
    header.set_size(0);
    header.set_cksum();
    evil.append(&header, &b""[..]).unwrap();
    let mut link = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    link.append_link(&mut header, "a", "/etc/passwd").unwrap();
    let path = shop("/modules/money");
    for (tree, code) in [
        (evil.into_inner().unwrap(), "tree-bad-name"),
        (link.into_inner().unwrap(), "tree-not-a-file"),
        (b"hello".to_vec(), "tree-broken"),
        (tar(&[("index.ts", "")]), "not-a-module"),
        (tar(&[("module.toml", "name = \"other\"\n")]), "other-module"),
    ] {
        let problem = all.send("PUT", &path, &tree).refused(422, code);
        let told = problem.to_string();
        assert!(!told.contains(scene.data("").to_str().unwrap()), "{told}");
    }
    all.get(&path).refused(404, "no-such-module");
    assert_eq!(scene.data("incoming").read_dir().unwrap().count(), 0);
    let release = |manifest: &str| all.send("POST", "/releases", &tar(&[("release.toml", manifest)]));
    for manifest in ["version = 1", &"# much\n".repeat(200_000)] {
        let problem = release(manifest).refused(422, "invalid-release");
        assert!(!problem.to_string().contains(scene.data("").to_str().unwrap()), "{problem}");
    }
}

#[test]
fn modules_stay_in_the_folder_that_the_server_may_read_for_their_tenant_and_nothing_else_is_read() {
    let sources = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = sources.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("acme/cart/module.toml", "name = \"cart\"\n");
    write("acme/cart/index.ts", "export const cart: number = 1;\n");
    write("acme/web/node_modules/a/package.json", r#"{"name": "a", "dependencies": {"b": "1"}}"#);
    write("acme/web/node_modules/b/package.json", r#"{"name": "b"}"#);
    write("other/secret/module.toml", "name = \"secret\"\n");
    std::os::unix::fs::symlink("../other/secret", sources.path().join("acme/link")).unwrap();
    let scene = Scene::with_options(&["--sources", sources.path().to_str().unwrap()]);
    let all = scene.administrator();
    all.post("/tenants", &json!({"name": "acme"})).expect(201);
    all.post("/tenants/acme/environments", &json!({"name": "shop"})).expect(201);
    scene.send_release("11.8.0");
    let add = |path: &str| all.post(&shop("/modules"), &json!({"path": path}));
    assert_eq!(add("cart").expect(200).json()["name"], "cart");
    for path in ["link", "nothing", "cart/index.ts"] {
        let problem = add(path).refused(404, "no-such-folder");
        assert!(!problem.to_string().contains(sources.path().to_str().unwrap()), "{problem}");
    }
    for path in ["../other/secret", "/etc", ""] {
        add(path).refused(422, "invalid");
    }
    add("web").refused(422, "not-a-module");
    let import = || all.post(&shop("/import/npm"), &json!({"path": "web"}));
    all.send_json("PUT", "/tenants/acme/quotas", &[], &json!({"modules": 2})).expect(200);
    import().refused(409, "over-quota");
    all.send_json("PUT", "/tenants/acme/quotas", &[], &json!({"modules": 3})).expect(200);
    assert_eq!(import().expect(200).json()["added"], 2);
    // What is prepared is what lies there then.
    write("acme/cart/index.ts", "export const cart: number = 2;\n");
    scene.upgrade("11.8.0");
    let artifact = all.get(&shop("/modules/cart/artifacts/index.js")).expect(200).text();
    assert!(artifact.contains("cart = 2"), "{artifact}");

    let without = Scene::with_shop();
    let asked = without.administrator().post(&shop("/modules"), &json!({"path": "cart"}));
    asked.refused(404, "no-such-folder");
}

#[test]
fn a_caller_that_hangs_up_leaves_nothing_behind() {
    let scene = Scene::with_shop();
    let token = scene.token("acme", "operate");
    let mut socket = TcpStream::connect(scene.socket()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let path = shop("/modules/money");
    write!(
        socket,
        "PUT /api/v1{path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: 1000\r\n\r\nhalf"
    )
    .unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    // The server answers, or closes the connection: both are fine.
    let _ = socket.read_to_end(&mut rest);
    scene.administrator().get(&path).refused(404, "no-such-module");
    assert_eq!(scene.data("incoming").read_dir().unwrap().count(), 0);
    scene.administrator().post("/tenants", &json!({"name": "next"})).expect(201);
}
