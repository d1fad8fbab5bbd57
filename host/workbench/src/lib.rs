//! For those who write compilers: a new project in one of four languages ([`create`]), and the digests of what was built put into its
//! release manifest ([`fill_digests`]).
//!
//! A project is built by its language's own tools and needs nothing of prefab but the contract, of which it gets a copy. What is
//! in a project is in `templates/`; nothing here runs a compiler.

mod digests;
mod project;

pub use digests::{DigestError, Filled, fill_digests};
pub use project::{Created, Language, NewError, create};
