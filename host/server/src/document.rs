//! The description of the API in OpenAPI; `document/page.rs` shows it to people.
//!
//! Routes are registered together with their descriptions (`api/mod.rs`), so that no route is without one. What all have in common
//! is added here.

mod page;
pub(crate) mod words;

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Info, OpenApi, Ref, RefOr, Required, ResponseBuilder, Server};
use utoipa::{PartialSchema as _, ToSchema as _};

pub(crate) use page::{page, style};

use crate::problem::Problem;

/// Adds what all operations have: the token, the parts of their paths, and problems.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    document.info = Info::new("prefab", env!("CARGO_PKG_VERSION"));
    document.info.description = Some(
        "Environments of many tenants, prepared in the background. Every request shows a token, of at least the scope that is told; whatever is not done is answered \
         with a problem document (RFC 9457)."
            .to_owned(),
    );
    document.servers = Some(vec![Server::new("/api/v1")]);
    let components = document.components.get_or_insert_default();
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("token", token);
    let paths = std::mem::take(&mut document.paths.paths);
    for (path, mut item) in paths {
        // OpenAPI has no parts that span slashes.
        let path = path.replace("{*", "{");
        let parts: Vec<&str> = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        for operation in operations(&mut item) {
            leave_bytes_open(operation);
            finish_operation(operation, &parts);
        }
        document.paths.paths.insert(path, item);
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn finish_operation(operation: &mut Operation, parts: &[&str]) {
    let parameters = operation.parameters.get_or_insert_default();
    for part in parts {
        if !parameters.iter().any(|known| is_named(known, part)) {
            let part = ParameterBuilder::new()
                .name(*part)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(words::part(part)));
            parameters.push(part.build().into());
        }
    }
    let problem = Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(RefOr::Ref(problem))).build();
    let response = ResponseBuilder::new()
        .description("Why it was not done")
        .content("application/problem+json", content);
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response.build()));
}

/// Bytes are not described any further.
fn leave_bytes_open(operation: &mut Operation) {
    let empty = || RefOr::T(ContentBuilder::new().build());
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && let Some(content) = body.content.get_mut("application/x-tar")
    {
        *content = empty();
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && let Some(content) = response.content.get_mut("application/octet-stream")
        {
            *content = empty();
        }
    }
}

fn is_named(parameter: &RefOr<Parameter>, name: &str) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.name == name)
}
