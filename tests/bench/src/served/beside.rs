//! A busy web server on the same machine: how many requests a second it answers and how soon, alone and while a preparation runs on all
//! processors. It is a process of its own at ordinary priority; who asks it takes processor time as well, as a browser would not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use super::percentile;
use super::scene::Scene;

/// How long is asked each time.
const TIME: Duration = Duration::from_secs(10);
/// Connections that ask, each as fast as it is answered.
const CONNECTIONS: usize = 8;
/// What an answer costs: this many bytes are hashed, some 200 us.
const WORK: usize = 512 << 10;

#[derive(Debug, Serialize)]
pub(crate) struct Load {
    pub(crate) requests_per_second: f64,
    pub(crate) p99_ms: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Beside {
    /// With nothing beside it.
    pub(crate) alone: Load,
    /// While a preparation runs.
    pub(crate) during: Load,
}

/// Measures it alone, while a preparation runs, and alone once more: what it does alone is the mean of both.
pub(crate) fn measure(scene: &Scene) -> Result<Beside> {
    let web = Web::start()?;
    let before = web.load()?;
    let begun = scene.begin("beside-running")?;
    let during = web.load()?;
    let path = format!("/tenants/bench/environments/beside-running/preparations/{begun}");
    let running = scene.get(&path)?["state"] == "running";
    anyhow::ensure!(running, "the preparation was over too soon: measure with more modules");
    scene.post(&format!("{path}/cancel"), &serde_json::json!({}))?;
    let after = web.load()?;
    let mean = |one: f64, other: f64| f64::midpoint(one, other);
    let alone = Load {
        requests_per_second: mean(before.requests_per_second, after.requests_per_second),
        p99_ms: mean(before.p99_ms, after.p99_ms),
    };
    Ok(Beside { alone, during })
}

struct Web {
    process: Child,
    address: String,
}

impl Web {
    fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("web")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let out = process.stdout.take().context("the web server has no standard output")?;
        BufReader::new(out).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }

    fn load(&self) -> Result<Load> {
        let began = Instant::now();
        let ask = || -> Result<Vec<f64>> {
            let stream = TcpStream::connect(&self.address)?;
            stream.set_nodelay(true)?;
            let mut took = Vec::new();
            let mut answer = [0; 64];
            while began.elapsed() < TIME {
                let asked = Instant::now();
                (&stream).write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")?;
                (&stream).read_exact(&mut answer)?;
                took.push(asked.elapsed().as_secs_f64() * 1000.0);
            }
            Ok(took)
        };
        let mut took = thread::scope(|scope| {
            let askers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(ask)).collect();
            let mut all = Vec::new();
            for asker in askers {
                all.extend(asker.join().map_err(|_| anyhow::anyhow!("a connection panicked"))??);
            }
            Ok::<_, anyhow::Error>(all)
        })?;
        took.sort_by(f64::total_cmp);
        Ok(Load {
            requests_per_second: took.len() as f64 / began.elapsed().as_secs_f64(),
            p99_ms: percentile(&took, 99),
        })
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Is the web server, until it is killed: each request costs some computing and is answered with 64 bytes.
pub(crate) fn web() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        thread::spawn(move || -> Result<()> {
            let work = vec![7_u8; WORK];
            let mut reader = BufReader::new(stream.try_clone()?);
            let mut line = String::new();
            loop {
                line.clear();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                if line == "\r\n" {
                    let sum = blake3::hash(&work).as_bytes()[0];
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 20\r\nx: {sum:03}\r\n\r\n");
                    (&stream).write_all(format!("{head:.<64}").as_bytes())?;
                }
            }
        });
    }
    Ok(())
}
