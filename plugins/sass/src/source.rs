//! Which files become CSS.
//!
//! Each `x.scss`, `x.sass` or `x.css` becomes `x.css`. Where several are there, the one that has the artifact's name
//! already wins with a note; of an `x.scss` and an `x.sass`, the first does with a warning.

use std::collections::BTreeMap;

use prefab_sdk::{Diagnostic, SourceFile};

/// The syntax of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Syntax {
    /// Plain CSS.
    Css,
    /// Sass with braces.
    Scss,
    /// Sass by indentation.
    Sass,
}

impl Syntax {
    /// The syntax of a path and the path without its extension; none when it is not a style sheet.
    pub(crate) fn split(path: &str) -> Option<(&str, Self)> {
        let (stem, extension) = path.rsplit_once('.')?;
        let syntax = match extension {
            "css" => Self::Css,
            "scss" => Self::Scss,
            "sass" => Self::Sass,
            _ => return None,
        };
        Some((stem, syntax))
    }
}

/// A source and the artifact that comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub source: String,
    pub syntax: Syntax,
    pub artifact: String,
}

/// The sources that become CSS, in the order of their artifacts, and what is to be said about those left out.
pub(crate) fn plan(files: &[SourceFile]) -> (Vec<Task>, Vec<Diagnostic>) {
    let mut claims: BTreeMap<String, Vec<(Syntax, &str)>> = BTreeMap::new();
    for file in files {
        if let Some((stem, syntax)) = Syntax::split(&file.path)
            && !is_partial(&file.path)
        {
            claims.entry(format!("{stem}.css")).or_default().push((syntax, &file.path));
        }
    }
    let mut findings = Vec::new();
    let mut tasks = Vec::with_capacity(claims.len());
    for (artifact, mut sources) in claims {
        sources.sort_unstable();
        let Some(((syntax, winner), losers)) = sources.split_first() else { continue };
        for (_, loser) in losers {
            let finding = if *syntax == Syntax::Css {
                Diagnostic::note(format!("`{loser}` is left out, since `{winner}` is there already"))
            } else {
                Diagnostic::warning(format!(
                    "`{loser}` is left out, since `{winner}` becomes `{artifact}` as well"
                ))
                .with_help("rename one of them")
            };
            findings.push(finding.with_code("prefab/same-artifact").in_file(*loser));
        }
        tasks.push(Task { source: (*winner).to_owned(), syntax: *syntax, artifact });
    }
    (tasks, findings)
}

/// Whether a file is there only to be used by others: its name begins with `_`.
fn is_partial(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(paths: &[&str]) -> (Vec<String>, usize) {
        let files: Vec<_> =
            paths.iter().map(|path| SourceFile { path: (*path).to_owned(), size: 1 }).collect();
        let (tasks, findings) = plan(&files);
        let tasks = tasks.into_iter().map(|task| format!("{} -> {}", task.source, task.artifact)).collect();
        (tasks, findings.len())
    }

    #[test]
    fn partials_give_no_artifact() {
        assert_eq!(
            plan_of(&["_a.scss", "b.scss", "c/_d.css", "e.sass", "f.txt"]),
            (vec!["b.scss -> b.css".to_owned(), "e.sass -> e.css".to_owned()], 0)
        );
    }

    #[test]
    fn css_that_is_there_already_wins() {
        assert_eq!(plan_of(&["a.css", "a.scss"]), (vec!["a.css -> a.css".to_owned()], 1));
        assert_eq!(plan_of(&["a.sass", "a.scss"]), (vec!["a.scss -> a.css".to_owned()], 1));
    }
}
