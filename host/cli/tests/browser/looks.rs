//! How it looks: on a telephone, and in the dark.

use serde_json::Value;

use crate::driver::{browse, is_there};
use crate::scene::{Scene, shop, tar};

const PAGES: [&str; 9] = [
    "",
    "?state=failed",
    "/history",
    "/report",
    "/fuel",
    "/graph",
    "/modules/broken",
    "/modules/a-module-with-a-name-that-is-longer-than-a-telephone-is-wide-and-has-no-place-to-break.it.at.all.ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "/modules/money/view/index.js",
];

fn scene() -> Scene {
    let scene = Scene::with_shop();
    let wide = format!("export const a: number = 1 + + ; // {}\n", "wide ".repeat(100));
    scene.module("broken", "index.ts", &wide);
    scene.module("money", "index.ts", &format!("export const euro = \"{}\";\n", "x".repeat(500)));
    let long = PAGES[7].strip_prefix("/modules/").unwrap();
    scene.module(long, "index.ts", "export const a = 1;\n");
    let needs = format!("name = \"needs\"\ndependencies = [\"{long}\", \"broken\", \"money\"]\n");
    let tree = tar(&[("module.toml", &needs), ("a.scss", "a { b: c }\n")]);
    scene.administrator().send("PUT", &shop("/modules/needs"), &tree).expect(200);
    scene.upgrade("11.8.0");
    scene.upgrade("11.9.0");
    scene
}

#[test]
fn nothing_is_wider_than_a_telephone() {
    if !is_there() {
        return;
    }
    let scene = scene();
    let token = scene.token("acme", "operate");
    browse(&scene, async |browser| {
        browser.size(360, 740);
        browser.go("/console/sign-in").await;
        let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.ask(wide).await, 0);
        browser.sign_in(&token).await;
        for page in PAGES {
            browser.go_shop(page).await;
            assert_eq!(browser.ask(wide).await, 0, "{page}");
        }
    });
}

/// The least contrast between a text that is shown and what is behind it, with the text.
const CONTRAST: &str = r"
    const parse = (color) => { const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        c.fillStyle = color; c.fillRect(0, 0, 1, 1); return c.getImageData(0, 0, 1, 1).data; };
    const light = (c) => { const [r, g, b] = [...c].slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = (one) => { for (; one; one = one.parentElement) { const c = getComputedStyle(one).backgroundColor;
        if (!c.endsWith(', 0)') && c !== 'transparent') return c; } return 'white'; };
    let least = [21, ''];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const one = walk.currentNode.parentElement;
        const text = walk.currentNode.textContent.trim();
        if (!text || one.closest('svg, noscript, option, [hidden], .visually-hidden, .skip, :disabled') || !one.checkVisibility()) continue;
        const [a, b] = [light(parse(getComputedStyle(one).color)), light(parse(behind(one)))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < least[0]) least = [contrast, text];
    }
    return [...least, light(parse(getComputedStyle(document.body).backgroundColor))];
";

#[test]
fn by_day_and_in_the_dark_every_text_can_be_read() {
    if !is_there() {
        return;
    }
    let scene = scene();
    let token = scene.token("acme", "operate");
    browse(&scene, async |browser| {
        browser.sign_in(&token).await;
        for (scheme, dark) in [("light", false), ("dark", true)] {
            browser.prefers(scheme);
            for page in PAGES {
                browser.go_shop(page).await;
                let told = browser.ask(CONTRAST).await;
                let number = |value: &Value| value.as_f64().unwrap();
                // WCAG 2.2, level AA.
                assert!(number(&told[0]) >= 4.5, "{scheme} {page}: {told}");
                assert_eq!(number(&told[2]) < 0.2, dark, "{scheme} {page}: {told}");
            }
        }
    });
}

#[test]
fn every_page_has_what_a_screen_reader_goes_by() {
    if !is_there() {
        return;
    }
    let scene = scene();
    let token = scene.token("acme", "operate");
    // What is named by nothing, or named twice.
    let wrong = r"
        const wrong = [];
        const name = (one) => (one.getAttribute('aria-label') || (one.getAttribute('aria-labelledby') || '').split(' ')
            .map((id) => document.getElementById(id)?.textContent).join('') || one.textContent
            || [...(one.labels || [])].map((label) => label.textContent).join('')).trim();
        for (const one of document.querySelectorAll('a, button, summary, select, input:not([type=hidden]), progress, svg[role=img], section[aria-labelledby], nav, [role=group]'))
            if (!name(one) && ![...(one.labels || [])].length) wrong.push(one.outerHTML.slice(0, 120));
        for (const one of document.querySelectorAll('[aria-describedby], [aria-labelledby]'))
            for (const id of (one.getAttribute('aria-describedby') || one.getAttribute('aria-labelledby')).split(' '))
                if (!document.getElementById(id)) wrong.push('no ' + id);
        const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
        for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push('twice ' + id);
        for (const table of document.querySelectorAll('table'))
            if (!table.caption || table.querySelector('th:not([scope])')) wrong.push('a table without caption or scope');
        if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1');
        let level = 0;
        for (const one of document.querySelectorAll('h1, h2, h3')) {
            if (+one.tagName[1] > level + 1) wrong.push('a level is left out before ' + one.textContent);
            level = +one.tagName[1];
        }
        for (const mark of ['header', 'main', 'footer', 'html[lang]', 'title'])
            if (!document.querySelector(mark)) wrong.push('no ' + mark);
        return wrong;
    ";
    browse(&scene, async |browser| {
        browser.go("/console/sign-in").await;
        assert_eq!(browser.ask(wrong).await, Value::Array(vec![]));
        browser.sign_in(&token).await;
        assert_eq!(browser.ask(wrong).await, Value::Array(vec![]));
        for page in PAGES {
            browser.go_shop(page).await;
            assert_eq!(browser.ask(wrong).await, Value::Array(vec![]), "{page}");
        }
    });
}
