//! A chart of what modules cost before and after: two bars each, on one scale. Pure.

use maud::{Markup, html};
use prefab_model::{Fuel, ModuleName};
use prefab_prepare::Difference;

use super::links::Links;
use super::words::{growth, short};

/// Places in the drawing, which is as wide as this and is scaled to the page.
const WIDTH: f64 = 960.0;
const NAMES: f64 = 200.0;
const BARS: f64 = 570.0;
const ROW: f64 = 30.0;
const TOP: f64 = 30.0;
/// So many characters of a name find room.
const NAME: usize = 26;

/// Draws modules with their fuel; `sides` are the two platform versions.
pub(super) fn draw(of: &[(ModuleName, Difference)], sides: (&str, &str), links: &Links) -> Markup {
    let most = of.iter().map(|(_, fuel)| fuel.base.max(fuel.new)).max().unwrap_or(1).max(1);
    let long = |fuel: u64| (fuel as f64 / most as f64 * BARS).max(1.0);
    let height = TOP + of.len() as f64 * ROW;
    let summary = format!(
        "Fuel of {} modules with {} and with {}. The table below has the same figures.",
        of.len(),
        sides.0,
        sides.1
    );
    html! {
        div.scroll tabindex="0" role="group" aria-label="Chart" {
            svg.chart viewBox={ "0 0 " (WIDTH) " " (height) } role="group" aria-label=(summary) {
                g.legend {
                    rect.base x=(NAMES) y="4" width="12" height="12" rx="2" {}
                    text x=(NAMES + 18.0) y="14" { (sides.0) }
                    rect.new x=(NAMES + 120.0) y="4" width="12" height="12" rx="2" {}
                    text x=(NAMES + 138.0) y="14" { (sides.1) }
                }
                @for (number, (module, fuel)) in of.iter().enumerate() {
                    @let y = TOP + number as f64 * ROW;
                    a href=(links.module(module)) tabindex="-1" {
                        title { (module) }
                        text.name x="0" y=(y + 15.0) { (short(module.as_str(), NAME)) }
                        rect.base x=(NAMES) y=(y + 2.0) width=(format!("{:.1}", long(fuel.base))) height="8" rx="1.5" {}
                        rect.new x=(NAMES) y=(y + 11.0) width=(format!("{:.1}", long(fuel.new))) height="8" rx="1.5" {}
                        text.figure x=(format!("{:.1}", NAMES + long(fuel.base.max(fuel.new)) + 10.0)) y=(y + 15.0) {
                            (Fuel(fuel.base)) " → " (Fuel(fuel.new)) "  " (growth(fuel.base, fuel.new))
                        }
                    }
                }
            }
        }
    }
}
