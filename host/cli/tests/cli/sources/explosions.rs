//! Sources that are small and make a real compiler explode (T5), or large and make it work for nothing (T4).

use std::fmt::Write as _;
use std::fs;

use super::End::{Either, Failed, Prepared};
use super::{End, Hostile, hostile};

const MILLION: usize = 1_000_000;

pub(super) fn family() -> Vec<Hostile> {
    let mut family = typescript();
    family.extend(sass());
    family
}

fn text(what: &'static str, file: &'static str, text: impl Into<Vec<u8>>, end: End) -> Hostile {
    let text = text.into();
    hostile("T5", what, move |at| fs::write(at.join(file), &text).unwrap(), end)
}

/// So many of one, something in the middle, and so many of another.
fn nested(open: &str, middle: &str, close: &str, depth: usize) -> String {
    format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
}

fn typescript() -> Vec<Hostile> {
    let members = (0..MILLION).fold(String::new(), |mut members, n| {
        let _ = write!(members, "a{n},");
        members
    });
    let value = |what, value: String, end| text(what, "a.ts", format!("export const a = {value};\n"), end);
    vec![
        value("TypeScript: a million parentheses", nested("(", "1", ")", MILLION), Failed("trapped")),
        value("TypeScript: a million arrays in arrays", nested("[", "", "]", MILLION), Failed("trapped")),
        value("TypeScript: templates in templates", nested("`${", "1", "}`", 300_000), Failed("trapped")),
        value(
            "TypeScript: functions that return functions",
            nested("x=>", "1", "", MILLION),
            Failed("trapped"),
        ),
        value(
            "TypeScript: classes that extend classes",
            nested("class extends ", "{}", "", MILLION),
            Failed("trapped"),
        ),
        value("TypeScript: a sum of 300,000", nested("", "1", "+1", 300_000), Failed("trapped")),
        value(
            "TypeScript: a regular expression of 500,000 groups in groups",
            format!("/{}/", nested("(", "", ")", 500_000)),
            Either,
        ),
        value(
            "TypeScript: a regular expression that explodes where it is run",
            format!("/{}$/", "(a*)*".repeat(100_000)),
            Prepared,
        ),
        value(
            "TypeScript: one line of 8 MB",
            format!("[{}]", "1,".repeat(4 * MILLION)),
            Failed("out-of-fuel"),
        ),
        value("TypeScript: a text of 4 MB", format!("\"{}\"", "a".repeat(4 * MILLION)), Prepared),
        text(
            "TypeScript: a million blocks in blocks",
            "a.ts",
            nested("{", "", "}", MILLION),
            Failed("trapped"),
        ),
        text(
            "TypeScript: a chain of a million fields",
            "a.ts",
            format!("let a: any; a{};", "?.b".repeat(MILLION)),
            Failed("trapped"),
        ),
        text(
            "TypeScript: types with types as arguments",
            "a.ts",
            format!("type T = {};", nested("A<", "1", ">", MILLION)),
            Failed("trapped"),
        ),
        text(
            "TypeScript: 200,000 else-ifs",
            "a.ts",
            format!("let a; {} {{}}", "if (a) {} else ".repeat(200_000)),
            Failed("trapped"),
        ),
        text(
            "TypeScript: elements in elements",
            "a.tsx",
            format!("export const a = {};", nested("<a>", "", "</a>", 300_000)),
            Failed("trapped"),
        ),
        text("TypeScript: a comment that never ends", "a.ts", "/*".repeat(MILLION), Failed("rejected")),
        text("TypeScript: 400,000 mistakes", "a.ts", "let = ;\n".repeat(400_000), Failed("rejected")),
        text("TypeScript: 31 MiB of NUL", "a.ts", vec![0; 31 << 20], Failed("rejected")),
        text("TypeScript: an enumeration of a million", "a.ts", format!("enum E {{{members}}}"), Either),
    ]
}

fn sass() -> Vec<Hostile> {
    let mut mixins = String::new();
    for n in 0..40 {
        let _ = writeln!(mixins, "@mixin m{n} {{ @include m{0}; @include m{0}; }}", n + 1);
    }
    mixins.push_str("@mixin m40 { a { b: c } }\n.x { @include m0; }\n");
    let mut extended = String::new();
    for n in 0..300 {
        let (one, other) = ((n + 1) % 300, (n * 7) % 300);
        let _ = writeln!(extended, ".a{n}.b{n} {{ @extend .a{one}; @extend .b{other}; x: y }}");
    }
    let doubled =
        "$s: \"aaaaaaaaaaaaaaaa\";\n@for $i from 1 through 60 { $s: $s + $s !global; }\na { b: $s }\n";
    let scss = |what, source: String, end| text(what, "a.scss", source, end);
    vec![
        scss("Sass: a loop without end", "@while true { $a: 1; }\n".to_owned(), Failed("out-of-fuel")),
        scss(
            "Sass: a thousand million rules",
            "@for $i from 1 through 1000000000 { .a#{$i} { b: $i } }\n".to_owned(),
            Failed("out-of-fuel"),
        ),
        scss("Sass: mixins that double forty times", mixins, Failed("out-of-fuel")),
        scss(
            "Sass: a function that calls itself",
            "@function f($x) { @return f($x + 1); }\na { b: f(1); }\n".to_owned(),
            Failed("trapped"),
        ),
        scss("Sass: a text that doubles sixty times", doubled.to_owned(), Failed("out-of-memory")),
        scss(
            "Sass: a list without end",
            "$l: ();\n@for $i from 1 through 100000000 { $l: append($l, $i); }\n".to_owned(),
            Failed("out-of-fuel"),
        ),
        scss("Sass: selectors that multiply", nested("a,b,c,d{", "b:c", "}", 14), Failed("out-of-fuel")),
        scss("Sass: rules that extend each other", extended, Failed("out-of-fuel")),
        scss("Sass: 300,000 rules in rules", nested("a{", "b:c", "}", 300_000), Failed("trapped")),
        scss(
            "Sass: a million parentheses",
            format!("$a: {};", nested("(", "1", ")", MILLION)),
            Failed("trapped"),
        ),
        scss(
            "Sass: interpolations in interpolations",
            format!("a {{ b: {} }}", nested("#{", "1", "}", 300_000)),
            Failed("trapped"),
        ),
        scss("Sass: a file that uses itself", "@use \"a\";\n".to_owned(), Failed("rejected")),
        scss("Sass: half a million mistakes", "}\n".repeat(500_000), Failed("rejected")),
        text(
            "CSS: nesting that multiplies where it is lowered",
            "a.css",
            nested("a,b,c{&,&{", "b:c", "}}", 13),
            Failed("out-of-fuel"),
        ),
        text(
            "CSS: 200,000 calculations in calculations",
            "a.css",
            format!("a{{width:{}}}", nested("calc(1px + ", "1px", ")", 200_000)),
            Failed("trapped"),
        ),
        text(
            "CSS: 200,000 queries in queries",
            "a.css",
            nested("@media (a:b){", "a{b:c}", "}", 200_000),
            Failed("trapped"),
        ),
        text(
            "CSS: 300,000 negations",
            "a.css",
            format!("{}{{b:c}}", nested(":not(", "a", ")", 300_000)),
            Failed("trapped"),
        ),
    ]
}
