//! Command-line compilers: a program that knows nothing of prefab, for WASI 0.1 and for WASI 0.2, run as a compiler. What it may do works, and
//! what it may not ends as an outcome (ATTACKS T10), here and in worker processes.

mod attacks;
mod exceptions;
mod modules;
mod refused;
mod results;
mod scene;
