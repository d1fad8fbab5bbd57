//! Which compiler is meant: a component, or one of a release.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use prefab_conformance::Subject;
use prefab_model::{CompilerEntry, CompilerName};
use prefab_prepare::{ReleasesError, read_release};

use crate::report::escape;

/// A compiler on this machine.
#[derive(Debug, Clone, Args)]
pub(crate) struct CompilerTarget {
    /// A component, or a release.toml, its folder or a packed file: then with its options and limits
    #[arg(value_name = "FILE", default_value = ".")]
    file: PathBuf,
    /// Which compiler of the release, if there are several
    #[arg(long, value_name = "NAME")]
    compiler: Option<CompilerName>,
}

/// A compiler with where it was found.
pub(super) struct Found {
    pub(super) subject: Subject,
    /// Its file, as a manifest beside it would name it.
    pub(super) file: String,
    /// Where its vectors lie unless it is said otherwise.
    pub(super) vectors: PathBuf,
}

impl CompilerTarget {
    pub(super) fn find(&self) -> anyhow::Result<Found> {
        let beside = |path: &Path| path.parent().unwrap_or(Path::new(".")).join("vectors");
        if self.is_component()? {
            anyhow::ensure!(
                self.compiler.is_none(),
                "--compiler chooses one of a release, and {} is a component",
                self.shown()
            );
            let subject =
                Subject::component(&self.file).with_context(|| format!("cannot read {}", self.shown()))?;
            let file = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Found { subject, file, vectors: beside(&self.file) });
        }
        let (package, release) = read_release(&self.file).map_err(|error| match error {
            // Whoever checks it has just built it.
            ReleasesError::Digest { path, .. } => anyhow::anyhow!(
                "{} is not the file that its release names: put its digest there with `prefab release digest`",
                escape::line(&path.to_string_lossy())
            ),
            other if other.to_string().contains("missing field `digest`") => {
                anyhow::Error::new(other).context("build it, and put its digest into the release with `prefab release digest`")
            }
            other => other.into(),
        })?;
        let entry = self.chosen(&release.compilers)?.clone();
        let mut parts = entry.parts().map(|(path, _)| package.file(path).unwrap_or_default());
        let component = parts.next().unwrap_or_default().to_vec();
        let mounts = parts.map(Into::into).collect();
        let mut vectors = if self.file.is_dir() { self.file.join("vectors") } else { beside(&self.file) };
        if release.compilers.len() > 1 {
            vectors.push(entry.name.as_str());
        }
        let file = entry.component.to_string();
        let subject = Subject { name: entry.name.clone(), component, entry: Some(entry), mounts };
        Ok(Found { subject, file, vectors })
    }

    fn chosen<'a>(&self, compilers: &'a [CompilerEntry]) -> anyhow::Result<&'a CompilerEntry> {
        let names = || compilers.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ");
        match (&self.compiler, compilers) {
            (None, [only]) => Ok(only),
            (None, _) => anyhow::bail!(
                "there are several compilers in the release: choose one with --compiler ({})",
                names()
            ),
            (Some(name), _) => compilers
                .iter()
                .find(|entry| entry.name == *name)
                .with_context(|| format!("there is no compiler {name} in the release, but {}", names())),
        }
    }

    /// Whether it is a component and not a release: by how it begins, or if it is called so.
    fn is_component(&self) -> anyhow::Result<bool> {
        if self.file.is_dir() {
            return Ok(false);
        }
        let mut head = Vec::new();
        File::open(&self.file)
            .and_then(|file| file.take(4).read_to_end(&mut head))
            .with_context(|| format!("cannot read {}", self.shown()))?;
        Ok(head == b"\0asm" || self.file.extension().is_some_and(|ending| ending == "wasm"))
    }

    fn shown(&self) -> String {
        escape::line(&self.file.to_string_lossy())
    }
}
