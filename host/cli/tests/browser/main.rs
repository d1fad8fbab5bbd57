//! The console as an operator meets it: the real program, in a real browser.
//!
//! It takes Debian's `chromium` and `chromium-driver`. Where they are missing the tests say so and are skipped, unless `CI` is set.

mod driver;
mod hostile;
mod looks;
#[allow(dead_code, reason = "it is that of the server's tests, which use all of it")]
#[path = "../server/scene.rs"]
mod scene;
mod watching;
mod without;
