//! The comparison as one page of HTML that needs nothing else: no script, no font, no image from anywhere. It is read on a screen of
//! any size, in the dark, and on paper, and passed on by mail.
//!
//! Sources and compilers may say anything: `maud` escapes what HTML would obey, and `escape` shows what would be hidden.
//! The page forbids itself everything but its own style sheet.

mod breaks;
mod differences;
mod figures;
mod frame;
mod tables;

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use prefab_model::PreparationKind;
use prefab_prepare::{ModuleDiff, Report, Side, Verdict};
use time::format_description::well_known::Rfc3339;

pub(crate) use differences::length;

use super::{meaning, next_steps, sentence, source_maps_only, unfinished, word};
use crate::report::escape;

const STYLE: &str = include_str!("style.css");
/// Nothing is loaded, nothing is sent, and the one style sheet is in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/// The least width of a verdict in the bar, in thousandths: one of 100,000 modules is to be seen too.
const LEAST: f64 = 6.0;

/// The page. `differences` are those of the changed modules that are shown in full.
pub(crate) fn page(report: &Report, differences: &[ModuleDiff], environment: &str, root: &Path) -> String {
    let environment = escape::line(environment);
    let title = format!("{environment}: {} to {}", report.base.platform, report.new.platform);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                (banner(report, &environment))
                main #main {
                    (overview(report))
                    (breaks::section(report, root))
                    (next(report))
                    (tables::section(report, differences))
                    (figures::section(report))
                    (differences::section(report, differences))
                }
                footer {
                    p {
                        "Made by prefab " (env!("CARGO_PKG_VERSION")) " with "
                        code {
                            "prefab report --base " (report.base.preparation) " --new " (report.new.preparation)
                            " --format html"
                        }
                    }
                }
            }
        }
    };
    markup.into_string()
}

fn banner(report: &Report, environment: &str) -> Markup {
    html! {
        header.banner {
            p.eyebrow { (environment) }
            h1 {
                span.from { (report.base.platform) }
                span.arrow aria-hidden="true" { "→" }
                span.visually-hidden { " compared with " }
                span.to { (report.new.platform) }
            }
            p.sentence.worse[report.verdicts.worse() > 0] { (sentence(report)) "." }
            @if let Some(unfinished) = unfinished(report) {
                p.notice role="note" { (unfinished) "." }
            }
            div.sides {
                (side("Before", &report.base))
                (side("After", &report.new))
            }
        }
    }
}

fn side(label: &str, side: &Side) -> Markup {
    let kind = match side.kind {
        PreparationKind::Preparation => "Preparation",
        PreparationKind::Rehearsal => "Rehearsal",
    };
    let began = side.started_at.replace_nanosecond(0).ok().and_then(|time| time.format(&Rfc3339).ok());
    html! {
        section.side aria-label=(label) {
            h2 { (label) ": " (side.platform) }
            p {
                (kind) " " (side.preparation)
                @if let Some(began) = began { ", begun " time datetime=(began) { (began.replace('T', " ").replace('Z', " UTC")) } }
            }
            p {
                (grouped(side.counts.prepared)) " prepared, " (grouped(side.counts.failed)) " failed, "
                (grouped(side.counts.skipped)) " skipped"
            }
            @if let Some(notes) = side.notes.as_deref().filter(|notes| is_web_address(notes)) {
                p { a href=(notes) rel="noreferrer noopener" { "Release notes" } }
            }
        }
    }
}

/// Anything else, such as `javascript:`, is not linked to.
fn is_web_address(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

fn overview(report: &Report) -> Markup {
    html! {
        section aria-labelledby="verdicts" {
            h2 #verdicts { "Verdicts" }
            (bar(report))
            ul.verdicts {
                @for verdict in Verdict::ALL {
                    @let count = report.verdicts.of(verdict);
                    li.(class(verdict)) .none[count == 0] {
                        @if count == 0 { (legend(report, verdict)) }
                        @else { a href={ "#modules-" (class(verdict)) } { (legend(report, verdict)) } }
                    }
                }
            }
        }
    }
}

fn legend(report: &Report, verdict: Verdict) -> Markup {
    let only = source_maps_only(report).filter(|_| verdict == Verdict::Changed);
    html! {
        span.swatch aria-hidden="true" {}
        span.count { (grouped(report.verdicts.of(verdict))) }
        span.word { (word(verdict)) }
        span.meaning { (meaning(verdict)) @if let Some(only) = only { "; " (only) } }
    }
}

/// The verdicts as parts of one bar.
fn bar(report: &Report) -> Markup {
    let parts: Vec<_> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict, report.verdicts.of(verdict)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let all = report.verdicts.modules.max(1) as f64;
    let widths: Vec<f64> = parts.iter().map(|(_, count)| (*count as f64 * 1000.0 / all).max(LEAST)).collect();
    let scale = 1000.0 / widths.iter().sum::<f64>().max(1.0);
    let mut from = 0.0;
    let mut places = Vec::new();
    for width in &widths {
        places.push((from * scale, width * scale));
        from += width;
    }
    let told: Vec<String> =
        parts.iter().map(|(verdict, count)| format!("{count} {}", word(*verdict))).collect();
    html! {
        svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(told.join(", ")) {
            @for ((verdict, _), (x, width)) in parts.iter().zip(&places) {
                rect.(class(*verdict)) x=(format!("{x:.2}")) y="0" width=(format!("{width:.2}")) height="10" {}
            }
        }
    }
}

fn next(report: &Report) -> Markup {
    let steps = next_steps(report);
    html! {
        @if !steps.is_empty() {
            section aria-labelledby="next" {
                h2 #next { "What to do next" }
                ol.steps { @for step in steps { li { (with_code(&step)) } } }
            }
        }
    }
}

/// What is between backticks is code.
fn with_code(text: &str) -> Markup {
    html! {
        @for (number, part) in text.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// The name of a verdict in the style sheet and in anchors.
const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "regressed",
        Verdict::NewlySkipped => "newly-skipped",
        Verdict::StillFailing => "still-failing",
        Verdict::NotCompared => "not-compared",
        Verdict::Fixed => "fixed",
        Verdict::Changed => "changed",
        Verdict::Added => "added",
        Verdict::Unchanged => "unchanged",
    }
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn shown(report: &Report) -> String {
        page(report, &[samples::diff()], "The shop", Path::new("/srv/shop"))
    }

    #[test]
    fn the_page_loads_nothing_and_runs_nothing() {
        let page = shown(&samples::report());
        for reference in [
            "src=", "<link", "<script", "@import", "url(", "<iframe", "<object", "<form", " style=",
            " onclick",
        ] {
            assert!(!page.contains(reference), "{reference}");
        }
        let links: Vec<_> = page.split("href=\"").skip(1).filter(|link| !link.starts_with('#')).collect();
        assert!(links.iter().all(|link| link.starts_with("https://example.com/11.")), "{links:?}");
        assert!(page.contains("default-src 'none'") || page.contains("default-src &#39;none&#39;"));
    }

    #[test]
    fn hostile_texts_are_shown_and_not_obeyed() {
        let page = shown(&samples::hostile());
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("javascript:"));
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(!page.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'));
    }

    #[test]
    fn every_link_within_the_page_leads_somewhere() {
        for report in [samples::report(), samples::same(), samples::hostile()] {
            let page = shown(&report);
            for link in page.split("href=\"#").skip(1) {
                let target = link.split('"').next().unwrap();
                assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
            }
        }
    }

    #[test]
    fn every_table_has_a_caption_and_headings() {
        let page = shown(&samples::report());
        let count = |what: &str| page.matches(what).count();
        assert!(count("<table") > 4);
        assert_eq!(count("<table"), count("<caption"));
        assert_eq!(count("<table"), count("<thead"));
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(
            [7, 1000, 12_345, 100_000, 1_234_567].map(grouped),
            ["7", "1,000", "12,345", "100,000", "1,234,567"]
        );
    }
}
