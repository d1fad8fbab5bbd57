//! For those who ship compilers: does this one keep to what prefab expects ([`check`]), what is in its bytes ([`inspect`]), and where does
//! its fuel go ([`profile`])?
//!
//! A compiler is checked in the real sandbox, on the vendor's own vectors ([`read_vectors`]) and on sources that are made of these. Each
//! check is a file in `checks/` and says what was measured and what to do; how that looks is the business of the callers.

mod case;
mod checks;
mod files;
mod inspect;
mod profile;
mod report;
mod subject;
mod vectors;

pub use checks::{CheckOptions, Step, check};
pub use inspect::{CoreModule, CustomSection, Inspection, Kind, NotWasm, Producer, Program, inspect};
pub use profile::{FuelProfile, ProfileError, profile};
pub use report::{Check, Figures, Report, Suggestion, Verdict};
pub use subject::Subject;
pub use vectors::{ExpectedDiagnostic, ExpectedOutcome, Vector, VectorError, read_vectors};
