//! Several versions of the contract at once: what a minor version may change (docs/contract-versions.md), and that compilers
//! made for an older one run as they did.

mod support;

use std::collections::BTreeSet;

use prefab_model::{OutcomeKind, Task};
use prefab_sandbox::{Run, Success};
use support::{COPY, Guest, SANDBOX, compilation, run};
use wit_parser::{Function, Handle, PackageId, Resolve, Type, TypeDef, TypeDefKind, TypeId, WorldItem};

/// What a package says, without its words: one line for each type, each function, and each import or export of a world.
fn shape(resolve: &Resolve, package: PackageId) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let package = &resolve.packages[package];
    for (name, id) in &package.interfaces {
        let interface = &resolve.interfaces[*id];
        lines.extend(interface.types.values().map(|id| format!("{name}: {}", definition(resolve, *id))));
        lines.extend(interface.functions.values().map(|it| format!("{name}: {}", function(resolve, it))));
    }
    for (name, id) in &package.worlds {
        let world = &resolve.worlds[*id];
        for (direction, items) in [("imports", &world.imports), ("exports", &world.exports)] {
            lines.extend(items.values().map(|item| {
                let item = match item {
                    WorldItem::Interface { id, .. } => {
                        resolve.interfaces[*id].name.clone().unwrap_or_default()
                    }
                    WorldItem::Function(it) => function(resolve, it),
                    WorldItem::Type { id, .. } => definition(resolve, *id),
                };
                format!("world {name} {direction} {item}")
            }));
        }
    }
    lines
}

fn definition(resolve: &Resolve, id: TypeId) -> String {
    let TypeDef { name, kind, .. } = &resolve.types[id];
    let name = name.as_deref().unwrap_or_default();
    let list = |items: Vec<String>| items.join(", ");
    let body = match kind {
        TypeDefKind::Record(it) => {
            list(it.fields.iter().map(|it| format!("{} {}", it.name, words(resolve, &it.ty))).collect())
        }
        TypeDefKind::Variant(it) => list(
            it.cases.iter().map(|it| format!("{} {}", it.name, optional(resolve, it.ty.as_ref()))).collect(),
        ),
        TypeDefKind::Enum(it) => list(it.cases.iter().map(|it| it.name.clone()).collect()),
        TypeDefKind::Flags(it) => list(it.flags.iter().map(|it| it.name.clone()).collect()),
        other => anonymous(resolve, other),
    };
    format!("{} {name} {{{body}}}", kind.as_str())
}

fn function(resolve: &Resolve, it: &Function) -> String {
    let params: Vec<_> =
        it.params.iter().map(|param| format!("{} {}", param.name, words(resolve, &param.ty))).collect();
    format!("func {}({}) -> {}", it.name, params.join(", "), optional(resolve, it.result.as_ref()))
}

fn optional(resolve: &Resolve, it: Option<&Type>) -> String {
    it.map_or_else(|| "_".to_owned(), |it| words(resolve, it))
}

fn words(resolve: &Resolve, it: &Type) -> String {
    match it {
        Type::Id(id) => match &resolve.types[*id].name {
            Some(name) => name.clone(),
            None => anonymous(resolve, &resolve.types[*id].kind),
        },
        plain => format!("{plain:?}"),
    }
}

fn anonymous(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let named = |id: &TypeId| words(resolve, &Type::Id(*id));
    match kind {
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", named(id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", named(id)),
        TypeDefKind::Option(it) => format!("option<{}>", words(resolve, it)),
        TypeDefKind::List(it) => format!("list<{}>", words(resolve, it)),
        TypeDefKind::Result(it) => {
            format!("result<{}, {}>", optional(resolve, it.ok.as_ref()), optional(resolve, it.err.as_ref()))
        }
        TypeDefKind::Tuple(it) => {
            format!("tuple<{}>", it.types.iter().map(|it| words(resolve, it)).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Type(it) => words(resolve, it),
        TypeDefKind::Resource => String::new(),
        other => panic!("the contract uses no {}", other.as_str()),
    }
}

/// What a minor version changes and may not: of the old one, every line must be there as it was; and what is new may be a type or a
/// function that a compiler can import, or a whole world.
fn forbidden(old: &BTreeSet<String>, new: &BTreeSet<String>) -> Vec<String> {
    let gone = old.difference(new).map(|line| format!("changed or removed: {line}"));
    let world_of =
        |line: &str| line.strip_prefix("world ").and_then(|it| it.split_once(' ')).map(|it| it.0.to_owned());
    let worlds: BTreeSet<_> = old.iter().filter_map(|line| world_of(line)).collect();
    let asked_of_old = |line: &&String| {
        world_of(line).is_some_and(|world| worlds.contains(&world)) && line.contains(" exports ")
    };
    let asked =
        new.difference(old).filter(asked_of_old).map(|line| format!("asked of old compilers: {line}"));
    gone.chain(asked).collect()
}

fn parsed(folder: &str) -> BTreeSet<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    shape(&resolve, package)
}

#[test]
fn the_minor_version_only_adds_what_a_compiler_can_import() {
    let (old, new) = (parsed("../../wit/prefab-compiler"), parsed("../../wit/prefab-compiler-1.1"));
    assert_eq!(forbidden(&old, &new), [""; 0]);
    let added: Vec<_> = new.difference(&old).collect();
    assert_eq!(added, ["types: func [method]module.build-id(self borrow<module>) -> String"]);
}

#[test]
fn each_kind_of_change_that_would_break_a_compiler_is_found() {
    let text = |items: &str, exports: &str| {
        let text = format!(
            "package t:t;
             interface types {{ resource module {{ name: func() -> string; }} {items} }}
             world compiler {{ use types.{{module}}; {exports} }}"
        );
        let mut resolve = Resolve::default();
        let package = resolve.push_str("t.wit", &text).unwrap();
        shape(&resolve, package)
    };
    let items =
        "record place { line: u32 } enum severity { error } variant failure { rejected } flags some { a }
        read: func(path: string) -> string;";
    let exports = "export compile: func(of: borrow<module>);";
    let old = text(items, exports);
    let same = |from: &str, to: &str| {
        assert!(items.contains(from) || exports.contains(from), "{from}");
        forbidden(&old, &text(&items.replace(from, to), &exports.replace(from, to)))
    };
    for (from, to) in [
        ("line: u32", "line: u32, column: u32"),
        ("line: u32", "line: u64"),
        ("enum severity { error }", "enum severity { error, hint }"),
        ("rejected", "rejected, tired"),
        ("rejected", "rejected(string)"),
        ("{ a }", "{ a, b }"),
        ("path: string", "path: string, start: u64"),
        ("-> string;", "-> option<string>;"),
        ("read: func(path: string) -> string;", ""),
        ("export compile", "export build"),
        ("export compile: ", "export sign: func(); export compile: "),
    ] {
        assert_ne!(same(from, to), [""; 0], "{from} became {to}");
    }
    // And these are how the contract grows.
    for (from, to) in [
        ("read: ", "read-part: func(path: string, at: u64) -> string; read: "),
        ("enum severity", "enum tag { deprecated } report-with: func(tag: tag); enum severity"),
    ] {
        assert_eq!(same(from, to), [""; 0], "{from} became {to}");
    }
    let world = text(items, &format!("{exports} }} world another {{ export other: func();"));
    assert_eq!(forbidden(&old, &world), [""; 0]);
}

/// A guest of the contract 1.1.0 that emits its build id as `id`.
const BUILD_ID: Guest<'static> = Guest {
    world: "compiler-1-1",
    imports: r#"(import "prefab:compiler/types@1.1.0" "[method]module.build-id" (func $build_id (param i32 i32)))"#,
    items: r#"(data (i32.const 0) "id")"#,
    describe: "",
    compile: "(call $build_id (local.get $module) (i32.const 1300))
      (call $emit_text (local.get $output) (i32.const 0) (i32.const 2)
        (i32.load (i32.const 1300)) (i32.load (i32.const 1304)))",
    signature: "",
};

fn text_of(run: Run) -> String {
    match run.kind {
        OutcomeKind::Compiled(Success::Artifacts(mut artifacts)) => {
            String::from_utf8(artifacts.remove(0).bytes).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_compiler_made_for_the_first_version_runs_beside_one_made_for_the_second() {
    let (first, second) = (COPY.load(), BUILD_ID.load());
    assert_eq!((first.contract(), second.contract()), (Some("1.0.0"), Some("1.1.0")));
    assert_eq!(text_of(run(&first, Task::Compile, |_| {})), "let a");
    let key = compilation(&second, Task::Compile, |_| {}).key;
    assert_eq!(text_of(run(&second, Task::Compile, |_| {})), key.hex());
}

#[test]
fn a_build_id_is_the_same_in_every_run_and_another_for_other_options() {
    let compiler = BUILD_ID.load();
    let id = || text_of(run(&compiler, Task::Compile, |_| {}));
    assert_eq!(id(), id());
    let mut other = compilation(&compiler, Task::Compile, |_| {});
    other.options.insert("minify".into(), "true".into());
    let other = prefab_model::Compilation::new(
        other.task,
        other.compiler_name,
        other.compiler,
        other.contract,
        other.module,
        other.source,
        other.options,
        other.limits,
        SANDBOX.revision(),
    );
    let control = prefab_sandbox::Control::default();
    assert_ne!(text_of(SANDBOX.run(&compiler, &other, &support::inputs(), &control)), id());
}
