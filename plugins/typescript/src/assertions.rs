//! Import assertions, the form of import attributes that was given up: `import x from "./x.json" assert { type: "json" }`.
//!
//! A release either refuses them or rewrites them to `with`; see `release.rs`.

use oxc::ast::ast::{
    Expression, ImportExpression, ObjectPropertyKind, Program, PropertyKey, WithClause, WithClauseKeyword,
};
use oxc::ast_visit::{Visit, VisitMut, walk, walk_mut};
use prefab_sdk::{Diagnostic, LineIndex, Output};

/// The length of the keyword in bytes.
const KEYWORD: &str = "assert";

/// Whether a text may hold an import assertion; without the word and a brace or a colon behind it there is none.
pub(crate) fn may_hold(text: &str) -> bool {
    memchr::memmem::find_iter(text.as_bytes(), KEYWORD).any(|at| {
        let next = text[at + KEYWORD.len()..].trim_start_matches(['"', '\'']).trim_start().bytes().next();
        matches!(next, Some(b'{' | b':'))
    })
}

/// Reports each assertion of a program as an error.
pub(crate) fn refuse(program: &Program<'_>, path: &str, text: &str, output: &dyn Output) {
    let mut found = Find(Vec::new());
    found.visit_program(program);
    if found.0.is_empty() {
        return;
    }
    let lines = LineIndex::new(text);
    for start in found.0 {
        let start = keyword_before(text, start);
        output.report(
            Diagnostic::error("Import assertions have been replaced by import attributes")
                .with_code("TS2880")
                .at(path, lines.span(start, start + KEYWORD.len()))
                .with_help("write `with` in place of `assert`"),
        );
    }
}

/// Where the keyword of a clause is that begins here: some versions of oxc count it to the clause, others begin at the brace.
fn keyword_before(text: &str, start: usize) -> usize {
    match text.get(start..) {
        Some(clause) if clause.trim_start_matches(['"', '\'']).starts_with(KEYWORD) => start,
        _ => text.get(..start).and_then(|before| before.rfind(KEYWORD)).unwrap_or(start),
    }
}

/// Makes attributes of the assertions of a program.
pub(crate) fn rewrite(program: &mut Program<'_>) {
    Rewrite.visit_program(program);
}

/// The options of a dynamic import that are assertions: the key `assert` of an object.
fn assert_key<'e, 'a>(import: &'e ImportExpression<'a>) -> Option<&'e PropertyKey<'a>> {
    let Some(Expression::ObjectExpression(options)) = &import.options else { return None };
    options.properties.iter().find_map(|property| match property {
        ObjectPropertyKind::ObjectProperty(property) => {
            Some(&property.key).filter(|key| key.is_specific_static_name("assert"))
        }
        ObjectPropertyKind::SpreadProperty(_) => None,
    })
}

struct Find(Vec<usize>);

impl<'a> Visit<'a> for Find {
    fn visit_with_clause(&mut self, clause: &WithClause<'a>) {
        if clause.keyword == WithClauseKeyword::Assert {
            self.0.push(clause.span.start as usize);
        }
    }

    fn visit_import_expression(&mut self, import: &ImportExpression<'a>) {
        if let Some(key) = assert_key(import) {
            self.0.push(oxc::span::GetSpan::span(key).start as usize);
        }
        walk::walk_import_expression(self, import);
    }
}

struct Rewrite;

impl<'a> VisitMut<'a> for Rewrite {
    fn visit_with_clause(&mut self, clause: &mut WithClause<'a>) {
        clause.keyword = WithClauseKeyword::With;
    }

    fn visit_import_expression(&mut self, import: &mut ImportExpression<'a>) {
        if let Some(Expression::ObjectExpression(options)) = &mut import.options {
            for property in &mut options.properties {
                if let ObjectPropertyKind::ObjectProperty(property) = property {
                    match &mut property.key {
                        PropertyKey::StaticIdentifier(name) if name.name == "assert" => {
                            name.name = "with".into();
                        }
                        PropertyKey::StringLiteral(name) if name.value == "assert" => {
                            name.value = "with".into();
                        }
                        _ => {}
                    }
                }
            }
        }
        walk_mut::walk_import_expression(self, import);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyword_is_found_from_the_clause_with_or_without_it() {
        let text = "import x from './assert.json' assert { type: 'json' }";
        let keyword = text.rfind("assert").unwrap();
        assert_eq!(keyword_before(text, keyword), keyword);
        assert_eq!(keyword_before(text, text.find('{').unwrap()), keyword);
        let key = "import('./x.json', { \"assert\": {} })";
        assert_eq!(keyword_before(key, key.find('"').unwrap()), key.find('"').unwrap());
    }

    #[test]
    fn only_texts_with_the_keyword_before_a_brace_are_looked_at() {
        assert!(may_hold("import x from './x.json' assert { type: 'json' }"));
        assert!(may_hold("import('./x.json', { assert: { type: 'json' } })"));
        assert!(may_hold("import('./x.json', { \"assert\": {} })"));
        assert!(!may_hold("import assert from 'assert'; assert(x); assert.equal({}, {})"));
    }
}
