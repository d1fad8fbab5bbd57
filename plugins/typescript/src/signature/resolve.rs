//! From specifiers to the files that they may mean.
//!
//! Several files may stand behind one specifier, such as `a.js` and its `a.d.ts`. All of them are candidates: an import is
//! wrong only if none exports the name.

/// What can stand behind an extension that is written out, and what is tried when none is.
const VARIANTS: [(&str, &[&str]); 7] = [
    (".js", &[".ts", ".tsx", ".d.ts", ".js", ".jsx"]),
    (".jsx", &[".tsx", ".d.ts", ".jsx"]),
    (".mjs", &[".mts", ".d.mts", ".mjs"]),
    (".cjs", &[".cts", ".d.cts", ".cjs"]),
    (".ts", &[".ts", ".d.ts"]),
    (".tsx", &[".tsx", ".d.ts"]),
    (
        "",
        &[
            ".ts",
            ".tsx",
            ".mts",
            ".cts",
            ".d.ts",
            ".d.mts",
            ".d.cts",
            ".js",
            ".jsx",
            ".mjs",
            ".cjs",
            "/index.ts",
            "/index.tsx",
            "/index.mts",
            "/index.cts",
            "/index.d.ts",
            "/index.js",
            "/index.jsx",
            "/index.mjs",
            "/index.cjs",
        ],
    ),
];

/// The path that a relative specifier means, seen from a file; none when it is not relative or leaves the module.
pub(crate) fn join(from: &str, specifier: &str) -> Option<String> {
    if !(specifier == "." || specifier == ".." || specifier.starts_with("./") || specifier.starts_with("../"))
    {
        return None;
    }
    let mut segments: Vec<&str> = from.split('/').collect();
    segments.pop();
    for segment in specifier.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            other => segments.push(other),
        }
    }
    Some(segments.join("/"))
}

/// The files that a path without certainty about its extension may mean.
pub(crate) fn path_candidates(has: &dyn Fn(&str) -> bool, path: &str) -> Vec<String> {
    let mut candidates = Vec::new();
    let mut add = |candidate: String| {
        let candidate = candidate.trim_start_matches('/').to_owned();
        if has(&candidate) && !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    };
    add(path.to_owned());
    for (extension, variants) in VARIANTS {
        if let Some(stem) = path.strip_suffix(extension) {
            for variant in variants {
                add(format!("{stem}{variant}"));
            }
        }
    }
    candidates
}

/// The files that the path of an entry point may mean; it may begin with `./`.
pub(crate) fn entry_candidates(has: &dyn Fn(&str) -> bool, path: &str) -> Vec<String> {
    path_candidates(has, path.trim_start_matches("./"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(files: &[&str], path: &str) -> Vec<String> {
        path_candidates(&|path| files.contains(&path), path)
    }

    #[test]
    fn relative_specifiers_are_joined_within_the_module() {
        assert_eq!(join("src/a.ts", "./b").as_deref(), Some("src/b"));
        assert_eq!(join("src/x/a.ts", "../../b.js").as_deref(), Some("b.js"));
        assert_eq!(join("src/a.ts", ".").as_deref(), Some("src"));
        assert_eq!(join("a.ts", "../b"), None);
        assert_eq!(join("a.ts", "react"), None);
    }

    #[test]
    fn all_files_that_a_specifier_may_mean_are_candidates() {
        let files = ["a.d.ts", "a.js", "a.ts", "b/index.ts", "index.ts"];
        assert_eq!(candidates(&files, "a"), ["a.ts", "a.d.ts", "a.js"]);
        assert_eq!(candidates(&files, "a.js"), ["a.js", "a.ts", "a.d.ts"]);
        assert_eq!(candidates(&files, "b"), ["b/index.ts"]);
        assert_eq!(candidates(&files, ""), ["index.ts"]);
        assert_eq!(candidates(&files, "c"), [""; 0]);
    }
}
