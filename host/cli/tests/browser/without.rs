//! Without JavaScript, and without a mouse.

use fantoccini::key::Key;
use serde_json::json;

use crate::driver::{Browser, browse, is_there};
use crate::scene::{Scene, shop};

#[test]
fn everything_can_be_read_and_done_without_javascript() {
    if !is_there() {
        return;
    }
    let (scene, preparation) = Scene::preparing();
    let token = scene.token("acme", "operate");
    browse(&scene, async |browser| {
        browser.without_script();
        browser.sign_in(&token).await;
        browser.go_shop("").await;
        assert_eq!(
            browser.find("#headline").await.text().await.unwrap().split(" - ").next(),
            Some("We are now preparing your modules")
        );
        browser.find("#do-cancel").await.click().await.unwrap();
        // The page is loaded again by itself, as long as something happens.
        let cancelled = shop(&format!("/preparations/{preparation}"));
        crate::scene::until(|| scene.administrator().get(&cancelled).json()["state"] == "cancelled");
        browser.go_shop("").await;
        assert!(browser.find("#headline").await.text().await.unwrap().contains("was called off"));
        for (rest, selector, text) in [
            ("?q=mon", "[data-module=money] .chip", "Prepared"),
            ("/modules/money", "#run h2", "How it was prepared"),
            ("/modules/money/view/index.js", "pre.file", "export const euro = 1;"),
            ("/history", "h1", "History"),
            ("/graph", "svg.graph text", "endless"),
            ("/report", "h1", "Comparison"),
            ("/fuel", "h1", "Fuel"),
        ] {
            browser.go_shop(rest).await;
            let shown = browser.find(selector).await.text().await.unwrap();
            assert!(shown.contains(text), "{rest}: {shown}");
        }
        browser.go_shop("/modules/money").await;
        browser.find("#do-publish").await.click().await.unwrap();
        assert!(browser.find(".said").await.text().await.unwrap().contains("Published: 1 module."));
    });
}

/// Goes on with the tabulator until this has the focus, which is to be seen.
async fn tab_to(browser: &Browser, id: &str) {
    for _ in 0..60 {
        browser.press(Key::Tab).await;
        let seen = "const style = getComputedStyle(document.activeElement); \
                    return [document.activeElement.id, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]";
        let answer = browser.ask(seen).await;
        assert_eq!(answer[1], true, "the focus on {answer} cannot be seen");
        if answer[0] == id {
            return;
        }
    }
    panic!("the tabulator does not lead to {id}");
}

#[test]
fn everything_can_be_reached_by_keyboard() {
    if !is_there() {
        return;
    }
    let scene = Scene::with_shop();
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.8.0");
    let token = scene.token("acme", "operate");
    browse(&scene, async |browser| {
        browser.go("/console").await;
        // Where the token goes has the focus already.
        assert_eq!(browser.ask("return document.activeElement.id").await, "token");
        let active = browser.client.active_element().await.unwrap();
        active.send_keys(&token).await.unwrap();
        browser.press(Key::Enter).await;
        browser.until("signed in", "return !!document.querySelector('.who')").await;
        browser.go_shop("").await;
        browser.press(Key::Tab).await;
        assert_eq!(browser.ask("return document.activeElement.className").await, "skip");
        browser.press(Key::Enter).await;
        browser.until("the content has the focus", "return document.activeElement.id === 'main'").await;
        tab_to(browser, "version").await;
        tab_to(browser, "do-upgrade").await;
        browser.press(Key::Enter).await;
        browser.until_said("This environment is ready").await;
        tab_to(browser, "do-publish-all").await;
        browser.press(Key::Enter).await;
        browser.until_said("Published: 1 module.").await;
        let modules = scene.administrator().get(&shop("/modules/money")).expect(200).json();
        assert_eq!(modules["published"], json!("11.9.0"));
    });
}
