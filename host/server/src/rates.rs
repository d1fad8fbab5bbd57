//! How often each token may ask.

use std::num::NonZeroU32;

use axum::http::StatusCode;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::problem::Problem;
use crate::token::TokenId;

/// So many tokens are remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 10_000;

/// Counts requests by token.
pub(crate) struct Rates {
    limiter: DefaultKeyedRateLimiter<TokenId>,
    clock: DefaultClock,
}

impl Rates {
    /// So many requests a second each, and as many at once after a quiet second.
    pub(crate) fn new(a_second: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_second(a_second));
        Self { limiter, clock: DefaultClock::default() }
    }

    /// Counts a request, unless it is one too many.
    pub(crate) fn check(&self, token: TokenId) -> Result<(), Problem> {
        if self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&token).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now()).as_secs() + 1;
            let detail = "this token has asked too often: try again later";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail).after(wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_counted_by_itself() {
        let rates = Rates::new(NonZeroU32::new(2).unwrap());
        let (a, b) = (TokenId(1), TokenId(2));
        assert!(rates.check(a).is_ok() && rates.check(a).is_ok());
        assert_eq!(rates.check(a).unwrap_err().code(), "too-many-requests");
        assert!(rates.check(b).is_ok());
    }
}
