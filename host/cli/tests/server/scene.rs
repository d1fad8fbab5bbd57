//! A server in a temporary folder, and the clients that ask it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, Body};

/// Nothing that a test waits for may take longer. The first that sends a release waits for native code to be made of its compilers.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// A data directory, with the server on it while one runs.
pub(crate) struct Scene {
    folder: TempDir,
    server: Option<Child>,
    address: String,
    administrator: String,
    /// How else it is started.
    pub(crate) setting: Setting,
}

/// Flags and variables for the server, and whom its clients trust.
#[derive(Clone, Default)]
pub(crate) struct Setting {
    pub(crate) flags: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
    /// The root of the server's certificate.
    pub(crate) root: Option<PathBuf>,
}

impl Scene {
    /// A new server without tenants.
    pub(crate) fn new() -> Self {
        Self::with(Setting::default())
    }

    /// The same, started with flags.
    pub(crate) fn with_options(flags: &[&str]) -> Self {
        let flags = flags.iter().map(ToString::to_string).collect();
        Self::with(Setting { flags, ..Setting::default() })
    }

    /// The same, started in another way.
    pub(crate) fn with(setting: Setting) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (address, administrator) = (String::new(), String::new());
        let mut scene = Self { folder, server: None, address, administrator, setting };
        scene.start();
        scene
    }

    /// A new server with both sample releases, that is told this besides.
    pub(crate) fn with_releases(options: &[&str]) -> Self {
        let scene = Self::with_options(options);
        scene.send_releases();
        scene
    }

    fn send_releases(&self) {
        for version in ["11.8.0", "11.9.0"] {
            self.send_release(version);
        }
    }

    /// Sends one of the sample releases.
    pub(crate) fn send_release(&self, version: &str) {
        self.administrator().send("POST", "/releases", &tar_of(&sample_release(version))).expect(201);
    }

    /// A new server with the tenant `acme`, which has the environment `shop` and both sample releases.
    pub(crate) fn with_shop() -> Self {
        Self::with_shop_and(Setting::default())
    }

    /// The same, started in another way.
    pub(crate) fn with_shop_and(setting: Setting) -> Self {
        let scene = Self::with(setting);
        let all = scene.administrator();
        all.post("/tenants", &json!({"name": "acme"})).expect(201);
        all.post("/tenants/acme/environments", &json!({"name": "shop"})).expect(201);
        scene.send_releases();
        scene
    }

    /// Starts the server, and returns when it listens.
    pub(crate) fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut server = self
            .command(&["serve", "--json", "--log-format", "json"])
            .args(&self.setting.flags)
            .args(if self.setting.flags.iter().any(|flag| flag == "--listen") {
                &[][..]
            } else {
                &["--listen", "127.0.0.1:0"]
            })
            .envs(self.setting.variables.iter().map(|(name, value)| (name, value)))
            .env("PREFAB_LOG", "info,prefab_server=debug")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {}", self.log()));
        self.server = Some(server);
        told["listen"].as_str().unwrap().clone_into(&mut self.address);
        if let Some(token) = told["token"].as_str() {
            token.clone_into(&mut self.administrator);
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_prefab"));
        command
            .args(arguments)
            .arg("--data")
            .arg(self.folder.path().join("data"))
            .env("PREFAB_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("native"))
            .env_remove("PREFAB_LOG")
            .env_remove("PREFAB_ENV")
            .stdin(Stdio::null());
        command
    }

    /// What `prefab token … --json` prints.
    pub(crate) fn token_command(&self, arguments: &[&str]) -> Value {
        let output = self.command(&[&["token"], arguments, &["--json"]].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a server with these flags says before it ends, because it cannot be started so.
    pub(crate) fn refused(flags: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_prefab"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .args(flags)
            .env_remove("PREFAB_LOG")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    /// `prefab trust …` for this server.
    pub(crate) fn trust_command(&self, arguments: &[&str]) {
        let output = self.command(&[&["trust"], arguments].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// What a second server on the same data directory says before it ends.
    pub(crate) fn second_server(&self) -> String {
        let output = self.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    /// Kills the server, as the kernel does when memory runs out.
    pub(crate) fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Sends the server a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(self.server.as_ref().unwrap());
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Asks the server to end, and returns its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        let mut server = self.server.take().unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = server.try_wait().unwrap() {
                return status.code();
            }
            if Instant::now() > until {
                server.kill().unwrap();
                panic!("it does not end: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }

    /// Something in the data directory.
    pub(crate) fn data(&self, path: &str) -> PathBuf {
        self.folder.path().join("data").join(path)
    }

    /// Where the server listens, as `address:port`.
    pub(crate) fn socket(&self) -> &str {
        self.address.split_once("://").unwrap().1
    }

    /// Who may do everything.
    pub(crate) fn administrator(&self) -> Client {
        self.client(Some(&self.administrator))
    }

    /// Who shows this token, or none.
    pub(crate) fn client(&self, token: Option<&str>) -> Client {
        self.client_that_trusts(token, self.setting.root.as_deref())
    }

    /// The same, with certificates of this root alone.
    pub(crate) fn client_that_trusts(&self, token: Option<&str>, root: Option<&Path>) -> Client {
        let mut agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0);
        if let Some(root) = root {
            let root = ureq::tls::Certificate::from_pem(&fs::read(root).unwrap()).unwrap();
            let roots = ureq::tls::RootCerts::new_with_certs(&[root]);
            agent = agent.tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build());
        }
        let agent = agent.build();
        Client { agent: agent.into(), address: self.address.clone(), token: token.map(str::to_owned) }
    }

    /// A new token of a tenant with this scope.
    pub(crate) fn token(&self, tenant: &str, scope: &str) -> String {
        let wanted = json!({"name": scope, "scope": scope});
        let made = self.administrator().post(&format!("/tenants/{tenant}/tokens"), &wanted).expect(201);
        made.json()["token"].as_str().unwrap().to_owned()
    }

    /// Adds a module of one file to the shop.
    pub(crate) fn module(&self, name: &str, file: &str, text: &str) {
        let tar = tar(&[("module.toml", &format!("name = \"{name}\"\n")), (file, text)]);
        self.administrator()
            .send("PUT", &shop(&format!("/modules/{}", name.replace('/', "%2F"))), &tar)
            .expect(200);
    }

    /// Prepares the shop with a platform version, and returns when it is through.
    pub(crate) fn upgrade(&self, version: &str) {
        let all = self.administrator();
        let begun = all.post(&shop("/upgrade"), &json!({"version": version})).expect(202).json();
        self.through(&begun["preparation"]);
    }

    /// Waits until a preparation is over, and has let go of the environment.
    pub(crate) fn through(&self, preparation: &Value) {
        let all = self.administrator();
        until(|| {
            let status = all.get(&shop("")).expect(200).json();
            let ran = all.get(&shop(&format!("/preparations/{preparation}"))).expect(200).json();
            status["holder"].is_null() && status["rehearsal"].is_null() && !ran["finished_at"].is_null()
        });
    }

    /// A shop on 11.8.0 with the module `money` prepared, and a preparation that runs and will not end for hours, however busy the
    /// machine is meanwhile.
    pub(crate) fn preparing() -> (Self, Value) {
        let scene = Self::with_shop();
        for (limit, value) in [("fuel", "100T"), ("deadline", "3h")] {
            let change = json!({"key": format!("limits.{limit}"), "value": value});
            scene.administrator().send_json("PATCH", &shop("/config"), &[], &change).expect(200);
        }
        scene.module("money", "index.ts", "export const euro: number = 1;\n");
        scene.upgrade("11.8.0");
        scene.module("endless", "endless.scss", "@while true { $a: 1; }\n");
        let begun = scene.administrator().post(&shop("/preparations"), &json!({})).expect(202).json();
        (scene, begun["preparation"].clone())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// A path under the environment `shop` of `acme`.
pub(crate) fn shop(rest: &str) -> String {
    format!("/tenants/acme/environments/shop{rest}")
}

/// Returns when this is so, and panics if it does not come to be.
pub(crate) fn until(so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "it does not come to be");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The folder of a sample release.
pub(crate) fn sample_release(version: &str) -> PathBuf {
    prefab_artifacts::releases().unwrap().join(version).into_std_path_buf()
}

/// A tar of these files.
pub(crate) fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

pub(crate) fn tar_of(folder: &Path) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_dir_all(".", folder).unwrap();
    tar.into_inner().unwrap()
}

/// Somebody who asks the server.
pub(crate) struct Client {
    agent: Agent,
    address: String,
    token: Option<String>,
}

impl Client {
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", &format!("/api/v1{path}"), &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send_json("POST", path, &[], body)
    }

    pub(crate) fn send_json(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        self.ask(method, &format!("/api/v1{path}"), &headers, body.to_string().as_bytes())
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.ask(method, &format!("/api/v1{path}"), &[], body)
    }

    /// Asks for anything, and reads the whole answer.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let (status, headers, mut read) = self.open(method, path, headers, body);
        let body = read.with_config().limit(1 << 30).read_to_vec().unwrap();
        Answer { status, headers, body, asked: format!("{method} {path}") }
    }

    /// Whether an answer comes at all.
    pub(crate) fn reaches(&self, path: &str) -> bool {
        self.agent.get(format!("{}{path}", self.address)).call().is_ok()
    }

    /// Asks, and leaves the answer to be read.
    pub(crate) fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, HeaderMap, Body) {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let asked = if body.is_empty() {
            self.agent.configure_request(request.body(()).unwrap()).allow_non_standard_methods(true).build()
        } else {
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let request = Request::from_parts(parts, body);
            let answered = self.agent.run(request).unwrap();
            let (parts, body) = answered.into_parts();
            return (parts.status.as_u16(), parts.headers, body);
        };
        let (parts, body) = self.agent.run(asked).unwrap().into_parts();
        (parts.status.as_u16(), parts.headers, body)
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    asked: String,
}

impl Answer {
    /// The answer to a request for a stream: its body is read only if it is not one.
    pub(crate) fn of_stream(status: u16, headers: HeaderMap, mut body: Body) -> Self {
        let body = if status == 200 { Vec::new() } else { body.read_to_vec().unwrap() };
        Self { status, headers, body, asked: "a stream".to_owned() }
    }

    /// Whether what was not found is a thing within what the caller may see.
    pub(crate) fn is_about_a_name(&self) -> bool {
        self.status == 404 && !self.asked.ends_with("shop")
    }

    /// Panics unless this is the status.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text());
        self
    }

    /// Panics unless this is the status, and it is a problem document with this code.
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem.header("content-type"), "application/problem+json");
        let document = problem.json();
        assert_eq!(document["code"], code, "{document}");
        assert_eq!(document["status"], status);
        document
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
