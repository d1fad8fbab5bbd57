//! Whether a release is taken in: one function from what is known of it to who vouches for it, or why it is refused.
//!
//! An environment that trusts at least one key takes in what such a key has signed. One that trusts none takes in what lies in a folder or
//! a file of the operator's own, since digests are all there is to check then, but nothing from a registry. What is revoked is refused
//! whatever else holds; that alone is asked again at every compilation (`warrant.rs`).

use prefab_model::{CompilerName, KeyId, KeyName, Release, Revocation, Revoked, Trust, Until};
use prefab_ship::{BadSignature, Signature};
use semver::Version;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) release: &'a Release,
    /// The text that is signed.
    pub(crate) manifest: &'a str,
    pub(crate) signature: Option<&'a str>,
    /// Whether it comes from somewhere that is not the operator's own.
    pub(crate) foreign: bool,
    /// The versions that are installed.
    pub(crate) installed: &'a [Version],
    pub(crate) now: OffsetDateTime,
}

/// What somebody says is all right this once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Allow {
    /// A release that nobody has signed.
    pub unsigned: bool,
    /// A release that is older than one of the same line that is installed.
    pub downgrade: bool,
}

/// Who vouches for a release that is taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "vouched")]
pub enum Vouched {
    /// A key that is trusted.
    #[serde(rename_all = "kebab-case")]
    Key {
        /// What it is called.
        name: KeyName,
        /// Its id.
        id: KeyId,
        /// Until when its signature is for use.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<Until>,
    },
    /// Nobody: no key is trusted, and it is a file or a folder of the operator's own.
    #[serde(rename_all = "kebab-case")]
    Nobody {
        /// The key that says it signed it, which nobody has looked at.
        #[serde(skip_serializing_if = "Option::is_none")]
        signed_by: Option<KeyId>,
    },
    /// Nobody, and somebody said that this is all right.
    Allowed,
}

impl Vouched {
    /// The key, if one does.
    pub fn key(&self) -> Option<KeyId> {
        match self {
            Self::Key { id, .. } => Some(*id),
            Self::Nobody { .. } | Self::Allowed => None,
        }
    }
}

/// What of a release is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevokedPart {
    /// The key that signed it.
    Key(KeyId),
    /// All of it.
    Release,
    /// A compiler of it.
    Compiler(CompilerName),
}

impl std::fmt::Display for RevokedPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => write!(f, "the key {id} that signed it"),
            Self::Release => f.write_str("it"),
            Self::Compiler(name) => write!(f, "its compiler {name}"),
        }
    }
}

/// Why a release is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody has signed it.
    #[error(
        "nobody has signed it. Get it signed from its vendor; for development, --allow-unsigned takes it in"
    )]
    Unsigned,
    /// Somebody who is not trusted has signed it.
    #[error(
        "it is signed with the key {0}, which is not trusted here. If that is the vendor's, `prefab trust add NAME KEY` says so"
    )]
    UnknownKey(KeyId),
    /// The signature is not one of this release.
    #[error("its signature does not hold: {0}. Get the release again from its vendor")]
    WrongSignature(#[source] BadSignature),
    /// The signature was for a time that is over.
    #[error("its signature was for use before {0}: get the release with a new signature from its vendor")]
    Expired(Until),
    /// The key is not trusted any more.
    #[error(
        "it is signed with the key {name}, which is trusted before {until} only: get the release with a newer key's signature"
    )]
    KeyExpired {
        /// What the key is called.
        name: KeyName,
        /// Until when it was trusted.
        until: Until,
    },
    /// One that is newer is installed.
    #[error(
        "release {0} is installed, which is newer and of the same line. If an older one is meant, --allow-downgrade takes it in"
    )]
    Downgraded(Version),
    /// It was revoked.
    #[error("{part} is revoked{}. Go to a release that is not", why.as_deref().map(|why| format!(" ({why})")).unwrap_or_default())]
    Revoked {
        /// What of it.
        part: RevokedPart,
        /// Why, if somebody said.
        why: Option<String>,
    },
}

impl Refusal {
    /// The reason in one word, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::UnknownKey(_) => "unknown-key",
            Self::WrongSignature(_) => "wrong-signature",
            Self::Expired(_) => "expired",
            Self::KeyExpired { .. } => "key-expired",
            Self::Downgraded(_) => "downgraded",
            Self::Revoked { .. } => "revoked",
        }
    }
}

/// Decides whether a release is taken in.
pub(crate) fn decide(trust: &Trust, asked: &Question<'_>, allow: Allow) -> Result<Vouched, Refusal> {
    revoked(trust, asked.release, None)?;
    let vouched = vouched(trust, asked, allow)?;
    let newer = |installed: &&Version| {
        let line = |version: &Version| (version.major, version.minor);
        line(installed) == line(&asked.release.version) && **installed > asked.release.version
    };
    match asked.installed.iter().filter(newer).max() {
        Some(newer) if !allow.downgrade => Err(Refusal::Downgraded(newer.clone())),
        _ => Ok(vouched),
    }
}

fn vouched(trust: &Trust, asked: &Question<'_>, allow: Allow) -> Result<Vouched, Refusal> {
    let nobody_needs_to = trust.keys.is_empty() && !asked.foreign;
    let Some(text) = asked.signature else {
        return match (allow.unsigned, nobody_needs_to) {
            (true, _) => Ok(Vouched::Allowed),
            (false, true) => Ok(Vouched::Nobody { signed_by: None }),
            (false, false) => Err(Refusal::Unsigned),
        };
    };
    let signature = Signature::parse(text).map_err(Refusal::WrongSignature)?;
    let id = signature.key();
    revoked(trust, asked.release, Some(id))?;
    let mut refused = if nobody_needs_to { None } else { Some(Refusal::UnknownKey(id)) };
    // Ids are drawn by whoever makes a key, so there may be two of one.
    for trusted in trust.keys.iter().filter(|trusted| trusted.key.id() == id) {
        let claims = match signature.check(&trusted.key, asked.manifest, asked.release) {
            Ok(claims) => claims,
            Err(bad) => {
                refused = Some(Refusal::WrongSignature(bad));
                continue;
            }
        };
        if let Some(until) = trusted.not_after.filter(|until| until.is_over(asked.now)) {
            return Err(Refusal::KeyExpired { name: trusted.name.clone(), until });
        }
        if let Some(until) = claims.expires.filter(|until| until.is_over(asked.now)) {
            return Err(Refusal::Expired(until));
        }
        return Ok(Vouched::Key { name: trusted.name.clone(), id, expires: claims.expires });
    }
    refused.map_or(Ok(Vouched::Nobody { signed_by: Some(id) }), Err)
}

/// Refuses a release that is revoked: by its own digest, that of one of its compilers, or the key that vouches for it.
pub(crate) fn revoked(trust: &Trust, release: &Release, key: Option<KeyId>) -> Result<(), Refusal> {
    for Revocation { what, why } in &trust.revoked {
        let compiler = release.compilers.iter().find(|entry| what.is_compiler(&entry.digest));
        let part = match (what, compiler) {
            (Revoked::Key(id), _) if key == Some(*id) => RevokedPart::Key(*id),
            (_, Some(entry)) => RevokedPart::Compiler(entry.name.clone()),
            _ if what.is_release(&release.digest) => RevokedPart::Release,
            _ => continue,
        };
        return Err(Refusal::Revoked { part, why: why.clone() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use prefab_model::{CompilerDigest, PublicKey, TrustedKey};
    use prefab_ship::{SecretKey, generate};
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
    const NOTHING: Allow = Allow { unsigned: false, downgrade: false };

    struct Vendor {
        secret: SecretKey,
        public: PublicKey,
    }

    impl Vendor {
        fn new() -> Self {
            let (secret, _, public) = generate(None).unwrap();
            let password = || -> Result<String, prefab_ship::KeyError> { panic!("it has none") };
            Self { secret: SecretKey::open(&secret, password).unwrap(), public }
        }

        fn sign(&self, manifest: &str, expires: Option<&str>) -> String {
            let release = Release::parse(manifest).unwrap();
            let expires = expires.map(|expires| expires.parse().unwrap());
            self.secret.sign(manifest, &release, NOW, expires).unwrap()
        }

        fn trusted(&self, not_after: Option<&str>) -> TrustedKey {
            let not_after = not_after.map(|until| until.parse().unwrap());
            TrustedKey { name: "acme".parse().unwrap(), key: self.public, not_after }
        }

        fn trust(&self) -> Trust {
            Trust { keys: vec![self.trusted(None)], revoked: Vec::new() }
        }
    }

    fn manifest(version: &str) -> String {
        format!(
            "version = \"{version}\"\nupgrades-from = \"*\"\n[[compiler]]\nname = \"sass\"\ncomponent = \"sass.wasm\"\n\
             digest = \"{}\"\nfiles = [\"**\"]\n",
            CompilerDigest::of(b"")
        )
    }

    fn ask(
        trust: &Trust,
        manifest: &str,
        signature: Option<&str>,
        foreign: bool,
        allow: Allow,
    ) -> Result<Vouched, Refusal> {
        let release = Release::parse(manifest).unwrap();
        let installed = [Version::new(11, 8, 0), Version::new(11, 9, 3)];
        let asked =
            Question { release: &release, manifest, signature, foreign, installed: &installed, now: NOW };
        decide(trust, &asked, allow)
    }

    #[test]
    fn a_release_is_taken_in_if_a_trusted_key_signed_it_and_for_no_other_reason() {
        let (vendor, stranger) = (Vendor::new(), Vendor::new());
        let manifest = manifest("12.0.0");
        let (good, strange) = (vendor.sign(&manifest, Some("2027-01-31")), stranger.sign(&manifest, None));
        let trust = vendor.trust();
        for foreign in [false, true] {
            let ask = |signature| ask(&trust, &manifest, signature, foreign, NOTHING);
            assert_eq!(ask(Some(&good)).unwrap().key(), Some(vendor.public.id()));
            assert_eq!(ask(None), Err(Refusal::Unsigned));
            assert_eq!(ask(Some(&strange)), Err(Refusal::UnknownKey(stranger.public.id())));
            assert_eq!(ask(Some("x")).unwrap_err().code(), "wrong-signature");
        }
        let other = super::tests::manifest("12.0.1");
        assert_eq!(ask(&trust, &other, Some(&good), true, NOTHING).unwrap_err().code(), "wrong-signature");
    }

    #[test]
    fn who_trusts_nobody_takes_in_what_is_their_own_only() {
        let (trust, vendor, manifest) = (Trust::default(), Vendor::new(), manifest("12.0.0"));
        let signed = vendor.sign(&manifest, None);
        let id = vendor.public.id();
        let ask = |signature, foreign| ask(&trust, &manifest, signature, foreign, NOTHING);
        assert_eq!(ask(None, false), Ok(Vouched::Nobody { signed_by: None }));
        assert_eq!(ask(Some(&signed), false), Ok(Vouched::Nobody { signed_by: Some(id) }));
        assert_eq!(ask(None, true), Err(Refusal::Unsigned));
        assert_eq!(ask(Some(&signed), true), Err(Refusal::UnknownKey(id)));
    }

    #[test]
    fn allowing_what_is_unsigned_allows_nothing_that_is_badly_signed() {
        let (vendor, stranger) = (Vendor::new(), Vendor::new());
        let manifest = manifest("12.0.0");
        let allow = Allow { unsigned: true, downgrade: false };
        let trust = vendor.trust();
        let ask = |signature: Option<&str>| ask(&trust, &manifest, signature, true, allow);
        assert_eq!(ask(None), Ok(Vouched::Allowed));
        assert_eq!(ask(Some("x")).unwrap_err().code(), "wrong-signature");
        let strange = stranger.sign(&manifest, None);
        assert_eq!(ask(Some(&strange)).unwrap_err().code(), "unknown-key");
        let other = vendor.sign(&super::tests::manifest("12.0.1"), None);
        assert_eq!(ask(Some(&other)).unwrap_err().code(), "wrong-signature");
    }

    #[test]
    fn what_was_for_a_time_that_is_over_is_refused() {
        let vendor = Vendor::new();
        let manifest = manifest("12.0.0");
        let ask = |not_after, expires| {
            let trust = Trust { keys: vec![vendor.trusted(not_after)], revoked: Vec::new() };
            ask(&trust, &manifest, Some(&vendor.sign(&manifest, expires)), false, NOTHING)
                .map_err(|refusal| refusal.code())
        };
        assert!(ask(Some("2026-11-26"), Some("2026-11-26")).is_ok());
        assert_eq!(ask(None, Some("2026-11-25")), Err("expired"));
        assert_eq!(ask(Some("2026-11-25"), None), Err("key-expired"));
        assert_eq!(ask(None, Some("2026-11-26T12:00:00Z")), Err("expired"));
    }

    #[test]
    fn one_that_is_older_than_another_of_its_line_is_refused_unless_asked_for() {
        let vendor = Vendor::new();
        let ask = |version: &str, downgrade| {
            let manifest = manifest(version);
            let signature = vendor.sign(&manifest, None);
            let allow = Allow { unsigned: false, downgrade };
            ask(&vendor.trust(), &manifest, Some(&signature), false, allow).map_err(|refusal| refusal.code())
        };
        for version in ["11.9.3", "11.9.4", "12.0.0", "11.8.1", "11.7.0"] {
            assert!(ask(version, false).is_ok(), "{version}");
        }
        for version in ["11.9.2", "11.9.3-rc.1"] {
            assert_eq!(ask(version, false), Err("downgraded"), "{version}");
            assert!(ask(version, true).is_ok(), "{version}");
        }
    }

    #[test]
    fn what_is_revoked_is_refused_whoever_signed_it_and_whatever_is_allowed() {
        let vendor = Vendor::new();
        let manifest = manifest("12.0.0");
        let release = Release::parse(&manifest).unwrap();
        let signature = vendor.sign(&manifest, None);
        let all = Allow { unsigned: true, downgrade: true };
        for what in [
            vendor.public.id().to_string(),
            release.digest.to_string(),
            release.compilers[0].digest.to_string(),
        ] {
            let mut trust = vendor.trust();
            trust.revoked.push(Revocation { what: what.parse().unwrap(), why: Some("stolen".to_owned()) });
            let refusal = ask(&trust, &manifest, Some(&signature), false, all).unwrap_err();
            assert!(refusal.to_string().contains("is revoked (stolen)"), "{refusal}");
            // Also where the key is not among the trusted ones any more.
            trust.keys.clear();
            assert_eq!(ask(&trust, &manifest, Some(&signature), false, all).unwrap_err().code(), "revoked");
        }
    }

    #[test]
    fn a_stranger_who_draws_the_id_of_a_trusted_key_gains_nothing() {
        let (vendor, stranger) = (Vendor::new(), Vendor::new());
        let mut bytes = *vendor.public.as_bytes();
        bytes[10..].copy_from_slice(&stranger.public.as_bytes()[10..]);
        let manifest = manifest("12.0.0");
        let twin: PublicKey =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes).parse().unwrap();
        let twin = TrustedKey { name: "twin".parse().unwrap(), key: twin, not_after: None };
        let good = vendor.sign(&manifest, None);
        let only_twin = Trust { keys: vec![twin.clone()], revoked: Vec::new() };
        assert_eq!(
            ask(&only_twin, &manifest, Some(&good), true, NOTHING).unwrap_err().code(),
            "wrong-signature"
        );
        let both = Trust { keys: vec![twin, vendor.trusted(None)], revoked: Vec::new() };
        assert!(ask(&both, &manifest, Some(&good), true, NOTHING).is_ok());
    }
}
