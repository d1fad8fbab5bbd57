//! What a compilation hands over, counted against its caps as it comes in.
//!
//! Everything that stays in host memory between two calls of a guest is counted here (ATTACKS G12); what one call may
//! bring is bounded by the store's hostcall fuel.

use prefab_model::{
    Artifact, ArtifactPaths, Diagnostic, InvalidPath, Limit, Limits, ModulePath, PathCollision, Severity,
};

use crate::end::Stop;

/// The longest media type in bytes.
const MAX_MEDIA_TYPE: usize = 128;

/// Why an artifact was not taken, told to the guest, which may go on.
#[derive(Debug)]
pub(crate) enum Declined {
    Path(InvalidPath),
    Collision(PathCollision),
}

/// Artifacts and diagnostics of one compilation.
#[derive(Debug)]
pub(crate) struct Collected {
    artifacts: Vec<Artifact>,
    diagnostics: Vec<Diagnostic>,
    paths: ArtifactPaths,
    bytes: u64,
    diagnostic_bytes: u64,
    limits: Caps,
}

#[derive(Debug)]
struct Caps {
    output: u64,
    artifacts: u64,
    diagnostics: u64,
    diagnostic_bytes: u64,
}

impl Collected {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            artifacts: Vec::new(),
            diagnostics: Vec::new(),
            paths: ArtifactPaths::default(),
            bytes: 0,
            diagnostic_bytes: 0,
            limits: Caps {
                output: limits.output.0,
                artifacts: limits.artifacts,
                diagnostics: limits.diagnostics,
                diagnostic_bytes: limits.diagnostic_bytes.0,
            },
        }
    }

    /// Takes in an artifact, or says what the guest is to be told.
    ///
    /// # Errors
    /// The reason to end the compilation: a cap that was hit, or a media type that is none.
    pub(crate) fn emit(
        &mut self,
        path: String,
        media_type: String,
        bytes: Vec<u8>,
    ) -> Result<Result<(), Declined>, Stop> {
        let path = match ModulePath::try_from(path) {
            Ok(path) => path,
            Err(error) => return Ok(Err(Declined::Path(error))),
        };
        check_media_type(&path, &media_type)?;
        if let Err(collision) = self.paths.insert(&path) {
            return Ok(Err(Declined::Collision(collision)));
        }
        if self.artifacts.len() as u64 >= self.limits.artifacts {
            return Err(Stop::OutputCap(Limit::Artifacts));
        }
        let total = self.bytes.saturating_add(bytes.len() as u64);
        if total > self.limits.output {
            return Err(Stop::OutputCap(Limit::Output));
        }
        self.bytes = total;
        self.artifacts.push(Artifact { path, media_type, bytes });
        Ok(Ok(()))
    }

    /// Takes in a diagnostic.
    ///
    /// # Errors
    /// The cap that was hit.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) -> Result<(), Stop> {
        if self.diagnostics.len() as u64 >= self.limits.diagnostics {
            return Err(Stop::OutputCap(Limit::Diagnostics));
        }
        let total = self.diagnostic_bytes.saturating_add(diagnostic.retained_bytes());
        if total > self.limits.diagnostic_bytes {
            return Err(Stop::OutputCap(Limit::DiagnosticBytes));
        }
        self.diagnostic_bytes = total;
        self.diagnostics.push(diagnostic);
        Ok(())
    }

    /// Whether an error was reported.
    pub(crate) fn has_error(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    pub(crate) fn into_parts(self) -> (Vec<Artifact>, Vec<Diagnostic>) {
        (self.artifacts, self.diagnostics)
    }
}

fn check_media_type(path: &ModulePath, media_type: &str) -> Result<(), Stop> {
    let printable = media_type.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !media_type.is_empty() && media_type.len() <= MAX_MEDIA_TYPE && printable {
        return Ok(());
    }
    Err(Stop::Violation(format!(
        "the media type of the artifact {path} is not 1 to {MAX_MEDIA_TYPE} printable ASCII characters"
    )))
}

#[cfg(test)]
mod tests {
    use prefab_model::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::findings::host_error;

    fn collected(change: impl FnOnce(&mut Limits)) -> Collected {
        let mut limits = Limits::default();
        change(&mut limits);
        Collected::new(&limits)
    }

    fn emit(it: &mut Collected, path: &str, bytes: usize) -> Result<Result<(), Declined>, Stop> {
        it.emit(path.into(), "text/css".into(), vec![0; bytes])
    }

    #[test]
    fn a_cap_lets_through_exactly_as_much_as_it_says() {
        let mut it = collected(|limits| limits.output = Bytes(10));
        assert!(emit(&mut it, "a", 4).unwrap().is_ok());
        assert!(emit(&mut it, "b", 6).unwrap().is_ok());
        assert!(matches!(emit(&mut it, "c", 1), Err(Stop::OutputCap(Limit::Output))));

        let mut it = collected(|limits| limits.artifacts = 1);
        assert!(emit(&mut it, "a", 0).unwrap().is_ok());
        assert!(matches!(emit(&mut it, "b", 0), Err(Stop::OutputCap(Limit::Artifacts))));

        let mut it = collected(|limits| limits.diagnostics = 1);
        it.report(host_error("c", "m")).unwrap();
        assert!(matches!(it.report(host_error("c", "m")), Err(Stop::OutputCap(Limit::Diagnostics))));
    }

    #[test]
    fn diagnostics_are_counted_in_bytes_too() {
        let mut it = collected(|limits| limits.diagnostic_bytes = Bytes(1000));
        let error = it.report(host_error("c", &"x".repeat(1000))).unwrap_err();
        assert!(matches!(error, Stop::OutputCap(Limit::DiagnosticBytes)));
    }

    #[test]
    fn a_media_type_is_printable_text() {
        for (media_type, good) in [
            ("text/css; charset=utf-8", true),
            ("", false),
            ("a\nb", false),
            ("ä", false),
            (&"a".repeat(129), false),
        ] {
            let taken = collected(|_| {}).emit("a".into(), media_type.into(), vec![]).is_ok();
            assert_eq!(taken, good, "{media_type:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_never_exceeds_the_caps(
            artifacts in prop::collection::vec(("[a-c/.]{0,4}", 0_usize..40), 0..30)
        ) {
            let mut it = collected(|limits| {
                limits.output = Bytes(100);
                limits.artifacts = 5;
            });
            for (path, size) in &artifacts {
                if emit(&mut it, path, *size).is_err() {
                    break;
                }
            }
            let (kept, _) = it.into_parts();
            prop_assert!(kept.len() <= 5);
            prop_assert!(kept.iter().map(|artifact| artifact.bytes.len()).sum::<usize>() <= 100);
            let mut paths = ArtifactPaths::default();
            prop_assert!(kept.iter().all(|artifact| paths.insert(&artifact.path).is_ok()));
        }
    }
}
