//! Looking into a release before it is installed or gone to.

use prefab_model::{
    Bytes, CompilerDigest, CompilerEntry, CompilerName, ContractVersion, Descriptor, Limits, Options,
    OutcomeKind,
};
use prefab_sandbox::Sandbox;
use serde::{Deserialize, Serialize};

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
    /// The digest of its component.
    pub digest: CompilerDigest,
    /// The size of its component.
    pub size: Bytes,
    /// The contract it was built for.
    pub contract: ContractVersion,
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
    let (release, components): (_, Vec<Vec<u8>>) = match (target.obtain()?, env) {
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
            let components =
                obtained.release.compilers.iter().map(|entry| obtained.component(entry).to_vec()).collect();
            (obtained.release, components)
        }
        (Err(version), Some(env)) => {
            let (release, _) = warranted(env, version)?;
            known = env
                .store()
                .release(version)?
                .map_or_else(Provenance::default, |row: InstalledRelease| row.provenance);
            let read = |entry: &CompilerEntry| env.store().blobs().component(&entry.digest);
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
        .map(|(entry, bytes)| {
            let compiler = load(sandbox, &release, entry, bytes, reporter)?;
            let limits = Limits::default().with(&entry.limits);
            Ok(CompilerInspection {
                name: entry.name.clone(),
                digest: entry.digest,
                size: Bytes(bytes.len() as u64),
                contract: entry.contract,
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
