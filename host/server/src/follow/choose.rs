//! Which release an environment is upgraded to by itself: pure, from versions to a version.

use prefab_model::Release;
use semver::Version;
use serde::{Deserialize, Serialize};

/// Which releases an environment follows. Three steps of what semantic versioning promises, since that is what an operator can decide
/// beforehand; whether a release takes the environment's version at all is the release's own to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Follow {
    /// None: it is upgraded by hand.
    #[default]
    None,
    /// Those of the same minor version: 11.8.0 follows 11.8.1.
    Patch,
    /// Those of the same major version: 11.8.0 follows 11.9.0.
    Minor,
    /// All.
    Any,
}

impl Follow {
    fn takes(self, from: &Version, to: &Version) -> bool {
        match self {
            Self::None => false,
            Self::Patch => (from.major, from.minor) == (to.major, to.minor),
            Self::Minor => from.major == to.major,
            Self::Any => true,
        }
    }

    /// The name in JSON and in the database.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Any => "any",
        }
    }
}

impl std::str::FromStr for Follow {
    type Err = UnknownFollow;

    fn from_str(name: &str) -> Result<Self, UnknownFollow> {
        let all = [Self::None, Self::Patch, Self::Minor, Self::Any];
        all.into_iter().find(|follow| follow.name() == name).ok_or(UnknownFollow)
    }
}

/// A name of nothing that can be followed.
#[derive(Debug, thiserror::Error)]
#[error("known are none, patch, minor and any")]
pub(crate) struct UnknownFollow;

/// The newest release that an environment on `from` follows. None that is not newer than `reached`, to which it was upgraded
/// before: whoever took that back does not want it again. A pre-release is for those who ask for it.
pub(crate) fn choose<'a>(
    follow: Follow,
    from: &Version,
    reached: Option<&Version>,
    releases: impl IntoIterator<Item = &'a Release>,
) -> Option<&'a Version> {
    releases
        .into_iter()
        .filter(|release| release.upgrades_from.matches(from))
        .map(|release| &release.version)
        .filter(|to| *to > from && reached.is_none_or(|reached| *to > reached))
        .filter(|to| to.pre.is_empty() && follow.takes(from, to))
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(version: &str, upgrades_from: &str) -> Release {
        let digest = prefab_model::CompilerDigest::of(b"");
        Release::parse(&format!(
            "version = \"{version}\"\nupgrades-from = \"{upgrades_from}\"\n[[compiler]]\nname = \"sass\"\n\
             component = \"a.wasm\"\ndigest = \"{digest}\"\nfiles = [\"*\"]\n"
        ))
        .unwrap()
    }

    #[test]
    fn the_newest_that_fits_is_followed_and_none_that_was_taken_back() {
        let releases = [
            release("11.8.0", "*"),
            release("11.8.1", ">=11.8.0, <11.8.1"),
            release("11.8.2", ">=11.8.0, <11.8.2"),
            release("11.9.0", ">=11.8.0, <11.9.0"),
            release("11.10.0-rc.1", "*"),
            release("11.11.0", ">=11.9.0, <11.11.0"),
            release("12.0.0", ">=11.8.0, <12.0.0"),
        ];
        let chosen = |follow, from: &str, reached: Option<&str>| {
            let reached = reached.map(|reached| reached.parse().unwrap());
            choose(follow, &from.parse().unwrap(), reached.as_ref(), &releases).map(ToString::to_string)
        };
        for (follow, from, reached, to) in [
            (Follow::None, "11.8.0", None, None),
            (Follow::Patch, "11.8.0", None, Some("11.8.2")),
            (Follow::Patch, "11.8.2", None, None),
            (Follow::Minor, "11.8.0", None, Some("11.9.0")),
            (Follow::Minor, "11.9.0", None, Some("11.11.0")),
            (Follow::Any, "11.8.0", None, Some("12.0.0")),
            (Follow::Any, "11.8.0", Some("11.9.0"), Some("12.0.0")),
            (Follow::Minor, "11.8.0", Some("11.9.0"), None),
            (Follow::Any, "12.0.0", None, None),
            (Follow::Any, "13.0.0", None, None),
        ] {
            assert_eq!(chosen(follow, from, reached).as_deref(), to, "{follow:?} {from} {reached:?}");
        }
    }

    #[test]
    fn a_name_reads_back() {
        for follow in [Follow::None, Follow::Patch, Follow::Minor, Follow::Any] {
            assert_eq!(follow.name().parse::<Follow>().unwrap(), follow);
            assert_eq!(serde_json::to_value(follow).unwrap(), follow.name());
        }
        assert!("all".parse::<Follow>().is_err());
    }
}
