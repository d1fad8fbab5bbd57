//! The operator's life, with the real binary, the real releases and the sample modules.
//!
//! Each test has an environment of its own in a temporary folder; they share only the releases and the cache of native
//! images. Nothing waits for time to pass: a preparation that is to last has a module that never ends by itself.

mod bad_input;
mod built;
mod check;
mod command;
mod compiler;
mod control;
mod crash;
mod errors;
mod gc;
mod held;
mod life;
mod lock_module;
mod plugins;
mod processes;
mod rehearse;
mod report;
mod rollback;
mod scene;
mod shipping;
mod sources;
mod streams;
mod trouble;
mod verify;
mod workers;
