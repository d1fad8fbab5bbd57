//! Speaks to a prefab server over HTTP.
//!
//! An [`EnvironmentClient`] does to an environment on a server what the functions of `prefab-prepare` do to one in a folder, and
//! gives back the same types. Connecting, the token and problem documents are in `connection.rs`, the event stream in `events.rs`;
//! everything blocks. What the API itself is, is in the server's `/openapi.json`.

mod address;
mod comparing;
mod connection;
mod environment;
mod events;
mod modules;
mod publishing;
mod releases;
mod running;
mod tree;

pub use address::{InvalidAddress, ServerEnvironment, ServerUrl};
pub use connection::{ClientError, ConnectionOptions, Problem};
pub use environment::EnvironmentClient;
pub use publishing::{Publication, Rollback, Verification};
pub use running::{How, Watched};
