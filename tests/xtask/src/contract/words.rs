//! Types and functions as WIT writes them.

use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId};

/// A function behind its name: `func(path: string) -> u32`. The resource that a method is of is left out.
pub(super) fn function(resolve: &Resolve, it: &Function) -> String {
    let own = usize::from(it.kind.resource().is_some() && it.name.starts_with("[method]"));
    let params = it.params.iter().skip(own);
    let params: Vec<_> =
        params.map(|param| format!("{}: {}", param.name, words(resolve, &param.ty))).collect();
    let result = it.result.as_ref().map(|it| format!(" -> {}", words(resolve, it))).unwrap_or_default();
    format!("func({}){result}", params.join(", "))
}

/// A type, by its name if it has one.
pub(super) fn words(resolve: &Resolve, it: &Type) -> String {
    match it {
        Type::Id(id) => {
            resolve.types[*id].name.clone().unwrap_or_else(|| anonymous(resolve, &resolve.types[*id].kind))
        }
        plain => format!("{plain:?}").to_lowercase(),
    }
}

fn anonymous(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let named = |id: &TypeId| words(resolve, &Type::Id(*id));
    let optional = |it: &Option<Type>| it.as_ref().map_or_else(|| "_".to_owned(), |it| words(resolve, it));
    match kind {
        TypeDefKind::Handle(Handle::Own(id)) => named(id),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", named(id)),
        TypeDefKind::Option(it) => format!("option<{}>", words(resolve, it)),
        TypeDefKind::List(it) => format!("list<{}>", words(resolve, it)),
        TypeDefKind::Result(it) if it.ok.is_none() && it.err.is_none() => "result".to_owned(),
        TypeDefKind::Result(it) if it.err.is_none() => format!("result<{}>", optional(&it.ok)),
        TypeDefKind::Result(it) => format!("result<{}, {}>", optional(&it.ok), optional(&it.err)),
        TypeDefKind::Tuple(it) => {
            format!("tuple<{}>", it.types.iter().map(|it| words(resolve, it)).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Type(it) => words(resolve, it),
        other => other.as_str().to_owned(),
    }
}
