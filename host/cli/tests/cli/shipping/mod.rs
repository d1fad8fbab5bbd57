//! Releases on their way from a vendor to an operator: keys, signatures, packed files, a real registry and hostile ones, and what is
//! refused for which reason.

mod files;
mod hostile;
mod refusals;
mod registry;
mod revoking;
mod vendor;
mod whole;
