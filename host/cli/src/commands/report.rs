//! `prefab report`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use prefab_model::PreparationId;
use prefab_prepare::{DiffOptions, ModuleDiff, Report, TextLimits, Verdict};
use serde::Serialize;

use crate::environment::AnyEnvironment;
use crate::exit::Exit;
use crate::report::comparison::{html, human, junit, sarif};
use crate::report::errors::Drawing;
use crate::report::escape;
use crate::report::paint::Paint;
use crate::session::Session;

/// So many changed modules are shown with their differences in HTML, those first whose size changed most, as long as they have
/// less than so many bytes together.
const SHOWN: usize = 40;
const SHOWN_BYTES: usize = 1 << 20;
/// And so much of each artifact.
const TEXT: TextLimits = TextLimits { input: 4 << 20, lines: 120, bytes: 24 << 10 };

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) sides: Sides,
    /// How to print it [default: human, or json with --json]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write it to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Which two preparations are compared.
#[derive(Debug, Args)]
pub(crate) struct Sides {
    /// The number of the preparation to compare with [default: the latest one with the current release]
    #[arg(long, value_name = "ID", value_parser = id)]
    base: Option<PreparationId>,
    /// The number of the preparation or rehearsal to compare [default: the latest rehearsal]
    #[arg(long, visible_alias = "rehearsal", value_name = "ID", value_parser = id)]
    new: Option<PreparationId>,
}

impl Sides {
    /// Those that are named.
    pub(crate) const fn named(&self) -> (Option<PreparationId>, Option<PreparationId>) {
        (self.base, self.new)
    }
}

fn id(text: &str) -> Result<PreparationId, String> {
    match text.parse() {
        Ok(id) if id > 0 => Ok(PreparationId(id)),
        _ => Err("the number of a preparation is expected: `prefab history` has them".to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    /// For a terminal
    Human,
    /// Everything, for programs
    Json,
    /// One page that needs nothing else, to read and to pass on
    Html,
    /// JUnit XML, for continuous integration
    Junit,
    /// SARIF 2.1.0 with what is new, for editors and code hosts
    Sarif,
}

#[derive(Serialize)]
struct Written {
    output: PathBuf,
    format: Format,
}

pub(super) fn run(session: &Session, arguments: &ReportArgs) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let counter = session.counter("modules compared");
    let report = env.report(arguments.sides.named(), &mut |count| counter.set(count))?;
    counter.clear();
    let default = if session.out.is_json() { Format::Json } else { Format::Human };
    let format = arguments.format.unwrap_or(default);
    // The colours are those of the terminal.
    let paint = if arguments.output.is_some() { Paint::PLAIN } else { session.paint };
    let text = render(paint, &env, &report, format)?;
    match &arguments.output {
        None => session.out.text(&text)?,
        Some(output) => {
            let newline = if text.ends_with('\n') { "" } else { "\n" };
            std::fs::write(output, text + newline)
                .with_context(|| format!("cannot write the report to {}", output.display()))?;
            let written = Written { output: output.clone(), format };
            session.out.result(&written, |written| {
                format!("Wrote the report to {}\n", escape::line(&written.output.to_string_lossy()))
            })?;
        }
    }
    Ok(if report.verdicts.worse() > 0 { Exit::ModulesWithErrors } else { Exit::Fine })
}

fn render(paint: Paint, env: &AnyEnvironment, report: &Report, format: Format) -> anyhow::Result<String> {
    const WRITING: &str = "cannot write the report as JSON";
    Ok(match format {
        Format::Human => {
            let drawing = Drawing { root: env.root(), paint, width: super::errors::width(), whole: false };
            human::draw(report, drawing)
        }
        Format::Json => serde_json::to_string_pretty(report).context(WRITING)?,
        Format::Html => html::page(report, &differences(env, report)?, &env.name(), env.root()),
        Format::Junit => junit::junit(report, env.root())?,
        Format::Sarif => serde_json::to_string_pretty(&sarif::sarif(report, env.root())).context(WRITING)?,
    })
}

/// How the artifacts of some changed modules differ.
fn differences(env: &AnyEnvironment, report: &Report) -> anyhow::Result<Vec<ModuleDiff>> {
    let mut changed: Vec<_> = report
        .modules
        .iter()
        .filter(|module| module.verdict == Verdict::Changed && !module.source_maps_only)
        .collect();
    changed.sort_by_key(|module| {
        std::cmp::Reverse(module.size.map(|size| size.growth().unsigned_abs()).unwrap_or_default())
    });
    let mut bytes = 0;
    let mut differences = Vec::new();
    for module in changed.into_iter().take(SHOWN) {
        let options = DiffOptions { source_maps: false, limits: TEXT };
        let sides = (Some(report.base.preparation), Some(report.new.preparation));
        let diff = env.diff(&module.module, sides, options)?;
        bytes += html::length(&diff);
        if bytes > SHOWN_BYTES {
            break;
        }
        differences.push(diff);
    }
    Ok(differences)
}
