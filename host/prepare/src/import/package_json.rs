//! `package.json` as a description of a module: what of it matters here, read leniently, since real ones are a mess.

use std::collections::BTreeMap;

use prefab_model::{EntryPoint, ModulePath};
use serde::Deserialize;
use serde_json::Value;

/// The largest `package.json` that is read, in bytes. The largest on the npm registry have some 200 KiB.
pub(crate) const MAX_PACKAGE_JSON: u64 = 4 << 20;

/// What a `package.json` says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PackageJson {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) version: Option<String>,
    #[serde(deserialize_with = "lenient")]
    dependencies: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    peer_dependencies: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    optional_dependencies: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    peer_dependencies_meta: BTreeMap<String, Value>,
    workspaces: Value,
    main: Value,
    module: Value,
    types: Value,
    typings: Value,
    exports: Value,
}

/// A value of the wrong kind counts as absent: npm takes such packages too.
fn lenient<'de, D: serde::Deserializer<'de>, T: Default + serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}

impl PackageJson {
    /// Reads the text of a `package.json`; a byte order mark is passed over.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text))
    }

    /// The names that the package needs, each with whether it can do without.
    pub(crate) fn dependencies(&self) -> BTreeMap<&str, bool> {
        let optional_peer = |name: &str| {
            self.peer_dependencies_meta.get(name).is_some_and(|meta| meta["optional"].as_bool() == Some(true))
        };
        let peers = self.peer_dependencies.keys().map(|name| (name.as_str(), optional_peer(name)));
        let needed = self.dependencies.keys().map(|name| (name.as_str(), false));
        // npm: an optional dependency overrides one of the same name among the others.
        let optional = self.optional_dependencies.keys().map(|name| (name.as_str(), true));
        peers.chain(needed).chain(optional).collect()
    }

    /// The patterns of its workspaces.
    pub(crate) fn workspaces(&self) -> Vec<&str> {
        let list = match &self.workspaces {
            Value::Object(table) => table.get("packages"),
            list => Some(list),
        };
        list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// What the package offers to others. `exists` says whether there is such a file in the package.
    pub(crate) fn entry_points(&self, exists: &dyn Fn(&ModulePath) -> bool) -> Vec<EntryPoint> {
        let mut found: Vec<EntryPoint> = Vec::new();
        let mut add = |name: &str, path: &str| {
            if let Some(path) = resolve(path, exists) {
                found.push(EntryPoint { name: name.to_owned(), path });
            }
        };
        match &self.exports {
            Value::Null => {
                let mains = [&self.types, &self.typings, &self.module, &self.main].map(Value::as_str);
                for path in mains.into_iter().flatten() {
                    add(".", path);
                }
                if self.main.as_str().is_none() {
                    add(".", "index");
                }
            }
            Value::Object(table) if table.keys().any(|key| key.starts_with('.')) => {
                for (name, target) in table.iter().filter(|(name, _)| !name.contains('*')) {
                    leaves(target, 0, &mut |path| add(name, path));
                }
            }
            target => leaves(target, 0, &mut |path| add(".", path)),
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Every file that an export can lead to, whatever the conditions: which holds is for the application's runtime to say.
fn leaves(target: &Value, depth: usize, found: &mut dyn FnMut(&str)) {
    match target {
        Value::String(path) => found(path),
        Value::Array(targets) => targets.iter().for_each(|target| leaves(target, depth + 1, found)),
        Value::Object(table) if depth < 16 => {
            table.values().for_each(|target| leaves(target, depth + 1, found));
        }
        _ => {}
    }
}

/// Node's rules for `main`: the file, with an extension, or the index of the folder.
fn resolve(path: &str, exists: &dyn Fn(&ModulePath) -> bool) -> Option<ModulePath> {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let path = if path.is_empty() || path == "." { "index" } else { path };
    ["", ".js", ".json", ".mjs", ".cjs", ".ts", "/index.js", "/index.json", "/index.ts"]
        .iter()
        .filter_map(|suffix| format!("{path}{suffix}").parse().ok())
        .find(|path| exists(path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(json: &str) -> Vec<String> {
        PackageJson::parse(json.as_bytes())
            .unwrap()
            .entry_points(&|path| path.extension().is_some())
            .into_iter()
            .map(|entry| format!("{} {}", entry.name, entry.path))
            .collect()
    }

    #[test]
    fn entry_points_follow_main_and_exports() {
        assert_eq!(entries("{}"), [". index.js"]);
        assert_eq!(entries(r#"{"main": "lib"}"#), [". lib.js"]);
        assert_eq!(entries(r#"{"main": "./a.js", "types": "a.d.ts"}"#), [". a.d.ts", ". a.js"]);
        assert_eq!(
            entries(
                r#"{"exports": {".": {"import": "./a.mjs", "require": "./a.cjs"}, "./b": "./b.js", "./c/*": "./c/*.js"}}"#
            ),
            [". a.cjs", ". a.mjs", "./b b.js"]
        );
        assert_eq!(entries(r#"{"exports": "./x.js"}"#), [". x.js"]);
        assert_eq!(entries(r#"{"main": "../../etc/passwd.js"}"#), Vec::<String>::new());
    }

    #[test]
    fn values_of_the_wrong_kind_count_as_absent() {
        let package =
            PackageJson::parse(br#"{"name": 1, "version": {}, "dependencies": ["x"], "main": []}"#).unwrap();
        assert!(package.name.is_none() && package.dependencies().is_empty());
    }

    #[test]
    fn an_optional_peer_can_be_done_without() {
        let package = PackageJson::parse(
            br#"{"dependencies": {"a": "1"}, "peerDependencies": {"b": "1", "c": "1"}, "peerDependenciesMeta": {"c": {"optional": true}}}"#,
        )
        .unwrap();
        assert_eq!(package.dependencies(), [("a", false), ("b", false), ("c", true)].into());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}\\[\\]\":,a-z./*]{0,60}") {
            if let Ok(package) = PackageJson::parse(text.as_bytes()) {
                package.entry_points(&|_| true);
            }
        }
    }
}
