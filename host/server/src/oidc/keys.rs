//! An issuer's keys: kept for an hour, and fetched before that if a token names one that is not known; not more often than each ten seconds,
//! whatever tokens name.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::Refused;
use super::fetch::Fetcher;

/// How long keys are used without asking whether they are still the issuer's.
const FRESH: Duration = Duration::from_hours(1);
/// How long they are used if the issuer does not answer.
const USABLE: Duration = Duration::from_hours(24);
/// How often the issuer is asked at most.
const PAUSE: Duration = Duration::from_secs(10);
/// So many callers wait at a time for the issuer's answer.
const WAITING: usize = 16;
/// The most keys that are kept.
const MOST: usize = 100;
/// The bytes of an RSA modulus: 2,048 to 4,096 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// A key, with the one algorithm that it is for.
pub(super) struct PublicKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

#[derive(Deserialize)]
#[serde(tag = "kty")]
enum Parameters {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
}

#[derive(Deserialize)]
struct Common {
    kid: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
}

impl PublicKey {
    /// A key of a set, with its name; nothing if it is not one that signs in a way that is known here.
    pub(super) fn read(key: &serde_json::Value) -> Option<(String, Self)> {
        let common = Common::deserialize(key).ok()?;
        let (algorithm, name, key) = match Parameters::deserialize(key).ok()? {
            Parameters::Rsa { n, e } => {
                let modulus = URL_SAFE_NO_PAD.decode(&n).ok()?;
                MODULUS.contains(&modulus.len()).then_some(())?;
                (Algorithm::RS256, "RS256", DecodingKey::from_rsa_components(&n, &e).ok()?)
            }
            Parameters::Ec { crv, x, y } if crv == "P-256" => {
                (Algorithm::ES256, "ES256", DecodingKey::from_ec_components(&x, &y).ok()?)
            }
            Parameters::Okp { crv, x } if crv == "Ed25519" => {
                (Algorithm::EdDSA, "EdDSA", DecodingKey::from_ed_components(&x).ok()?)
            }
            Parameters::Ec { .. } | Parameters::Okp { .. } => return None,
        };
        let signs = common.usage.is_none_or(|usage| usage == "sig");
        let meant = common.alg.is_none_or(|alg| alg == name);
        (signs && meant).then_some((common.kid, Self { algorithm, key }))
    }
}

type Known = HashMap<String, Arc<PublicKey>>;

pub(super) struct Keys {
    fetcher: Fetcher,
    /// With when they were fetched.
    known: RwLock<Option<(Instant, Known)>>,
    /// When the issuer was asked last. Who asks it holds this.
    asked: Mutex<Option<Instant>>,
    waiting: AtomicUsize,
}

impl Keys {
    pub(super) fn new(fetcher: Fetcher) -> Self {
        Self { fetcher, known: RwLock::default(), asked: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    pub(super) fn prepare(&self) {
        self.ask(|_, _| false);
    }

    /// The key of this name. May ask the issuer: blocks.
    pub(super) fn get(&self, kid: &str) -> Result<Arc<PublicKey>, Refused> {
        if let Some(key) = self.look(kid, FRESH) {
            return Ok(key);
        }
        if self.waiting.fetch_add(1, Ordering::AcqRel) < WAITING {
            // Whoever waited for another's question has its answer.
            self.ask(|known, since| since.elapsed() < FRESH && known.contains_key(kid));
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        } else {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            return self.look(kid, USABLE).ok_or(Refused::Busy);
        }
        self.look(kid, USABLE).ok_or_else(|| Refused::Not("its key is not the issuer's".to_owned()))
    }

    fn look(&self, kid: &str, age: Duration) -> Option<Arc<PublicKey>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (since, keys) = known.as_ref()?;
        if since.elapsed() < age { keys.get(kid).cloned() } else { None }
    }

    /// Asks the issuer, unless what is known is `enough` or it was asked a moment ago.
    fn ask(&self, enough: impl FnOnce(&Known, Instant) -> bool) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let enough = known.as_ref().is_some_and(|(since, keys)| enough(keys, *since));
        drop(known);
        if enough || asked.is_some_and(|asked| asked.elapsed() < PAUSE) {
            return;
        }
        match self.fetcher.keys() {
            Ok(keys) => {
                let keys: Known =
                    keys.into_iter().take(MOST).map(|(kid, key)| (kid, Arc::new(key))).collect();
                tracing::info!(keys = keys.len(), "the issuer's keys were fetched");
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), keys));
            }
            Err(error) => tracing::warn!(error = &error as &dyn Error, "the issuer's keys cannot be fetched"),
        }
        // After it has answered: one that is slow is not asked without a pause.
        *asked = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_for_the_one_algorithm_of_its_kind() {
        let modulus = |bytes| URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
        let point = URL_SAFE_NO_PAD.encode([1; 32]);
        let algorithm = |key: serde_json::Value| PublicKey::read(&key).map(|(_, key)| key.algorithm);
        let rsa = |bytes| json!({"kty": "RSA", "kid": "a", "n": modulus(bytes), "e": "AQAB"});
        assert_eq!(algorithm(rsa(256)), Some(Algorithm::RS256));
        assert_eq!(algorithm(rsa(128)), None, "too short");
        assert_eq!(algorithm(rsa(1024)), None, "too long");
        let ec = json!({"kty": "EC", "kid": "a", "crv": "P-256", "x": point, "y": point, "use": "sig", "alg": "ES256"});
        assert_eq!(algorithm(ec.clone()), Some(Algorithm::ES256));
        for (field, value) in
            [("use", "enc"), ("alg", "HS256"), ("alg", "none"), ("crv", "P-384"), ("kty", "oct")]
        {
            let mut other = ec.clone();
            other[field] = value.into();
            assert_eq!(algorithm(other), None, "{field} {value}");
        }
        assert_eq!(
            algorithm(json!({"kty": "OKP", "kid": "a", "crv": "Ed25519", "x": point})),
            Some(Algorithm::EdDSA)
        );
        assert_eq!(algorithm(json!({"kty": "oct", "kid": "a", "k": point})), None);
        assert_eq!(algorithm(json!({"kty": "OKP", "crv": "Ed25519", "x": point})), None, "without a name");
    }
}
