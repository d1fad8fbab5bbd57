//! The modules of a preparation, in memory: for each only what other modules need to know of it, some 200 bytes, so that a million
//! of them fit.

use indexmap::IndexSet;
use prefab_model::{CompilationKey, Diagnostic, ModuleName, SignatureDigest, SourceDigest};

use crate::plan::DependencyState;

/// A module's place in the roster.
pub(super) type Index = u32;

/// The names of all modules of the environment, and their places.
pub(super) struct Roster {
    pub(super) names: IndexSet<ModuleName>,
}

impl Roster {
    pub(super) fn find(&self, name: &ModuleName) -> Option<Index> {
        self.names.get_index_of(name).and_then(|place| Index::try_from(place).ok())
    }

    pub(super) fn name(&self, index: Index) -> &ModuleName {
        &self.names[index as usize]
    }
}

/// What came of the first pass, by place in the roster; none for a module that takes no part.
pub(super) type AllSigned = [Option<FirstPass>];

/// What the first pass found out about a module, and what that cost.
#[derive(Debug)]
pub(super) struct FirstPass {
    pub(super) signed: Signed,
    /// An estimate of what compiling it costs, in fuel.
    pub(super) weight: u64,
    /// Whether a signature had to be made.
    pub(super) ran: bool,
}

/// What the first pass found out about a module.
#[derive(Debug)]
pub(super) enum Signed {
    /// It could not be read.
    Unreadable(Box<Diagnostic>),
    /// Its sources, one for each compiler that takes any of its files.
    Read(Box<[Source]>),
}

/// A module's source as one compiler sees it.
#[derive(Debug)]
pub(super) struct Source {
    /// The compiler's place in the release.
    pub(super) compiler: u16,
    pub(super) digest: SourceDigest,
    pub(super) signature: SignatureState,
}

/// What became of a signature.
#[derive(Debug)]
pub(super) enum SignatureState {
    /// The compiler makes none.
    None,
    Made {
        key: CompilationKey,
        digest: SignatureDigest,
    },
    /// It could not be made; a key if that would happen again, else what went wrong on this host.
    Failed {
        key: Option<CompilationKey>,
        host_error: Option<String>,
    },
}

impl Signed {
    /// How a dependent that is compiled by `compiler` sees the module; an error if its signature should be there and is not.
    pub(super) fn for_dependents(&self, compiler: u16) -> Result<DependencyState, NoSignature> {
        match self {
            Self::Unreadable(_) => Err(NoSignature),
            Self::Read(sources) => match sources.iter().find(|source| source.compiler == compiler) {
                None | Some(Source { signature: SignatureState::None, .. }) => Ok(DependencyState::Unsigned),
                Some(Source { signature: SignatureState::Made { digest, .. }, .. }) => {
                    Ok(DependencyState::Signed(*digest))
                }
                Some(Source { signature: SignatureState::Failed { .. }, .. }) => Err(NoSignature),
            },
        }
    }
}

/// A module's signature could not be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoSignature;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependents_see_a_signature_none_or_that_it_is_missing() {
        let source = |compiler, signature| Source { compiler, digest: SourceDigest::of(b""), signature };
        let digest = SignatureDigest::of(b"s");
        let key = CompilationKey::of(b"k");
        let signed = Signed::Read(Box::new([
            source(0, SignatureState::Made { key, digest }),
            source(1, SignatureState::Failed { key: None, host_error: None }),
            source(2, SignatureState::None),
        ]));
        assert_eq!(signed.for_dependents(0), Ok(DependencyState::Signed(digest)));
        assert_eq!(signed.for_dependents(1), Err(NoSignature));
        assert_eq!(signed.for_dependents(2), Ok(DependencyState::Unsigned));
        assert_eq!(signed.for_dependents(3), Ok(DependencyState::Unsigned));
    }
}
