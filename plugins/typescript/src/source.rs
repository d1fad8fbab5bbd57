//! Which language a source is in, and which artifacts come of it.
//!
//! A package may hold both a source and what was made of it, such as `a.ts`, `a.js` and `a.d.ts` side by side, and each
//! artifact can come of one of them only. The rule: what is there under an artifact's own name wins. So `a.js` is compiled
//! to `a.js` and `a.ts` is left out with a note, and an `a.d.ts` that is there is not replaced by a made one. Two sources
//! that would both have to be renamed, such as `a.ts` and `a.tsx`, are a warning, and the first in the order of
//! [`Language`] wins.

use std::collections::BTreeMap;

use prefab_sdk::{Diagnostic, SourceFile};

/// The language of a source, by its extension. The order is that of preference for an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Language {
    /// `.ts`, `.mts`, `.cts`.
    TypeScript,
    /// `.tsx`.
    Tsx,
    /// `.jsx`.
    Jsx,
    /// `.js`, `.mjs`, `.cjs`.
    JavaScript,
    /// `.d.ts`, `.d.mts`, `.d.cts`: types only, passed on as they are.
    Declaration,
}

/// An extension, its language, and the extensions of the JavaScript and of the declarations made of it.
type Extension = (&'static str, Language, &'static str, &'static str);

/// The extensions, longest first.
const EXTENSIONS: [Extension; 11] = [
    (".d.mts", Language::Declaration, ".d.mts", ""),
    (".d.cts", Language::Declaration, ".d.cts", ""),
    (".d.ts", Language::Declaration, ".d.ts", ""),
    (".mts", Language::TypeScript, ".mjs", ".d.mts"),
    (".cts", Language::TypeScript, ".cjs", ".d.cts"),
    (".tsx", Language::Tsx, ".js", ".d.ts"),
    (".ts", Language::TypeScript, ".js", ".d.ts"),
    (".jsx", Language::Jsx, ".js", ""),
    (".mjs", Language::JavaScript, ".mjs", ""),
    (".cjs", Language::JavaScript, ".cjs", ""),
    (".js", Language::JavaScript, ".js", ""),
];

impl Language {
    /// The language of a path; none when this compiler does not know its extension.
    pub(crate) fn of(path: &str) -> Option<Self> {
        split(path).map(|(_, (_, language, _, _))| *language)
    }

    /// Whether the language has types.
    pub(crate) fn is_typed(self) -> bool {
        matches!(self, Self::TypeScript | Self::Tsx | Self::Declaration)
    }
}

/// What is to be done with a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    /// Compile it to `artifact`, and write its declarations to `declaration` if there is a path for them.
    Compile { source: String, language: Language, artifact: String, declaration: Option<String> },
    /// Pass it on as it is.
    Copy { source: String },
}

/// What is to be done with the sources of a module, in the order of their paths, and what is to be said about those that
/// are left out.
pub(crate) fn plan(files: &[SourceFile]) -> (Vec<Task>, Vec<Diagnostic>) {
    // The sources by the artifact that they would become.
    let mut claims: BTreeMap<String, Vec<(Language, &str)>> = BTreeMap::new();
    for file in files {
        if let Some((stem, (_, language, artifact, _))) = split(&file.path) {
            claims.entry(format!("{stem}{artifact}")).or_default().push((*language, &file.path));
        }
    }
    let mut tasks = Vec::with_capacity(claims.len());
    let mut findings = Vec::new();
    for (artifact, sources) in &claims {
        let own = sources.iter().find(|(_, path)| *path == artifact);
        let Some((language, winner)) = own.or_else(|| sources.iter().min()).copied() else { continue };
        for (_, loser) in sources.iter().filter(|(_, path)| *path != winner) {
            findings.push(left_out(loser, winner, artifact));
        }
        let source = winner.to_owned();
        if language == Language::Declaration {
            tasks.push(Task::Copy { source });
            continue;
        }
        let declaration = split(winner)
            .filter(|_| language.is_typed())
            .map(|(stem, (_, _, _, extension))| format!("{stem}{extension}"))
            .filter(|path| !claims.contains_key(path));
        tasks.push(Task::Compile { source, language, artifact: artifact.clone(), declaration });
    }
    tasks.sort_by(|a, b| a.source().cmp(b.source()));
    (tasks, findings)
}

impl Task {
    /// The path of the source.
    pub(crate) fn source(&self) -> &str {
        match self {
            Self::Compile { source, .. } | Self::Copy { source } => source,
        }
    }
}

fn left_out(loser: &str, winner: &str, artifact: &str) -> Diagnostic {
    if winner == artifact {
        Diagnostic::note(format!("`{loser}` is left out, since `{winner}` is there already"))
    } else {
        Diagnostic::warning(format!("`{loser}` is left out, since `{winner}` becomes `{artifact}` as well"))
            .with_help("rename one of them")
    }
    .with_code("prefab/same-artifact")
    .in_file(loser)
}

fn split(path: &str) -> Option<(&str, &'static Extension)> {
    EXTENSIONS.iter().find_map(|each| {
        let stem = path.strip_suffix(each.0)?;
        // `.ts` alone is a hidden file without an extension.
        (!stem.is_empty() && !stem.ends_with('/')).then_some((stem, each))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(paths: &[&str]) -> (Vec<String>, Vec<Diagnostic>) {
        let files: Vec<_> =
            paths.iter().map(|path| SourceFile { path: (*path).to_owned(), size: 1 }).collect();
        let (tasks, findings) = plan(&files);
        let tasks = tasks
            .into_iter()
            .map(|task| match task {
                Task::Copy { source } => source,
                Task::Compile { source, artifact, declaration, .. } => {
                    format!("{source} -> {artifact} {}", declaration.unwrap_or_default())
                        .trim_end()
                        .to_owned()
                }
            })
            .collect();
        (tasks, findings)
    }

    #[test]
    fn each_extension_has_its_artifacts() {
        let (tasks, findings) =
            plan_of(&["a.ts", "b.mts", "c.cts", "d.tsx", "e.jsx", "f.js", "g.mjs", "h.cjs"]);
        assert_eq!(
            tasks,
            [
                "a.ts -> a.js a.d.ts",
                "b.mts -> b.mjs b.d.mts",
                "c.cts -> c.cjs c.d.cts",
                "d.tsx -> d.js d.d.ts",
                "e.jsx -> e.js",
                "f.js -> f.js",
                "g.mjs -> g.mjs",
                "h.cjs -> h.cjs"
            ]
        );
        assert_eq!(findings, []);
    }

    #[test]
    fn what_is_there_under_an_artifacts_name_wins() {
        let (tasks, findings) = plan_of(&["a.d.ts", "a.js", "a.ts"]);
        assert_eq!(tasks, ["a.d.ts", "a.js -> a.js"]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, prefab_sdk::Severity::Note);
    }

    #[test]
    fn declarations_that_are_there_are_not_replaced() {
        assert_eq!(plan_of(&["a.d.ts", "a.ts"]).0, ["a.d.ts", "a.ts -> a.js"]);
    }

    #[test]
    fn two_sources_of_one_artifact_are_a_warning() {
        let (tasks, findings) = plan_of(&["a.ts", "a.tsx"]);
        assert_eq!(tasks, ["a.ts -> a.js a.d.ts"]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, prefab_sdk::Severity::Warning);
    }

    #[test]
    fn a_hidden_file_is_no_source() {
        assert_eq!(plan_of(&[".ts", "x/.js", "x.css"]).0, [""; 0]);
    }
}
