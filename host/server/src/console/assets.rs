//! The style sheet, the script and the icon, which are part of the program.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const ICON: &str = include_str!("icon.svg");

/// Asked for anew after a while: a new version of the server may have others.
const FOR_A_WHILE: &str = "max-age=300";

pub(super) async fn style() -> Response {
    answer("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> Response {
    answer("text/javascript; charset=utf-8", SCRIPT)
}

pub(super) async fn icon() -> Response {
    answer("image/svg+xml", ICON)
}

fn answer(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_A_WHILE)], text).into_response()
}
