//! `prefab compiler`, and the digests of what was built: for those who write compilers.

mod check;
mod inspect;
mod target;

pub(crate) use check::CheckArgs;
pub(crate) use target::CompilerTarget;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use prefab_model::{CompilerDigest, CompilerName};
use prefab_workbench::{Filled, Language, create, fill_digests};
use serde::Serialize;

use crate::args::{CompilerCommand, LanguageChoice};
use crate::exit::Exit;
use crate::report::escape;
use crate::session::Session;

/// What `--json` prints of a new project.
#[derive(Serialize)]
struct New {
    folder: PathBuf,
    files: Vec<String>,
}

/// What `--json` prints of a digest.
#[derive(Serialize)]
struct Digested {
    path: String,
    digest: CompilerDigest,
    changed: bool,
}

impl From<LanguageChoice> for Language {
    fn from(choice: LanguageChoice) -> Self {
        match choice {
            LanguageChoice::Rust => Self::Rust,
            LanguageChoice::Js => Self::JavaScript,
            LanguageChoice::Python => Self::Python,
            LanguageChoice::C => Self::C,
        }
    }
}

pub(super) fn run(session: &Session, command: CompilerCommand) -> anyhow::Result<Exit> {
    match command {
        CompilerCommand::New { name, lang, dir } => new(session, &name, lang, dir),
        CompilerCommand::Check(arguments) => check::run(session, &arguments),
        CompilerCommand::Inspect(target) => inspect::run(session, &target),
    }
}

fn new(
    session: &Session,
    name: &CompilerName,
    lang: LanguageChoice,
    dir: Option<PathBuf>,
) -> anyhow::Result<Exit> {
    let folder = dir.unwrap_or_else(|| name.as_str().into());
    let created = create(&folder, name, lang.into())?;
    session.out.result(&New { folder: created.folder, files: created.files }, |new| {
        let folder = escape::line(&new.folder.to_string_lossy());
        format!(
            "Made the compiler {name} in {folder}, with {} files: its README.md says how it is built\n",
            new.files.len()
        )
    })?;
    Ok(Exit::Fine)
}

/// `prefab release digest`
pub(super) fn digest(session: &Session, manifest: &Path) -> anyhow::Result<Exit> {
    let filled = fill_digests(manifest)?;
    let digested: Vec<_> = filled
        .into_iter()
        .map(|Filled { path, digest, changed }| Digested { path, digest, changed })
        .collect();
    session.out.result(&digested, |digested| {
        digested.iter().fold(String::new(), |mut text, Digested { path, digest, changed }| {
            let was = if *changed { "" } else { " (as before)" };
            let _ = writeln!(text, "{}  {digest}{was}", escape::line(path));
            text
        })
    })?;
    Ok(Exit::Fine)
}
