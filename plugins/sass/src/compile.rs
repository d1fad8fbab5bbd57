//! From a module's style sheets to its CSS.

use std::cell::RefCell;
use std::sync::{Arc, RwLock};

use lightningcss::printer::PrinterOptions;
use lightningcss::stylesheet::{MinifyOptions, ParserFlags, ParserOptions, StyleSheet};
use lightningcss::targets::Targets;
use prefab_sdk::{Diagnostic, Failure, Module, Options, Output, Severity};

use crate::files::Files;
use crate::source::{Syntax, plan};
use crate::{browsers, release, report};

const CSS: &str = "text/css";

/// The warnings about one style sheet that are reported at most.
const MOST_WARNINGS: usize = 10;

/// Compiles a module.
pub(crate) fn module(module: &dyn Module, output: &dyn Output) -> Result<(), Failure> {
    let options = Options::of(module);
    let targets = browsers::parse(options.get("browsers").unwrap_or(release::DEFAULT_BROWSERS))?;
    let minify = options.flag("minify", false)?;
    let (tasks, left_out) = plan(&module.list_files());
    for finding in left_out {
        output.report(finding);
    }
    let run = Run { module, output, files: Files::new(module), targets, minify, said: RefCell::default() };
    let total = tasks.len() as u64;
    for (done, task) in tasks.iter().enumerate() {
        output.progress(done as u64, total);
        let bytes = module.read_file(&task.source).map_err(|why| {
            Failure::Internal(format!("`{}`, which the module lists, could not be read: {why}", task.source))
        })?;
        let css = report::text(&task.source, bytes).and_then(|text| match task.syntax {
            Syntax::Css => Ok(run.fit_css(&task.source, text)),
            Syntax::Scss | Syntax::Sass => run.compile(&task.source),
        });
        match css {
            Ok(css) => run.emit(&task.source, &task.artifact, &css),
            Err(finding) => run.say(*finding),
        }
    }
    output.progress(total, total);
    Ok(())
}

struct Run<'m> {
    module: &'m dyn Module,
    output: &'m dyn Output,
    files: Files<'m>,
    targets: Targets,
    minify: bool,
    /// What was reported already; a partial that many style sheets use is wrong once.
    said: RefCell<Vec<Diagnostic>>,
}

impl Run<'_> {
    /// The CSS of an SCSS or Sass file.
    fn compile(&self, path: &str) -> Result<String, Box<Diagnostic>> {
        let sass = self
            .sass(path)
            .map_err(|error| Box::new(report::of_sass(*error, path, self.module, &self.files)))?;
        let mut warnings = Vec::new();
        let css = self.fit(path, &sass, &mut warnings).map_err(|finding| {
            let mut finding = *finding;
            finding.span = None;
            Box::new(finding)
        })?;
        for mut warning in warnings {
            // The place is one in the CSS that grass wrote, which nobody sees.
            warning.span = None;
            self.say(warning);
        }
        Ok(css)
    }

    #[cfg(not(feature = "release-11-8"))]
    fn sass(&self, path: &str) -> Result<String, Box<grass::Error>> {
        let log = Log { run: self, entry: path };
        grass::from_path(path, &grass::Options::default().fs(&self.files).logger(&log))
    }

    /// The older grass can only write `@warn` to standard error, where nobody would see which file it is of.
    #[cfg(feature = "release-11-8")]
    fn sass(&self, path: &str) -> Result<String, Box<grass::Error>> {
        grass::from_path(path, &grass::Options::default().fs(&self.files).quiet(true))
    }

    /// The CSS of a CSS file. Published CSS is full of tricks, so what cannot be read is passed on as it is.
    fn fit_css(&self, path: &str, text: String) -> String {
        let mut warnings = Vec::new();
        let css = self.fit(path, &text, &mut warnings);
        for warning in warnings {
            self.say(warning);
        }
        css.unwrap_or_else(|finding| {
            let mut finding = *finding;
            finding.severity = Severity::Warning;
            self.say(finding.with_help("the file was passed on as it is"));
            text
        })
    }

    /// Fits CSS to the browsers it is for.
    fn fit(&self, path: &str, text: &str, findings: &mut Vec<Diagnostic>) -> Result<String, Box<Diagnostic>> {
        let warnings = Arc::new(RwLock::new(Vec::new()));
        let options = ParserOptions {
            filename: path.to_owned(),
            error_recovery: true,
            warnings: Some(Arc::clone(&warnings)),
            flags: ParserFlags::CUSTOM_MEDIA | ParserFlags::DEEP_SELECTOR_COMBINATOR,
            ..ParserOptions::default()
        };
        let wrong = |message: String, location: Option<&lightningcss::error::ErrorLocation>| {
            Box::new(report::of_css(Severity::Error, &message, location, path, text))
        };
        let mut sheet = StyleSheet::parse(text, options)
            .map_err(|error| wrong(error.kind.to_string(), error.loc.as_ref()))?;
        sheet
            .minify(MinifyOptions { targets: self.targets, ..MinifyOptions::default() })
            .map_err(|error| wrong(error.kind.to_string(), error.loc.as_ref()))?;
        let printer =
            PrinterOptions { minify: self.minify, targets: self.targets, ..PrinterOptions::default() };
        let css = sheet.to_css(printer).map_err(|error| wrong(error.kind.to_string(), error.loc.as_ref()))?;
        let warnings = warnings.read().map(|warnings| warnings.clone()).unwrap_or_default();
        for warning in warnings.iter().take(MOST_WARNINGS) {
            let message = warning.kind.to_string();
            findings.push(report::of_css(Severity::Warning, &message, warning.loc.as_ref(), path, text));
        }
        if let Some(more) = warnings.len().checked_sub(MOST_WARNINGS + 1) {
            findings
                .push(Diagnostic::note(format!("there are {} more such findings", more + 1)).in_file(path));
        }
        Ok(css.code)
    }

    fn emit(&self, source: &str, artifact: &str, css: &str) {
        if let Err(why) = self.output.emit(artifact, CSS, css.as_bytes()) {
            self.say(
                Diagnostic::error(format!("the artifact `{artifact}` cannot be kept: {why}"))
                    .with_code("prefab/artifact-path")
                    .in_file(source)
                    .with_help("rename the source"),
            );
        }
    }

    fn say(&self, finding: Diagnostic) {
        let mut said = self.said.borrow_mut();
        if !said.contains(&finding) {
            said.push(finding.clone());
            self.output.report(finding);
        }
    }
}

/// Takes what a style sheet says with `@warn` and `@debug`.
#[cfg(not(feature = "release-11-8"))]
struct Log<'r> {
    run: &'r Run<'r>,
    entry: &'r str,
}

#[cfg(not(feature = "release-11-8"))]
mod log {
    use grass::codemap::SpanLoc;

    use super::{Log, Severity, report};

    impl Log<'_> {
        fn say(&self, severity: Severity, at: &SpanLoc, message: &str) {
            let place = report::place(at.begin.line, at.begin.column, at.end.line, at.end.column);
            let Self { run, entry } = self;
            run.say(report::at(severity, message, at.file.name(), place, entry, run.module, &run.files));
        }
    }

    impl grass::Logger for Log<'_> {
        fn debug(&self, location: SpanLoc, message: &str) {
            self.say(Severity::Note, &location, message);
        }

        fn warn(&self, location: SpanLoc, message: &str) {
            self.say(Severity::Warning, &location, message);
        }
    }

    impl std::fmt::Debug for Log<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Log").field("entry", &self.entry).finish_non_exhaustive()
        }
    }
}
