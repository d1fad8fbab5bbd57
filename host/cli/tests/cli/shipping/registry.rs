//! A real registry: docker-registry on loopback, with and without a password.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

use super::vendor::{hollow, key, real, sign, trust};
use crate::scene::Scene;

/// `ann` with the password `secret`.
const HTPASSWD: &str = "ann:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

/// A registry with a folder of its own. It ends with the test.
pub(super) struct Registry {
    child: Child,
    folder: TempDir,
    port: u16,
}

/// Who may do anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    ToAll,
    ToAnn,
    /// With a certificate of its own, which lies in its folder.
    WithTls,
}

impl Registry {
    /// None where there is no such program, which is said; where everything must be tried, that is a failure.
    pub(super) fn start(open: Open) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        // Somebody else may take the port in between.
        for _ in 0..10 {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let path = folder.path().display();
            let mut config = format!(
                "version: 0.1\nlog:\n  accesslog:\n    disabled: true\n  level: error\nstorage:\n  filesystem:\n    \
                 rootdirectory: {path}/data\nhttp:\n  addr: 127.0.0.1:{port}\n"
            );
            if open == Open::ToAnn {
                fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
                write!(config, "auth:\n  htpasswd:\n    realm: test\n    path: {path}/htpasswd\n").unwrap();
            }
            if open == Open::WithTls {
                certificate(folder.path());
                write!(config, "  tls:\n    certificate: {path}/cert.pem\n    key: {path}/key.pem\n")
                    .unwrap();
            }
            fs::write(folder.path().join("config.yml"), config).unwrap();
            let started = Process::new("docker-registry")
                .arg("serve")
                .arg(folder.path().join("config.yml"))
                .env("OTEL_TRACES_EXPORTER", "none")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let mut child = match started {
                Ok(child) => child,
                Err(error) => {
                    assert!(std::env::var_os("CI").is_none(), "docker-registry cannot be started: {error}");
                    eprintln!(
                        "skipped: docker-registry cannot be started ({error}): apt install docker-registry"
                    );
                    return None;
                }
            };
            let until = Instant::now() + Duration::from_mins(2);
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self { child, folder, port });
                }
                assert!(Instant::now() < until, "docker-registry does not listen");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        panic!("docker-registry finds no port");
    }

    pub(super) fn place(&self, rest: &str) -> String {
        format!("oci://127.0.0.1:{}/{rest}", self.port)
    }

    /// The file that has a blob.
    fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }

    /// The layers of a manifest that it has.
    fn layers(&self, manifest: &str) -> Vec<String> {
        let manifest: Value = serde_json::from_slice(&fs::read(self.blob(manifest)).unwrap()).unwrap();
        let layers = manifest["layers"].as_array().unwrap().iter();
        layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate for this machine that nobody else has signed, for two days.
fn certificate(folder: &Path) {
    let config = "[req]\ndistinguished_name = name\nx509_extensions = leaf\nprompt = no\n[name]\nCN = localhost\n[leaf]\n\
                  basicConstraints = critical, CA:FALSE\nsubjectAltName = DNS:localhost, IP:127.0.0.1\n";
    fs::write(folder.join("openssl.cnf"), config).unwrap();
    let made = Process::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-config", "openssl.cnf", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_release_is_pushed_by_tag_pulled_by_digest_and_pinned_by_it() {
    let Some(registry) = Registry::start(Open::ToAll) else { return };
    let scene = Scene::with_samples(&["design-tokens"]);
    let acme = key(&scene, "acme");
    let (old, new) = (real(&scene, "11.8.0"), real(&scene, "11.9.0"));
    for folder in [&old, &new] {
        sign(&scene, folder, "acme", &[]);
    }
    let place = registry.place("acme/platform:stable");
    let pushed = scene.json(["release", "push", text(&old), &place, "--plain-http"]);
    let digest = pushed["digest"].as_str().unwrap();
    let packed = scene.json(["release", "pack", text(&old), "-o", text(&scene.path("old.tar"))]);
    assert_eq!(packed["digest"], digest, "a packed file and a registry have the same digest");
    let manifest: Value = serde_json::from_slice(&fs::read(registry.blob(digest)).unwrap()).unwrap();
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");

    // From a registry nothing is taken in that no trusted key has signed.
    scene
        .prefab(["upgrade", &place, "--plain-http"])
        .assert()
        .code(1)
        .stderr(contains("is signed with the key").and(contains("prefab trust add")));
    trust(&scene, "acme", &acme);
    scene
        .prefab(["upgrade", &place, "--plain-http"])
        .assert()
        .success()
        .stderr(contains(format!("Fetched release 11.8.0 from {place}@{digest}")));
    let list = scene.json(["release", "list"]);
    assert_eq!(
        (&list[0]["origin"], &list[0]["origin-digest"], &list[0]["signed-by"]),
        (&place.as_str().into(), &digest.into(), &acme["id"])
    );

    // The tag is another release now. What is installed is what it was, and the digest still means the first.
    let moved = scene.json(["release", "push", text(&new), &place, "--plain-http"]);
    assert_ne!(moved["digest"], digest);
    scene.prefab(["prepare"]).assert().success();
    let pinned = registry.place(&format!("acme/platform@{digest}"));
    let summary = scene.json(["release", "pull", &pinned, "--install", "--plain-http"]);
    assert_eq!((&summary["version"], &summary["current"]), (&"11.8.0".into(), &true.into()));
    assert_eq!(scene.json(["release", "list"])[0]["origin-digest"], digest);

    let folder = scene.path("pulled");
    scene.prefab(["release", "pull", &place, "-o", text(&folder), "--plain-http"]).assert().success();
    for (file, bytes) in scene.files_within("vendor/11.9.0") {
        assert_eq!(fs::read(folder.join(&file)).unwrap(), bytes, "{}", file.display());
    }
    scene
        .prefab(["release", "pull", &place, "-o", text(&folder), "--plain-http"])
        .assert()
        .code(1)
        .stderr(contains("is there already"));
}

#[test]
fn a_version_is_the_tag_where_none_is_named_and_what_is_there_is_not_sent_again() {
    let Some(registry) = Registry::start(Open::ToAll) else { return };
    let scene = Scene::bare();
    let folder = hollow(&scene, "a", "11.9.0-rc.1+build");
    let place = registry.place("platform");
    let first = scene.json(["release", "push", text(&folder), &place, "--plain-http"]);
    assert_eq!(first["place"], registry.place("platform:11.9.0-rc.1_build"));
    assert_eq!(scene.json(["release", "push", text(&folder), &place, "--plain-http"]), first);
    scene
        .prefab(["release", "pull", &place, "-o", text(&scene.path("x")), "--plain-http"])
        .assert()
        .code(1)
        .stderr(contains("say which one is meant"));
    scene.prefab(["release", "inspect", &place, "--plain-http"]).assert().code(1);
}

#[test]
fn a_blob_that_was_changed_in_the_registry_is_refused_and_nothing_is_left() {
    let Some(registry) = Registry::start(Open::ToAll) else { return };
    let scene = Scene::empty();
    let folder = hollow(&scene, "a", "11.9.0");
    let place = registry.place("platform:1");
    let pushed = scene.json(["release", "push", text(&folder), &place, "--plain-http"]);
    let blob = registry.blob(&registry.layers(pushed["digest"].as_str().unwrap())[0]);
    let bytes = fs::read(&blob).unwrap();
    let mut changed = bytes.clone();
    changed[0] ^= 1;
    let longer = [&bytes[..], b"more"].concat();
    for (bytes, told) in [
        (&changed, "is not what it was"),
        (&longer, "it sends more than"),
        (&bytes[..5].to_vec(), "is not what it was"),
    ] {
        fs::write(&blob, bytes).unwrap();
        let to = scene.path("pulled");
        scene
            .prefab(["release", "pull", &place, "-o", text(&to), "--plain-http"])
            .assert()
            .code(1)
            .stderr(contains(told));
        scene
            .prefab(["release", "install", &place, "--allow-unsigned", "--plain-http"])
            .assert()
            .code(1)
            .stderr(contains(told));
        assert!(!to.exists());
    }
    assert_eq!(scene.json(["release", "list"]), serde_json::json!([]));
}

#[test]
fn a_registry_with_a_password_is_for_who_knows_it() {
    let Some(registry) = Registry::start(Open::ToAnn) else { return };
    let scene = Scene::bare();
    let folder = hollow(&scene, "a", "11.9.0");
    let place = registry.place("platform");
    let push = |name: Option<&str>, password: Option<&str>| {
        let mut command = scene.prefab(["release", "push", text(&folder), &place, "--plain-http"]);
        command.args(name.map(|name| format!("--username={name}")));
        if let Some(password) = password {
            command.env("PREFAB_REGISTRY_PASSWORD", password);
        }
        command.assert()
    };
    push(None, None).code(1).stderr(contains("wants to know who asks: give --username"));
    push(Some("ann"), None).code(1).stderr(contains("there is no password"));
    push(Some("ann"), Some("guess"))
        .code(1)
        .stderr(contains("does not let ann do this").and(contains("guess").not()));
    push(Some("ann"), Some("secret")).success();

    let to = scene.path("stdin");
    scene
        .prefab(["release", "pull", &format!("{place}:11.9.0"), "-o", text(&to), "--plain-http"])
        .args(["--username", "ann", "--password-stdin"])
        .write_stdin("secret\n")
        .assert()
        .success();
    // What `docker login` writes.
    let config = format!(r#"{{"auths": {{"127.0.0.1:{}": {{"auth": "YW5uOnNlY3JldA=="}}}}}}"#, registry.port);
    scene.write("docker/config.json", config);
    let to = scene.path("docker-login");
    scene
        .prefab(["release", "pull", &format!("{place}:11.9.0"), "-o", text(&to), "--plain-http"])
        .assert()
        .success();
    scene.write("docker/config.json", "{\"auths\": secret}");
    let to = scene.path("broken");
    scene
        .prefab(["release", "pull", &format!("{place}:11.9.0"), "-o", text(&to), "--plain-http"])
        .assert()
        .code(1)
        .stderr(contains("config.json cannot be used").and(contains("secret").not()));
}

#[test]
fn a_registry_with_a_certificate_of_its_own_is_for_who_has_that() {
    let Some(registry) = Registry::start(Open::WithTls) else { return };
    let scene = Scene::bare();
    let folder = hollow(&scene, "a", "11.9.0");
    let place = registry.place("platform");
    let certificate = registry.folder.path().join("cert.pem");
    scene
        .prefab(["release", "push", text(&folder), &place])
        .assert()
        .code(1)
        .stderr(contains("invalid peer certificate").and(contains("--ca-file")));
    scene
        .prefab(["release", "push", text(&folder), &place, "--ca-file", text(&folder.join("release.toml"))])
        .assert()
        .code(1)
        .stderr(contains("the certificates cannot be used"));
    let push = ["release", "push", text(&folder), &place, "--ca-file", text(&certificate)];
    scene.prefab(push).assert().success();
    let (from, to) = (format!("{place}:11.9.0"), scene.path("pulled"));
    let pull = ["release", "pull", &from, "-o", text(&to), "--ca-file", text(&certificate)];
    scene.prefab(pull).assert().success();
    assert_eq!(fs::read(to.join("sass.wasm")).unwrap(), fs::read(folder.join("sass.wasm")).unwrap());
}

#[test]
fn what_is_not_there_is_said_to_be_not_there() {
    let Some(registry) = Registry::start(Open::ToAll) else { return };
    let scene = Scene::bare();
    let folder = hollow(&scene, "a", "11.9.0");
    let pull = |place: &str, told: &str| {
        let to = scene.path("pulled");
        scene
            .prefab(["release", "pull", place, "-o", text(&to), "--plain-http"])
            .assert()
            .code(1)
            .stderr(contains(told));
    };
    pull(&registry.place("platform:11.9.0"), "has it been pushed, under this tag?");
    scene
        .prefab(["release", "push", text(&folder), &registry.place("platform"), "--plain-http"])
        .assert()
        .success();
    pull(&registry.place("platform:12.0.0"), "has it been pushed, under this tag?");
    let digest = format!("sha256:{}", "0".repeat(64));
    pull(&registry.place(&format!("platform@{digest}")), "has it been pushed, under this tag?");
    let away = registry.place("platform:11.9.0");
    drop(registry);
    pull(&away, "cannot reach the registry");
    // Without TLS only to this machine, unless somebody says so.
    scene
        .prefab(["release", "push", text(&folder), "oci://registry.invalid/platform", "--plain-http"])
        .assert()
        .code(1)
        .stderr(contains("is not on this machine"));
    scene
        .prefab(["release", "push", text(&folder), "oci://registry.invalid/platform"])
        .assert()
        .code(1)
        .stderr(contains("cannot reach the registry registry.invalid"));
    scene
        .prefab(["release", "push", text(&folder), "platform"])
        .assert()
        .code(2)
        .stderr(contains("which registry"));
}
