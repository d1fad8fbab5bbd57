//! Forms are only taken from the console's own pages: a page elsewhere can make a browser send one, with its cookies, and cannot change
//! what the browser says about where it comes from.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::problem::Problem;

/// Lets a request through that only looks, or that comes from a page of the same origin.
pub(super) async fn only(request: Request, next: Next) -> Result<Response, Problem> {
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    if looks || is_same_origin(request.headers()) {
        return Ok(next.run(request).await);
    }
    let detail = "this did not come from a page of this console, so nothing was done. If it did, then something between your browser and the \
                  server changes the `Host` or `Origin` of requests: let it pass them on";
    Err(Problem::new(StatusCode::FORBIDDEN, "other-origin", detail))
}

/// Whether the browser says that the request is from the same origin. It says so in `Sec-Fetch-Site` where it trusts the connection,
/// and else in `Origin`, which is then compared with what it has asked for. What says neither is no browser of these years.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let said = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    if headers.contains_key("sec-fetch-site") {
        return said("sec-fetch-site") == Some("same-origin");
    }
    let origin = said("origin").and_then(|origin| {
        origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"))
            .filter(|host| !host.is_empty())
    });
    let host = said(header::HOST.as_str());
    origin.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
}

/// Whether the browser reached the page by TLS, wherever that ends.
pub(super) fn is_by_tls(headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    origin.is_some_and(|origin| origin.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_what_the_browser_says_is_of_the_same_origin_is_taken() {
        let host = ("host", "prefab.example:7420");
        for same in [
            vec![("sec-fetch-site", "same-origin")],
            // A proxy that puts another host in.
            vec![("sec-fetch-site", "same-origin"), ("host", "inner"), ("origin", "https://prefab.example")],
            vec![("origin", "http://prefab.example:7420"), host],
            vec![("origin", "https://PREFAB.example:7420"), host],
        ] {
            assert!(is_same_origin(&headers(&same)), "{same:?}");
        }
        for other in [
            vec![],
            vec![host],
            vec![("sec-fetch-site", "cross-site"), host],
            vec![("sec-fetch-site", "same-site"), ("origin", "http://prefab.example:7420"), host],
            vec![("sec-fetch-site", "none"), host],
            vec![("sec-fetch-site", ""), ("origin", "http://prefab.example:7420"), host],
            vec![("origin", "null"), host],
            vec![("origin", "http://"), ("host", "")],
            vec![("origin", "http://prefab.example"), host],
            vec![("origin", "http://evil.example"), host],
            vec![("origin", "http://prefab.example:7420.evil.example"), host],
            vec![("origin", "file://prefab.example:7420"), host],
            vec![("origin", "http://prefab.example:7420")],
        ] {
            assert!(!is_same_origin(&headers(&other)), "{other:?}");
        }
    }
}
