//! What commands have in common that take a release from a registry: flags, credentials, and fetching with progress.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use prefab_prepare::{Allow, Event, Fetched, ReleaseTarget, Vouched};
use prefab_ship::{
    Access, Credentials, InvalidPlace, Place, PlainHttp, Registry, SCHEME, stored_credentials,
};
use semver::Version;

use crate::session::Session;

/// The longest password, in bytes: tokens have a few thousand.
const MAX_PASSWORD: u64 = 64 << 10;
/// The largest file of certificates, in bytes.
const MAX_ROOTS: u64 = 4 << 20;

/// A release as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A version that is installed.
    Installed(Version),
    /// A `release.toml`, the folder that holds one, or a packed file.
    Local(PathBuf),
    /// A place in a registry.
    Registry(Place),
}

impl FromStr for Target {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        if text.starts_with(SCHEME) {
            return text.parse().map(Self::Registry);
        }
        Ok(text.parse().map_or_else(|_| Self::Local(text.into()), Self::Installed))
    }
}

/// How to get into a registry.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Registry")]
pub(crate) struct RegistryArgs {
    /// The name to log in with [default: what `docker login` left]
    #[arg(long, value_name = "NAME", env = "PREFAB_REGISTRY_USERNAME", hide_env_values = true)]
    pub(crate) username: Option<String>,
    /// Read the password from standard input [default: the variable PREFAB_REGISTRY_PASSWORD]
    #[arg(long, requires = "username")]
    pub(crate) password_stdin: bool,
    /// Do without TLS: for a registry on this machine, or `anywhere`
    #[arg(
        long,
        value_enum,
        value_name = "WHERE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "loopback"
    )]
    pub(crate) plain_http: Option<PlainHttpChoice>,
    /// Trust these certificates (PEM) instead of those of the public web
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlainHttpChoice {
    Loopback,
    Anywhere,
}

/// What is all right this once in a release that is taken in.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Allowing {
    /// Take in a release that nobody has signed: for development
    #[arg(long)]
    pub(crate) allow_unsigned: bool,
    /// Take in a release that is older than one of the same line (11.9) that is installed
    #[arg(long)]
    pub(crate) allow_downgrade: bool,
}

impl From<Allowing> for Allow {
    fn from(allowing: Allowing) -> Self {
        Self { unsigned: allowing.allow_unsigned, downgrade: allowing.allow_downgrade }
    }
}

impl RegistryArgs {
    /// What these flags, the variables and the files of docker say about getting in.
    pub(crate) fn access(&self, place: &Place) -> anyhow::Result<Access> {
        let plain_http = match self.plain_http {
            None => PlainHttp::Never,
            Some(PlainHttpChoice::Loopback) => PlainHttp::Loopback,
            Some(PlainHttpChoice::Anywhere) => PlainHttp::Anywhere,
        };
        let credentials = match &self.username {
            Some(username) => Some(Credentials { username: username.clone(), password: self.password()? }),
            None => match docker_config() {
                Some(config) => stored_credentials(&config, place.registry())?,
                None => None,
            },
        };
        let roots = self.ca_file.as_deref().map(|path| read(path, MAX_ROOTS)).transpose()?;
        Ok(Access { credentials, plain_http, roots })
    }

    fn password(&self) -> anyhow::Result<String> {
        if !self.password_stdin {
            return std::env::var("PREFAB_REGISTRY_PASSWORD").context(
                "there is no password: put it in the variable PREFAB_REGISTRY_PASSWORD, or give it with --password-stdin",
            );
        }
        let mut password = String::new();
        std::io::stdin()
            .take(MAX_PASSWORD)
            .read_to_string(&mut password)
            .context("cannot read the password from standard input")?;
        let password = password.trim_end_matches(['\n', '\r']);
        if password.is_empty() {
            bail!("there is no password on standard input");
        }
        Ok(password.to_owned())
    }
}

fn docker_config() -> Option<PathBuf> {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")))?;
    Some(folder.join("config.json"))
}

/// Reads a file of the operator's own, if it has at most so many bytes.
pub(crate) fn read(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > most {
        bail!("{} has more than {most} bytes", path.display());
    }
    Ok(bytes)
}

/// The release that is meant: one in a registry is fetched, with its progress shown.
pub(crate) fn resolve(
    session: &Session,
    target: &Target,
    registry: &RegistryArgs,
) -> anyhow::Result<ReleaseTarget> {
    Ok(match target {
        Target::Installed(version) => ReleaseTarget::Version(version.clone()),
        Target::Local(path) => ReleaseTarget::Manifest(path.clone()),
        Target::Registry(place) => ReleaseTarget::Fetched(Arc::new(fetch(session, place, registry)?)),
    })
}

/// Fetches a release, and says which one that was.
pub(crate) fn fetch(session: &Session, place: &Place, registry: &RegistryArgs) -> anyhow::Result<Fetched> {
    let access = registry.access(place)?;
    let counter = session.bytes("fetched");
    let pulled = Registry::to_pull(place, &access)?.pull(&mut |transfer| {
        counter.total(transfer.total);
        counter.set(transfer.done);
    })?;
    counter.clear();
    let (version, digest) = (&pulled.release.version, pulled.digest);
    session.note(&format!("Fetched release {version} from {}", place.pinned(digest)));
    Ok(Fetched { package: pulled.package, place: place.clone(), digest })
}

/// Says loudly that nobody vouches for a release that was taken in.
pub(crate) fn warn(session: &Session, event: &Event) {
    let Event::Admitted { platform, vouched } = event else { return };
    let text = match vouched {
        Vouched::Key { .. } => return,
        Vouched::Allowed => format!(
            "release {platform} is taken in although NOBODY HAS SIGNED IT, as --allow-unsigned says. Anybody could have made it: \
             use it for development only"
        ),
        Vouched::Nobody { signed_by: None } => format!(
            "nobody has signed release {platform}. It is taken in since no key is trusted here yet: `prefab trust add` changes that"
        ),
        Vouched::Nobody { signed_by: Some(key) } => format!(
            "release {platform} says it is signed with the key {key}, which nobody has checked, since no key is trusted here yet: \
             `prefab trust add` changes that"
        ),
    };
    session.warn(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_version_a_place_is_a_place_and_anything_else_a_path() {
        assert_eq!("11.9.0".parse(), Ok(Target::Installed(Version::new(11, 9, 0))));
        assert_eq!("releases/11.9.0".parse(), Ok(Target::Local("releases/11.9.0".into())));
        assert_eq!("11.9".parse(), Ok(Target::Local("11.9".into())));
        let place = "oci://localhost:5000/platform:11.9.0";
        assert_eq!(place.parse(), Ok(Target::Registry(place.parse().unwrap())));
        assert!("oci://platform".parse::<Target>().is_err());
    }
}
