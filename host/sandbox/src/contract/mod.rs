//! The contracts by which the host talks to compilers, one file for each version, side by side: an old compiler keeps
//! working. What they have in common is in `guest.rs` (what is shown) and `output.rs` (what comes back).

pub(crate) mod v1;
