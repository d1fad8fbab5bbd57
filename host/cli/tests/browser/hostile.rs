//! Modules whose authors would like the operator's browser to do something.

use serde_json::{Value, json};

use crate::driver::{browse, is_there};
use crate::scene::{Scene, shop, tar};

/// Would say that it ran, in every place where HTML might obey it.
const PAYLOAD: &str = "<script>window.owned = 1</script><img src=x onerror=\\\"window.owned = 1\\\"><svg onload=\\\"window.owned = 1\\\">";

#[test]
fn what_a_module_says_runs_in_no_page() {
    if !is_there() {
        return;
    }
    let scene = Scene::with_shop();
    let toml = format!("name = \"evil\"\nversion = \"{PAYLOAD}\"\napplication = \"{PAYLOAD}\"\n");
    let style = format!("@warn \"{PAYLOAD}\";\n@error \"</pre>{PAYLOAD}\";\n");
    let script = format!("export const a = \"</pre>{PAYLOAD}\";\n");
    for (name, toml, file, text) in [
        ("evil", toml.clone(), "index.ts", script),
        (
            "broken",
            toml.replace("\"evil\"", "\"broken\"") + "dependencies = [\"evil\", \"gone\"]\n",
            "a.scss",
            style,
        ),
    ] {
        let tree = tar(&[("module.toml", &toml), (file, &text)]);
        scene.administrator().send("PUT", &shop(&format!("/modules/{name}")), &tree).expect(200);
    }
    scene.upgrade("11.8.0");
    scene.upgrade("11.9.0");
    let wanted = json!({"name": "<script>window.owned = 1</script>", "scope": "operate"});
    let token = scene.administrator().post("/tenants/acme/tokens", &wanted).expect(201).json();
    let token = token["token"].as_str().unwrap().to_owned();
    browse(&scene, async |browser| {
        browser.sign_in(&token).await;
        let mut seen = 0;
        for page in [
            "",
            "?q=%3Cscript%3Ewindow.owned=1%3C/script%3E",
            "/history",
            "/report",
            "/fuel",
            "/graph",
            "/modules/evil",
            "/modules/broken",
            "/modules/evil/view/index.js",
            "/nothing/%3Cscript%3Ewindow.owned=1%3C%2Fscript%3E",
        ] {
            browser.go_shop(page).await;
            assert_eq!(browser.ask("return window.owned ?? null").await, Value::Null, "{page}");
            seen += usize::from(browser.text().await.contains("<script>window.owned"));
        }
        // It is not that it was nowhere.
        assert!(seen >= 5, "{seen}");
        // And a script that got into a page would be kept from running.
        browser.go_shop("").await;
        let inject = "const one = document.createElement('script'); one.textContent = 'window.owned = 1'; document.body.append(one); \
                      document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.owned = 1\">'); return window.owned ?? null";
        assert_eq!(browser.ask(inject).await, Value::Null);
        // One that is not kept from it has its turn after the other, whose source is nowhere either.
        let after = "return new Promise((done) => { const one = new Image(); \
                     one.addEventListener('error', () => done(window.owned ?? null)); one.src = 'y'; })";
        assert_eq!(browser.ask(after).await, Value::Null);
    });
}
