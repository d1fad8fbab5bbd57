//! The compiler as a component of the contract, which is in `wit/`.

use crate::props::{self, Problem};

wit_bindgen::generate!({ path: "wit", world: "compiler" });

use prefab::compiler::types::{Position, Severity, Span};
use prefab::compiler::types::Diagnostic;

struct Component;

impl Guest for Component {
    fn describe() -> Descriptor {
        Descriptor {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            languages: vec!["Properties".to_owned()],
            options: Vec::new(),
        }
    }

    fn compile(module: &Module, output: &Output) -> Result<(), Failure> {
        let files = module.list_files();
        let total = files.len() as u64;
        for (done, file) in (0..).zip(files) {
            output.progress(done, total);
            let bytes = module.read_file(&file.path).map_err(|error| Failure::Internal(format!("{error:?}")))?;
            let compiled = String::from_utf8(bytes)
                .map_err(|_| vec![Problem { line: 1, message: "the file is not UTF-8".to_owned() }])
                .and_then(|text| props::compile(&text));
            match compiled {
                Ok(json) => output
                    .emit(&format!("{}.json", file.path), "application/json", json.as_bytes())
                    .map_err(|error| Failure::Internal(format!("{error:?}")))?,
                Err(problems) => problems.iter().for_each(|problem| output.report(&diagnostic(&file.path, problem))),
            }
        }
        // Errors that were reported make the compilation rejected.
        Ok(())
    }
}

fn diagnostic(file: &str, problem: &Problem) -> Diagnostic {
    let at = Position { line: problem.line, column: 1 };
    Diagnostic {
        severity: Severity::Error,
        code: Some("props/no-value".to_owned()),
        message: problem.message.clone(),
        file: Some(file.to_owned()),
        span: Some(Span { start: at, end: at }),
        labels: Vec::new(),
        help: Some("write `key = value`, or begin the line with `#`".to_owned()),
    }
}

export!(Component);
