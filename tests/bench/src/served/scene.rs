//! A server, a tenant, and modules that are enough work to be measured.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Plan;
use crate::scene::RELEASE;

/// Files of a module, and functions in each of them: some 25 KB of TypeScript a module.
const FILES: usize = 6;
const FUNCTIONS: usize = 40;

pub(crate) struct Scene {
    prefab: PathBuf,
    folder: PathBuf,
    release: PathBuf,
    modules: Vec<PathBuf>,
    server: Child,
    pub(crate) url: String,
    pub(crate) token: String,
    agent: ureq::Agent,
}

impl Scene {
    pub(crate) fn new(plan: &Plan<'_>) -> Result<Self> {
        let folder = plan.scratch.to_owned();
        let modules: Vec<PathBuf> =
            (0..plan.modules).map(|number| folder.join("modules").join(format!("m{number:05}"))).collect();
        for (number, module) in modules.iter().enumerate() {
            make_module(module, number)?;
        }
        let mut command = Command::new(plan.prefab);
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
        command.env("PREFAB_CACHE", folder.join("native")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut server = command.spawn().context("cannot start the server")?;
        let mut line = String::new();
        let out = server.stdout.take().context("the server has no standard output")?;
        BufReader::new(out).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line).context("the server did not say where it listens")?;
        let text =
            |name: &str| told[name].as_str().map(str::to_owned).context("the server did not say enough");
        let scene = Self {
            prefab: plan.prefab.to_owned(),
            release: plan.releases.join(RELEASE),
            url: text("listen")?,
            token: text("token")?,
            agent: ureq::Agent::config_builder().build().new_agent(),
            folder,
            modules,
            server,
        };
        scene.post("/tenants", &json!({"name": "bench"}))?;
        Ok(scene)
    }

    /// Prepares all modules in a new folder, and returns how many seconds that took.
    pub(crate) fn prepare_in_folder(&self, round: usize) -> Result<f64> {
        let env = self.folder.join(format!("folder-{round}"));
        self.run(&["init"], &[env.as_os_str()], None)?;
        let place = env.to_string_lossy().into_owned();
        self.add_modules(&["--env", &place])?;
        let ended = self.run(
            &["--env", &place, "--isolation", "process", "upgrade"],
            &[self.release.as_os_str()],
            None,
        )?;
        seconds(&ended)
    }

    /// Prepares all modules in a new environment of the server, and returns how many seconds that took.
    pub(crate) fn prepare_on_server(&self, name: &str) -> Result<f64> {
        let begun = self.begin(name)?;
        let at = format!("/tenants/bench/environments/{name}");
        loop {
            let ran = self.get(&format!("{at}/preparations/{begun}"))?;
            if ran["state"] == "done" {
                let time = |field: &str| {
                    let text = ran[field].as_str().context("a preparation without times")?;
                    let format = &time::format_description::well_known::Rfc3339;
                    Ok::<_, anyhow::Error>(time::OffsetDateTime::parse(text, format)?)
                };
                return Ok((time("finished_at")? - time("started_at")?).as_seconds_f64());
            }
            if ran["state"] != "running" {
                bail!("the preparation ended as {}", ran["state"]);
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Makes an environment with all modules, and starts preparing them. Returns the preparation's number.
    pub(crate) fn begin(&self, name: &str) -> Result<i64> {
        self.ready(name)?;
        let version = json!({"version": RELEASE});
        let begun = self.post(&format!("/tenants/bench/environments/{name}/upgrade"), &version)?;
        begun["preparation"].as_i64().context("no preparation began")
    }

    /// Makes an environment with all modules, and the release.
    pub(crate) fn ready(&self, name: &str) -> Result<()> {
        let place = format!("bench/{name}");
        self.run(&["--server", &self.url, "--env", &place, "init"], &[], Some(&self.token))?;
        self.add_modules(&["--server", &self.url, "--env", &place])?;
        let install = ["--server", &self.url, "--env", &place, "release", "install"];
        self.run(&install, &[self.release.as_os_str()], Some(&self.token))?;
        Ok(())
    }

    fn add_modules(&self, place: &[&str]) -> Result<()> {
        for some in self.modules.chunks(200) {
            let dirs: Vec<_> = some.iter().map(|dir| dir.as_os_str()).collect();
            self.run(&[place, &["module", "add"]].concat(), &dirs, Some(&self.token))?;
        }
        Ok(())
    }

    fn run(&self, arguments: &[&str], paths: &[&std::ffi::OsStr], token: Option<&str>) -> Result<Value> {
        let mut command = Command::new(&self.prefab);
        command.args(arguments).args(paths).args(["--json", "--quiet"]);
        command.env("PREFAB_CACHE", self.folder.join("native")).stdin(Stdio::null());
        command.env_remove("PREFAB_SERVER").env_remove("PREFAB_ENV");
        if let Some(token) = token {
            command.env("PREFAB_TOKEN", token);
        }
        let output = command.output().context("cannot start prefab")?;
        if !output.status.success() {
            bail!("prefab {arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let request = self.agent.get(format!("{}/api/v1{path}", self.url));
        Ok(request
            .header("authorization", format!("Bearer {}", self.token))
            .call()?
            .body_mut()
            .read_json()?)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(format!("{}/api/v1{path}", self.url));
        Ok(request
            .header("authorization", format!("Bearer {}", self.token))
            .send_json(body)?
            .body_mut()
            .read_json()?)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn seconds(ended: &Value) -> Result<f64> {
    ended["seconds"].as_f64().context("a preparation without its time")
}

/// A module that is like no other, so that each is compiled.
fn make_module(folder: &Path, number: usize) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("module.toml"), format!("name = \"m{number:05}\"\nentry = \"f0.ts\"\n"))?;
    for file in 0..FILES {
        let mut text = String::new();
        for function in 0..FUNCTIONS {
            let _ = write!(
                text,
                "export function f{function}(a: number, b: Array<string>): {{ sum: number; all?: string }} {{\n  \
                 const seen = new Map<string, number>();\n  for (const one of b) seen.set(one, (seen.get(one) ?? {number}) + a);\n  \
                 return {{ sum: [...seen.values()].reduce((x, y) => x + y, {file}), all: b.join(`${{a}}-{function}`) }};\n}}\n"
            );
        }
        fs::write(folder.join(format!("f{file}.ts")), text)?;
    }
    Ok(())
}
