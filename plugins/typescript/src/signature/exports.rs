//! What one file exports, as far as its text tells.

use std::collections::BTreeSet;

use oxc::ast::ast::{Declaration, Program, Statement};
use oxc::ast_visit::Visit;
use oxc::syntax::module_record::{ExportExportName, ModuleRecord};

use crate::source::Language;

/// What one file exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileExports {
    /// Its text does not tell: CommonJS, a script, `export =`, or it does not parse.
    Unknown,
    /// It is a module whose exports are written out.
    Known {
        /// The names, `default` among them if there is one, of values and of types.
        names: BTreeSet<String>,
        /// The specifiers of `export * from`.
        stars: Vec<String>,
    },
}

impl FileExports {
    /// Exports that are written out.
    #[cfg(test)]
    pub(crate) fn known<const N: usize, const M: usize>(names: [&str; N], stars: [&str; M]) -> Self {
        Self::Known {
            names: names.into_iter().map(str::to_owned).collect(),
            stars: stars.into_iter().map(str::to_owned).collect(),
        }
    }
}

/// Whether a text has the word `export` in it; without it, there is no need to parse.
pub(crate) fn mentions_export(text: &str) -> bool {
    text.match_indices("export").any(|(at, word)| {
        let next = text.as_bytes().get(at + word.len());
        !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.'))
    })
}

/// The exports of a program that was parsed.
pub(crate) fn of_program(
    program: &Program<'_>,
    record: &ModuleRecord<'_>,
    language: Language,
) -> FileExports {
    if !record.has_module_syntax
        || program.body.iter().any(|statement| matches!(statement, Statement::TSExportAssignment(_)))
    {
        return FileExports::Unknown;
    }
    let mut names = BTreeSet::new();
    for entry in record.local_export_entries.iter().chain(&record.indirect_export_entries) {
        match &entry.export_name {
            ExportExportName::Name(name) => drop(names.insert(name.name.to_string())),
            ExportExportName::Default(_) => drop(names.insert("default".to_owned())),
            ExportExportName::Null => {}
        }
    }
    let stars = record
        .star_export_entries
        .iter()
        .filter_map(|entry| entry.module_request.as_ref())
        .map(|request| request.name.to_string())
        .collect();
    if language == Language::Declaration {
        ambient_names(program, &mut names);
    }
    FileExports::Known { names, stars }
}

/// In a declaration file every declaration is exported, with the word or without.
fn ambient_names(program: &Program<'_>, names: &mut BTreeSet<String>) {
    for declaration in program.body.iter().filter_map(Statement::as_declaration) {
        if let Declaration::VariableDeclaration(variables) = declaration {
            let mut bindings = Bindings(names);
            bindings.visit_variable_declaration(variables);
        } else if let Some(name) = declaration.id() {
            names.insert(name.name.to_string());
        }
    }
}

struct Bindings<'n>(&'n mut BTreeSet<String>);

impl<'a> Visit<'a> for Bindings<'_> {
    fn visit_binding_identifier(&mut self, name: &oxc::ast::ast::BindingIdentifier<'a>) {
        self.0.insert(name.name.to_string());
    }
}

#[cfg(test)]
mod tests {
    use oxc::allocator::Allocator;

    use super::*;
    use crate::parse::{Parsed, parse};

    fn exports(path: &str, text: &str) -> FileExports {
        let allocator = Allocator::default();
        let language = Language::of(path).unwrap();
        match parse(&allocator, text, path, language, false) {
            Parsed::Program(parsed) => of_program(&parsed.program, &parsed.module_record, language),
            _ => panic!("{text} does not parse"),
        }
    }

    #[test]
    fn every_form_of_export_is_known() {
        let text = "
            export const { a, b: [c] } = x; export function d() {} export class e {}
            export default 1; export { f, g as h }; const f = 1, g = 2;
            export { i, j as k, default as l } from './m'; export * as n from './o'; export * from './p';
            import { q } from './q'; export { q };
            export interface R {} export type S = 1; export enum T {} export namespace U { export const v = 1 }
            export abstract class W {} export type { X } from './x'; export import Y = U.v;";
        assert_eq!(
            exports("a.ts", text),
            FileExports::known(
                [
                    "a", "c", "d", "e", "default", "f", "h", "i", "k", "l", "n", "q", "R", "S", "T", "U",
                    "W", "X", "Y"
                ],
                ["./p"]
            )
        );
    }

    #[test]
    fn what_is_no_module_is_unknown() {
        assert_eq!(exports("a.js", "module.exports = { a: 1 };"), FileExports::Unknown);
        assert_eq!(exports("a.ts", "class A {} export = A;"), FileExports::Unknown);
        assert_eq!(exports("a.d.ts", "declare const A: number;"), FileExports::Unknown);
    }

    #[test]
    fn a_declaration_file_exports_all_its_declarations() {
        assert_eq!(
            exports("a.d.ts", "declare const a: 1, b: 2; interface C {} export {}; declare module 'x' {}"),
            FileExports::known(["a", "b", "C"], [])
        );
    }

    #[test]
    fn only_the_word_export_counts() {
        assert!(mentions_export("export{a}"));
        assert!(mentions_export("exports.a = 1; export default a"));
        assert!(!mentions_export("exports.a = 1; module.exports = b; exportThis()"));
    }
}
