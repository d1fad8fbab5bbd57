//! Looking into a release before it is installed or gone to.

use prefab_model::{Bytes, CompilerDigest, CompilerName, Descriptor, Limits, Options, OutcomeKind};
use prefab_sandbox::Sandbox;
use serde::{Deserialize, Serialize};

use super::parts::Parts;
use super::toolchain::load;
use super::{
    Allow, InstalledRelease, Provenance, Refusal, ReleaseSummary, ReleaseTarget, ReleasesError, Vouched,
    is_current, provenance, summarise, warranted,
};
use crate::environment::Environment;
use crate::event::Event;

/// A release as it is looked into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleaseInspection {
    /// The release.
    #[serde(flatten)]
    pub summary: ReleaseSummary,
    /// Who vouches for it, if it is not installed and would be taken in.
    #[serde(flatten)]
    pub vouched: Option<Vouched>,
    /// Why it would not be taken in.
    pub refused: Option<String>,
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

/// Looks into a release. Its compilers are loaded and asked what they are, unless it is revoked or wrongly signed; that it would not be taken
/// in for another reason is said.
pub fn inspect_release(
    env: Option<&Environment>,
    target: &ReleaseTarget,
    sandbox: &Sandbox,
    reporter: &mut dyn FnMut(&Event),
) -> Result<ReleaseInspection, ReleasesError> {
    let mut vouched = None;
    let mut refused = None;
    let known: Provenance;
    let (release, components): (_, Vec<Parts>) = match (target.obtain()?, env) {
        (Ok(obtained), env) => {
            match obtained.decide(env, Allow::default()) {
                Ok(by) => vouched = Some(by),
                Err(ReleasesError::Refused {
                    source: refusal @ (Refusal::Revoked { .. } | Refusal::WrongSignature(_)),
                    version,
                }) => return Err(ReleasesError::Refused { version, source: refusal }),
                Err(ReleasesError::Refused { source, .. }) => refused = Some(source.to_string()),
                Err(error) => return Err(error),
            }
            let nobody = Vouched::Nobody { signed_by: None };
            known = provenance(
                &obtained.origin,
                obtained.package.signature(),
                vouched.as_ref().unwrap_or(&nobody),
            );
            let components = obtained.release.compilers.iter().map(|entry| obtained.parts(entry)).collect();
            (obtained.release, components)
        }
        (Err(version), Some(env)) => {
            let (release, _) = warranted(env, version)?;
            known = env
                .store()
                .release(version)?
                .map_or_else(Provenance::default, |row: InstalledRelease| row.provenance);
            let read = |entry| Parts::stored(env.store(), entry);
            let components = release.compilers.iter().map(read).collect::<Result<_, _>>()?;
            (release, components)
        }
        (Err(version), None) => {
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
    Ok(ReleaseInspection { summary: summarise(&release, current, &known), vouched, refused, details })
}
