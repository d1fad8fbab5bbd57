//! The page: the latest version of the contract, and of what is in it since when it is.

use std::fmt::Write as _;

use wit_parser::{
    Docs, Function, FunctionKind, Interface, Resolve, Type, TypeDef, TypeDefKind, TypeId, World, WorldItem,
};

use super::Version;
use super::words::{function, words};

/// How long a line of the page is at most, where it can be broken.
const WIDTH: usize = 140;

/// The whole page, of all versions from the oldest to the latest.
pub(super) fn page(versions: &[Version]) -> String {
    let Some(latest) = versions.last() else { return String::new() };
    let package = &latest.resolve.packages[latest.package];
    let mut text = "<!-- `cargo xtask contract` writes this page from wit/. -->\n".to_owned();
    let name = &package.name;
    let _ = writeln!(text, "# The contract `{}:{}@{}`\n", name.namespace, name.name, latest.number);
    text += &paragraphs(&package.docs);
    text += "It is written in [WIT](https://component-model.bytecodealliance.org/design/wit.html); this page has all of it. What may change in a\n\
             version, and what becomes of a compiler for another one, is in [docs/contract-versions.md](contract-versions.md).\n\n";
    text += "| version | where |\n|---|---|\n";
    for Version { number, folder, .. } in versions {
        let _ = writeln!(text, "| {number} | [`wit/{folder}`](../wit/{folder}) |");
    }
    let page = Page { versions, resolve: &latest.resolve };
    text += "\n## Worlds\n\nA compiler is a component for one of these.\n\n";
    for id in package.worlds.values() {
        page.world(&mut text, &latest.resolve.worlds[*id]);
    }
    for id in package.interfaces.values() {
        page.interface(&mut text, &latest.resolve.interfaces[*id]);
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

struct Page<'a> {
    versions: &'a [Version],
    resolve: &'a Resolve,
}

impl Page<'_> {
    fn world(&self, text: &mut String, world: &World) {
        let _ = writeln!(text, "### world `{}`{}\n", world.name, self.since(&Item::World(&world.name)));
        *text += &paragraphs(&world.docs);
        let functions = world.exports.values().filter_map(|item| match item {
            WorldItem::Function(function) => Some(function),
            _ => None,
        });
        for function in functions {
            // What a world asks for cannot be more in a later version.
            self.function(text, &format!("export {}", function.name), function, "");
        }
    }

    fn interface(&self, text: &mut String, interface: &Interface) {
        let name = interface.name.as_deref().unwrap_or_default();
        let _ = writeln!(text, "## interface `{name}`\n");
        *text += &paragraphs(&interface.docs);
        for id in interface.types.values() {
            self.definition(text, name, interface, *id);
        }
        let free: Vec<_> =
            interface.functions.values().filter(|it| it.kind == FunctionKind::Freestanding).collect();
        if !free.is_empty() {
            *text += "### Functions\n\n";
            self.functions(text, name, &free);
        }
    }

    fn definition(&self, text: &mut String, interface: &str, within: &Interface, id: TypeId) {
        let TypeDef { name, kind, docs, .. } = &self.resolve.types[id];
        let name = name.as_deref().unwrap_or_default();
        let since = self.since(&Item::Type(interface, name));
        let _ = writeln!(text, "### {} `{name}`{since}\n", kind.as_str());
        *text += &paragraphs(docs);
        let mut parts: Vec<(&str, Option<&Type>, &Docs)> = Vec::new();
        match kind {
            TypeDefKind::Record(it) => {
                parts.extend(it.fields.iter().map(|it| (&*it.name, Some(&it.ty), &it.docs)));
            }
            TypeDefKind::Variant(it) => {
                parts.extend(it.cases.iter().map(|it| (&*it.name, it.ty.as_ref(), &it.docs)));
            }
            TypeDefKind::Enum(it) => parts.extend(it.cases.iter().map(|it| (&*it.name, None, &it.docs))),
            TypeDefKind::Flags(it) => parts.extend(it.flags.iter().map(|it| (&*it.name, None, &it.docs))),
            TypeDefKind::Resource => {
                let methods: Vec<_> =
                    within.functions.values().filter(|it| it.kind.resource() == Some(id)).collect();
                return self.functions(text, interface, &methods);
            }
            other => {
                let _ = writeln!(text, "`{}`\n", other.as_str());
            }
        }
        for (name, ty, docs) in parts {
            let ty = ty.map(|it| format!(" {}.", self.link(it))).unwrap_or_default();
            *text += &wrapped(&format!("- `{name}`:{ty} {}", words_of(docs)));
        }
        text.push('\n');
    }

    fn functions(&self, text: &mut String, interface: &str, functions: &[&Function]) {
        for it in functions {
            let since = self.since(&Item::Function(interface, &it.name));
            self.function(text, it.item_name(), it, &since);
        }
    }

    fn function(&self, text: &mut String, name: &str, it: &Function, since: &str) {
        let short = name.rsplit(' ').next().unwrap_or(name);
        let _ = writeln!(text, "- **`{short}`**{since}\n");
        let _ = writeln!(text, "  ```wit\n  {name}: {};\n  ```\n", function(self.resolve, it));
        for line in paragraphs(&it.docs).lines() {
            let _ = writeln!(text, "{}{line}", if line.is_empty() { "" } else { "  " });
        }
    }

    /// A type that leads to where it is explained, if it is one of the contract by itself.
    fn link(&self, it: &Type) -> String {
        let written = words(self.resolve, it);
        match it {
            Type::Id(id) if self.resolve.types[*id].name.is_some() => {
                format!("[`{written}`](#{}-{written})", self.resolve.types[*id].kind.as_str())
            }
            _ => format!("`{written}`"),
        }
    }

    /// The version that this is in for the first time, where that is not the oldest.
    fn since(&self, item: &Item<'_>) -> String {
        let first = self.versions.iter().position(|version| item.is_in(version));
        match first {
            Some(first) if first > 0 => format!(", since {}", self.versions[first].number),
            _ => String::new(),
        }
    }
}

/// What a version may add.
enum Item<'a> {
    World(&'a str),
    Type(&'a str, &'a str),
    Function(&'a str, &'a str),
}

impl Item<'_> {
    fn is_in(&self, version: &Version) -> bool {
        let package = &version.resolve.packages[version.package];
        let interface = |name: &str| package.interfaces.get(name).map(|id| &version.resolve.interfaces[*id]);
        match self {
            Self::World(name) => package.worlds.contains_key(*name),
            Self::Type(within, name) => interface(within).is_some_and(|it| it.types.contains_key(*name)),
            Self::Function(within, name) => {
                interface(within).is_some_and(|it| it.functions.contains_key(*name))
            }
        }
    }
}

/// Docs as they are, and an empty line behind them.
fn paragraphs(docs: &Docs) -> String {
    docs.contents.as_ref().map(|text| format!("{}\n\n", text.trim())).unwrap_or_default()
}

/// Docs in one line.
fn words_of(docs: &Docs) -> String {
    docs.contents.as_deref().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An item of a list, in lines that are not too long.
fn wrapped(item: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in item.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            text += "\n ";
            width = 1;
        }
        if width > 0 {
            text.push(' ');
            width += 1;
        }
        text += word;
        width += length;
    }
    text.push('\n');
    text
}
