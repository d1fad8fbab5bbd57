//! `prefab serve` as a client meets it: the real program, over real HTTP, in a folder of its own.

mod access;
mod ending;
mod events;
mod input;
mod life;
mod scene;
mod trust;
mod watching;
