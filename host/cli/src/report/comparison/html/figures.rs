//! How sizes and fuel changed: in total, and where most.

use maud::{Markup, html};
use prefab_model::{Bytes, Fuel, ModuleName};
use prefab_prepare::{Difference, Report};

use super::tables::change;
use crate::report::comparison::human::changed_modules;
use crate::report::comparison::{grown_bytes, grown_fuel};

pub(super) fn section(report: &Report) -> Markup {
    let sizes = report.verdicts.changed > 0;
    let fuel = report.fuel.base + report.fuel.new > 0;
    html! {
        @if sizes || fuel {
            section aria-labelledby="figures" {
                h2 #figures { "Size and fuel" }
                div.figures {
                    @if sizes {
                        (figure(
                            "Artifacts", &format!("all artifacts of {}", changed_modules(report.verdicts.changed)),
                            report.size, &report.biggest_size_changes,
                            &|bytes| Bytes(bytes).to_string(), &grown_bytes,
                        ))
                    }
                    @if fuel {
                        (figure(
                            "Fuel", "compiling all modules that are prepared in both; a unit costs the same on every machine",
                            report.fuel, &report.biggest_fuel_changes,
                            &|fuel| Fuel(fuel).to_string(), &grown_fuel,
                        ))
                    }
                }
            }
        }
    }
}

fn figure(
    title: &str,
    of: &str,
    total: Difference,
    biggest: &[(ModuleName, Difference)],
    show: &dyn Fn(u64) -> String,
    grown: &dyn Fn(Difference) -> String,
) -> Markup {
    html! {
        section.figure aria-label=(title) {
            h3 { (title) }
            p.total {
                span { (show(total.base)) } span.arrow aria-label="to" { "→" } b { (show(total.new)) } " " (change(total))
            }
            p.lead { (of) }
            @if !biggest.is_empty() {
                div.scroll tabindex="0" role="region" aria-label={ (title) ": biggest changes" } {
                    table {
                        caption { "Biggest changes" }
                        thead { tr { th scope="col" { "Module" } th.n scope="col" { "Before" } th.n scope="col" { "After" } th.n scope="col" { "Change" } td {} } }
                        tbody {
                            @for (module, difference) in biggest {
                                tr {
                                    th scope="row" { (module) }
                                    td.n { (show(difference.base)) }
                                    td.n { (show(difference.new)) }
                                    td.n { (grown(*difference)) }
                                    td.n { (change(*difference)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
