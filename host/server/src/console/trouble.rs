//! What could not be done, as a page. The API's answer to the same request is a problem document; this shows it to people.

use axum::extract::{OriginalUri, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use maud::html;

use super::session::is_page;
use super::{HOME, page, sign_in};
use crate::problem::Problem;

/// Shows problems as pages to those who ask for pages.
pub(super) async fn shown(request: Request, next: Next) -> Response {
    let page = is_page(request.headers());
    let wanted =
        request.extensions().get().and_then(|OriginalUri(uri)| uri.path_and_query()).map(ToString::to_string);
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().filter(|_| page) else { return response };
    if problem.status() == StatusCode::UNAUTHORIZED {
        return sign_in::ask(&wanted.unwrap_or_default());
    }
    let mut shown = as_page(problem);
    *shown.status_mut() = problem.status();
    shown
}

fn as_page(problem: &Problem) -> Response {
    let title = match problem.status() {
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::FORBIDDEN => "You may not do that",
        StatusCode::CONFLICT => "Not now",
        status if status.is_server_error() => "Something went wrong",
        _ => "That cannot be done",
    };
    page::plain(
        title,
        &html! {
            div.trouble {
                p.eyebrow { (problem.status().as_u16()) " " code { (problem.code()) } }
                h1 { (title) }
                p.lead { (problem.detail()) "." }
                p { a href=(HOME) { "Back to the beginning" } }
            }
        },
    )
}
