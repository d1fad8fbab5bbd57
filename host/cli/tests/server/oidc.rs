//! Tokens of an OpenID Connect issuer, against one that runs in the test and signs with keys that openssl makes.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{Answer, Scene, Setting, until};

/// A key pair of some kind.
struct Pair {
    kid: &'static str,
    algorithm: &'static str,
    folder: TempDir,
}

impl Pair {
    fn new(kid: &'static str, algorithm: &'static str) -> Self {
        let how: &[&str] = match algorithm {
            "RS256" => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            "ES256" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            _ => &["-algorithm", "ED25519"],
        };
        let folder = tempfile::tempdir().unwrap();
        openssl(folder.path(), &[&["genpkey", "-out", "key"], how].concat());
        openssl(folder.path(), &["pkey", "-in", "key", "-pubout", "-outform", "DER", "-out", "public"]);
        Self { kid, algorithm, folder }
    }

    /// The public key as the issuer publishes it.
    fn published(&self) -> Value {
        let public = fs::read(self.folder.path().join("public")).unwrap();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match self.algorithm {
            "RS256" => {
                let modulus = openssl(self.folder.path(), &["rsa", "-in", "key", "-modulus", "-noout"]);
                let digits = String::from_utf8(modulus).unwrap();
                let digits = digits.trim().strip_prefix("Modulus=").unwrap();
                let modulus: Vec<u8> = (0..digits.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
                    .collect();
                json!({"kty": "RSA", "n": text(&modulus), "e": "AQAB"})
            }
            "ES256" => {
                let (x, y) = public[public.len() - 64..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
            _ => json!({"kty": "OKP", "crv": "Ed25519", "x": text(&public[public.len() - 32..])}),
        };
        key["kid"] = self.kid.into();
        key["use"] = "sig".into();
        key
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let folder = self.folder.path();
        fs::write(folder.join("message"), message).unwrap();
        match self.algorithm {
            "EdDSA" => openssl(folder, &["pkeyutl", "-sign", "-inkey", "key", "-rawin", "-in", "message"]),
            "RS256" => openssl(folder, &["dgst", "-sha256", "-sign", "key", "message"]),
            _ => raw(&openssl(folder, &["dgst", "-sha256", "-sign", "key", "message"])),
        }
    }

    fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}), claims)
    }

    fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

/// The two numbers of a signature, which openssl writes as DER.
fn raw(der: &[u8]) -> Vec<u8> {
    let (length, rest) = (usize::from(der[3]), &der[4..]);
    let numbers = [&rest[..length], &rest[length + 2..]];
    numbers
        .iter()
        .flat_map(|number| {
            let number = &number[number.len().saturating_sub(32)..];
            [vec![0; 32 - number.len()], number.to_vec()].concat()
        })
        .collect()
}

fn openssl(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Serves the two documents of an issuer.
struct Issuer {
    address: String,
    keys: Arc<Mutex<Vec<Value>>>,
    /// How often its keys were asked for.
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    fn new(keys: &[&Pair]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(keys.iter().map(|pair| pair.published()).collect::<Vec<_>>()));
        let asked = Arc::new(AtomicUsize::new(0));
        let issuer = Self { address: address.clone(), keys: Arc::clone(&keys), asked: Arc::clone(&asked) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                answer(&stream, &address, &keys, &asked);
            }
        });
        issuer
    }

    fn scene(&self, more: &[&str]) -> Scene {
        let flags = [&["--oidc-issuer", &self.address, "--oidc-audience", "prefab"], more].concat();
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let scene = Scene::with(Setting { flags, ..Setting::default() });
        let all = scene.administrator();
        for tenant in ["acme", "other"] {
            all.post("/tenants", &json!({"name": tenant})).expect(201);
            all.post(&format!("/tenants/{tenant}/environments"), &json!({"name": "shop"})).expect(201);
        }
        scene
    }

    fn claims(&self, tenant: &str, scope: &str) -> Value {
        json!({
            "iss": self.address, "aud": "prefab", "sub": "ann", "iat": now(), "exp": now() + 600,
            "prefab": {"tenant": tenant, "scope": scope},
        })
    }
}

fn answer(mut stream: &TcpStream, address: &str, keys: &Mutex<Vec<Value>>, asked: &AtomicUsize) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    for _ in lines.take_while(|line| !line.is_empty()) {}
    let document = if first.contains(" /.well-known/openid-configuration ") {
        json!({"issuer": address, "jwks_uri": format!("{address}/keys")})
    } else {
        asked.fetch_add(1, Ordering::SeqCst);
        json!({"keys": *keys.lock().unwrap()})
    };
    let body = document.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn environments(scene: &Scene, token: &str, tenant: &str) -> Answer {
    scene.client(Some(token)).get(&format!("/tenants/{tenant}/environments"))
}

#[test]
fn tokens_of_each_kind_of_key_are_good_for_what_they_say_and_no_more() {
    let pairs = [Pair::new("rsa", "RS256"), Pair::new("ec", "ES256"), Pair::new("ed", "EdDSA")];
    let issuer = Issuer::new(&pairs.each_ref());
    let scene = issuer.scene(&[]);
    for pair in &pairs {
        let token = pair.token(&issuer.claims("acme", "read"));
        assert_eq!(environments(&scene, &token, "acme").expect(200).json(), json!(["shop"]));
        let ann = scene.client(Some(&token));
        // The same as for what is not there.
        let other = ann.get("/tenants/other/environments").refused(404, "not-found");
        assert_eq!(other, ann.get("/tenants/nobody/environments").refused(404, "not-found"));
        ann.post("/tenants/acme/environments", &json!({"name": "new"})).refused(403, "forbidden");
        ann.get("/tenants").refused(403, "forbidden");
        ann.ask("GET", "/metrics", &[], b"").refused(403, "forbidden");
    }
    let boss = scene.client(Some(&pairs[0].token(&issuer.claims("acme", "administer"))));
    boss.post("/tenants/acme/environments", &json!({"name": "new"})).expect(201);
    boss.post("/tenants", &json!({"name": "third"})).refused(403, "forbidden");
    let log = boss.get("/tenants/acme/audit").expect(200).json();
    let entry =
        log.as_array().unwrap().iter().find(|entry| entry["status"] == 201 && entry["token"].is_null());
    assert_eq!(entry.unwrap()["who"], format!("ann@{}", issuer.address), "{log}");
}

#[test]
fn what_is_not_good_is_refused() {
    let (pair, stranger) = (Pair::new("rsa", "RS256"), Pair::new("rsa", "RS256"));
    let issuer = Issuer::new(&[&pair]);
    let scene = issuer.scene(&[]);
    let good = issuer.claims("acme", "administer");
    environments(&scene, &pair.token(&good), "acme").expect(200);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        pair.token(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        pair.token(&claims)
    };
    let header = |header: Value| pair.token_with(&header, &good);
    let unsigned = format!("{}.{}.", part(&json!({"alg": "none", "kid": "rsa"})), part(&good));
    let signed = pair.token(&good);
    let (message, signature) = signed.rsplit_once('.').unwrap();
    let raised = format!("{}.{}.{signature}", part(&json!({"alg": "RS256", "kid": "rsa"})), part(&good));
    for (what, token) in [
        ("no signature", unsigned),
        ("an empty signature", format!("{message}.")),
        ("the signature of another message", raised),
        ("another's key of the same name", stranger.token(&good)),
        ("HMAC with the public key, as PEM", hmac(&pair, true, &good)),
        ("HMAC with the public key, as DER", hmac(&pair, false, &good)),
        ("another algorithm", header(json!({"alg": "RS512", "kid": "rsa"}))),
        ("no name of a key", header(json!({"alg": "RS256"}))),
        ("a key that is not the issuer's", header(json!({"alg": "RS256", "kid": "other"}))),
        (
            "a critical extension",
            header(json!({"alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": false})),
        ),
        ("another audience", with("aud", json!("other"))),
        ("other audiences", with("aud", json!(["a", "b"]))),
        ("another issuer", with("iss", json!("https://id.example"))),
        ("expired", with("exp", json!(now() - 3600))),
        ("not yet", with("nbf", json!(now() + 3600))),
        ("no end", without("exp")),
        ("no audience", without("aud")),
        ("no issuer", without("iss")),
        ("nobody", without("sub")),
        ("no rights", without("prefab")),
        ("no scope", with("prefab", json!({"tenant": "acme"}))),
        ("the whole server", with("prefab", json!({"scope": "administer"}))),
        ("another scope", with("prefab", json!({"tenant": "acme", "scope": "everything"}))),
        ("no token", "a.b.c".to_owned()),
        ("too long", format!("{signed}{}", "A".repeat(20_000))),
    ] {
        let problem = environments(&scene, &token, "acme");
        assert_eq!(problem.status, 401, "{what}: {}", problem.text());
        problem.refused(401, "unauthenticated");
    }
    // Several audiences, of which this is one.
    environments(&scene, &with("aud", json!(["other", "prefab"])), "acme").expect(200);
}

/// A token that is signed with the public key as if it were a shared secret.
fn hmac(pair: &Pair, pem: bool, claims: &Value) -> String {
    let folder = pair.folder.path();
    let der = fs::read(folder.join("public")).unwrap();
    let secret = if pem {
        let text =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
        text.into_bytes()
    } else {
        der
    };
    let message = format!("{}.{}", part(&json!({"alg": "HS256", "kid": pair.kid})), part(claims));
    fs::write(folder.join("message"), &message).unwrap();
    let digits = secret.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    let key = format!("hexkey:{digits}");
    let code = openssl(folder, &["dgst", "-sha256", "-mac", "HMAC", "-macopt", &key, "-binary", "message"]);
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(code))
}

#[test]
fn a_new_key_of_the_issuer_is_fetched_but_not_at_everybody_s_wish() {
    let (first, second) = (Pair::new("first", "ES256"), Pair::new("second", "ES256"));
    let issuer = Issuer::new(&[&first]);
    let scene = issuer.scene(&[]);
    until(|| issuer.asked.load(Ordering::SeqCst) == 1);
    let claims = issuer.claims("acme", "read");
    environments(&scene, &first.token(&claims), "acme").expect(200);
    *issuer.keys.lock().unwrap() = vec![second.published()];
    for number in 0..50 {
        let made_up =
            second.token_with(&json!({"alg": "ES256", "kid": format!("made-up-{number}")}), &claims);
        environments(&scene, &made_up, "acme").refused(401, "unauthenticated");
    }
    assert!(issuer.asked.load(Ordering::SeqCst) <= 3, "each made-up name must not be a question");
    until(|| environments(&scene, &second.token(&claims), "acme").status == 200);
    environments(&scene, &first.token(&claims), "acme").refused(401, "unauthenticated");
}

#[test]
fn an_event_stream_ends_with_the_token() {
    let pair = Pair::new("ec", "ES256");
    let issuer = Issuer::new(&[&pair]);
    let scene = issuer.scene(&[]);
    let mut claims = issuer.claims("acme", "read");
    // It is taken for some time after its end, since clocks differ.
    claims["exp"] = (now() - 10).into();
    let ann = scene.client(Some(&pair.token(&claims)));
    let (status, _, mut body) = ann.open("GET", "/api/v1/tenants/acme/environments/shop/events", &[], b"");
    assert_eq!(status, 200);
    assert!(body.read_to_string().unwrap().contains("event: status"));
}

#[test]
fn claims_may_have_other_names() {
    let pair = Pair::new("ec", "ES256");
    let issuer = Issuer::new(&[&pair]);
    let flags = ["--oidc-tenant-claim", "https://example.org/tenant", "--oidc-scope-claim", "/roles/prefab"];
    let scene = issuer.scene(&flags);
    let mut claims = issuer.claims("other", "administer");
    claims["https://example.org/tenant"] = "acme".into();
    claims["roles"] = json!({"prefab": "read"});
    let token = pair.token(&claims);
    environments(&scene, &token, "acme").expect(200);
    environments(&scene, &token, "other").refused(404, "not-found");
}

#[test]
fn an_issuer_that_is_away_keeps_nobody_else_out() {
    let pair = Pair::new("ec", "ES256");
    let mut issuer = Issuer::new(&[&pair]);
    // Nobody listens there.
    issuer.address = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let scene = issuer.scene(&[]);
    environments(&scene, &pair.token(&issuer.claims("acme", "read")), "acme").refused(401, "unauthenticated");
    until(|| scene.log().contains("the issuer's keys cannot be fetched"));
}

#[test]
fn an_issuer_that_anybody_can_stand_in_for_is_refused() {
    let said = Scene::refused(&["--oidc-issuer", "http://id.example", "--oidc-audience", "prefab"]);
    assert!(said.contains("it must be an https:// address"), "{said}");
    let said = Scene::refused(&["--oidc-issuer", "https://id.example"]);
    assert!(said.contains("--oidc-audience"), "{said}");
}
