//! `prefab serve` as a client meets it: the real program, over real HTTP, in a folder of its own.

mod access;
mod ceilings;
mod console;
mod deploy;
mod described;
mod ending;
mod events;
mod following;
mod input;
mod life;
mod objects;
mod oidc;
mod remote;
mod scene;
mod shares;
mod tls;
mod traces;
mod trust;
mod watching;
mod weed;
