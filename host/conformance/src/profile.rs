//! Where a compiler's fuel goes, by function: folded stacks, as flame graphs are drawn from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prefab_model::{Fuel, OutcomeKind};
use prefab_sandbox::{LoadError, Sandbox};

use crate::case::{Bench, ended};
use crate::subject::Subject;
use crate::vectors::Vector;

/// So many samples are aimed at for each vector.
const SAMPLES: u64 = 10_000;
/// The least fuel between two samples: more often would take longer than compiling.
const LEAST_INTERVAL: u64 = 1_000;

/// Where fuel went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FuelProfile {
    /// Stacks, the outermost function first and each frame set off by `;`, with the fuel that was used while the stack was such.
    stacks: BTreeMap<String, u64>,
    /// All fuel that was used.
    pub fuel: Fuel,
    /// How often was looked.
    pub samples: u64,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is not a compiler.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is nothing to compile.
    #[error(
        "there is nothing to compile: name a folder of vectors with --vectors, or put them into `vectors` beside the compiler"
    )]
    NoVectors,
    /// A vector cannot be compiled.
    #[error("the vector {vector} cannot be profiled: {reason}")]
    Vector {
        /// Its name.
        vector: String,
        /// Why not.
        reason: String,
    },
}

impl FuelProfile {
    /// As text: a stack and its fuel a line.
    pub fn folded(&self) -> String {
        self.stacks.iter().fold(String::new(), |mut text, (stack, fuel)| {
            let _ = writeln!(text, "{stack} {fuel}");
            text
        })
    }

    /// The functions that used most by themselves, with their fuel.
    pub fn top(&self, most: usize) -> Vec<(String, Fuel)> {
        let mut by_function: BTreeMap<&str, u64> = BTreeMap::new();
        for (stack, fuel) in &self.stacks {
            *by_function.entry(stack.rsplit(';').next().unwrap_or(stack)).or_default() += fuel;
        }
        let mut top: Vec<_> =
            by_function.into_iter().map(|(name, fuel)| (name.to_owned(), Fuel(fuel))).collect();
        top.sort_by(|(one, most), (other, less)| less.cmp(most).then_with(|| one.cmp(other)));
        top.truncate(most);
        top
    }
}

/// Compiles the vectors and finds out what used the fuel. Each is compiled twice: once to know how often to look.
///
/// # Errors
/// [`ProfileError`] if there is nothing to see.
pub fn profile(
    sandbox: &Sandbox,
    subject: &Subject,
    vectors: &[Vector],
) -> Result<FuelProfile, ProfileError> {
    if vectors.is_empty() {
        return Err(ProfileError::NoVectors);
    }
    let bench = Bench { sandbox, subject, compiler: subject.load(sandbox)?, limits: subject.limits() };
    let mut whole = FuelProfile { stacks: BTreeMap::new(), fuel: Fuel(0), samples: 0 };
    for vector in vectors {
        let failed = |reason: String| ProfileError::Vector { vector: vector.name.clone(), reason };
        let case = bench.case(vector, vectors).map_err(failed)?;
        let first = bench.run(&case);
        // One that does not come to an end used all its fuel, and it may be just that what the profile is wanted for.
        let used = first.usage.fuel.unwrap_or(bench.limits.fuel);
        let interval = Fuel((used.0 / SAMPLES).max(LEAST_INTERVAL));
        let how = bench.usual();
        let (compilation, inputs) = bench.compilation(&case, &how);
        let profile = sandbox.profile(&bench.compiler, &compilation, &inputs, &how.control, interval)?;
        if let OutcomeKind::HostError(_) | OutcomeKind::Refused(_) = profile.run.kind {
            return Err(failed(ended(&profile.run)));
        }
        whole.fuel.0 += profile.run.usage.fuel.unwrap_or(used).0;
        for (stack, samples) in profile.stacks {
            whole.samples += samples;
            *whole.stacks.entry(stack.join(";")).or_default() += samples.saturating_mul(interval.0);
        }
    }
    Ok(whole)
}
