//! What a module shows to those that use its style sheets: their text, for Sass is compiled by inclusion.
//!
//! SCSS and Sass files are all shown, CSS files only when they are entry points.

use std::collections::BTreeMap;

use prefab_sdk::Module;
use prefab_sdk::wire::{self, Writer};

use crate::source::Syntax;

/// The version of the format. Signatures of another version are not read.
const VERSION: u8 = 1;
/// The text that one signature holds at most, in bytes. Files that do not fit are left out, in the order of their paths.
const LARGEST: usize = 8 * 1024 * 1024;

/// What a module shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    /// The entry points that are style sheets: the name asked for, such as `./colors`, and the path.
    pub entries: Vec<(String, String)>,
    /// The text of the style sheets by path.
    pub files: BTreeMap<String, String>,
}

/// Makes the signature of a module. Files that are not UTF-8 are left out.
pub(crate) fn make(module: &dyn Module) -> Signature {
    let entries: Vec<(String, String)> = module
        .entry_points()
        .into_iter()
        .map(|entry| (entry.name, entry.path.trim_start_matches("./").to_owned()))
        .filter(|(_, path)| Syntax::split(path).is_some())
        .collect();
    let mut room = LARGEST;
    let mut files = BTreeMap::new();
    for file in module.list_files() {
        let shown = match Syntax::split(&file.path) {
            Some((_, Syntax::Scss | Syntax::Sass)) => true,
            Some((_, Syntax::Css)) => entries.iter().any(|(_, path)| *path == file.path),
            None => false,
        };
        if !shown || file.size > room as u64 {
            continue;
        }
        let Ok(bytes) = module.read_file(&file.path) else { continue };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        room = room.saturating_sub(text.len());
        files.insert(file.path, text);
    }
    Signature { entries, files }
}

impl Signature {
    /// Writes the signature. The same signature gives the same bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        writer.pairs(self.entries.iter().map(|(name, path)| (name, path)));
        writer.pairs(self.files.iter());
        writer.finish()
    }

    /// Reads a signature; none when the bytes are not one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        wire::read(VERSION, bytes, |reader| Some(Self { entries: reader.pairs()?, files: reader.pairs()? }))
    }

    /// The file that is meant by a path such as `colors.scss`, as Sass tries them: a file of the module, one beside its
    /// main entry point, or an entry point of that name. The extension must be the one that is asked for.
    pub(crate) fn find(&self, asked: &str) -> Option<&str> {
        if let Some((path, _)) = self.files.get_key_value(asked) {
            return Some(path);
        }
        if let Some((_, main)) = self.entries.iter().find(|(name, _)| name == ".")
            && let Some((folder, _)) = main.rsplit_once('/')
            && let Some((path, _)) = self.files.get_key_value(&format!("{folder}/{asked}"))
        {
            return Some(path);
        }
        let (stem, syntax) = Syntax::split(asked)?;
        let named = |name: &str| {
            let name = name.trim_start_matches("./");
            let name = Syntax::split(name).map_or(name, |(stem, _)| stem);
            name == stem || (name == "." && stem == "index")
        };
        let (_, path) = self.entries.iter().find(|(name, path)| {
            named(name)
                && Syntax::split(path).is_some_and(|(_, is)| is == syntax)
                && self.files.contains_key(path)
        })?;
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    use prefab_sdk::MemoryModule;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_module_shows_its_sass_and_the_css_that_it_offers() {
        let module = MemoryModule::new("tokens")
            .with_file("src/_colors.scss", "$red: #f00;")
            .with_file("src/main.scss", "@use 'colors';")
            .with_file("dist/all.css", "a{}")
            .with_file("dist/other.css", "b{}")
            .with_file("src/latin.scss", b"\xff".to_vec())
            .with_entry_point(".", "./src/main.scss")
            .with_entry_point("./all", "dist/all.css");
        let signature = make(&module);
        let paths: Vec<_> = signature.files.keys().map(String::as_str).collect();
        assert_eq!(paths, ["dist/all.css", "src/_colors.scss", "src/main.scss"]);
        assert_eq!(signature.find("index.scss"), Some("src/main.scss"));
        assert_eq!(signature.find("index.sass"), None);
        assert_eq!(signature.find("all.css"), Some("dist/all.css"));
        assert_eq!(signature.find("_colors.scss"), Some("src/_colors.scss"));
        assert_eq!(signature.find("src/_colors.scss"), Some("src/_colors.scss"));
        assert_eq!(signature.find("none.scss"), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            entries in prop::collection::vec((".{0,9}", ".{0,9}"), 0..4),
            files in prop::collection::btree_map(".{0,9}", ".{0,200}", 0..5),
        ) {
            let signature = Signature { entries, files };
            prop_assert_eq!(Signature::decode(&signature.encode()), Some(signature));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let versioned: Vec<u8> = std::iter::once(VERSION).chain(bytes).collect();
            if let Some(signature) = Signature::decode(&versioned) {
                let _ = signature.find("a/b.scss");
            }
        }
    }
}
