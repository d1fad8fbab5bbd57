//! The compilers of `plugins/` that are written in JavaScript, Python and C: real templates, rendered by the languages' own runtimes, and
//! pages.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::built::{commonmark, handlebars, jinja, release, run};
use crate::scene::Scene;

/// Two modules that are right, one of which extends a template of the other, and one with mistakes. `turned` writes files in another order.
fn modules(scene: &Scene, turned: bool) {
    let mut files = [
        ("base/module.toml", "name = \"base\"\n"),
        ("base/base.html.j2", "<body>{% block body %}{% endblock %}</body>"),
        ("site/module.toml", "name = \"site\"\ndependencies = [\"base\"]\n"),
        ("site/page.hbs", "<h1>{{title}}</h1>{{> parts/list items=items}}"),
        ("site/parts/list.hbs", "<ul>{{#each items}}<li>{{this}}</li>{{/each}}</ul>"),
        (
            "site/mails/hi.html.j2",
            "{% extends 'base.html.j2' %}{% block body %}{{ title }}{% set a, b = 1, 2 %}{{ a + b }}{% endblock %}",
        ),
        ("wrong/module.toml", "name = \"wrong\"\n"),
        ("wrong/a.hbs", "one\n😀 {{#if ok}}yes{{/each}}\n"),
        ("wrong/b.hbs", "{{name\n"),
        ("wrong/c.j2", "one\n\n{{ x|capitalise }}\n"),
        ("wrong/d.j2", "{% include 'nothing.j2' %}"),
    ];
    if turned {
        files.reverse();
    }
    for (path, text) in files {
        scene.write(&format!("modules/{path}"), text);
    }
    scene.write("modules/wrong/e.j2", [0xff, 0xfe]);
    scene.write("modules/wrong/f.hbs", "{{#if a}}".repeat(2000) + &"{{/if}}".repeat(2000));
    scene.write("modules/wrong/g.j2", "{{ ".to_owned() + &"(".repeat(20_000));
    for module in ["base", "site", "wrong"] {
        scene.prefab(["module", "add"]).arg(scene.path("modules").join(module)).assert().success();
    }
}

/// An environment that was upgraded to a release of both compilers.
fn upgraded(handlebars: &Path, jinja: &Path, turned: bool) -> Scene {
    let scene = Scene::empty();
    modules(&scene, turned);
    let runtime = handlebars.join("node_modules/handlebars/runtime.js");
    let folder = release(&scene, "release", &[("handlebars", handlebars), ("jinja", jinja)], |name, text| {
        let options = format!("\n[compiler.options]\nruntime = \"{}\"\n", runtime.display());
        if name == "handlebars" { text + &options } else { text }
    });
    scene.prefab(["upgrade", folder.to_str().unwrap(), "--priority", "normal"]).assert().code(3);
    scene
}

/// What was found in a module: of each finding the severity, the rule, the file, and the line and column of its beginning.
fn found(scene: &Scene, module: &str) -> Vec<Value> {
    let errors = scene.json(["errors", module]);
    let problems = errors["modules"][0]["problems"].as_array().unwrap();
    let diagnostics = problems.iter().flat_map(|problem| problem["diagnostics"].as_array().unwrap());
    let of = |it: &Value| {
        let start = &it["span"]["start"];
        json!([it["severity"], it["code"], it["file"], start["line"], start["column"]])
    };
    let mut found: Vec<_> = diagnostics.map(of).collect();
    found.sort_by_key(|it| it[2].to_string());
    found
}

#[test]
fn handlebars_and_jinja_templates_are_compiled_rendered_and_their_mistakes_have_places() {
    let (Some(handlebars), Some(jinja)) = (handlebars(), jinja()) else { return };
    let scene = upgraded(handlebars, jinja, false);
    assert_eq!(
        found(&scene, "wrong"),
        [
            json!(["error", "handlebars/template", "a.hbs", 2, 6]),
            json!(["error", "handlebars/syntax", "b.hbs", 1, 3]),
            json!(["error", "jinja/template", "c.j2", 3, 1]),
            json!(["warning", "jinja/not-found", "d.j2", null, null]),
            json!(["error", "jinja/not-utf-8", "e.j2", null, null]),
            json!(["error", "handlebars/too-large", "f.hbs", null, null]),
            json!(["error", "jinja/template", "g.j2", null, null]),
        ]
    );
    assert!(found(&scene, "site").is_empty());
    scene.prefab(["publish", "base", "site"]).assert().success();

    // What is deployed is what the packages' own runtimes take.
    scene.write("package.json", r#"{"type": "module"}"#);
    let program = "import page from './deployed/site/page.hbs.js';
        process.stdout.write(page({ title: 'A & B', items: [1, 2] }))";
    let page = run(&scene.path(""), Command::new("node").args(["--input-type=module", "--eval", program]));
    assert_eq!(page, "<h1>A &amp; B</h1><ul><li>1</li><li>2</li></ul>");
    let program = "from jinja2 import Environment, ModuleLoader
env = Environment(loader=ModuleLoader(['deployed/site', 'deployed/base']), autoescape=True)
print(env.get_template('mails/hi.html.j2').render(title='A & B'), end='')";
    let page = run(
        &scene.path(""),
        Command::new("python3").args(["-c", program]).env("PYTHONPATH", jinja.join("build/packages")),
    );
    assert_eq!(page, "<body>A &amp; B3</body>");

    // The same bytes and the same fuel again, and in another environment, whose files were written in another order.
    scene.prefab(["verify", "--all", "--priority", "normal"]).assert().success();
    let other = upgraded(handlebars, jinja, true);
    let bundles = |scene: &Scene| scene.json(["artifacts", "site"]);
    assert_eq!(bundles(&scene), bundles(&other));
    let fuel = |scene: &Scene| {
        let errors = scene.json(["errors", "wrong"]);
        let problems = errors["modules"][0]["problems"].as_array().unwrap().iter();
        problems.map(|problem| problem["usage"]["fuel"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(fuel(&scene), fuel(&other));

    // A mistake that is mended is mended.
    scene.write("modules/wrong/a.hbs", "{{ok}}");
    for file in ["b.hbs", "c.j2", "e.j2", "f.hbs", "g.j2"] {
        std::fs::remove_file(scene.path("modules/wrong").join(file)).unwrap();
    }
    scene.prefab(["prepare", "--priority", "normal"]).assert().success();
    scene.prefab(["publish", "--all"]).assert().success();
}

#[test]
fn an_option_that_a_plugin_does_not_know_is_told() {
    let (Some(handlebars), Some(jinja)) = (handlebars(), jinja()) else { return };
    let scene = Scene::empty();
    scene.write(
        "modules/a/module.toml",
        "name = \"a\"\n[options.handlebars]\nstrict = \"maybe\"\n[options.jinja]\nautoescape = \"maybe\"\n",
    );
    scene.write("modules/a/a.hbs", "{{a}}");
    scene.write("modules/a/a.j2", "{{ a }}");
    scene.prefab(["module", "add"]).arg(scene.path("modules/a")).assert().success();
    let folder = release(&scene, "release", &[("handlebars", handlebars), ("jinja", jinja)], |_, text| text);
    scene.prefab(["upgrade", folder.to_str().unwrap(), "--priority", "normal"]).assert().code(3);
    let errors = scene.json(["errors", "a"]).to_string();
    assert!(errors.contains("the option `strict` is true or false"), "{errors}");
    assert!(errors.contains("the option `autoescape` is one of auto, true, false"), "{errors}");
}

#[test]
fn pages_of_markdown_become_html_and_their_mistakes_have_places() {
    let Some(commonmark) = commonmark() else { return };
    let scene = Scene::empty();
    for (path, text) in [
        ("guide/module.toml", "name = \"guide\"\n[options.commonmark]\nsmart = \"true\"\n"),
        ("guide/index.md", "# \"A & B\"\n\n[one](parts/one.md#a) ![p](parts/p.svg)\n"),
        ("guide/parts/one.md", "> *one*, back to [all](../index.md)\n"),
        ("guide/parts/p.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("wrong/module.toml", "name = \"wrong\"\n"),
        (
            "wrong/a.md",
            "one\n\n😀 [two](two.md) and [three][]\n\n<div>four</div>\n\n[five](javascript:five)\n",
        ),
        ("wrong/b.md", "[out](../../x.md)\n"),
        ("maybe/module.toml", "name = \"maybe\"\n[options.commonmark]\nunsafe = \"maybe\"\n"),
        ("maybe/a.md", "<b>a</b>\n"),
    ] {
        scene.write(&format!("modules/{path}"), text);
    }
    scene.write("modules/wrong/c.md", b"one\ncaf\xe9\n");
    for module in ["guide", "wrong", "maybe"] {
        scene.prefab(["module", "add"]).arg(scene.path("modules").join(module)).assert().success();
    }
    let folder = release(&scene, "release", &[("commonmark", commonmark)], |_, text| text);
    scene.prefab(["upgrade", folder.to_str().unwrap(), "--priority", "normal"]).assert().code(3);
    assert_eq!(
        found(&scene, "wrong"),
        [
            json!(["warning", "-Wnot-found", "a.md", 3, 3]),
            json!(["warning", "-Wundefined-reference", "a.md", 3, 21]),
            json!(["warning", "-Wraw-html", "a.md", 5, 1]),
            json!(["warning", "-Wdangerous-url", "a.md", 7, 1]),
            json!(["warning", "-Woutside", "b.md", 1, 1]),
            json!(["error", "-Wnot-utf-8", "c.md", 2, 4]),
        ]
    );
    assert!(found(&scene, "guide").is_empty());
    let errors = scene.json(["errors", "maybe"]).to_string();
    assert!(errors.contains("the option `unsafe` is true or false, not \\\"maybe\\\""), "{errors}");

    scene.prefab(["publish", "guide"]).assert().success();
    let deployed = |path: &str| std::fs::read_to_string(scene.path("deployed/guide").join(path)).unwrap();
    assert_eq!(
        deployed("index.html"),
        "<h1>“A &amp; B”</h1>\n<p><a href=\"parts/one.html#a\">one</a> <img src=\"parts/p.svg\" alt=\"p\" /></p>\n"
    );
    assert!(deployed("parts/one.html").contains("<a href=\"../index.html\">all</a>"));
    scene.prefab(["verify", "--all", "--priority", "normal"]).assert().success();

    // With the mistakes mended, what is left are warnings, and it can be published.
    std::fs::remove_file(scene.path("modules/wrong/c.md")).unwrap();
    scene.write("modules/maybe/module.toml", "name = \"maybe\"\n[options.commonmark]\nunsafe = \"true\"\n");
    scene.prefab(["prepare", "--priority", "normal"]).assert().success();
    scene.prefab(["publish", "--all"]).assert().success();
    let page = std::fs::read_to_string(scene.path("deployed/maybe/a.html")).unwrap();
    assert_eq!(page, "<p><b>a</b></p>\n");
}
