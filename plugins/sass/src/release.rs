//! What differs between the platform releases.
//!
//! Each release is built from these sources with its own version of grass; the feature `release-11-8` chooses the older.

/// The platform release that this is the compiler of.
#[cfg(not(feature = "release-11-8"))]
pub(crate) const PLATFORM: &str = "11.9.0";
/// The platform release that this is the compiler of.
#[cfg(feature = "release-11-8")]
pub(crate) const PLATFORM: &str = "11.8.0";

/// The version of grass in use, for people.
#[cfg(not(feature = "release-11-8"))]
pub(crate) const GRASS: &str = "0.13.4";
/// The version of grass in use, for people.
#[cfg(feature = "release-11-8")]
pub(crate) const GRASS: &str = "0.12.4";

/// The browsers that CSS is written for when the option `browsers` is not given.
#[cfg(not(feature = "release-11-8"))]
pub(crate) const DEFAULT_BROWSERS: &str = "chrome 107, edge 107, firefox 104, safari 16";
/// The browsers that CSS is written for when the option `browsers` is not given.
#[cfg(feature = "release-11-8")]
pub(crate) const DEFAULT_BROWSERS: &str = "chrome 87, edge 88, firefox 78, safari 14";
