//! What differs between the versions of oxc that the releases use, so that nothing else need know of it.

use oxc::ast::ast::Program;
use oxc::diagnostics::OxcDiagnostic;
use oxc::isolated_declarations::IsolatedDeclarationsReturn;
use oxc::parser::ParserReturn;
use oxc::semantic::{SemanticBuilder, SemanticBuilderReturn};
use oxc::transformer::TransformerReturn;

/// The findings of a step.
pub(crate) trait Findings {
    /// Takes the findings out of what a step returned.
    fn take_findings(&mut self) -> Vec<OxcDiagnostic>;
}

macro_rules! findings {
    ($($of:ty),*) => {$(
        impl Findings for $of {
            #[cfg(not(feature = "release-11-8"))]
            fn take_findings(&mut self) -> Vec<OxcDiagnostic> {
                std::mem::take(&mut self.diagnostics).into_vec()
            }
            #[cfg(feature = "release-11-8")]
            fn take_findings(&mut self) -> Vec<OxcDiagnostic> {
                std::mem::take(&mut self.errors)
            }
        }
    )*};
}

findings!(ParserReturn<'_>, SemanticBuilderReturn<'_>, IsolatedDeclarationsReturn<'_>, TransformerReturn);

/// Scopes and symbols of a program, and what is wrong with it, for a transformation to follow.
#[cfg(not(feature = "release-11-8"))]
pub(crate) fn analyse<'a>(program: &'a Program<'a>) -> SemanticBuilderReturn<'a> {
    SemanticBuilder::new_compiler()
        .with_excess_capacity(2.0)
        .with_enum_eval(true)
        .with_check_syntax_error(true)
        .build(program)
}

/// Scopes and symbols of a program, and what is wrong with it, for a transformation to follow.
#[cfg(feature = "release-11-8")]
pub(crate) fn analyse<'a>(program: &'a Program<'a>) -> SemanticBuilderReturn<'a> {
    SemanticBuilder::new().with_excess_capacity(2.0).with_check_syntax_error(true).build(program)
}

/// A place that a finding points at: from and up to which byte, and what is said there.
pub(crate) type Place<'a> = (usize, usize, Option<&'a str>);

/// The places that a finding points at.
#[cfg(not(feature = "release-11-8"))]
pub(crate) fn places(finding: &OxcDiagnostic) -> impl Iterator<Item = Place<'_>> {
    finding.labels.iter().map(|label| {
        let start = label.offset() as usize;
        (start, start + label.len() as usize, label.label())
    })
}

/// The places that a finding points at.
#[cfg(feature = "release-11-8")]
pub(crate) fn places(finding: &OxcDiagnostic) -> impl Iterator<Item = Place<'_>> {
    let labels = finding.labels.iter().flatten();
    labels.map(|label| (label.offset(), label.offset() + label.len(), label.label()))
}
