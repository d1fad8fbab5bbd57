//! An environment in a temporary folder, and the `prefab` that is pointed at it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command as Process, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;
use wait4::Wait4 as _;

/// The folder with the releases, which are built if need be.
pub(crate) fn releases() -> &'static Path {
    static RELEASES: OnceLock<PathBuf> = OnceLock::new();
    RELEASES.get_or_init(|| prefab_artifacts::releases().unwrap().into())
}

/// The folder with the sample modules.
fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sample/modules")
}

/// An environment.
pub(crate) struct Scene {
    temporary: TempDir,
}

impl Scene {
    /// A folder that is not an environment yet.
    pub(crate) fn bare() -> Self {
        Self { temporary: tempfile::tempdir().unwrap() }
    }

    /// An environment without modules.
    pub(crate) fn empty() -> Self {
        let scene = Self::bare();
        scene.prefab(["init", "--name", "acme"]).assert().success();
        scene
    }

    /// An environment with copies of these sample modules.
    pub(crate) fn with_samples(names: &[&str]) -> Self {
        let scene = Self::empty();
        for name in names {
            copy(&sample().join(name), &scene.path("modules").join(name));
            scene.prefab(["module", "add"]).arg(scene.path("modules").join(name)).assert().success();
        }
        scene
    }

    /// An environment with copies of all sample modules.
    pub(crate) fn with_all_samples() -> Self {
        let names: Vec<String> = fs::read_dir(sample())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        Self::with_samples(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Where something is in the environment.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.temporary.path().join(path)
    }

    /// Writes a file, with its folder.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Makes a module of one file and adds it.
    pub(crate) fn module(&self, name: &str, file: &str, text: impl AsRef<[u8]>) {
        self.write(&format!("modules/{name}/module.toml"), format!("name = \"{name}\"\n"));
        self.write(&format!("modules/{name}/{file}"), text);
        self.prefab(["module", "add"]).arg(self.path("modules").join(name)).assert().success();
    }

    /// A module whose compilation goes on until its fuel is used up, which takes a minute.
    pub(crate) fn endless_module(&self, name: &str) {
        self.module(name, "endless.scss", "@while true { $a: 1; }\n");
    }

    /// A copy of a release with its manifest changed.
    pub(crate) fn release(&self, version: &str, change: impl FnOnce(String) -> String) -> PathBuf {
        let folder = self.path("releases").join(version);
        copy(&releases().join(version), &folder);
        let manifest = folder.join("release.toml");
        fs::write(&manifest, change(fs::read_to_string(&manifest).unwrap())).unwrap();
        manifest
    }

    /// `prefab` on this environment.
    pub(crate) fn prefab<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        Command::from_std(self.process(arguments))
    }

    fn process<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Process {
        let mut process = Process::new(env!("CARGO_BIN_EXE_prefab"));
        process
            .args(arguments)
            .current_dir(self.temporary.path())
            .env("PREFAB_ENV", self.temporary.path())
            .env("PREFAB_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("native"))
            .env("USER", "operator")
            .env_remove("SUDO_USER")
            .env_remove("PREFAB_LOG")
            .env("DOCKER_CONFIG", self.temporary.path().join("docker"))
            .env_remove("PREFAB_REGISTRY_USERNAME")
            .env_remove("PREFAB_REGISTRY_PASSWORD")
            .env_remove("PREFAB_KEY_PASSWORD")
            .stdin(Stdio::null());
        process
    }

    /// Runs a command to its end, five minutes at most, and says what it took.
    pub(crate) fn measured<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Measured {
        let process = self.process(arguments);
        // A command that hangs is a fault to be found, not waited for.
        let mut timed = Process::new("timeout");
        timed
            .arg("300")
            .arg(process.get_program())
            .args(process.get_args())
            .current_dir(self.temporary.path());
        for (name, value) in process.get_envs() {
            match value {
                Some(value) => timed.env(name, value),
                None => timed.env_remove(name),
            };
        }
        // Into files: a pipe that is full would hold the process up.
        let (stdout, stderr) = (self.path("stdout"), self.path("stderr"));
        let child = timed
            .stdin(Stdio::null())
            .stdout(fs::File::create(&stdout).unwrap())
            .stderr(fs::File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        let end = child.wait4().unwrap();
        Measured {
            code: end.status.code(),
            stdout: fs::read_to_string(stdout).unwrap(),
            stderr: fs::read_to_string(stderr).unwrap(),
            peak: end.rusage.maxrss,
            cpu: (end.rusage.utime + end.rusage.stime).as_secs_f64(),
        }
    }

    /// What `prefab … --json` prints, whatever its exit code.
    pub(crate) fn json<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Value {
        let output = self.prefab(arguments).arg("--json").output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Upgrades to one of the releases and returns the exit code.
    pub(crate) fn upgrade(&self, version: &str) -> Option<i32> {
        let target = releases().join(version).into_os_string().into_string().unwrap();
        self.prefab(["upgrade", &target, "--priority", "normal"]).output().unwrap().status.code()
    }

    /// Starts a command in another process, whose output nobody sees.
    pub(crate) fn running<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Preparing {
        let null = || Stdio::null();
        let mut child = self.process(arguments).stdout(null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Preparing { child, stderr }
    }

    /// The files under a folder, by their paths within it.
    pub(crate) fn files_within(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(folder);
        let within = |path: PathBuf| path.strip_prefix(&root).unwrap().to_owned();
        self.files(folder).into_iter().map(|(path, bytes)| (within(path), bytes)).collect()
    }

    /// Starts a preparation in another process and returns when it is under way.
    pub(crate) fn preparing<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Preparing {
        let mut child =
            self.process(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut lines = String::new();
        while !lines.contains("We are now preparing your modules") {
            assert_ne!(stderr.read_line(&mut lines).unwrap(), 0, "it ended: {lines}");
        }
        Preparing { child, stderr }
    }

    /// Every file under a folder, links followed, with its bytes.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        files
    }
}

/// A command that has ended.
pub(crate) struct Measured {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The most memory that it had resident, in bytes.
    pub(crate) peak: u64,
    /// CPU time, in seconds.
    pub(crate) cpu: f64,
}

/// A preparation in another process. It is killed when the test ends.
pub(crate) struct Preparing {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Preparing {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.send(rustix::process::Signal::INT);
    }

    /// Whether it has not ended yet.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The exit code, if it ends within this time.
    pub(crate) fn ends_within(&mut self, time: Duration) -> Option<i32> {
        let until = Instant::now() + time;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets it stand still for so long, as a machine does that has other things to do.
    pub(crate) fn stands_still(&self, time: Duration) {
        self.stand_still();
        std::thread::sleep(time);
        self.send(rustix::process::Signal::CONT);
    }

    /// Lets it stand still for good.
    pub(crate) fn stand_still(&self) {
        self.send(rustix::process::Signal::STOP);
    }

    fn send(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// What a power failure does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The next line on standard error that says this.
    pub(crate) fn says(&mut self, what: &str) {
        let mut line = String::new();
        while !line.contains(what) {
            line.clear();
            assert_ne!(self.stderr.read_line(&mut line).unwrap(), 0, "it ended without {what:?}");
        }
    }

    /// Waits for the end and returns the exit code.
    pub(crate) fn ends(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Preparing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small file system over a folder, taken away at the end.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None if this user may not mount one, which is said.
    pub(crate) fn over(folder: &Path, size: &str) -> Option<Self> {
        let mounted = Process::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder)
            .output()
            .is_ok_and(|mounted| mounted.status.success());
        if !mounted {
            eprintln!("skipped: this user cannot mount a small file system");
        }
        mounted.then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Process::new("umount").arg(&self.0).status();
    }
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
