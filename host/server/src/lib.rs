//! The server: environments of many tenants, prepared in the background, over HTTP.
//!
//! [`serve`] opens a data directory (`data.rs`), takes connections (`connections.rs`) and answers what `routes.rs` has: most of it under
//! `/api/v1` (`api/`). Who may do what is in `access.rs`, what runs in
//! the background in `runs.rs`. What is done to an environment is done by `prefab-prepare`, by the same functions that the command
//! line calls: a handler reads a request, calls one of them, and writes what comes back.

mod access;
mod api;
mod ceilings;
mod connections;
mod console;
mod controls;
mod data;
mod db;
mod document;
mod etag;
mod follow;
mod input;
mod keeper;
mod live;
mod metrics;
mod names;
mod oidc;
mod open;
mod problem;
mod quotas;
mod rates;
mod routes;
mod runs;
mod sandboxes;
mod server;
mod shares;
mod tls;
mod token;
mod traces;
mod unpack;
mod upload;
mod usage;

pub use access::Caller;
pub use data::{Data, DataError};
pub use db::{AuditEntry, Db, DbError, NewToken, Tenant};
pub use names::{EnvironmentName, InvalidName, TenantName};
pub use oidc::{Claim, OidcError, OidcOptions};
pub use problem::Problem;
pub use quotas::Ceilings;
pub use server::{App, Listening, ServeError, ServeOptions, Server, create_token, serve};
pub use tls::{TlsError, TlsFiles, install_cryptography};
pub use token::{Scope, Secret, Token, TokenHash, TokenId};
