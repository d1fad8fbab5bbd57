//! `ETag` and `If-Match`: whoever changes something can say what they had seen, and is refused if it is another now.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::problem::Problem;
use crate::server::App;

/// What names a state of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ETag(String);

impl ETag {
    /// The name for what is shown of it.
    pub(crate) fn of(shown: &impl Serialize) -> Result<Self, serde_json::Error> {
        let hash = blake3::hash(&serde_json::to_vec(shown)?).to_hex();
        Ok(Self(format!("\"{}\"", hash.as_str().get(..32).unwrap_or_default())))
    }

    /// The header that tells it.
    pub(crate) fn header(&self) -> [(HeaderName, HeaderValue); 1] {
        let value = HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("\"\""));
        [(header::ETAG, value)]
    }
}

/// What a caller says that it had seen, if it does.
pub(crate) struct IfMatch(Option<String>);

impl IfMatch {
    /// Refuses to go on if what is there is not what the caller had seen.
    pub(crate) fn check(&self, now: Option<&ETag>) -> Result<(), Problem> {
        let Some(seen) = &self.0 else { return Ok(()) };
        let same = now.is_some_and(|now| seen == "*" || seen.split(',').any(|one| one.trim() == now.0));
        if same {
            return Ok(());
        }
        let detail = "somebody has changed it since you looked: get it again, and decide anew";
        Err(Problem::new(StatusCode::PRECONDITION_FAILED, "changed", detail))
    }

    /// Whether anything was said.
    pub(crate) fn is_said(&self) -> bool {
        self.0.is_some()
    }
}

impl FromRequestParts<App> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        // One that cannot be read is one that nothing matches.
        let seen =
            parts.headers.get(IF_MATCH).map(|seen| seen.to_str().unwrap_or_default().trim().to_owned());
        Ok(Self(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_seen_is_changed() {
        let (old, new) = (ETag::of(&1).unwrap(), ETag::of(&2).unwrap());
        let seen = |text: &str| IfMatch(Some(text.to_owned()));
        assert!(seen(&old.0).check(Some(&old)).is_ok());
        assert!(seen(&format!("\"x\", {}", old.0)).check(Some(&old)).is_ok());
        assert!(seen("*").check(Some(&old)).is_ok());
        assert!(IfMatch(None).check(Some(&old)).is_ok());
        for (seen, now) in [(seen(&old.0), Some(&new)), (seen("*"), None), (seen(""), Some(&old))] {
            assert_eq!(seen.check(now).unwrap_err().code(), "changed");
        }
    }
}
