//! What an operator does with the page of an environment: upgrade and watch, mend and retry, publish.

use fantoccini::Locator;
use serde_json::json;

use crate::driver::{browse, is_there};
use crate::scene::{Scene, shop, tar};

/// Takes some seconds to compile, and comes to an end.
const SLOW: &str =
    "$sum: 0;\n@for $i from 1 through 400000 { $sum: $sum + $i % 7; }\n.sum { width: $sum; }\n";

/// Marks the page, so that loading it again can be told from changing it.
const MARK: &str = "window.same = true";
const MARKED: &str = "return window.same === true";

#[test]
fn a_whole_upgrade_is_watched_from_the_banner_to_ready() {
    if !is_there() {
        return;
    }
    let scene = Scene::with_shop();
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.upgrade("11.8.0");
    scene.module("slow", "slow.scss", SLOW);
    let limit = json!({"key": "limits.fuel", "value": "1T"});
    scene.administrator().send_json("PATCH", &shop("/config"), &[], &limit).expect(200);
    let token = scene.token("acme", "operate");
    browse(&scene, async |browser| {
        browser.sign_in(&token).await;
        browser.click("a[href$='/environments/shop']").await;
        browser.until_said("11.8.0").await;
        browser.click("#do-upgrade").await;
        browser
            .until_said("Your environment has been successfully upgraded to platform version 11.9.0")
            .await;
        browser.ask(MARK).await;
        browser.until_said("We are now preparing your modules - ").await;
        browser
            .until(
                "what is compiled is named",
                "return document.querySelector('#compiling li')?.innerText.startsWith('slow')",
            )
            .await;
        let bar = browser.ask("return document.getElementById('bar').value").await.as_f64().unwrap();
        assert!((0.0..100.0).contains(&bar), "{bar}");
        browser.until_said("This environment is ready").await;
        browser
            .until(
                "the table is up to date",
                "return document.querySelector('[data-module=slow] .chip').innerText === 'Prepared'",
            )
            .await;
        browser
            .until(
                "a screen reader is told",
                "return document.getElementById('announce').innerText.includes('This environment is ready')",
            )
            .await;
        assert_eq!(browser.ask(MARKED).await, true, "it was loaded again");
        assert!(browser.text().await.contains("All 2 modules are prepared for platform version 11.9.0."));
    });
}

#[test]
fn an_error_is_mended_by_the_api_and_retried_in_the_browser() {
    if !is_there() {
        return;
    }
    let scene = Scene::with_shop();
    scene.module("money", "index.ts", "export const euro: number = 1;\n");
    scene.module("broken", "index.ts", "export const broken: number = ;\n");
    scene.upgrade("11.8.0");
    let token = scene.token("acme", "operate");
    browse(&scene, async |browser| {
        browser.sign_in(&token).await;
        browser.go_shop("").await;
        browser.until_said("There are errors in 1 of 2 modules").await;
        browser.click(".tally a.failed").await;
        browser.click("[data-module=broken] a").await;
        let marked = browser.find("pre.code mark").await.text().await.unwrap();
        assert_eq!(marked, ";");
        assert!(browser.text().await.contains("export const broken: number = ;"));
        scene.module("broken", "index.ts", "export const broken: number = 2;\n");
        browser.click("#do-retry").await;
        browser.until_said("view").await;
    });
}

#[test]
fn publishing_is_refused_while_the_environment_is_held_and_then_allowed() {
    if !is_there() {
        return;
    }
    let (scene, preparation) = Scene::preparing();
    let token = scene.token("acme", "operate");
    browse(&scene, async |browser| {
        browser.sign_in(&token).await;
        browser.go_shop("/modules/money").await;
        browser.ask(MARK).await;
        let publish = browser.find("#do-publish").await;
        assert!(!publish.is_enabled().await.unwrap());
        let why = publish.attr("aria-describedby").await.unwrap().unwrap();
        let why = browser.find(&format!("#{why}")).await.text().await.unwrap();
        assert!(why.starts_with(&format!("Preparation {preparation} holds the environment")), "{why}");
        // Whoever makes the button work all the same is refused by the server.
        browser.ask("document.getElementById('do-publish').disabled = false").await;
        browser.click("#do-publish").await;
        browser.until_said("Running applications are not affected").await;
        assert_eq!(scene.administrator().get(&shop("/modules/money")).json()["published"], json!(null));
        browser.ask(MARK).await;
        let control = shop(&format!("/preparations/{preparation}/cancel"));
        scene.administrator().post(&control, &json!({})).expect(200);
        browser.until("it can be pressed", "return !document.getElementById('do-publish').disabled").await;
        assert_eq!(browser.ask(MARKED).await, true, "it was loaded again");
        browser.click("#do-publish").await;
        browser.until_said("Published: 1 module.").await;
        browser.until_said("Published, as compiled by 11.8.0").await;
    });
}

#[test]
fn a_preparation_is_paused_and_called_off_by_its_buttons() {
    if !is_there() {
        return;
    }
    let (scene, _) = Scene::preparing();
    let token = scene.token("acme", "operate");
    browse(&scene, async |browser| {
        browser.sign_in(&token).await;
        browser.go_shop("").await;
        browser.click("#do-pause").await;
        browser.until_said("The preparation is paused at").await;
        browser.click("#do-resume").await;
        browser.until_said("We are now preparing your modules - ").await;
        browser.click("#do-cancel").await;
        browser.until_said("was called off at").await;
    });
}

#[test]
fn a_page_says_when_it_is_not_kept_up_to_date_any_more() {
    if !is_there() {
        return;
    }
    let scene = Scene::with_shop();
    let tree = tar(&[("module.toml", "name = \"money\"\n")]);
    scene.administrator().send("PUT", &shop("/modules/money"), &tree).expect(200);
    let made = scene.token_command(&["create", "ada", "--tenant", "acme"]);
    browse(&scene, async |browser| {
        browser.sign_in(made["token"].as_str().unwrap()).await;
        browser.go_shop("").await;
        assert!(!browser.find("#stale").await.is_displayed().await.unwrap());
        scene.token_command(&["revoke", &made["id"].to_string()]);
        browser.until("it says so", "return !document.getElementById('stale').hidden").await;
        browser.client.find(Locator::Css("#stale a")).await.unwrap().click().await.unwrap();
        browser.find("#token").await;
    });
}
