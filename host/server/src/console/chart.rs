//! A chart of what modules cost before and after: two bars each, on one scale, beside the figures. Pure.

use maud::{Markup, html};
use prefab_model::{Fuel, ModuleName};
use prefab_prepare::Difference;

use super::links::Links;
use super::words::growth;

/// The length of the longest bar, which is as long as there is room.
const LONGEST: f64 = 1000.0;

/// Draws modules with their fuel; `sides` are the two platform versions.
pub(super) fn draw(of: &[(ModuleName, Difference)], sides: (&str, &str), links: &Links) -> Markup {
    let most = of.iter().map(|(_, fuel)| fuel.base.max(fuel.new)).max().unwrap_or(1).max(1);
    let bar = |class: &str, y: &str, fuel: u64| {
        let long = (fuel as f64 / most as f64 * LONGEST).max(2.0);
        html! { rect.(class) x="0" y=(y) width=(format!("{long:.1}")) height="8" {} }
    };
    html! {
        p.legend aria-hidden="true" {
            span.base { span.swatch {} (sides.0) }
            span.new { span.swatch {} (sides.1) }
        }
        ul.chart {
            @for (module, fuel) in of {
                li {
                    a href=(links.module(module)) { (module) }
                    svg viewBox={ "0 0 " (LONGEST) " 17" } preserveAspectRatio="none" aria-hidden="true" {
                        (bar("base", "0", fuel.base))
                        (bar("new", "9", fuel.new))
                    }
                    span.figure { (Fuel(fuel.base)) " → " (Fuel(fuel.new)) " " b { (growth(fuel.base, fuel.new)) } }
                }
            }
        }
    }
}
