//! Manifests: `module.toml`, `release.toml`, `prefab.toml` and `package.json`, and the small texts within them.

use std::fs;
use std::sync::LazyLock;

use prefab_model::{Config, ConfigKey, Limit, ModuleManifest, ModuleName, ModulePath, Release};
use prefab_prepare::{Environment, add_module};
use tempfile::TempDir;

/// The first byte says which; the rest is the text.
pub(crate) fn take(input: &[u8]) {
    let Some((kind, text)) = input.split_first() else { return };
    let told = match kind {
        b'p' => describe("package.json", text),
        b'd' => describe("module.toml", text),
        _ => {
            let Ok(text) = str::from_utf8(text) else { return };
            match kind {
                b'm' => ModuleManifest::parse(text).err().map(|error| error.to_string()),
                b'r' => release(text),
                b'c' => Config::parse(text).err().map(|error| error.to_string()),
                _ => words(text),
            }
        }
    };
    // What people are told about a mistake is what they wrote, escaped, twice at most, and a sentence or two.
    assert!(told.is_none_or(|told| told.len() < 12 * input.len() + 4096));
}

/// With what it says of files. Reading it again says the same.
fn release(text: &str) -> Option<String> {
    match Release::parse(text) {
        Ok(release) => {
            let paths = ["a.ts", "src/a b.scss", "node_modules/@a/b/c.d.ts"]
                .map(|path| path.parse().expect("a path"));
            let takes = |release: &Release| -> Vec<bool> {
                release
                    .compilers
                    .iter()
                    .flat_map(|entry| paths.each_ref().map(|path| entry.takes(path)))
                    .collect()
            };
            assert_eq!(takes(&release), takes(&Release::parse(text).expect("it was one")));
            None
        }
        Err(error) => Some(error.to_string()),
    }
}

/// The small texts that manifests and the command line have.
fn words(text: &str) -> Option<String> {
    if let Ok(key) = text.parse::<ConfigKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(path) = text.parse::<ModulePath>() {
        assert!(!path.as_str().split('/').any(|part| part == ".." || part.is_empty()));
    }
    if let Ok(name) = text.parse::<ModuleName>() {
        assert!(name.as_str().parse::<ModulePath>().is_ok(), "{name}");
    }
    let fuel = "fuel".parse::<Limit>().ok()?;
    fuel.parse_value(text).err().map(|error| error.to_string())
}

/// As `prefab module add` reads it.
fn describe(file: &str, text: &[u8]) -> Option<String> {
    static SCENE: LazyLock<(TempDir, Environment)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let env = Environment::init(&folder.path().join("env"), "fuzz").expect("an environment");
        (folder, env)
    });
    let (folder, env) = &*SCENE;
    let module = tempfile::tempdir_in(folder).expect("a temporary folder");
    fs::write(module.path().join(file), text).expect("a file can be written");
    fs::write(module.path().join("index.js"), "").expect("a file can be written");
    add_module(env, module.path()).err().map(|error| error.to_string())
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let module = include_str!("../../../sample/modules/cart/module.toml");
    let release = include_str!("../../../../plugins/releases/11.9.0/release.toml");
    let config = "name = \"acme\"\njobs = 2\n[limits]\nfuel = \"1G\"\ndeadline = \"5m\"\n[options.sass]\nminify = true\n";
    let package = r#"{"name": "@acme/a", "version": "1.2.3", "main": "./index.js", "types": "a.d.ts", "exports": {".": {"import": "./a.mjs",
        "require": ["./index.js", null]}, "./b/*": "./b/*.js"}, "dependencies": {"b": "^1", "@s/c": "workspace:*"}, "peerDependencies": {"d": "1"},
        "peerDependenciesMeta": {"d": {"optional": true}}, "optionalDependencies": {"e": "1"}, "workspaces": {"packages": ["x/*"]}}"#;
    let rich = "name = \"a\"\nversion = \"1\"\napplication = \"x\"\ndependencies = [\"b\"]\nentry = { \".\" = \"index.js\", './b' = 'b.ts' }\n\
        [options.typescript]\nminify = true\ntarget = \"es2020\"\nn = 1979-05-27T07:32:00Z\nx.y = [1, 2.5e3, 0x_f]\n";
    let digests = release.to_owned()
        + "\n[[compiler]]\nname = \"c\"\ncomponent = \"c.wasm\"\ndigest = \"blake3:0000000000000000000000000000000000000000000000000000000000000000\"\n\
           files = [\"**/*.{c,h}\", \"[a-z]?*\", \"{a,b,{c,d}}/{e,f*}/**/[!x]{g,h}\"]\nexclude = [\"x/**\"]\nlimits = { memory = \"1GiB\" }\n";
    let words = [
        "limits.fuel",
        "options.sass.minify",
        "src/a.ts",
        "@scope/name@1.2.3#2",
        "50G",
        "1.5 GiB",
        "5m",
        "18446744073709551615",
    ];
    let texts = [
        ('m', module),
        ('d', module),
        ('m', rich),
        ('d', rich),
        ('r', release),
        ('r', &digests),
        ('c', config),
        ('p', package),
    ];
    let words = words.iter().map(|word| ('w', *word));
    texts.into_iter().chain(words).map(|(kind, text)| format!("{kind}{text}").into_bytes()).collect()
}
