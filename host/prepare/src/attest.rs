//! Attesting: an in-toto statement with SLSA provenance for each compilation of a module.
//!
//! Everything in it is what this host read and checked by digest: the compilation as the ledger has it, under a key that covers all of it;
//! the artifacts as they are in the bundle. Nothing a compiler said of itself or of its inputs is in it (ATTACKS S3); its log is, as
//! a by-product. The statements are not signed. docs/verify.md describes the fields.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prefab_model::{
    Compilation, CompilerName, EngineRevision, ModuleName, OutcomeKind, PreparationId, Stored,
};
use prefab_sandbox::Sandbox;
use prefab_store::{DeployedBundle, StoreError, StoredOutcome};
use semver::Version;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::artifacts::{bundles, limits};
use crate::environment::Environment;
use crate::history::from_millis;
use crate::modules::ModulesError;
use crate::verify::{Verifying, check_key};

/// The kind of statement.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The kind of predicate.
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
/// How the parameters are to be read: docs/verify.md.
const BUILD_TYPE: &str = "prefab:build/compilation@1";
/// Who built it: prefab, on the machine of whoever made the statement.
const BUILDER: &str = "prefab:builder/local@1";

/// Why nothing can be stated of a module.
#[derive(Debug, thiserror::Error)]
pub enum AttestError {
    /// There is no such module.
    #[error(transparent)]
    Module(#[from] Box<ModulesError>),
    /// It has nothing that could be attested.
    #[error("nothing of module {module} {}: there is nothing to attest", match what {
        Verifying::Deployed => "is deployed",
        Verifying::Prepared => "is prepared",
    })]
    Nothing {
        /// The module.
        module: ModuleName,
        /// What was asked for.
        what: Verifying,
    },
    /// It is not known well enough how it was compiled.
    #[error("cannot attest what the {compiler} compiler made of module {module}: {reason}")]
    Unknown {
        /// The module.
        module: ModuleName,
        /// The compiler.
        compiler: CompilerName,
        /// Why.
        reason: String,
    },
    /// The ledger or the blobs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An in-toto statement, version 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// That it is one.
    #[serde(rename = "_type")]
    pub kind: &'static str,
    /// What it is about: the artifacts.
    pub subject: Vec<Resource>,
    /// What the predicate is.
    pub predicate_type: &'static str,
    /// How they were made.
    pub predicate: Provenance,
}

/// SLSA provenance, version 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// What went in.
    pub build_definition: BuildDefinition,
    /// The run.
    pub run_details: RunDetails,
}

/// What went into a compilation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// How the parameters are to be read.
    pub build_type: &'static str,
    /// What the module's author and the operator chose.
    pub external_parameters: Value,
    /// What the host chose.
    pub internal_parameters: Value,
    /// The source, the compiler, the signatures of dependencies.
    pub resolved_dependencies: Vec<Resource>,
}

/// The run of a compilation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// Who ran it.
    pub builder: Builder,
    /// Which run.
    pub metadata: Metadata,
    /// What else came of it.
    pub byproducts: Vec<Resource>,
}

/// Who ran a compilation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Builder {
    /// A name for all that has to be trusted.
    pub id: &'static str,
    /// Its parts with their versions.
    pub version: BTreeMap<&'static str, String>,
}

/// When and under what name a compilation was run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The compilation's key.
    pub invocation_id: String,
    /// When the preparation began that ran it.
    #[serde(with = "time::serde::rfc3339")]
    pub started_on: OffsetDateTime,
    /// When that ended, where it is known.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub finished_on: Option<OffsetDateTime>,
}

/// A thing, by digest or by its bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// What it is called here.
    pub name: String,
    /// Its digests in hexadecimal digits, by algorithm.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<&'static str, String>,
    /// Its media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Its bytes, in base 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl Resource {
    fn of(name: impl Into<String>, bytes: &[u8]) -> Self {
        let digest = [
            ("sha256", format!("{:x}", Sha256::digest(bytes))),
            ("blake3", blake3::hash(bytes).to_hex().to_string()),
        ];
        Self { name: name.into(), digest: digest.into(), ..Self::default() }
    }

    fn holding(name: &str, media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: Some(media_type.to_owned()),
            content: Some(STANDARD.encode(bytes)),
            ..Self::of(name, bytes)
        }
    }
}

/// States how the artifacts of a module were made: one statement for each compilation that made any.
pub fn attest(
    env: &Environment,
    sandbox: &Sandbox,
    module: &ModuleName,
    what: Verifying,
) -> Result<Vec<Statement>, AttestError> {
    let made = made(env, module, what)?;
    let nothing = || AttestError::Nothing { module: module.clone(), what };
    let Made { platform, preparation, bundles } = made.ok_or_else(nothing)?;
    let mut statements = Vec::new();
    for bundle in &bundles {
        let unknown = |reason: String| AttestError::Unknown {
            module: module.clone(),
            compiler: bundle.compiler.clone(),
            reason,
        };
        let artifacts = env.store().blobs().read_bundle(&bundle.bundle, limits(env))?.artifacts;
        if artifacts.is_empty() {
            continue;
        }
        let (outcome, compilation) = known(env, module, bundle, sandbox.revision()).map_err(unknown)?;
        let subject = artifacts
            .iter()
            .map(|artifact| Resource {
                media_type: Some(artifact.media_type.clone()),
                ..Resource::of(artifact.path.as_str(), &artifact.bytes)
            })
            .collect();
        statements.push(Statement {
            kind: STATEMENT,
            subject,
            predicate_type: PROVENANCE,
            predicate: Provenance {
                build_definition: definition(env, &platform, &compilation, sandbox.revision())?,
                run_details: run(env, preparation, &outcome, &compilation, sandbox.revision())?,
            },
        });
    }
    if statements.is_empty() { Err(nothing()) } else { Ok(statements) }
}

/// What was made of a module.
struct Made {
    platform: Version,
    preparation: Option<PreparationId>,
    bundles: Vec<DeployedBundle>,
}

fn made(env: &Environment, module: &ModuleName, what: Verifying) -> Result<Option<Made>, AttestError> {
    let store = env.store();
    let deployment = store.deployment(module)?;
    if store.module(module)?.is_none() && (what == Verifying::Prepared || deployment.is_none()) {
        return Err(Box::new(ModulesError::unknown(env, module)).into());
    }
    if what == Verifying::Deployed {
        return Ok(deployment.map(|it| Made {
            platform: it.version,
            preparation: it.preparation,
            bundles: it.bundles,
        }));
    }
    let Some((id, result)) = store.latest_result(module)? else { return Ok(None) };
    let bundles = bundles(env, &result)?;
    let preparation = store.preparation(id)?;
    Ok(bundles.zip(preparation).map(|(bundles, it)| Made {
        platform: it.version,
        preparation: Some(id),
        bundles,
    }))
}

/// What the ledger has of a compilation of the module, if it says that this bundle came of it.
fn known(
    env: &Environment,
    module: &ModuleName,
    bundle: &DeployedBundle,
    engine: &EngineRevision,
) -> Result<(StoredOutcome, Compilation), String> {
    let outcome = env.store().outcome(module, &bundle.key).map_err(|error| error.to_string())?;
    let outcome = outcome.ok_or("the ledger no longer knows how it was compiled")?;
    match &outcome.outcome.kind {
        OutcomeKind::Compiled(Stored::Bundle { digest, .. }) if *digest == bundle.bundle => {}
        _ => return Err("the ledger says that something else came of the compilation".to_owned()),
    }
    let compilation = outcome
        .compilation
        .clone()
        .ok_or("it was compiled by a version of prefab that did not keep what went into it")?;
    check_key(&compilation, engine)?;
    Ok((outcome, compilation))
}

fn definition(
    env: &Environment,
    platform: &Version,
    compilation: &Compilation,
    engine: &EngineRevision,
) -> Result<BuildDefinition, StoreError> {
    let module = &compilation.module;
    let mut dependencies = vec![
        Resource {
            name: "source".to_owned(),
            digest: [("prefabSource1", compilation.source.hex())].into(),
            ..Resource::default()
        },
        Resource::of(
            format!("compiler {}", compilation.compiler_name),
            &env.store().blobs().component(&compilation.compiler)?,
        ),
    ];
    for dependency in &module.dependencies {
        let Some(signature) = dependency.signature else { continue };
        dependencies.push(Resource {
            name: format!("signature {}", dependency.name),
            digest: [("blake3", signature.hex())].into(),
            ..Resource::default()
        });
    }
    Ok(BuildDefinition {
        build_type: BUILD_TYPE,
        external_parameters: json!({
            "module": {
                "name": module.name,
                "version": module.version,
                "entryPoints": module.entry_points.iter()
                    .map(|entry| (entry.name.clone(), entry.path.as_str().into()))
                    .collect::<serde_json::Map<_, Value>>(),
                "dependencies": module.dependencies.iter()
                    .map(|dependency| (dependency.name.clone(), json!(dependency.module)))
                    .collect::<serde_json::Map<_, Value>>(),
            },
            "platform": platform,
            "compiler": compilation.compiler_name,
            "options": compilation.options,
        }),
        internal_parameters: json!({
            "contract": compilation.contract,
            "engine": engine,
            "limits": compilation.limits,
        }),
        resolved_dependencies: dependencies,
    })
}

fn run(
    env: &Environment,
    preparation: Option<PreparationId>,
    outcome: &StoredOutcome,
    compilation: &Compilation,
    engine: &EngineRevision,
) -> Result<RunDetails, StoreError> {
    let usage = &outcome.outcome.usage;
    let cost = json!({
        "fuel": usage.fuel,
        "peakMemory": usage.peak_memory,
        "seconds": usage.time.as_secs_f64(),
    });
    let mut byproducts = vec![Resource::holding("usage", "application/json", cost.to_string().as_bytes())];
    if !outcome.outcome.log.is_empty() {
        byproducts.push(Resource::holding("log", "text/plain", outcome.outcome.log.as_bytes()));
    }
    // The preparation may have found the outcome ready: then another one ran it.
    let ran = match preparation {
        Some(id) => env.store().preparation(id)?.filter(|it| it.started_at == outcome.created_at),
        None => None,
    };
    Ok(RunDetails {
        builder: Builder {
            id: BUILDER,
            version: [("prefab", env!("CARGO_PKG_VERSION").to_owned()), ("engine", engine.to_string())]
                .into(),
        },
        metadata: Metadata {
            invocation_id: compilation.key.to_string(),
            started_on: from_millis(outcome.created_at),
            finished_on: ran.and_then(|ran| ran.finished_at).map(from_millis),
        },
        byproducts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_has_the_digests_that_others_know() {
        let abc = Resource::holding("abc", "text/plain", b"abc");
        assert_eq!(abc.digest["sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(abc.content.as_deref(), Some("YWJj"));
        let json = serde_json::to_value(Resource::of("abc", b"abc")).unwrap();
        assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["digest", "name"]);
    }
}
