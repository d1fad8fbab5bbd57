//! What compilations may take in an environment: whoever it was that set the limits.

use prefab_model::{CompilerName, Limits, Release};

use super::{ReleaseTarget, ReleasesError, obtained, warranted};
use crate::environment::Environment;

/// The limits that each compiler of a release has in this environment; without a target, of the release that it is on.
pub fn limits_in(
    env: &Environment,
    target: Option<&ReleaseTarget>,
) -> Result<Vec<(CompilerName, Limits)>, ReleasesError> {
    let release: Option<Release> = match target {
        None => env.release()?,
        Some(ReleaseTarget::Version(version)) => Some(warranted(env, version)?.0),
        Some(ReleaseTarget::Manifest(source)) => Some(obtained::read_manifest(source)?),
        Some(ReleaseTarget::Fetched(fetched)) => Some(obtained::Obtained::fetched(fetched)?.release),
    };
    let limits = |entry: &prefab_model::CompilerEntry| {
        (entry.name.clone(), Limits::default().with(&entry.limits).with(&env.config().limits))
    };
    Ok(release.iter().flat_map(|release| &release.compilers).map(limits).collect())
}
