//! Registries that mean harm: a few lines of HTTP each, on loopback.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sha2::{Digest as _, Sha256};

use crate::scene::Scene;

/// What was asked for, with its headers.
#[derive(Debug, Clone)]
struct Asked {
    path: String,
    authorization: Option<String>,
}

/// A registry that answers as it is told.
struct Hostile {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hostile {
    fn start(answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let ends = Arc::new(AtomicBool::new(false));
        let thread = {
            let (asked, ends) = (Arc::clone(&asked), Arc::clone(&ends));
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    if ends.load(Ordering::Relaxed) {
                        return;
                    }
                    let mut stream = stream.unwrap();
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                    let Some(first) = lines.next() else { continue };
                    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                    let mut authorization = None;
                    for line in lines.take_while(|line| !line.is_empty()) {
                        if let Some((name, value)) = line.split_once(": ")
                            && name.eq_ignore_ascii_case("authorization")
                        {
                            authorization = Some(value.to_owned());
                        }
                    }
                    let question = Asked { path, authorization };
                    asked.lock().unwrap().push(question.clone());
                    answer(&question, &mut stream);
                }
            })
        };
        Self { port, asked, ends, thread: Some(thread) }
    }

    fn place(&self) -> String {
        format!("oci://127.0.0.1:{}/platform:1", self.port)
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes an answer; whoever asked may have gone away.
fn say(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let _ = write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(body);
}

/// Writes without end, until nobody reads.
fn pour(stream: &mut TcpStream, head: &str) {
    let _ = write!(stream, "HTTP/1.1 {head}\r\nconnection: close\r\n\r\n");
    let part = vec![b' '; 1 << 20];
    while stream.write_all(&part).is_ok() {}
}

/// Pulls, and returns what was told; little memory must do.
fn told(scene: &Scene, hostile: &Hostile) -> String {
    let to = scene.path("pulled");
    let place = hostile.place();
    let ended = scene.measured(["release", "pull", &place, "-o", to.to_str().unwrap(), "--plain-http"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(!to.exists());
    assert!(ended.peak < 400 << 20, "{} MiB", ended.peak >> 20);
    ended.stderr
}

#[test]
fn answers_without_end_are_cut_off_wherever_they_come() {
    let scene = Scene::bare();
    for (answer, expected) in [
        ((|_, stream| pour(stream, "200 OK")) as fn(&Asked, &mut TcpStream), "it sends more than"),
        (|_, stream| pour(stream, "500 Oops"), "with status 500"),
        (|_, stream| pour(stream, "200 OK\r\ncontent-length: 99999999999999"), "it sends more than"),
        (
            |asked, stream| match asked.path.as_str() {
                "/token?scope=repository:platform:pull" => pour(stream, "200 OK"),
                _ => say(stream, "401 Who\r\nwww-authenticate: Bearer realm=\"/token\"", b""),
            },
            "registry",
        ),
    ] {
        let hostile = Hostile::start(answer);
        let told = told(&scene, &hostile);
        assert!(told.contains(expected), "{expected}: {told}");
    }
}

#[test]
fn nobody_is_sent_in_circles_or_to_where_only_this_machine_gets() {
    let scene = Scene::bare();
    for (to, expected) in [
        ("/v2/platform/manifests/1", "it sends us from one place to the next"),
        ("http://169.254.169.254/latest/meta-data/", "in a more private network"),
        ("http://[fe80::1]/", "in a more private network"),
        ("file:///etc/passwd", "which is no address"),
        ("gopher://x", "where we do not go"),
        ("not an address", "it sends us to"),
    ] {
        let hostile =
            Hostile::start(move |_, stream| say(stream, &format!("307 There\r\nlocation: {to}"), b""));
        let told = told(&scene, &hostile);
        assert!(told.contains(expected), "{to}: {told}");
        assert!(hostile.asked().len() < 6);
    }
}

#[test]
fn a_password_is_sent_to_nobody_else() {
    let scene = Scene::bare();
    let other = Hostile::start(|_, stream| say(stream, "404 No", b""));
    let to = format!("http://127.0.0.1:{}/elsewhere", other.port);
    let registry = Hostile::start(move |asked, stream| match &asked.authorization {
        None => say(stream, "401 Who\r\nwww-authenticate: Basic realm=\"x\"", b""),
        Some(_) => say(stream, &format!("302 There\r\nlocation: {to}"), b""),
    });
    scene
        .prefab([
            "release",
            "pull",
            &registry.place(),
            "-o",
            scene.path("x").to_str().unwrap(),
            "--plain-http",
        ])
        .args(["--username", "ann"])
        .env("PREFAB_REGISTRY_PASSWORD", "secret")
        .assert()
        .code(1);
    let at_registry = registry.asked();
    assert_eq!(at_registry.last().unwrap().authorization.as_deref(), Some("Basic YW5uOnNlY3JldA=="));
    let elsewhere = other.asked();
    assert_eq!((elsewhere.len(), &elsewhere[0].authorization), (1, &None), "{elsewhere:?}");
}

#[test]
fn a_token_is_asked_for_this_repository_and_used() {
    let scene = Scene::bare();
    let hostile = Hostile::start(|asked, stream| {
        match (asked.path.as_str(), asked.authorization.as_deref()) {
            ("/token?scope=repository:platform:pull&service=it", None) => {
                say(stream, "200 OK", b"{\"token\": \"let-me-in\"}");
            }
            (_, Some("Bearer let-me-in")) => say(stream, "404 No", b""),
            _ => say(
                stream,
                "401 Who\r\nwww-authenticate: Bearer realm=\"/token\",service=\"it\",scope=\"repository:other:push\"",
                b"",
            ),
        }
    });
    assert!(told(&scene, &hostile).contains("has it been pushed"));
    assert_eq!(hostile.asked().len(), 3);
    // A token that would be two headers is none.
    let hostile = Hostile::start(|asked, stream| {
        if asked.path.starts_with("/token") {
            say(stream, "200 OK", b"{\"token\": \"a\\r\\nx-evil: b\"}");
        } else {
            say(stream, "401 Who\r\nwww-authenticate: Bearer realm=\"/token\"", b"");
        }
    });
    assert!(told(&scene, &hostile).contains("gives a token that is none"));
}

#[test]
fn what_a_manifest_says_is_not_believed() {
    const TITLE: &str = "org.opencontainers.image.title";
    let scene = Scene::bare();
    let digest = |bytes: &[u8]| {
        Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    let toml = format!(
        "version = \"1.0.0\"\nupgrades-from = \"*\"\n[[compiler]]\nname = \"c\"\ncomponent = \"c.wasm\"\ndigest = \"blake3:{}\"\nfiles = [\"**\"]\n",
        blake3::hash(b"good").to_hex()
    );
    let release = |title: &str, size: u64, blob: &[u8]| {
        serde_json::json!({
            "schemaVersion": 2,
            "artifactType": "application/vnd.prefab.release.v1",
            "config": {"mediaType": "application/vnd.prefab.release.config.v1+toml", "digest": digest(toml.as_bytes()), "size": toml.len()},
            "layers": [{"mediaType": "application/wasm", "digest": digest(blob), "size": size, "annotations": {TITLE: title}}],
        })
        .to_string()
    };
    for (manifest, blob, expected) in [
        (release("c.wasm", 4, b"evil"), &b"evil"[..], "is not the compiler that its release.toml means"),
        (release("c.wasm", 4, b"good"), b"evil", "is not what it was"),
        (release("c.wasm", 1 << 50, b"good"), b"good", "is the most"),
        (release("../../c.wasm", 4, b"good"), b"good", "cannot be a file"),
        (release("other.wasm", 4, b"good"), b"good", "it has no file c.wasm"),
        ("{}".to_owned(), b"", "cannot be read"),
        ("[".repeat(100_000), b"", "cannot be read"),
        ("{\"manifests\": []}".to_owned(), b"", "a list of several manifests"),
    ] {
        let (toml, blob) = (toml.clone(), blob.to_vec());
        let config = digest(toml.as_bytes());
        let asked = AtomicUsize::new(0);
        let hostile = Hostile::start(move |question, stream| {
            asked.fetch_add(1, Ordering::Relaxed);
            if question.path.contains("/manifests/") {
                say(stream, "200 OK", manifest.as_bytes());
            } else if question.path.contains(&config) {
                say(stream, "200 OK", toml.as_bytes());
            } else {
                say(stream, "200 OK", &blob);
            }
        });
        let told = told(&scene, &hostile);
        assert!(told.contains(expected), "{expected}: {told}");
    }
}

#[test]
fn a_registry_that_gives_another_release_than_the_pinned_one_is_found_out() {
    let scene = Scene::bare();
    let hostile = Hostile::start(|_, stream| say(stream, "200 OK", b"{}"));
    let place = format!("oci://127.0.0.1:{}/platform@sha256:{}", hostile.port, "0".repeat(64));
    let to = scene.path("x");
    scene
        .prefab(["release", "pull", &place, "-o", to.to_str().unwrap(), "--plain-http"])
        .assert()
        .code(1)
        .stderr(predicates::str::contains("is not what it was: its digest is sha256:"));
}
