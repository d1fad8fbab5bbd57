//! Running one compilation on this machine: a compilation and its inputs in, an outcome out.
//!
//! What a success produced is put in the blobs here, by the thread that ran it; it becomes durable, and then known, with the batch
//! in which the outcome is committed.

use std::collections::HashMap;

use prefab_model::{Compilation, Outcome, SignatureDigest, Stored};
use prefab_sandbox::{Compiler, Control, Inputs, Sandbox, Success};
use prefab_store::{Store, StoreError};

use crate::excerpt;

/// An outcome, and the bytes of the signature if it is one.
pub(crate) struct Executed {
    pub(crate) outcome: Outcome,
    pub(crate) signature: Option<(SignatureDigest, Vec<u8>)>,
}

pub(crate) struct Executor<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) store: &'a Store,
}

impl Executor<'_> {
    /// Runs a compilation.
    ///
    /// # Errors
    /// Only if what it produced could not be stored: then nothing else can be either, and the preparation ends.
    pub(crate) fn execute(
        &self,
        compiler: &Compiler,
        compilation: &Compilation,
        inputs: &Inputs,
        control: &Control,
    ) -> Result<Executed, StoreError> {
        let run = self.sandbox.run(compiler, compilation, inputs, control);
        let mut diagnostics = run.diagnostics;
        if !diagnostics.is_empty() {
            let files: HashMap<&str, &[u8]> =
                inputs.files.iter().map(|file| (file.path.as_str(), &file.bytes[..])).collect();
            for diagnostic in &mut diagnostics {
                excerpt::fill(diagnostic, |file| files.get(file).copied());
            }
        }
        let mut signature = None;
        let mut failed = None;
        let kind = run.kind.map(|success| match success {
            Success::Artifacts(artifacts) => {
                let (digest, size) = self.store.blobs().put_bundle(&artifacts).unwrap_or_else(|error| {
                    failed = Some(error);
                    (prefab_model::BundleDigest::from_bytes([0; 32]), 0)
                });
                Stored::Bundle { digest, size }
            }
            Success::Signature(bytes) => {
                let digest = SignatureDigest::of(&bytes);
                signature = Some((digest, bytes));
                Stored::Signature(digest)
            }
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(Executed {
                outcome: Outcome { kind, usage: run.usage, diagnostics, log: run.log },
                signature,
            }),
        }
    }
}
