//! What modules become: artifacts and diagnostics, as people read them.

mod support;

use prefab_sdk::{Compiler, Failure, MemoryModule, MemoryOutput, Severity};
use prefab_typescript::TypeScript;
use support::{compile, render, signature_of};

#[test]
fn typescript_becomes_javascript_with_a_map_and_declarations() {
    let module = MemoryModule::new("greet").with_file(
        "src/greet.ts",
        "export interface Person { name: string }\n\
         /** Greets. */\n\
         export function greet(person: Person): string {\n  return `Hello, ${person?.name ?? 'you'}`;\n}\n\
         export enum Mood { Good, Bad }\n",
    );
    insta::assert_snapshot!(render(&compile(&module)));
}

#[test]
fn jsx_is_compiled_for_either_runtime() {
    let source = "export const App = () => <p class=\"a\">{1}</p>;\n";
    let module = |jsx| {
        MemoryModule::new("app")
            .with_file("app.tsx", source)
            .with_option("jsx", jsx)
            .with_option("sourcemap", "false")
            .with_option("declarations", "false")
    };
    insta::assert_snapshot!(render(&compile(&module("automatic"))), @r#"
    === app.js (text/javascript)
    import { jsx as _jsx } from "react/jsx-runtime";
    export const App = () => /* @__PURE__ */ _jsx("p", {
    	class: "a",
    	children: 1
    });
    "#);
    insta::assert_snapshot!(render(&compile(&module("classic"))), @r#"
    === app.js (text/javascript)
    export const App = () => /* @__PURE__ */ React.createElement("p", { class: "a" }, 1);
    "#);
}

#[test]
fn what_the_target_does_not_know_is_rewritten() {
    let module = MemoryModule::new("m")
        .with_file("a.js", "a ??= b?.c; class D { static #x = 1; y = 2 }")
        .with_option("target", "es2019")
        .with_option("sourcemap", "false");
    let output = compile(&module);
    let code = output.text("a.js").unwrap();
    assert!(!code.contains("??") && !code.contains("?."), "{code}");
}

#[test]
fn minified_code_is_short() {
    let module = MemoryModule::new("m")
        .with_file(
            "a.ts",
            "// a comment\nexport function add(first: number, second: number) { return first + second }",
        )
        .with_option("minify", "true")
        .with_option("sourcemap", "false")
        .with_option("declarations", "false");
    assert_eq!(compile(&module).text("a.js").unwrap(), "export function add(e,t){return e+t}");
}

#[test]
fn a_js_file_may_hold_a_module_a_script_commonjs_or_jsx() {
    let module = MemoryModule::new("m")
        .with_file("module.js", "export default await 1")
        .with_file("script.js", "var await = 1; with (x) {}")
        .with_file("common.js", "if (x) return; module.exports = 1")
        .with_file("jsx.js", "export default <br/>")
        .with_file("common.cjs", "return")
        .with_file("hashbang.mjs", "#!/usr/bin/env node\nimport 'x'");
    let output = compile(&module);
    assert_eq!(output.diagnostics(), []);
    assert!(output.text("hashbang.mjs").unwrap().starts_with("#!/usr/bin/env node\n"));
}

#[test]
fn a_declaration_file_is_passed_on_byte_for_byte() {
    let text = "export   declare const x : 1 ;\n// as it was\n";
    let output =
        compile(&MemoryModule::new("m").with_file("a.d.ts", text).with_file("a.js", "export const x = 1"));
    assert_eq!(output.text("a.d.ts").unwrap(), text);
}

#[test]
fn a_source_that_does_not_parse_is_reported_with_its_place_and_the_others_are_compiled() {
    let module = MemoryModule::new("m")
        .with_file("bad.ts", "const größe = 1;\nexport const x = (1;\n")
        .with_file("good.ts", "export const y = 1;");
    let output = compile(&module);
    insta::assert_snapshot!(render(&output));
    assert!(output.text("good.js").is_some() && output.text("bad.js").is_none());
}

#[test]
fn what_the_language_forbids_is_an_error() {
    let output = compile(&MemoryModule::new("m").with_file("a.ts", "let x = 1;\nlet x = 2;\n"));
    insta::assert_snapshot!(render(&output));
}

#[test]
fn a_source_that_is_not_utf_8_is_a_diagnostic() {
    let module = MemoryModule::new("m").with_file("a.ts", b"const a = 1;\nconst b = '\xe9';".to_vec());
    let output = compile(&module);
    insta::assert_snapshot!(render(&output), @r"
    error[prefab/not-utf-8] a.ts:2:12-2:12: the source is not UTF-8 text
      help: save the file with the encoding UTF-8
    ");
}

#[test]
fn an_export_without_a_written_type_is_a_warning_or_an_error() {
    let module =
        MemoryModule::new("m").with_file("a.ts", "export const f = () => g();\nfunction g() { return 1 }\n");
    let output = compile(&module);
    assert!(!output.has_errors() && output.text("a.d.ts").is_some());
    insta::assert_snapshot!(render(&output));
    let strict = compile(&module.with_option("declarations", "strict"));
    assert!(strict.has_errors());
}

#[test]
fn flow_is_passed_on_with_a_warning() {
    let text = "/* @flow */\nexport type A = {| x: ?number |};\nexport const f = (a: A) => (a: any);\n";
    let output = compile(&MemoryModule::new("m").with_file("a.js", text));
    assert_eq!(output.text("a.js").unwrap(), text);
    assert!(!output.has_errors());
    assert_eq!(output.diagnostics()[0].code.as_deref(), Some("prefab/flow"));
}

#[test]
fn import_assertions_are_refused_with_what_to_write() {
    let module = MemoryModule::new("m").with_file(
        "a.ts",
        "import a from './a.json' assert { type: 'json' };\nexport * from './b.json' assert { type: 'json' };\n\
         export const c = import('./c.json', { assert: { type: 'json' } });\n",
    );
    insta::assert_snapshot!(render(&compile(&module)));
    let fixed = MemoryModule::new("m").with_file("a.js", "import a from './a.json' with { type: 'json' };");
    assert_eq!(compile(&fixed).diagnostics(), []);
}

#[test]
fn an_unknown_option_value_is_not_supported() {
    for (name, value) in
        [("target", "es1"), ("minify", "yes"), ("jsx", "preserve"), ("declarations", "maybe")]
    {
        let module = MemoryModule::new("m").with_option(name, value);
        let failure = TypeScript::compile(&module, &MemoryOutput::new());
        assert!(matches!(&failure, Err(Failure::Unsupported(why)) if why.contains(name)), "{failure:?}");
    }
}

#[test]
fn an_import_that_a_dependency_does_not_export_is_an_error_with_a_suggestion() {
    let money = MemoryModule::new("money")
        .with_file("src/index.ts", "export * from './format';\nexport type Currency = 'EUR';\n")
        .with_file("src/format.ts", "export function formatMoney() {}\nexport function parseMoney() {}\n")
        .with_entry_point(".", "./src/index.ts");
    let module = MemoryModule::new("invoice").with_dependency("money", Some(signature_of(&money))).with_file(
        "a.ts",
        "import { formatMoney, fromatMoney, Currency } from 'money';\n\
         import money from 'money';\n\
         import { anything } from 'money/unknown';\n\
         import { other } from 'elsewhere';\n\
         export { parseMony } from 'money';\n\
         export { anything, formatMoney, fromatMoney, money, other, type Currency };\n",
    );
    let output = compile(&module);
    insta::assert_snapshot!(render(&output));
    assert!(output.has_errors());
}

#[test]
fn nothing_is_said_where_the_texts_do_not_tell() {
    let commonjs =
        MemoryModule::new("c").with_file("index.js", "exports.a = 1").with_entry_point(".", "index.js");
    let broken =
        MemoryModule::new("b").with_file("index.ts", "export const = ;").with_entry_point(".", "index.ts");
    let partly = MemoryModule::new("p")
        .with_file("index.js", "export * from './lib.js'; export * from 'elsewhere';")
        .with_file("lib.js", "export const a = 1;")
        .with_entry_point(".", "index.js");
    let module = MemoryModule::new("m")
        .with_dependency("c", Some(signature_of(&commonjs)))
        .with_dependency("b", Some(signature_of(&broken)))
        .with_dependency("p", Some(signature_of(&partly)))
        .with_dependency("hostile", Some(b"\x01\xff\xff\xff\x7f".to_vec()))
        .with_dependency("without", None)
        .with_file(
            "a.js",
            "import { x1 } from 'c'; import { x2 } from 'b'; import { x3 } from 'p'; import { x4 } from 'hostile';\n\
             import { x5 } from 'without'; import { x6 } from './data.json'; import { x7 } from './gone.js';\n",
        );
    assert_eq!(compile(&module).diagnostics(), []);
}

#[test]
fn types_may_be_imported_from_where_only_code_is_known() {
    let code = MemoryModule::new("code")
        .with_file("index.js", "export const a = 1;")
        .with_entry_point(".", "index.js");
    let module = MemoryModule::new("m").with_dependency("code", Some(signature_of(&code))).with_file(
        "a.ts",
        "import { Shape } from 'code';\nexport const f = (shape: Shape): Shape => shape;\n",
    );
    assert_eq!(compile(&module).diagnostics(), []);
}

#[test]
fn the_modules_own_files_are_compared_too() {
    let module = MemoryModule::new("m")
        .with_file(
            "a.ts",
            "import { b, c } from './b.js';\nimport { d } from './d';\nexport const x: number = b + c + d;\n",
        )
        .with_file("b.ts", "export const b = 1;\n")
        .with_file("d.d.ts", "export declare const e: number;\n")
        .with_file("old.js", "import { nothing } from './b.js';\nnothing();\n");
    let output = compile(&module);
    let errors = output.diagnostics().iter().filter(|each| each.severity == Severity::Error).count();
    assert_eq!(errors, 2);
    insta::assert_snapshot!(render(&output));
}

#[test]
fn the_same_module_gives_the_same_bytes() {
    let module = MemoryModule::new("m")
        .with_file("a.ts", "export class A { #x = 1; get x(): number { return this.#x } }")
        .with_file("b.tsx", "export const B = () => <><b/></>;");
    assert_eq!(render(&compile(&module)), render(&compile(&module)));
    assert_eq!(signature_of(&module), signature_of(&module));
}

#[test]
fn what_it_says_of_itself_names_every_option() {
    let descriptor = TypeScript::describe();
    let names: Vec<_> = descriptor.options.iter().map(|option| option.name.as_str()).collect();
    assert_eq!(names, ["target", "minify", "sourcemap", "declarations", "jsx"]);
}
