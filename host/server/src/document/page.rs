//! A page that shows the description to people. It needs no script, and loads nothing but its style.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;
use utoipa::openapi::OpenApi;

const STYLE: &str = include_str!("page.css");
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page's style.
pub(crate) fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// Shows every operation, under what it is about.
pub(crate) fn page(document: &OpenApi) -> Result<Response, serde_json::Error> {
    let document = serde_json::to_value(document)?;
    let operations = operations(&document);
    let mut tags: Vec<&str> = Vec::new();
    for one in &operations {
        if !tags.contains(&one.tag) {
            tags.push(one.tag);
        }
    }
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "The API of prefab" }
                link rel="stylesheet" href="/api.css";
            }
            body {
                h1 { "The API of prefab" }
                p { (text(&document["info"]["description"])) " As OpenAPI: " a href="/openapi.json" { "/openapi.json" } "." }
                @for tag in tags {
                    h2 { (tag) }
                    @for one in operations.iter().filter(|one| one.tag == tag) { (one.shown(&document)) }
                }
            }
        }
    };
    let policy: [(HeaderName, HeaderValue); 1] =
        [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))];
    Ok((policy, axum::response::Html(page.into_string())).into_response())
}

struct Operation<'a> {
    method: &'static str,
    path: &'a str,
    tag: &'a str,
    described: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            METHODS.into_iter().filter_map(move |method| {
                let described = item.get(method)?;
                Some(Operation { method, path, tag: text(&described["tags"][0]), described })
            })
        })
        .collect()
}

impl Operation<'_> {
    fn shown(&self, document: &Value) -> Markup {
        let parameters = self.described["parameters"].as_array().into_iter().flatten();
        let body = self.described["requestBody"]["content"].as_object().into_iter().flatten().next();
        let responses = self.described["responses"].as_object().into_iter().flatten();
        html! {
            details {
                summary {
                    strong.method { (self.method) } " " code { "/api/v1" (self.path) }
                    span { (text(&self.described["summary"])) }
                }
                div.body {
                    p { "Takes a token with the scope " code { (text(&self.described["security"][0]["token"][0])) } "." }
                    dl {
                        @for one in parameters {
                            dt { (text(&one["name"])) " (" (text(&one["in"])) ")" }
                            dd { (text(&one["description"])) }
                        }
                    }
                    @if let Some((kind, content)) = body {
                        p { "Body: " code { (kind) } }
                        (schema(document, &content["schema"]))
                    }
                    @for (status, response) in responses {
                        p { strong { (status) } " " (text(&response["description"])) }
                    }
                }
            }
        }
    }
}

/// A schema that the document names is shown as what it stands for.
fn schema(document: &Value, schema: &Value) -> Markup {
    let name = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/schemas/"));
    let schema = name.map_or(schema, |name| &document["components"]["schemas"][name]);
    html! { pre { (serde_json::to_string_pretty(schema).unwrap_or_default()) } }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
