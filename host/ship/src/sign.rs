//! Signatures over `release.toml`, in the form of minisign: Ed25519 over the BLAKE2b hash of the text.
//!
//! As the manifest names every compiler by its digest, and a release's own digest is that of its manifest, this covers all of a release.
//! The same four lines lie beside `release.toml` in a folder and are a layer in a packed file or a registry; `minisign -V` checks them
//! as well as this does. What the signer claims besides (when, until when) stands in the comment, which is signed too.

use std::fmt;
use std::io::Cursor;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign::{KeyPair, SecretKeyBox, SignatureBox};
use prefab_model::{KeyId, PublicKey, Release, ReleaseDigest, Until};
use semver::Version;
use time::OffsetDateTime;

use crate::package::MAX_SIGNATURE;

/// The bytes of a signature: algorithm, key id, Ed25519.
const SIGNATURE: usize = 2 + 8 + 64;
/// The bytes of the signature over that and the comment.
const OVERALL: usize = 64;
/// Of a signature over a hash, which is the only kind that is taken.
const HASHED: &[u8] = b"ED";

/// Why a key could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not the text of a secret key, or another password than it has.
    #[error("the secret key cannot be used: {0}")]
    Unusable(String),
    /// It could not be made.
    #[error("no key could be made: {0}")]
    Make(String),
    /// A signature could not be made with it.
    #[error("the release could not be signed: {0}")]
    Sign(String),
}

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// It is not one.
    #[error("it is not a signature of minisign: {0}")]
    Form(&'static str),
    /// It was not made by that key over that text.
    #[error("it was not made with that key over this release.toml: one of them was changed since")]
    Wrong,
    /// What it claims is not so, or cannot be read.
    #[error("what it says of the release is not so: {0}")]
    Claim(String),
}

/// A new key: the texts of its secret and its public file, and the public key. Without a password the secret is in the clear.
pub fn generate(password: Option<&str>) -> Result<(String, String, PublicKey), KeyError> {
    let failed = |error: minisign::PError| KeyError::Make(error.to_string());
    let pair = match password {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password.to_owned())),
        None => KeyPair::generate_unencrypted_keypair(),
    };
    let KeyPair { pk, sk } = pair.map_err(failed)?;
    let secret = sk.to_box(Some("prefab secret key")).map_err(failed)?.to_string();
    let public = pk.to_box().map_err(failed)?.to_string();
    let key = pk.to_base64().parse().map_err(|error| KeyError::Make(format!("{error}")))?;
    Ok((secret, public, key))
}

/// A key that signs.
pub struct SecretKey(minisign::SecretKey);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

impl SecretKey {
    /// Reads the text of a secret key. `password` is asked for if it has one.
    ///
    /// # Errors
    /// [`KeyError`] if it is not one or has another password, and whatever asking fails with.
    pub fn open<E: From<KeyError>>(
        text: &str,
        password: impl FnOnce() -> Result<String, E>,
    ) -> Result<Self, E> {
        let unusable = |error: minisign::PError| KeyError::Unusable(error.to_string());
        let line = text.lines().nth(1).unwrap_or_default();
        let bytes = STANDARD.decode(line.trim()).unwrap_or_default();
        // `Ed`, then how it is encrypted: `Sc` for scrypt, two zeros for not at all.
        let key = match bytes.get(2..4) {
            Some([0, 0]) => minisign::SecretKey::from_unencrypted_box(SecretKeyBox::from(text.to_owned())),
            Some(b"Sc") => {
                minisign::SecretKey::from_box(SecretKeyBox::from(text.to_owned()), Some(password()?))
            }
            _ => return Err(KeyError::Unusable("it is not a secret key of minisign".to_owned()).into()),
        };
        Ok(Self(key.map_err(unusable)?))
    }

    /// The public half.
    pub fn public(&self) -> Result<PublicKey, KeyError> {
        minisign::PublicKey::from_secret_key(&self.0)
            .map_err(|error| KeyError::Unusable(error.to_string()))?
            .to_base64()
            .parse()
            .map_err(|error| KeyError::Unusable(format!("{error}")))
    }

    /// Signs a release at this time, until another if it is to be for a time only: the text of `release.toml.minisig`.
    pub fn sign(
        &self,
        manifest: &str,
        release: &Release,
        now: OffsetDateTime,
        expires: Option<Until>,
    ) -> Result<String, KeyError> {
        let claims = Claims {
            signed: Some(now.unix_timestamp()),
            version: Some(release.version.clone()),
            digest: Some(release.digest),
            expires,
        };
        let failed = |error: minisign::PError| KeyError::Sign(error.to_string());
        let untrusted =
            format!("signature of release {} by the key {}", release.version, self.public()?.id());
        let text = minisign::sign(
            None,
            &self.0,
            Cursor::new(manifest.as_bytes()),
            Some(&claims.to_string()),
            Some(&untrusted),
        );
        Ok(text.map_err(failed)?.to_string())
    }
}

/// What the signer says of the release, in the comment that is signed with it. A signature that minisign made has the time only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// When it was signed, in seconds since 1970.
    pub signed: Option<i64>,
    /// The version.
    pub version: Option<Version>,
    /// The digest.
    pub digest: Option<ReleaseDigest>,
    /// From when on it is not to be taken in any more.
    pub expires: Option<Until>,
}

impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The first three as minisign has them.
        write!(f, "timestamp:{}\tfile:release.toml\thashed", self.signed.unwrap_or_default())?;
        if let Some(version) = &self.version {
            write!(f, "\tversion:{version}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "\tdigest:{digest}")?;
        }
        if let Some(expires) = self.expires {
            write!(f, "\texpires:{expires}")?;
        }
        Ok(())
    }
}

impl FromStr for Claims {
    type Err = BadSignature;

    fn from_str(comment: &str) -> Result<Self, BadSignature> {
        fn read<T: FromStr>(name: &str, value: &str) -> Result<Option<T>, BadSignature> {
            let unreadable = |_| BadSignature::Claim(format!("{name} is {value:?}"));
            value.parse().map(Some).map_err(unreadable)
        }
        let mut claims = Self::default();
        for field in comment.split('\t') {
            let Some((name, value)) = field.split_once(':') else { continue };
            match name {
                "timestamp" => claims.signed = read(name, value)?,
                "version" => claims.version = read(name, value)?,
                "digest" => claims.digest = read(name, value)?,
                "expires" => claims.expires = read(name, value)?,
                _ => {}
            }
        }
        Ok(claims)
    }
}

/// A signature that has the form of one. Whether it holds is for [`Signature::check`] to say.
#[derive(Clone)]
pub struct Signature(SignatureBox);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", self.key())
    }
}

impl Signature {
    /// Reads the text of a signature.
    ///
    /// # Errors
    /// [`BadSignature::Form`] if it is not one.
    pub fn parse(text: &str) -> Result<Self, BadSignature> {
        let form = BadSignature::Form;
        if text.len() as u64 > MAX_SIGNATURE {
            return Err(form("it is too long"));
        }
        // The library takes lengths for granted.
        let mut lines = text.lines();
        let (signature, overall) = (lines.nth(1), lines.nth(1));
        let bytes = |line: Option<&str>| line.and_then(|line| STANDARD.decode(line.trim()).ok());
        match bytes(signature) {
            Some(bytes) if bytes.len() == SIGNATURE && bytes.starts_with(HASHED) => {}
            Some(bytes) if bytes.len() == SIGNATURE && bytes.starts_with(b"Ed") => {
                return Err(form(
                    "it is of the old kind: sign again with `prefab release sign` or a minisign of this decade",
                ));
            }
            _ => return Err(form("the second of its four lines is not a signature")),
        }
        if bytes(overall).is_none_or(|bytes| bytes.len() != OVERALL) {
            return Err(form("the last of its four lines is not a signature"));
        }
        SignatureBox::from_string(text).map(Self).map_err(|_| form("its comments are missing"))
    }

    /// The key that it says it was made with.
    pub fn key(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(self.0.keynum());
        KeyId::from_bytes(id)
    }

    /// Checks that the key signed this manifest, and that what it claims of the release is so.
    ///
    /// # Errors
    /// [`BadSignature`] if not.
    pub fn check(&self, key: &PublicKey, manifest: &str, release: &Release) -> Result<Claims, BadSignature> {
        let key = minisign::PublicKey::from_bytes(key.as_bytes()).map_err(|_| BadSignature::Wrong)?;
        minisign::verify(&key, &self.0, Cursor::new(manifest.as_bytes()), true, false, false)
            .map_err(|_| BadSignature::Wrong)?;
        let comment = self.0.trusted_comment().map_err(|_| BadSignature::Form("its comment is not text"))?;
        let claims: Claims = comment.parse()?;
        if let Some(version) = claims.version.as_ref().filter(|version| **version != release.version) {
            return Err(BadSignature::Claim(format!("it is for release {version}")));
        }
        if let Some(digest) = claims.digest.filter(|digest| *digest != release.digest) {
            return Err(BadSignature::Claim(format!("it is for {digest}")));
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::package::tests::package;

    fn no_password() -> Result<String, KeyError> {
        panic!("no password is asked for")
    }

    fn signed() -> (String, Release, PublicKey, String) {
        let package = package(&[("a.wasm", b"1")], None);
        let release = Release::parse(package.manifest()).unwrap();
        let (secret, _, public) = generate(None).unwrap();
        let key = SecretKey::open(&secret, no_password).unwrap();
        assert_eq!(key.public().unwrap(), public);
        let expires = Some("2027-01-31".parse().unwrap());
        let text = key.sign(package.manifest(), &release, datetime!(2026-11-26 09:00 UTC), expires).unwrap();
        (package.manifest().to_owned(), release, public, text)
    }

    #[test]
    fn a_signature_holds_for_what_was_signed_and_nothing_else() {
        let (manifest, release, public, text) = signed();
        let signature = Signature::parse(&text).unwrap();
        assert_eq!(signature.key(), public.id());
        let claims = signature.check(&public, &manifest, &release).unwrap();
        assert_eq!(claims.expires, Some("2027-01-31".parse().unwrap()));
        assert_eq!(claims.digest, Some(release.digest));
        let wrong = Err(BadSignature::Wrong);
        assert_eq!(signature.check(&public, &manifest.replace("11.9.0", "11.9.1"), &release), wrong);
        assert_eq!(signature.check(&generate(None).unwrap().2, &manifest, &release), wrong);
        let longer = text.replace("2027-", "2037-");
        assert_eq!(Signature::parse(&longer).unwrap().check(&public, &manifest, &release), wrong);
    }

    #[test]
    fn a_signature_over_a_manifest_does_not_do_for_another_release() {
        let (manifest, release, public, text) = signed();
        let signature = Signature::parse(&text).unwrap();
        let other = Release { version: Version::new(12, 0, 0), ..release.clone() };
        assert!(matches!(signature.check(&public, &manifest, &other), Err(BadSignature::Claim(_))));
        let other = Release { digest: ReleaseDigest::of(b""), ..release };
        assert!(matches!(signature.check(&public, &manifest, &other), Err(BadSignature::Claim(_))));
    }

    #[test]
    fn a_signature_that_minisign_made_holds() {
        // minisign 0.11: `minisign -G -W`, then `minisign -S -m t.txt`.
        const TEXT: &str = "hi there\n";
        const PUBLIC: &str = "RWQq2EYyVm8/Or2wendh9eb6ziBgaxv49QiDwMKLDrP1cQ6DZGwZ+oHI";
        const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
            RUQq2EYyVm8/Ot8RydZNo9kTPN/J+MivRXNS7TTCzpEWifgLYgqmTac5/B329xqJ4e1NvoxP2QTqGCaXKYmC3aSZLPMdFtNRHAM=\n\
            trusted comment: timestamp:1795684281\tfile:t.txt\thashed\n\
            q7iSeaOnkBqP2p/cc3OaPRVQRH3G9v52wQu6DuVJzO2/QQF3Ogu1kxhaSfrujv4CC3S7e14xtkoSBn4Yjp6BBQ==\n";
        let (_, release, ..) = signed();
        let (signature, key) = (Signature::parse(SIGNATURE).unwrap(), PUBLIC.parse().unwrap());
        let claims = signature.check(&key, TEXT, &release).unwrap();
        assert_eq!(claims, Claims { signed: Some(1_795_684_281), ..Claims::default() });
        assert_eq!(signature.check(&key, "hi there", &release), Err(BadSignature::Wrong));
        assert!("expires:soon".parse::<Claims>().is_err());
    }

    #[test]
    fn what_is_not_a_signature_is_said_to_be_none() {
        let (.., text) = signed();
        let lines: Vec<&str> = text.lines().collect();
        let with = |at: usize, line: &str| {
            let mut lines = lines.clone();
            lines[at] = line;
            lines.join("\n")
        };
        for bad in [
            String::new(),
            "release 11.9.0".to_owned(),
            lines[..3].join("\n"),
            with(0, "trusted comment: x"),
            with(1, "RUQ="),
            with(2, "x"),
            with(3, "AAAA"),
            with(3, "not base64"),
            "x".repeat(10_000),
        ] {
            assert!(Signature::parse(&bad).is_err(), "{bad}");
        }
        assert!(SecretKey::open(&text, no_password).is_err());
        assert!(SecretKey::open("", no_password).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(at in 0_usize..4, line in "[ -~]{0,120}", bytes in prop::collection::vec(any::<u8>(), 74)) {
            let (manifest, release, public, text) = signed();
            for line in [line, STANDARD.encode(&bytes), STANDARD.encode(&bytes[..64])] {
                let mut lines: Vec<&str> = text.lines().collect();
                lines[at] = &line;
                if let Ok(signature) = Signature::parse(&lines.join("\n")) {
                    let holds = signature.check(&public, &manifest, &release).is_ok();
                    // Only the first line is not signed.
                    prop_assert!(!holds || at == 0);
                }
            }
        }
    }
}
