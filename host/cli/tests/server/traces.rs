//! Traces, as a collector gets them: one that runs in the test and reads what OTLP says.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::json;
use tempfile::TempDir;

use crate::scene::{PATIENCE, Scene, Setting, shop, until};

struct Collector {
    address: String,
    spans: Arc<Mutex<Vec<Span>>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self { address, spans: Arc::default(), bytes: Arc::default() };
        let (spans, bytes) = (Arc::clone(&collector.spans), Arc::clone(&collector.bytes));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let body = receive(&stream);
                let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
                for resource in request.resource_spans {
                    let attributes = resource.resource.unwrap().attributes;
                    assert!(
                        attributes.iter().any(|attribute| attribute.key == "service.name"),
                        "{attributes:?}"
                    );
                    spans
                        .lock()
                        .unwrap()
                        .extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
                }
                bytes.lock().unwrap().extend(body);
            }
        });
        collector
    }

    /// Those of this name.
    fn spans(&self, name: &str) -> Vec<Span> {
        self.spans.lock().unwrap().iter().filter(|span| span.name == name).cloned().collect()
    }
}

fn receive(mut stream: &TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(("content-length", value)) = line.to_ascii_lowercase().trim().split_once(": ") {
            length = value.parse().unwrap();
        }
        assert!(!line.starts_with("POST") || line.starts_with("POST /v1/traces "), "{line}");
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    body
}

fn attribute(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{name}: {other:?} of {span:?}"),
    }
}

/// An environment with one good and one bad module.
fn local() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    prefab(&folder, &["init"]);
    for (module, text) in
        [("good", "export const secret_of_good: number = 1;\n"), ("bad", "export const = ;\n")]
    {
        let sources = folder.path().join(module);
        fs::create_dir_all(&sources).unwrap();
        fs::write(sources.join("module.toml"), format!("name = \"{module}\"\n")).unwrap();
        fs::write(sources.join("index.ts"), text).unwrap();
        prefab(&folder, &["module", "add", sources.to_str().unwrap()]);
    }
    folder
}

fn prefab(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_prefab"))
        .args(arguments)
        .env("PREFAB_ENV", folder.path().join("env"))
        .env("PREFAB_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("native"))
        .env_remove("PREFAB_LOG")
        .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn release() -> String {
    prefab_artifacts::releases().unwrap().join("11.8.0").into_string()
}

#[test]
fn a_preparation_is_a_span_and_each_compilation_a_part_of_it() {
    let (folder, collector) = (local(), Collector::new());
    let output = prefab(&folder, &["upgrade", &release(), "--otlp", &collector.address]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let preparations = collector.spans("preparation");
    let [preparation] = &preparations[..] else { panic!("{preparations:?}") };
    assert_eq!(
        (attribute(preparation, "id").as_str(), attribute(preparation, "platform").as_str()),
        ("1", "11.8.0")
    );
    let compilations = collector.spans("compilation");
    for (module, outcome) in [("good", "compiled"), ("bad", "rejected")] {
        let span = compilations
            .iter()
            .find(|span| attribute(span, "module") == module && attribute(span, "outcome") == outcome)
            .unwrap_or_else(|| panic!("{module}: {compilations:?}"));
        assert_eq!((&span.parent_span_id, &span.trace_id), (&preparation.span_id, &preparation.trace_id));
        assert_eq!(attribute(span, "compiler"), "typescript");
        for figure in ["fuel", "memory"] {
            assert!(attribute(span, figure).parse::<u64>().unwrap() > 1000, "{span:?}");
        }
        assert!(["Compile", "Signature"].contains(&attribute(span, "task").as_str()));
        assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    }
    let sent = String::from_utf8_lossy(&collector.bytes.lock().unwrap()).into_owned();
    for secret in ["secret_of_good", "export const", "index.ts"] {
        assert!(!sent.contains(secret), "sources are not for collectors: {secret}");
    }
}

#[test]
fn a_collector_that_is_away_is_warned_of_and_nothing_else() {
    let folder = local();
    let nobody = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let began = Instant::now();
    let output = prefab(&folder, &["upgrade", &release(), "--otlp", &nobody, "--log", "warn"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("traces were not taken"), "{said}");
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn a_request_is_a_part_of_the_trace_that_its_caller_names() {
    let collector = Collector::new();
    let flags = ["--otlp", &collector.address].map(str::to_owned).to_vec();
    let mut scene = Scene::with(Setting { flags, ..Setting::default() });
    let all = scene.administrator();
    let caller = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")];
    all.send_json("POST", "/tenants", &caller, &json!({"name": "acme"})).expect(201);
    all.post("/tenants/acme/environments", &json!({"name": "shop"})).expect(201);
    all.get(&shop("/nothing-of-the-kind")).expect(404);
    // What is left is sent at the end.
    assert_eq!(scene.terminate(), Some(0));
    until(|| !collector.spans("POST /api/v1/tenants").is_empty());
    let span = collector.spans("POST /api/v1/tenants").remove(0);
    let trace = u128::from_be_bytes(span.trace_id[..].try_into().unwrap());
    assert_eq!(trace, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    let parent = u64::from_be_bytes(span.parent_span_id[..].try_into().unwrap());
    assert_eq!(parent, 0xb7ad_6b71_6920_3331);
    assert_eq!(attribute(&span, "http.response.status_code"), "201");
    let other = collector.spans("POST /api/v1/tenants/{tenant}/environments").remove(0);
    assert!(other.parent_span_id.is_empty() && other.trace_id != span.trace_id);
    let sent = String::from_utf8_lossy(&collector.bytes.lock().unwrap()).into_owned();
    assert!(!sent.contains("prefab_") && !sent.contains("nothing-of-the-kind"), "{sent}");
}
