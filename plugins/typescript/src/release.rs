//! What differs between the platform releases.
//!
//! Each release is built from these sources with its own version of oxc; the feature `release-11-8` chooses the older.

/// The platform release that this is the compiler of.
#[cfg(not(feature = "release-11-8"))]
pub(crate) const PLATFORM: &str = "11.9.0";
/// The platform release that this is the compiler of.
#[cfg(feature = "release-11-8")]
pub(crate) const PLATFORM: &str = "11.8.0";

/// The version of oxc in use, for people.
#[cfg(not(feature = "release-11-8"))]
pub(crate) const OXC: &str = "0.146.0";
/// The version of oxc in use, for people.
#[cfg(feature = "release-11-8")]
pub(crate) const OXC: &str = "0.121.0";

/// The edition of JavaScript that is written when the option `target` is not given.
#[cfg(not(feature = "release-11-8"))]
pub(crate) const DEFAULT_TARGET: &str = "es2024";
/// The edition of JavaScript that is written when the option `target` is not given.
#[cfg(feature = "release-11-8")]
pub(crate) const DEFAULT_TARGET: &str = "es2022";

/// Whether an import assertion, as in `import x from "./x.json" assert { type: "json" }`, is an error. It never became
/// part of the language, and engines have dropped it for `with`; until 11.8.0 it was rewritten.
pub(crate) const REFUSES_IMPORT_ASSERTIONS: bool = cfg!(not(feature = "release-11-8"));
