//! A browser without a window, and what a person does with one.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{PATIENCE, Scene, shop};

const ARGUMENTS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
const LOOK: Duration = Duration::from_millis(50);

/// Runs `body` with a browser that looks at this scene, in which nobody is signed in.
pub(crate) fn browse(scene: &Scene, body: impl AsyncFnOnce(&Browser)) {
    if !is_there() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let browser = Browser::start(&format!("http://{}", scene.socket())).await;
        body(&browser).await;
    });
}

/// Whether there is a browser. Says so if there is none, and where there must be one, fails.
pub(crate) fn is_there() -> bool {
    let missing: Vec<_> = ["chromium", "chromedriver"]
        .into_iter()
        .filter(|program| {
            let mut asked = Command::new(program);
            asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
            !asked.status().is_ok_and(|status| status.success())
        })
        .collect();
    if missing.is_empty() {
        return true;
    }
    let said =
        format!("skipped: {} cannot be run: install chromium and chromium-driver", missing.join(" and "));
    assert!(std::env::var_os("CI").is_none(), "{said}");
    eprintln!("{said}");
    false
}

/// The program that drives browsers. It and the browser end with this, also if a test fails.
struct Driver {
    child: Child,
    address: String,
    session: Option<String>,
}

impl Driver {
    fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok()
        });
        // It must not find nobody there when it says more.
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.expect("chromedriver tells its port");
        Self { child, address: format!("http://127.0.0.1:{port}"), session: None }
    }

    fn ask(&self, path: &str, body: &Value) -> Value {
        let session = self.session.as_deref().unwrap();
        let answer = ureq::post(format!("{}/session/{session}{path}", self.address)).send_json(body);
        let mut answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        answer.body_mut().read_json::<Value>().unwrap()["value"].clone()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            let _ = ureq::delete(format!("{}/session/{session}", self.address)).call();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser that looks at the console.
pub(crate) struct Browser {
    pub(crate) client: Client,
    console: String,
    driver: Driver,
    _profile: TempDir,
}

impl Browser {
    async fn start(console: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Driver::start();
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([folder.as_str()]).collect();
        let wanted = json!({"browserName": "chrome", "goog:chromeOptions": {"args": arguments}});
        let Value::Object(wanted) = wanted else { unreachable!() };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&driver.address)
            .await
            .expect("chromium starts");
        driver.session = client.session_id().await.unwrap();
        let browser = Self { client, console: console.to_owned(), driver, _profile: profile };
        browser.size(1280, 900);
        browser
    }

    /// Does what only the browser's own tools can.
    fn tools(&self, command: &str, parameters: &Value) -> Value {
        self.driver.ask("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Makes the window so large. That of a telephone behaves like one.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.tools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// As whoever prefers `light` or `dark`.
    pub(crate) fn prefers(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.tools("Emulation.setEmulatedMedia", &features);
    }

    /// Turns JavaScript off.
    pub(crate) fn without_script(&self) {
        self.tools("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    }

    /// Goes to a page of the console.
    pub(crate) async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.console)).await.unwrap();
    }

    /// Goes to the page of the shop, or what lies below it.
    pub(crate) async fn go_shop(&self, rest: &str) {
        self.go(&format!("/console{}", shop(rest))).await;
    }

    pub(crate) async fn sign_in(&self, token: &str) {
        self.go("/console/sign-in").await;
        self.find("#token").await.send_keys(token).await.unwrap();
        self.click("main button").await;
        self.until("signed in", "return !!document.querySelector('.who')").await;
    }

    pub(crate) async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).every(LOOK).for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// Presses something that may be replaced meanwhile.
    pub(crate) async fn click(&self, css: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.find(css).await.click().await {
                Ok(()) => return,
                Err(error) => assert!(Instant::now() < until, "{css} cannot be pressed: {error}"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Presses keys where the focus is.
    pub(crate) async fn press(&self, key: Key) {
        let active = self.client.active_element().await.unwrap();
        active.send_keys(&key.to_string()).await.unwrap();
    }

    /// What a script says.
    pub(crate) async fn ask(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// The text that is shown.
    pub(crate) async fn text(&self) -> String {
        self.ask("return document.body.innerText").await.as_str().unwrap().to_owned()
    }

    /// Waits until this script returns something true.
    pub(crate) async fn until(&self, what: &str, script: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            // While a page is being left, nothing can be asked.
            let answer = self.client.execute(script, vec![]).await;
            if answer.is_ok_and(|answer| answer != Value::Null && answer != false && answer != "") {
                return;
            }
            if Instant::now() > until {
                let said = self.text().await;
                unreachable!("{what} does not come to be: {said}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the page says this.
    pub(crate) async fn until_said(&self, text: &str) {
        let text = serde_json::to_string(text).unwrap();
        self.until(&text, &format!("return document.body.innerText.includes({text})")).await;
    }
}
