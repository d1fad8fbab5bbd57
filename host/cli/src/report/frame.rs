//! Code frames: a diagnostic drawn in the lines of source that were kept with it. The source on disk may have changed since;
//! it is not looked at.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use prefab_model::{Diagnostic, Excerpt, Position, Severity, Span};

use crate::report::escape;
use crate::report::paint::Paint;

/// Draws a diagnostic of the module in the folder `dir`.
pub(crate) fn frame(diagnostic: &Diagnostic, dir: &str, paint: Paint, width: usize) -> String {
    let mut title = level(diagnostic.severity).primary_title(escape::line(&diagnostic.message));
    if let Some(code) = &diagnostic.code {
        title = title.id(escape::line(code));
    }
    let path = |file: &str| escape::line(&in_dir(dir, file));
    let mut group = Group::with_title(title);
    match (&diagnostic.file, diagnostic.span, &diagnostic.excerpt) {
        (Some(file), Some(span), Some(excerpt)) => {
            group = group.elements(drawn(diagnostic, span, excerpt, path(file)));
        }
        (Some(file), Some(span), None) => group = group.element(origin(path(file), span.start)),
        (Some(file), None, _) => group = group.element(Origin::path(path(file))),
        (None, ..) => {}
    }
    for label in &diagnostic.labels {
        if !is_drawn(diagnostic, &label.file, label.span) {
            let place =
                format!("{}:{}:{}", path(&label.file), label.span.start.line, label.span.start.column);
            group = group.element(Level::NOTE.message(format!("{place}: {}", escape::line(&label.message))));
        }
    }
    group = group.elements(diagnostic.help.iter().map(|help| Level::HELP.message(escape::lines(help))));
    let renderer = if paint.is_on() { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Unicode).term_width(width).render(&[group])
}

/// A path within a module, seen from the environment.
pub(crate) fn in_dir(dir: &str, file: &str) -> String {
    if dir.is_empty() { file.to_owned() } else { format!("{dir}/{file}") }
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    }
}

fn origin(path: String, start: Position) -> Origin<'static> {
    Origin::path(path).line(start.line as usize).char_column(start.column as usize)
}

fn drawn(diagnostic: &Diagnostic, span: Span, excerpt: &Excerpt, path: String) -> Vec<Element<'static>> {
    let text = escape::source(&excerpt.text);
    let within = |span: Span| {
        let start = offset(&text, excerpt, span.start);
        start..offset(&text, excerpt, span.end).max(start)
    };
    let context = diagnostic.labels.iter().filter(|label| is_drawn(diagnostic, &label.file, label.span));
    let mut annotations: Vec<Annotation<'static>> = vec![AnnotationKind::Primary.span(within(span))];
    // A label on the very place of the diagnostic is its caption.
    for label in context {
        let message = escape::line(&label.message);
        if label.span == span {
            annotations[0] = AnnotationKind::Primary.span(within(span)).label(message);
        } else {
            annotations.push(AnnotationKind::Context.span(within(label.span)).label(message));
        }
    }
    let snippet =
        Snippet::source(text.clone()).line_start(excerpt.first_line as usize).annotations(annotations);
    if excerpt.first_column > 1 {
        // The columns of the snippet are not those of the file.
        vec![origin(path, span.start).into(), snippet.into()]
    } else {
        vec![snippet.path(path).into()]
    }
}

fn is_drawn(diagnostic: &Diagnostic, file: &str, span: Span) -> bool {
    diagnostic.span.is_some()
        && diagnostic.file.as_deref() == Some(file)
        && diagnostic.excerpt.as_ref().is_some_and(|excerpt| {
            let lines = u32::try_from(excerpt.text.split('\n').count()).unwrap_or(u32::MAX);
            (excerpt.first_line..excerpt.first_line.saturating_add(lines)).contains(&span.start.line)
        })
}

/// The byte of the excerpt's text at a position of the file; the nearest one if the position is outside.
fn offset(text: &str, excerpt: &Excerpt, position: Position) -> usize {
    if position.line < excerpt.first_line {
        return 0;
    }
    let mut start = 0;
    for (number, line) in text.split('\n').enumerate() {
        if number as u64 == u64::from(position.line - excerpt.first_line) {
            let first = if number == 0 { excerpt.first_column } else { 1 };
            let column = position.column.saturating_sub(first) as usize;
            return start + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        }
        start += line.len() + 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use prefab_model::Label;
    use proptest::prelude::*;

    use super::*;

    fn span(line: u32, start: u32, end: u32) -> Span {
        Span { start: Position { line, column: start }, end: Position { line, column: end } }
    }

    fn diagnostic(span: Span, first_line: u32, first_column: u32, text: &str) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: Some("TS2305".into()),
            message: "Module 'money' has no exported member 'fromat'.".into(),
            file: Some("src/index.ts".into()),
            span: Some(span),
            labels: vec![],
            help: Some("Did you mean 'format'?".into()),
            excerpt: Some(Excerpt { first_line, first_column, text: text.into() }),
        }
    }

    fn draw(diagnostic: &Diagnostic) -> String {
        frame(diagnostic, "modules/cart", Paint::PLAIN, 100)
    }

    #[test]
    fn the_place_is_drawn_with_its_line_numbers() {
        let text = "import { total } from './total';\nimport { fromat } from 'money';\n";
        let mut it = diagnostic(span(12, 10, 16), 11, 1, text);
        it.labels = vec![
            Label { file: "src/index.ts".into(), span: span(12, 10, 16), message: "not exported".into() },
            Label { file: "src/index.ts".into(), span: span(12, 24, 31), message: "from this module".into() },
            Label { file: "src/other.ts".into(), span: span(3, 1, 9), message: "used here too".into() },
        ];
        insta::assert_snapshot!(draw(&it));
    }

    #[test]
    fn a_part_of_one_long_line_has_the_columns_of_the_file() {
        insta::assert_snapshot!(draw(&diagnostic(
            span(1, 90_010, 90_016),
            1,
            90_001,
            "import { fromat } from 'money';"
        )));
    }

    #[test]
    fn without_source_the_place_is_named() {
        let mut it = diagnostic(span(12, 10, 16), 1, 1, "");
        it.excerpt = None;
        insta::assert_snapshot!(draw(&it));
    }

    #[test]
    fn hostile_texts_are_shown_and_not_obeyed() {
        let mut it = diagnostic(span(1, 5, 6), 1, 1, "if (\u{202e}\u{2066}admin\u{1b}[2J) {\u{feff}}");
        it.message = "\u{1b}]0;owned\u{7}bad\nerror: fake".into();
        it.help = Some("\u{1b}[31mred".into());
        it.file = Some("a\u{202e}b.ts".into());
        it.code = Some("X\u{9b}1m".into());
        let drawn = draw(&it);
        assert!(
            !drawn.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}' || c == '\u{feff}'),
            "{drawn:?}"
        );
        insta::assert_snapshot!(drawn);
    }

    proptest! {
        #[test]
        fn no_position_makes_it_panic(
            text in "(\\PC|\\t|\\r|\\n|ü|👩‍👩‍👧){0,60}", first_line in 0u32..4, first_column in 0u32..4,
            start in (0u32..6, 0u32..9), end in (0u32..6, 0u32..9), label in (0u32..6, 0u32..9),
        ) {
            let at = |(line, column)| Position { line, column };
            let mut it = diagnostic(Span { start: at(start), end: at(end) }, first_line, first_column, &text);
            it.labels = vec![Label { file: "src/index.ts".into(), span: Span { start: at(label), end: at(end) }, message: text.clone() }];
            draw(&it);
        }
    }
}
