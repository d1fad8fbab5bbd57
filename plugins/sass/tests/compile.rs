//! What modules become: artifacts and diagnostics, as people read them.

use std::fmt::Write;

use prefab_sass::Sass;
use prefab_sdk::{Compiler, Failure, MemoryModule, MemoryOutput, ModularCompiler, Severity};

fn compile(module: &MemoryModule) -> MemoryOutput {
    let output = MemoryOutput::new();
    Sass::compile(module, &output).expect("compiles");
    output
}

fn signature_of(module: &MemoryModule) -> Vec<u8> {
    Sass::signature(module).expect("has a signature")
}

fn render(output: &MemoryOutput) -> String {
    let mut text = String::new();
    for diagnostic in output.diagnostics() {
        let severity = format!("{:?}", diagnostic.severity).to_lowercase();
        let file = diagnostic.file.unwrap_or_default();
        let place = diagnostic
            .span
            .map(|span| {
                format!(":{}:{}-{}:{}", span.start.line, span.start.column, span.end.line, span.end.column)
            })
            .unwrap_or_default();
        let code = diagnostic.code.unwrap_or_default();
        let _ = writeln!(text, "{severity}[{code}] {file}{place}: {}", diagnostic.message);
        if let Some(help) = diagnostic.help {
            let _ = writeln!(text, "  help: {help}");
        }
    }
    for (path, artifact) in output.artifacts() {
        let content = String::from_utf8_lossy(&artifact.bytes);
        let _ = writeln!(text, "=== {path} ({})\n{}", artifact.media_type, content.trim_end());
    }
    text
}

fn tokens() -> MemoryModule {
    MemoryModule::new("design-tokens")
        .with_file("src/main.scss", "@forward 'colors';\n")
        .with_file("src/_colors.scss", "$brand: #336699;\n@mixin card { border-radius: 4px; }\n")
        .with_file("src/_broken.scss", "a { color: $undefined; }\n")
        .with_entry_point(".", "./src/main.scss")
        .with_entry_point("./palette", "src/_colors.scss")
}

#[test]
fn scss_becomes_css_and_partials_give_no_artifact() {
    let module = MemoryModule::new("m")
        .with_file(
            "styles/app.scss",
            "@use 'theme';\n.a { .b & { color: theme.$ink; } &:hover { margin: 1px + 2px; } }\n",
        )
        .with_file("styles/_theme.scss", "$ink: black;\n")
        .with_file("styles/indented.sass", ".c\n  padding: 0\n");
    insta::assert_snapshot!(render(&compile(&module)));
}

#[test]
fn the_style_sheets_of_a_dependency_are_used_by_its_name() {
    let module = MemoryModule::new("m").with_dependency("design-tokens", Some(signature_of(&tokens()))).with_file(
        "a.scss",
        "@use 'design-tokens' as tokens;\n@use 'design-tokens/palette';\n@use 'design-tokens/src/colors' as direct;\n\
         .a { color: tokens.$brand; background: palette.$brand; @include direct.card; }\n",
    );
    insta::assert_snapshot!(render(&compile(&module)), @r"
    === a.css (text/css)
    .a {
      color: #369;
      background: #369;
      border-radius: 4px;
    }
    ");
}

#[test]
fn css_is_fitted_to_the_browsers_and_minified_on_request() {
    let module = MemoryModule::new("m").with_file("a.css", ".a { .b { user-select: none; inset: 0 } }\n");
    insta::assert_snapshot!(render(&compile(&module.clone().with_option("browsers", "safari 12"))));
    let short = module.with_option("browsers", "none").with_option("minify", "true");
    assert_eq!(compile(&short).text("a.css").unwrap(), ".a{& .b{user-select:none;inset:0}}");
}

#[test]
fn an_error_has_a_code_and_its_place() {
    let module = MemoryModule::new("m")
        .with_file("a.scss", ".ä { color: $missing; }\n")
        .with_file("b.scss", "@use 'gone';\n")
        .with_file("c.scss", ".c { color: red;\n")
        .with_file("good.scss", ".g { color: red; }\n");
    insta::assert_snapshot!(render(&compile(&module)));
}

#[test]
fn an_error_in_a_shared_partial_is_reported_once() {
    let module = MemoryModule::new("m")
        .with_file("_shared.scss", ".s { width: $missing; }\n")
        .with_file("a.scss", "@import 'shared';\n")
        .with_file("b.scss", "@import 'shared';\n");
    let findings = compile(&module).diagnostics();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].file.as_deref(), Some("_shared.scss"));
}

#[test]
fn an_error_inside_a_dependency_points_at_where_it_is_used() {
    let module = MemoryModule::new("m")
        .with_dependency("design-tokens", Some(signature_of(&tokens())))
        .with_file("a.scss", "// design-tokens\n@use 'design-tokens/src/broken';\n");
    insta::assert_snapshot!(render(&compile(&module)));
}

#[test]
fn what_cannot_be_read_in_plain_css_is_a_warning_and_the_rest_is_kept() {
    let module = MemoryModule::new("m")
        .with_file("hacks.css", ".a { *zoom: 1; color: red }\n")
        .with_file("broken.css", "}}} .a { color: red }\n.b { color: red }\n");
    insta::assert_snapshot!(render(&compile(&module)));
}

#[test]
fn what_a_style_sheet_warns_of_is_a_warning() {
    let module =
        MemoryModule::new("m").with_file("a.scss", "@warn 'old mixin';\n@debug 'x';\n.a { color: red; }\n");
    let severities: Vec<_> = compile(&module).diagnostics().iter().map(|each| each.severity).collect();
    assert_eq!(severities, [Severity::Warning, Severity::Note]);
}

#[test]
fn a_source_that_is_not_utf_8_is_a_diagnostic() {
    let module = MemoryModule::new("m").with_file("a.scss", b".a {\n  content: '\xe9';\n}".to_vec());
    insta::assert_snapshot!(render(&compile(&module)), @r"
    error[prefab/not-utf-8] a.scss:2:13-2:13: the source is not UTF-8 text
      help: save the file with the encoding UTF-8
    ");
}

#[test]
fn a_hostile_signature_is_as_good_as_none() {
    let module = MemoryModule::new("m")
        .with_dependency("x", Some(vec![1, 0xff, 0xff, 0xff, 0x7f]))
        .with_file("a.scss", "@use 'x/y';\n");
    assert_eq!(compile(&module).diagnostics()[0].code.as_deref(), Some("sass/not-found"));
}

#[test]
fn an_unknown_option_value_is_not_supported() {
    let module = MemoryModule::new("m").with_option("browsers", "netscape 4");
    let failure = Sass::compile(&module, &MemoryOutput::new());
    assert!(matches!(failure, Err(Failure::Unsupported(_))), "{failure:?}");
}
