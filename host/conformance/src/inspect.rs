//! What is in a compiler's bytes: which kind it is, who made it, what it imports and exports, and what takes its room.
//!
//! No code of it is run or made ready to run: the bytes are only read. Whatever of them makes no sense is left out, since what may be
//! loaded is decided by the sandbox.

use std::collections::BTreeMap;

use prefab_model::{Bytes, CompilerDigest};
use serde::Serialize;
use wasmparser::{ComponentTypeRef, KnownCustom, Parser, Payload};

/// The most entries that are told of anything, and the most bytes of a name.
const MOST: usize = 1_000;
const MOST_NAME: usize = 256;

/// What is known of a component or a core module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// What it is.
    pub kind: Kind,
    /// What it is a compiler or a program of.
    pub program: Program,
    /// What names its bytes.
    pub digest: CompilerDigest,
    /// Its size.
    pub size: Bytes,
    /// What it says of itself in sections that are for that: `version`, `authors`, `source`.
    pub metadata: BTreeMap<String, String>,
    /// What it was made of and by.
    pub producers: Vec<Producer>,
    /// What it imports, in its order.
    pub imports: Vec<String>,
    /// What it exports, in its order.
    pub exports: Vec<String>,
    /// The core modules in it, in their order.
    pub modules: Vec<CoreModule>,
    /// Its custom sections, the largest first; those of the same name are one.
    pub custom_sections: Vec<CustomSection>,
}

/// What bytes of WebAssembly are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A component.
    Component,
    /// A core module.
    CoreModule,
}

/// What it is made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "version")]
pub enum Program {
    /// A compiler of the world `compiler`, for this version of the contract.
    Compiler(String),
    /// A compiler of the world `modular-compiler`, for this version of the contract.
    ModularCompiler(String),
    /// A command-line program for this version of WASI.
    Command(String),
    /// Something else.
    Other,
}

/// One of those that it was made by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its version, empty if there is none.
    pub version: String,
}

/// A core module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CoreModule {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its size.
    pub size: Bytes,
    /// What of that is code.
    pub code: Bytes,
    /// What of that is data.
    pub data: Bytes,
    /// Its functions.
    pub functions: u32,
    /// The memory that it begins with, if it brings one.
    pub memory: Option<Bytes>,
}

/// Custom sections of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CustomSection {
    /// Their name.
    pub name: String,
    /// How many there are.
    pub count: usize,
    /// Their size, all together.
    pub size: Bytes,
}

impl Inspection {
    /// What it has of debug information, which no compiler needs to run.
    pub fn debug_info(&self) -> Bytes {
        let debug = self.custom_sections.iter().filter(|section| section.name.starts_with(".debug_"));
        Bytes(debug.map(|section| section.size.0).sum())
    }

    /// What a release's manifest would say of it, under this name and beside this file.
    pub fn manifest_entry(&self, name: &str, file: &str) -> Option<String> {
        let kind = match self.program {
            Program::Compiler(_) | Program::ModularCompiler(_) => "",
            Program::Command(_) => "kind = \"command\"\n",
            Program::Other => return None,
        };
        let mut entry = format!(
            "[[compiler]]\nname = {}\n{kind}component = {}\ndigest = \"{}\"\nfiles = [\"**/*\"]  # which files of a module it takes\n",
            toml::Value::from(name),
            toml::Value::from(file),
            self.digest
        );
        if !kind.is_empty() {
            entry += "\n[compiler.command]\nargs = [\"{file}\", \"{output}/{stem}.out\"]  # how it is called\ndiagnostics = \"gcc\"\n";
        }
        Some(entry)
    }
}

/// Bytes that are no WebAssembly.
#[derive(Debug, thiserror::Error)]
#[error("this is not WebAssembly: {0}")]
pub struct NotWasm(String);

/// Looks into the bytes of a component or a core module.
///
/// # Errors
/// [`NotWasm`] if they are neither.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, NotWasm> {
    let kind = if Parser::is_component(bytes) {
        Kind::Component
    } else if Parser::is_core_wasm(bytes) {
        Kind::CoreModule
    } else {
        return Err(NotWasm("the file does not begin like it".to_owned()));
    };
    let mut seen = Seen::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| NotWasm(format!("it is damaged: {error}")))?;
        // What cannot be read of a section is left out.
        let _ = seen.take(&payload, bytes);
    }
    let mut custom_sections: Vec<_> = seen
        .custom
        .into_iter()
        .map(|(name, (count, size))| CustomSection { name, count, size: Bytes(size) })
        .collect();
    custom_sections.sort_by(|one, other| other.size.cmp(&one.size).then_with(|| one.name.cmp(&other.name)));
    seen.producers.sort();
    seen.producers.dedup();
    Ok(Inspection {
        kind,
        program: program(kind, &seen.imports, &seen.exports),
        digest: CompilerDigest::of(bytes),
        size: Bytes(bytes.len() as u64),
        metadata: seen.metadata,
        producers: seen.producers,
        imports: seen.imports,
        exports: seen.exports,
        modules: seen.modules,
        custom_sections,
    })
}

/// What its imports and exports make it.
fn program(kind: Kind, imports: &[String], exports: &[String]) -> Program {
    let has = |name: &str| exports.iter().any(|export| export == name);
    match kind {
        Kind::Component => {
            let version = |names: &[String], interface: &str| {
                names
                    .iter()
                    .find_map(|name| name.strip_prefix(interface)?.strip_prefix('@').map(str::to_owned))
            };
            if let Some(version) = version(exports, "wasi:cli/run") {
                return Program::Command(version);
            }
            match version(imports, "prefab:compiler/types") {
                Some(version) if has("compile") && has("signature") => Program::ModularCompiler(version),
                Some(version) if has("compile") => Program::Compiler(version),
                _ => Program::Other,
            }
        }
        Kind::CoreModule => {
            let wasi = imports.iter().any(|import| import.starts_with("wasi_snapshot_preview1."));
            if wasi && has("_start") { Program::Command("0.1".to_owned()) } else { Program::Other }
        }
    }
}

/// What has been seen so far.
#[derive(Default)]
struct Seen {
    /// What is open: whether each is a component.
    open: Vec<bool>,
    /// The core modules that are open, by place.
    within: Vec<usize>,
    imports: Vec<String>,
    exports: Vec<String>,
    modules: Vec<CoreModule>,
    custom: BTreeMap<String, (usize, u64)>,
    producers: Vec<Producer>,
    metadata: BTreeMap<String, String>,
}

impl Seen {
    fn take(&mut self, payload: &Payload<'_>, bytes: &[u8]) -> wasmparser::Result<()> {
        let outermost = self.open.len() == 1;
        match payload {
            Payload::Version { encoding, range, .. } => {
                let component = *encoding == wasmparser::Encoding::Component;
                self.open.push(component);
                // The outermost module has no section around it that says how large it is.
                if !component && self.open.len() == 1 {
                    self.module(bytes.len().saturating_sub(range.start));
                }
            }
            Payload::ModuleSection { unchecked_range, .. } => {
                self.module(unchecked_range.len());
            }
            Payload::End(_) => {
                let component = self.open.pop();
                if component == Some(false) {
                    self.within.pop();
                }
            }
            Payload::ComponentImportSection(section) if outermost => {
                for import in section.clone() {
                    let import = import?;
                    // Names for types of the interfaces are nothing that anybody has to provide.
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        keep(&mut self.imports, import.name.name);
                    }
                }
            }
            Payload::ComponentExportSection(section) if outermost => {
                for export in section.clone() {
                    keep(&mut self.exports, export?.name.name);
                }
            }
            Payload::ImportSection(section) if outermost => {
                for import in section.clone().into_imports() {
                    let import = import?;
                    keep(&mut self.imports, &format!("{}.{}", import.module, import.name));
                }
            }
            Payload::ExportSection(section) if outermost => {
                for export in section.clone() {
                    keep(&mut self.exports, export?.name);
                }
            }
            Payload::MemorySection(section) => {
                let pages = section.clone().into_iter().map_while(Result::ok).map(|memory| memory.initial);
                let bytes = pages.fold(0_u64, |sum, pages| sum.saturating_add(pages.saturating_mul(1 << 16)));
                if let Some(module) = self.current() {
                    module.memory = Some(Bytes(bytes));
                }
            }
            Payload::CodeSectionStart { count, range, .. } => {
                if let Some(module) = self.current() {
                    (module.functions, module.code) = (*count, Bytes(range.len() as u64));
                }
            }
            Payload::DataSection(section) => {
                let size = Bytes(section.range().len() as u64);
                if let Some(module) = self.current() {
                    module.data = size;
                }
            }
            Payload::CustomSection(section) => self.custom(section)?,
            _ => {}
        }
        Ok(())
    }

    fn module(&mut self, size: usize) {
        self.within.push(self.modules.len());
        if self.modules.len() < MOST {
            self.modules.push(CoreModule {
                name: None,
                size: Bytes(size as u64),
                code: Bytes(0),
                data: Bytes(0),
                functions: 0,
                memory: None,
            });
        }
    }

    fn current(&mut self) -> Option<&mut CoreModule> {
        let place = *self.within.last()?;
        self.modules.get_mut(place)
    }

    fn custom(&mut self, section: &wasmparser::CustomSectionReader<'_>) -> wasmparser::Result<()> {
        let name = cut(section.name());
        if self.custom.len() < MOST || self.custom.contains_key(&name) {
            let (count, size) = self.custom.entry(name.clone()).or_default();
            *count += 1;
            *size += section.data().len() as u64;
        }
        match section.as_known() {
            KnownCustom::Producers(fields) => {
                for field in fields {
                    let field = field?;
                    for value in field.values {
                        let value = value?;
                        if self.producers.len() < MOST {
                            let (name, version) = (cut(value.name), cut(value.version));
                            self.producers.push(Producer { field: cut(field.name), name, version });
                        }
                    }
                }
            }
            KnownCustom::Name(names) => {
                for name in names {
                    if let wasmparser::Name::Module { name, .. } = name?
                        && let Some(module) = self.current()
                    {
                        module.name = Some(cut(name));
                    }
                }
            }
            KnownCustom::ComponentName(_) => {}
            _ => {
                const TOLD: [&str; 7] =
                    ["version", "description", "authors", "licenses", "homepage", "source", "revision"];
                if self.open.len() == 1
                    && TOLD.contains(&section.name())
                    && let Ok(text) = std::str::from_utf8(section.data())
                {
                    self.metadata.insert(name, cut(text));
                }
            }
        }
        Ok(())
    }
}

fn keep(names: &mut Vec<String>, name: &str) {
    if names.len() < MOST {
        names.push(cut(name));
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MOST_NAME)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_for_wasi_0_1_is_told_apart_from_a_library() {
        let module = |export: &str| {
            let text = format!(
                r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
                    (memory 2) (func (export "{export}")) (data (i32.const 0) "abc"))"#
            );
            inspect(&wat::parse_str(text).unwrap()).unwrap()
        };
        let program = module("_start");
        assert_eq!((program.kind, &program.program), (Kind::CoreModule, &Program::Command("0.1".into())));
        assert_eq!(program.imports, ["wasi_snapshot_preview1.fd_write"]);
        let inner = &program.modules[0];
        assert_eq!((inner.functions, inner.memory, inner.size), (1, Some(Bytes(2 << 16)), program.size));
        assert!(program.manifest_entry("a", "a.wasm").unwrap().contains("kind = \"command\""));
        let library = module("go");
        assert_eq!((&library.program, library.manifest_entry("a", "b")), (&Program::Other, None));
    }

    #[test]
    fn what_is_nested_counts_and_what_it_imports_does_not() {
        let component = r#"(component (import "acme:things/all@1.0.0" (instance))
            (core module $named (memory 1)) (component (core module) (import "inner" (func))))"#;
        let seen = inspect(&wat::parse_str(component).unwrap()).unwrap();
        assert_eq!((seen.kind, seen.program), (Kind::Component, Program::Other));
        assert_eq!((seen.imports, seen.modules.len()), (vec!["acme:things/all@1.0.0".to_owned()], 2));
        assert_eq!(seen.modules[0].name.as_deref(), Some("named"));
        assert!(inspect(b"something").is_err());
        assert!(inspect(&wat::parse_str("(component)").unwrap()[..7]).is_err());
    }
}
