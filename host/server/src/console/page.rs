//! What all pages have in common: the head, where one is, who is signed in, and the headers that keep a browser from doing more.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};
use prefab_model::escape;

use super::HOME;
use super::links::Links;
use super::session::Visitor;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
/// How often a page that is watched without a script is loaded again, in seconds.
const AGAIN: u8 = 5;

/// The parts of an environment, as they are found above its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Overview,
    History,
    Report,
    Fuel,
    Graph,
}

impl Part {
    const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Overview, "Overview", ""),
        (Self::Report, "Comparison", "/report"),
        (Self::Graph, "Dependencies", "/graph"),
        (Self::Fuel, "Fuel", "/fuel"),
        (Self::History, "History", "/history"),
    ];
}

/// A page that somebody is shown who is signed in.
pub(super) struct Page<'a> {
    pub(super) title: String,
    pub(super) visitor: &'a Visitor,
    /// The tenant, and the environment's pages that it is one of.
    pub(super) tenant: Option<&'a str>,
    pub(super) within: Option<(&'a Links, Option<Part>)>,
    /// The module it is about.
    pub(super) module: Option<&'a str>,
    /// Whether it is to be kept up to date, and whether something happens now.
    pub(super) watched: Option<bool>,
}

impl Page<'_> {
    pub(super) fn show(&self, body: &Markup) -> Response {
        let events = self.watched.and(self.within).map(|(links, _)| links.to("/events"));
        let happens = self.watched == Some(true);
        document(
            &self.title,
            happens,
            &html! {
                (self.header())
                main #main tabindex="-1" data-events=[events] data-about=[self.module] {
                    @if let Some(said) = &self.visitor.said {
                        div.said.good[said.good].bad[!said.good] role=(if said.good { "status" } else { "alert" }) {
                            p { (escape::line(&said.text)) }
                            @if !said.details.is_empty() {
                                ul { @for detail in &said.details { li { (escape::line(detail)) } } }
                            }
                        }
                    }
                    (body)
                }
                @if self.watched.is_some() {
                    p #announce .visually-hidden role="status" aria-live="polite" {}
                    p #stale .stale hidden { "What is shown is not kept up to date any more. " a href="" { "Load it again" } }
                }
                (footer())
            },
        )
    }

    fn header(&self) -> Markup {
        let token = self.visitor.caller.token();
        html! {
            header.top {
                nav.crumbs aria-label="Where you are" {
                    ol {
                        li { a.brand href=(HOME) { "prefab" } }
                        @if let Some(tenant) = self.tenant {
                            li { a href={ "/console/tenants/" (tenant) } { (tenant) } }
                        }
                        @if let Some((links, _)) = self.within {
                            li { a href=(links.to("")) { (links.environment()) } }
                        }
                        @if let Some(module) = self.module { li { span aria-current="page" { (module) } } }
                    }
                }
                form.who method="post" action="/console/sign-out" {
                    span { (escape::line(&token.name)) " " span.scope { (token.scope.as_str()) } }
                    button.quiet { "Sign out" }
                }
            }
            @if let Some((links, part)) = self.within {
                nav.parts aria-label="Parts of the environment" {
                    ul {
                        @for (one, word, path) in Part::ALL {
                            li { a href=(links.to(path)) aria-current=[(part == Some(one)).then_some("page")] { (word) } }
                        }
                    }
                }
            }
        }
    }
}

/// A page for whoever may not be signed in.
pub(super) fn plain(title: &str, body: &Markup) -> Response {
    document(
        title,
        false,
        &html! {
            header.top { nav.crumbs aria-label="Where you are" { ol { li { a.brand href=(HOME) { "prefab" } } } } }
            main #main tabindex="-1" { (body) }
            (footer())
        },
    )
}

fn footer() -> Markup {
    html! { footer { p { "prefab " (env!("CARGO_PKG_VERSION")) " · " a href="/api" { "The API" } } } }
}

fn document(title: &str, happens: bool, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · prefab" }
                link rel="icon" href="/console/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/console/style.css";
                script src="/console/script.js" defer {}
                @if happens { noscript { meta http-equiv="refresh" content=(AGAIN); } }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (body)
            }
        }
    };
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        // With none, browsers would not say where forms come from.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (headers, Html(page.into_string())).into_response()
}
