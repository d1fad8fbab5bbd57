//! What a module shows to those that import from it: the exports of its files and its entry points.
//!
//! It need not cover every file, and a file that it does not cover, or marks as unknown, is one about which nothing is
//! said. Covered are the TypeScript sources, and what the entry points lead to, that is, the files that they name and those
//! that these re-export from; a module without entry points is covered as a whole. So the declarations and the internals
//! of a published package cost nothing.

mod codec;
mod exports;
mod resolve;

use std::collections::{BTreeMap, BTreeSet};

use oxc::allocator::Allocator;
use prefab_sdk::Module;

pub(crate) use exports::{FileExports, mentions_export, of_program};
pub(crate) use resolve::{entry_candidates, join, path_candidates};

use crate::parse::{Parsed, parse};
use crate::source::Language;

/// What a module shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    /// The entry points: the name asked for, such as `./sub`, and the path of a file. A name may be there twice.
    pub entries: Vec<(String, String)>,
    /// The exports of the files that are covered, by path.
    pub files: BTreeMap<String, FileExports>,
}

/// Makes the signature of a module.
pub(crate) fn make(module: &dyn Module) -> Signature {
    let paths: BTreeSet<String> = module
        .list_files()
        .into_iter()
        .map(|file| file.path)
        .filter(|path| Language::of(path).is_some())
        .collect();
    let entries: Vec<(String, String)> =
        module.entry_points().into_iter().map(|entry| (entry.name, entry.path)).collect();
    let has = |path: &str| paths.contains(path);

    let mut waiting: Vec<String> = Vec::new();
    for (_, path) in &entries {
        waiting.extend(entry_candidates(&has, path));
    }
    let shown = |path: &&String| {
        entries.is_empty() || matches!(Language::of(path), Some(Language::TypeScript | Language::Tsx))
    };
    waiting.extend(paths.iter().filter(shown).cloned());

    let mut allocator = Allocator::default();
    let mut files = BTreeMap::new();
    while let Some(path) = waiting.pop() {
        if files.contains_key(&path) {
            continue;
        }
        let exports = of_file(module, &path, &mut allocator);
        if let FileExports::Known { stars, .. } = &exports {
            for star in stars {
                if let Some(target) = join(&path, star) {
                    waiting.extend(path_candidates(&has, &target));
                }
            }
        }
        files.insert(path, exports);
    }
    Signature { entries, files }
}

/// The exports of one file of a module; unknown when it cannot be read.
pub(crate) fn of_file(module: &dyn Module, path: &str, allocator: &mut Allocator) -> FileExports {
    let Some(language) = Language::of(path) else { return FileExports::Unknown };
    let Ok(bytes) = module.read_file(path) else { return FileExports::Unknown };
    let Ok(text) = std::str::from_utf8(&bytes) else { return FileExports::Unknown };
    if !mentions_export(text) {
        return FileExports::Unknown;
    }
    allocator.reset();
    match parse(allocator, text, path, language, false) {
        Parsed::Program(parsed) => of_program(&parsed.program, &parsed.module_record, language),
        Parsed::Flow | Parsed::Errors(_) => FileExports::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use prefab_sdk::MemoryModule;

    use super::*;

    fn covered(module: &MemoryModule) -> Vec<String> {
        make(module).files.into_keys().collect()
    }

    #[test]
    fn sources_and_what_entry_points_lead_to_are_covered() {
        let module = MemoryModule::new("m")
            .with_file("src/a.ts", "export const a = 1;")
            .with_file("dist/index.js", "export * from './b.js'; export { c } from './c.js';")
            .with_file("dist/b.js", "export const b = 1;")
            .with_file("dist/c.js", "export const c = 1;")
            .with_file("dist/unrelated.js", "export const u = 1;")
            .with_entry_point(".", "dist/index.js");
        assert_eq!(covered(&module), ["dist/b.js", "dist/index.js", "src/a.ts"]);
    }

    #[test]
    fn a_module_without_entry_points_is_covered_as_a_whole() {
        let module = MemoryModule::new("m").with_file("a.js", "export const a = 1;").with_file("b.d.ts", "");
        assert_eq!(covered(&module), ["a.js", "b.d.ts"]);
    }

    #[test]
    fn a_file_that_does_not_parse_is_unknown_and_hides_nothing_else() {
        let module = MemoryModule::new("m")
            .with_file("a.ts", "export const a = ;")
            .with_file("b.ts", "export const b = 1;")
            .with_file("c.ts", b"export \xff".to_vec());
        let signature = make(&module);
        assert_eq!(signature.files["a.ts"], FileExports::Unknown);
        assert_eq!(signature.files["b.ts"], FileExports::known(["b"], []));
        assert_eq!(signature.files["c.ts"], FileExports::Unknown);
    }
}
