//! TLS, with certificates that openssl makes and a client that verifies them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::scene::{PATIENCE, Scene, Setting, until};

/// A root, and a server's certificate that it signed.
pub(crate) struct Authority {
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::valid_for(30)
    }

    /// The server's certificate is valid for so many days from now.
    fn valid_for(days: i32) -> Self {
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let root = ["-x509", "-keyout", "root.key", "-out", "root.pem", "-days", "30", "-subj", "/CN=root"];
        authority.openssl("req", &[&key[..], &root].concat());
        let alternative = "subjectAltName=IP:127.0.0.1";
        let request =
            ["-keyout", "key.pem", "-out", "request", "-subj", "/CN=prefab", "-addext", alternative];
        authority.openssl("req", &[&key[..], &request].concat());
        let (days, signed) = (days.to_string(), ["-in", "request", "-out", "cert.pem", "-req"]);
        let by = ["-CA", "root.pem", "-CAkey", "root.key", "-copy_extensions", "copy", "-days", &days];
        authority.openssl("x509", &[&signed[..], &by].concat());
        authority
    }

    fn openssl(&self, command: &str, arguments: &[&str]) {
        let output = Command::new("openssl")
            .arg(command)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("openssl is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn flags(&self) -> Vec<String> {
        let path = |name| self.file(name).to_str().unwrap().to_owned();
        vec!["--tls-cert".to_owned(), path("cert.pem"), "--tls-key".to_owned(), path("key.pem")]
    }

    fn scene(&self) -> Scene {
        let root = Some(self.file("root.pem"));
        Scene::with(Setting { flags: self.flags(), root, ..Setting::default() })
    }

    /// Takes over the certificate and the key of another, each in one step.
    fn become_like(&self, other: &Self) {
        for name in ["key.pem", "cert.pem"] {
            let new = self.file("new");
            fs::copy(other.file(name), &new).unwrap();
            fs::rename(new, self.file(name)).unwrap();
        }
    }
}

fn refused(certificate: &Path, key: &Path) -> String {
    Scene::refused(&["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()])
}

#[test]
fn a_client_that_trusts_the_root_is_served() {
    let authority = Authority::new();
    let scene = authority.scene();
    let all = scene.administrator();
    let answer = all.get("/tenants").expect(200);
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    all.post("/tenants", &json!({"name": "acme"})).expect(201);
    let stranger = Authority::new();
    let wary = scene.client_that_trusts(None, Some(&stranger.file("root.pem")));
    assert!(!wary.reaches("/healthz"), "whoever trusts another root is not to be taken in");
    for (version, ok) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false)] {
        let agreed = Command::new("openssl")
            .args(["s_client", "-connect", scene.socket(), version, "-alpn", "h2,http/1.1"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&agreed.stdout);
        assert_eq!(told.contains("ALPN protocol: http/1.1"), ok, "{version}: {told}");
    }
}

#[test]
fn who_speaks_plain_http_is_told_to_speak_https() {
    let authority = Authority::new();
    let scene = authority.scene();
    let mut plain = TcpStream::connect(scene.socket()).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: prefab\r\nauthorization: Bearer secret\r\n\r\n")
        .unwrap();
    plain.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 ") && head.contains(&format!("content-length: {}", text.len())));
    assert_eq!(text, "This port speaks HTTPS: ask with https://...\n");
}

#[test]
fn who_does_not_speak_is_hung_up_on() {
    let authority = Authority::new();
    let scene = authority.scene();
    let mut silent = TcpStream::connect(scene.socket()).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_new_certificate_is_taken_and_nobody_is_cut_off() {
    let (authority, second, third) = (Authority::new(), Authority::new(), Authority::new());
    let mut scene = authority.scene();
    let all = scene.administrator();
    all.post("/tenants", &json!({"name": "acme"})).expect(201);
    all.post("/tenants/acme/environments", &json!({"name": "shop"})).expect(201);
    let events = "/api/v1/tenants/acme/environments/shop/events";
    let (status, _, mut stream) = all.open("GET", events, &[], b"");
    assert_eq!(status, 200);
    let mut stream = stream.as_reader();
    stream.read_exact(&mut [0]).unwrap();

    // By itself, and when asked.
    for (other, signal) in [(&second, None), (&third, Some(Signal::HUP))] {
        authority.become_like(other);
        if let Some(signal) = signal {
            scene.signal(signal);
        }
        until(|| scene.client_that_trusts(None, Some(&other.file("root.pem"))).reaches("/healthz"));
        assert!(!scene.client(None).reaches("/healthz"), "new connections have the new certificate");
    }
    assert_eq!(scene.terminate(), Some(0));
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    assert!(told.contains("vent: status"), "{told}");
}

#[test]
fn a_new_certificate_that_cannot_be_used_is_left_alone() {
    let (authority, other) = (Authority::new(), Authority::new());
    let scene = authority.scene();
    fs::copy(other.file("key.pem"), authority.file("key.pem")).unwrap();
    until(|| scene.log().contains("the certificate that was in use stays in use"));
    assert!(scene.log().contains("does not belong to the first certificate"), "{}", scene.log());
    assert!(scene.client(None).reaches("/healthz"));
}

#[test]
fn what_cannot_be_used_is_said_at_the_start() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (certificate, key) = (authority.file("cert.pem"), authority.file("key.pem"));
    for (certificate, key, told) in [
        (&authority.file("nothing"), &key, "cannot read"),
        (&key, &key, "there is no certificate in"),
        (&certificate, &certificate, "there is no private key in"),
        (&certificate, &other.file("key.pem"), "does not belong to the first certificate"),
    ] {
        let said = refused(certificate, key);
        assert!(said.contains(told), "{told}: {said}");
    }
    let half = Scene::refused(&["--tls-cert", certificate.to_str().unwrap()]);
    assert!(half.contains("--tls-key"), "{half}");
}

#[test]
fn an_expired_certificate_is_warned_of() {
    let scene = Authority::valid_for(-1).scene();
    assert!(scene.log().contains("the certificate has expired"), "{}", scene.log());
}

#[test]
fn plain_http_for_other_machines_is_warned_of() {
    let flags = vec!["--listen".to_owned(), "0.0.0.0:0".to_owned()];
    let scene = Scene::with(Setting { flags, ..Setting::default() });
    assert!(
        scene.log().contains("warning: this server speaks plain HTTP to other machines"),
        "{}",
        scene.log()
    );
    assert!(!Scene::new().log().contains("plain HTTP"));
}
