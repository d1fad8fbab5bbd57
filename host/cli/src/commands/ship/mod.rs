//! The vendor's side of `prefab release`: keys, signatures, packed files and registries.

mod keys;
mod pack;
mod transfer;
mod whole;

pub(crate) use keys::{KeygenArgs, SignArgs};
pub(super) use keys::{keygen, sign};
pub(crate) use pack::PackArgs;
pub(super) use pack::pack;
pub(crate) use transfer::{PullArgs, PushArgs};
pub(super) use transfer::{pull, push};
