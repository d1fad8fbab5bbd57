//! One module in two preparations: which artifacts came, went or changed, how their texts differ, and what its compilers found.
//!
//! Bounded: texts above [`TextLimits::input`] are not compared by lines, and differences are cut after so many lines and bytes,
//! which is then said.

mod unified;

use std::path::PathBuf;

use prefab_model::{ModuleName, ModulePath, PreparationId};
use prefab_store::{ModuleResult, StoreError};
use serde::{Deserialize, Serialize};

pub use unified::TextLimits;

use super::content::{self, Artifacts, Left, is_source_map};
use super::findings::Finding;
use super::sides::{ReportError, Side};
use super::verdict::Verdict;
use super::{Difference, judged, side_by_side};
use crate::environment::Environment;
use crate::modules::ModulesError;

/// What to show of a module's differences.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiffOptions {
    /// Whether source maps are compared line by line too. They follow from the rest, and are long.
    pub source_maps: bool,
    /// How much of the texts.
    pub limits: TextLimits,
}

/// A module in two preparations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModuleDiff {
    /// The module.
    pub module: ModuleName,
    /// Its folder.
    pub path: Option<PathBuf>,
    /// What is compared with.
    pub base: Side,
    /// What is compared.
    pub new: Side,
    /// The verdict on the module.
    pub verdict: Verdict,
    /// Why it could not be compared.
    pub why: Option<String>,
    /// Fuel of its compilations, where it is prepared in both.
    pub fuel: Option<Difference>,
    /// The artifacts that are not the same, by path.
    pub artifacts: Vec<ArtifactDiff>,
    /// How many artifacts are the same byte for byte.
    pub unchanged: u64,
    /// What its compilers found: what appeared, what stayed, what disappeared.
    pub findings: Vec<Finding>,
}

/// An artifact that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactDiff {
    /// Its path.
    pub path: ModulePath,
    /// Its media type: the new one, where there is one.
    pub media_type: String,
    /// What became of it.
    #[serde(flatten)]
    pub change: ArtifactChange,
}

/// What became of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum ArtifactChange {
    /// It is only in the new preparation.
    Added {
        /// Its bytes.
        size: u64,
    },
    /// It is only in the base.
    Removed {
        /// Its bytes.
        size: u64,
    },
    /// Its bytes are different.
    Changed {
        /// How many there are.
        size: Difference,
        /// How they differ.
        content: ContentDiff,
    },
}

/// How the bytes of an artifact differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "content")]
pub enum ContentDiff {
    /// It is text.
    Text {
        /// The differences in unified format, without the two lines of file names.
        unified: String,
        /// How many lines of it were left out, since it is too long.
        lines_left_out: u64,
    },
    /// It is a source map, which was not asked for.
    SourceMap,
    /// It is text, and too long to be compared by lines.
    TooLong,
    /// It is not text.
    Binary,
}

/// Compares what two preparations made of a module.
pub fn diff(
    env: &Environment,
    module: &ModuleName,
    (base, new): (PreparationId, PreparationId),
    options: DiffOptions,
) -> Result<ModuleDiff, ReportError> {
    let store = env.store();
    let (base_side, new_side) = (Side::of(env, base)?, Side::of(env, new)?);
    let (was, is) = (store.result(base, module)?, store.result(new, module)?);
    if was.is_none() && is.is_none() {
        if store.module(module)?.is_none() {
            return Err(Box::new(ModulesError::unknown(env, module)).into());
        }
        return Err(ReportError::NotPrepared { module: module.clone(), base, new });
    }
    let report = judged(env, module.clone(), was.as_ref(), is.as_ref())?;
    // Without verdict because a bundle is damaged: that was said, and there is nothing to read.
    let readable = report.why.is_none() || was.is_none() || is.is_none();
    let (artifacts, unchanged) = if readable {
        by_path(artifacts(env, was.as_ref())?, artifacts(env, is.as_ref())?, options)
    } else {
        (Vec::new(), 0)
    };
    let (path, findings) = side_by_side(env, was, is)?;
    Ok(ModuleDiff {
        module: module.clone(),
        path,
        base: base_side,
        new: new_side,
        verdict: report.verdict,
        why: report.why,
        fuel: report.fuel,
        artifacts,
        unchanged,
        findings,
    })
}

/// What a module was prepared to; nothing if it was not.
fn artifacts(env: &Environment, result: Option<&ModuleResult>) -> Result<Artifacts, StoreError> {
    let Some(result) = result else { return Ok(Artifacts::new()) };
    if result.state != prefab_model::ModuleState::Prepared {
        return Ok(Artifacts::new());
    }
    match Left::of(env.store(), result)?.bundles {
        Some(bundles) => content::read(env, &bundles),
        None => Ok(Artifacts::new()),
    }
}

/// The artifacts that are not the same, and how many are. Pure.
fn by_path(base: Artifacts, mut new: Artifacts, options: DiffOptions) -> (Vec<ArtifactDiff>, u64) {
    let mut unchanged = 0;
    let mut differences = Vec::new();
    for (path, (media_type, was)) in base {
        let Some((media_type, is)) = new.remove(&path) else {
            let change = ArtifactChange::Removed { size: was.len() as u64 };
            differences.push(ArtifactDiff { path, media_type, change });
            continue;
        };
        if was == is {
            unchanged += 1;
            continue;
        }
        let size = Difference { base: was.len() as u64, new: is.len() as u64 };
        let content = if !options.source_maps && is_source_map(&path) {
            ContentDiff::SourceMap
        } else {
            unified::compare(&was, &is, options.limits)
        };
        let change = ArtifactChange::Changed { size, content };
        differences.push(ArtifactDiff { path, media_type, change });
    }
    differences.extend(new.into_iter().map(|(path, (media_type, is))| {
        let change = ArtifactChange::Added { size: is.len() as u64 };
        ArtifactDiff { path, media_type, change }
    }));
    differences.sort_by(|a, b| a.path.cmp(&b.path));
    (differences, unchanged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifacts(of: &[(&str, &[u8])]) -> Artifacts {
        of.iter()
            .map(|(path, bytes)| (path.parse().unwrap(), ("text/plain".to_owned(), bytes.to_vec())))
            .collect()
    }

    #[test]
    fn artifacts_come_go_change_and_stay() {
        let base = artifacts(&[
            ("gone.js", b"1"),
            ("same.js", b"2"),
            ("a.js", b"x\n"),
            ("a.js.map", b"3"),
            ("i.png", b"\0"),
        ]);
        let new = artifacts(&[
            ("same.js", b"2"),
            ("a.js", b"y\n"),
            ("a.js.map", b"44"),
            ("i.png", b"\0\0"),
            ("new.js", b"55"),
        ]);
        let (differences, unchanged) = by_path(base, new, DiffOptions::default());
        assert_eq!(unchanged, 1);
        let told: Vec<_> = differences
            .iter()
            .map(|artifact| match &artifact.change {
                ArtifactChange::Added { size } => format!("+{} {size}", artifact.path.as_str()),
                ArtifactChange::Removed { size } => format!("-{} {size}", artifact.path.as_str()),
                ArtifactChange::Changed { size, content } => {
                    format!("{} {}>{} {content:?}", artifact.path.as_str(), size.base, size.new)
                }
            })
            .collect();
        assert_eq!(
            told,
            [
                r#"a.js 2>2 Text { unified: "@@ -1 +1 @@\n-x\n+y\n", lines_left_out: 0 }"#,
                "a.js.map 1>2 SourceMap",
                "-gone.js 1",
                "i.png 1>2 Binary",
                "+new.js 2",
            ]
        );
    }

    #[test]
    fn source_maps_are_compared_by_lines_if_asked_for() {
        let options = DiffOptions { source_maps: true, ..DiffOptions::default() };
        let (differences, _) =
            by_path(artifacts(&[("a.js.map", b"1")]), artifacts(&[("a.js.map", b"2")]), options);
        let ArtifactChange::Changed { content: ContentDiff::Text { .. }, .. } = &differences[0].change else {
            panic!("{differences:?}");
        };
    }
}
