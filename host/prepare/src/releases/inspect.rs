//! Looking into a release before it is installed or gone to.

use prefab_model::{Bytes, CompilerDigest, CompilerName, Descriptor, Limits, Options, OutcomeKind};
use prefab_sandbox::Sandbox;
use serde::{Deserialize, Serialize};

use super::on_disk::OnDisk;
use super::parts::Parts;
use super::toolchain::load;
use super::{ReleaseSummary, ReleaseTarget, ReleasesError, installed, is_current, summarise};
use crate::environment::Environment;
use crate::event::Event;

/// A release as it is looked into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleaseInspection {
    /// The release.
    #[serde(flatten)]
    pub summary: ReleaseSummary,
    /// What is known of each compiler.
    pub details: Vec<CompilerInspection>,
}

/// A compiler of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CompilerInspection {
    /// Its name in the release.
    pub name: CompilerName,
    /// What names it: the digest of its component, or of the recipe if it is a command-line program.
    pub digest: CompilerDigest,
    /// The size of its component.
    pub size: Bytes,
    /// The contract it was built for, with its version; `command` if it is a command-line program.
    pub contract: String,
    /// Whether it makes signatures.
    pub modular: bool,
    /// The patterns of the files it takes.
    pub files: Vec<String>,
    /// The options that the release sets.
    pub options: Options,
    /// The limits in force, without those of an environment.
    pub limits: Limits,
    /// What it says of itself; none if it could not be asked.
    pub descriptor: Option<Descriptor>,
}

/// Looks into a release. Its compilers are loaded and asked what they are.
pub fn inspect_release(
    env: Option<&Environment>,
    target: &ReleaseTarget,
    sandbox: &Sandbox,
    reporter: &mut dyn FnMut(&Event),
) -> Result<ReleaseInspection, ReleasesError> {
    let (release, components) = match (target, env) {
        (ReleaseTarget::Manifest(source), _) => {
            let on_disk = OnDisk::read(source)?;
            (on_disk.release, on_disk.components)
        }
        (ReleaseTarget::Version(version), Some(env)) => {
            let release = installed(env, version)?;
            let read = |entry| Parts::stored(env.store(), entry);
            let components = release.compilers.iter().map(read).collect::<Result<_, _>>()?;
            (release, components)
        }
        (ReleaseTarget::Version(version), None) => {
            return Err(ReleasesError::NotInstalled { version: version.clone(), installed: Vec::new() });
        }
    };
    let details = release
        .compilers
        .iter()
        .zip(&components)
        .map(|(entry, parts)| {
            let compiler = load(sandbox, &release, entry, parts, reporter)?;
            let limits = Limits::default().with(&entry.limits);
            Ok(CompilerInspection {
                name: entry.name.clone(),
                digest: entry.digest,
                size: Bytes(parts.component.len() as u64),
                contract: match compiler.contract() {
                    Some(version) => format!("prefab:compiler@{version}"),
                    None => "command".to_owned(),
                },
                modular: compiler.is_modular(),
                files: entry.patterns().to_vec(),
                options: entry.options.clone(),
                descriptor: match sandbox.describe(&compiler, &limits).kind {
                    OutcomeKind::Compiled(descriptor) => Some(descriptor),
                    _ => None,
                },
                limits,
            })
        })
        .collect::<Result<_, ReleasesError>>()?;
    let current = match env {
        Some(env) => is_current(env, &release)?,
        None => false,
    };
    Ok(ReleaseInspection { summary: summarise(&release, current), details })
}
