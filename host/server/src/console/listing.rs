//! The table of an environment's modules, a page of it at a time.

use maud::{Markup, html};
use prefab_model::{Counts, ModuleName, ModuleState};
use prefab_prepare::{BrowsedState, ModuleLine, ModulePage, ModuleQuery};
use serde::Deserialize;

use super::links::{Links, encode};
use super::words::{chip, grouped};
use crate::problem::Problem;

/// So many modules are on a page.
pub(super) const PAGE: u32 = 50;
/// The longest text that is searched for.
const LONGEST: usize = 214;

/// Which modules, as the address says.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    state: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
}

const STATES: [(&str, &str, Option<BrowsedState>); 5] = [
    ("", "All", None),
    ("failed", "Failed", Some(BrowsedState::Failed)),
    ("skipped", "Skipped", Some(BrowsedState::Skipped)),
    ("prepared", "Prepared", Some(BrowsedState::Prepared)),
    ("pending", "Waiting", Some(BrowsedState::Pending)),
];

impl Which {
    /// What is looked for.
    pub(super) fn query(&self) -> Result<ModuleQuery, Problem> {
        let state = STATES.iter().find(|(name, ..)| *name == self.state);
        let (_, _, state) = state.ok_or_else(|| Problem::invalid("there is no such state of a module"))?;
        let after: Option<ModuleName> = if self.after.is_empty() { None } else { Some(self.after.parse()?) };
        let search = self.q.trim().chars().take(LONGEST).collect();
        Ok(ModuleQuery { state: *state, search, after })
    }

    fn address(&self, links: &Links, state: &str, after: Option<&ModuleName>) -> String {
        let mut parts = Vec::new();
        for (name, value) in
            [("state", state), ("q", self.q.trim()), ("after", after.map_or("", ModuleName::as_str))]
        {
            if !value.is_empty() {
                parts.push(format!("{name}={}", encode(value)));
            }
        }
        let query = if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
        links.to(&format!("{query}#modules"))
    }
}

/// The section with the table. `all` is how many modules there are, `counts` how they ended.
pub(super) fn section(page: &ModulePage, which: &Which, all: u64, counts: &Counts, links: &Links) -> Markup {
    html! {
        section.modules aria-labelledby="modules" {
            div.head {
                h2 #modules { "Modules " span.count { (grouped(all)) } }
                form.search role="search" action=(links.to("")) {
                    label.visually-hidden for="q" { "Part of a module's name" }
                    input #q type="search" name="q" value=(which.q) placeholder="Search by name" maxlength=(LONGEST);
                    @if !which.state.is_empty() { input type="hidden" name="state" value=(which.state); }
                    button { "Search" }
                }
            }
            div #table data-live {
                (filter(which, counts, links))
                @if page.modules.is_empty() {
                    p.empty { (nothing(which, all)) }
                } @else {
                    div.scroll tabindex="0" role="group" aria-labelledby="modules" {
                        table {
                            caption.visually-hidden { "Modules by name, with how they ended in the latest preparation" }
                            thead {
                                tr {
                                    th scope="col" { "Module" }
                                    th scope="col" { "State" }
                                    th.wide scope="col" { "Application" }
                                    th.n.wide scope="col" { "Needs" }
                                    th.n scope="col" { "Published" }
                                }
                            }
                            tbody { @for module in &page.modules { (row(module, links)) } }
                        }
                    }
                }
                @let last = page.modules.last().filter(|_| page.more).map(|module| &module.name);
                @if !which.after.is_empty() || last.is_some() {
                    nav.pages aria-label="Pages of modules" {
                        @if !which.after.is_empty() {
                            a href=(which.address(links, &which.state, None)) rel="first" { "← The first" }
                        }
                        @if let Some(last) = last {
                            a.next href=(which.address(links, &which.state, Some(last))) rel="next" { "More →" }
                        }
                    }
                }
            }
        }
    }
}

fn nothing(which: &Which, all: u64) -> &'static str {
    match (all, which.q.is_empty() && which.state.is_empty()) {
        (0, _) => "There are no modules in this environment yet.",
        (_, true) => "There are no more modules.",
        (_, false) => "No module is like that.",
    }
}

fn filter(which: &Which, counts: &Counts, links: &Links) -> Markup {
    let count = |state| match state {
        Some(BrowsedState::Failed) => Some(counts.failed),
        Some(BrowsedState::Skipped) => Some(counts.skipped),
        Some(BrowsedState::Prepared) => Some(counts.prepared),
        Some(BrowsedState::Pending) | None => None,
    };
    html! {
        nav.filter aria-label="Modules by state" {
            ul {
                @for (name, word, state) in STATES {
                    li {
                        a href=(which.address(links, name, None)) aria-current=[(which.state == name).then_some("true")] {
                            (word)
                            @if let Some(count) = count(state) { " " span.count { (grouped(count)) } }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn row(module: &ModuleLine, links: &Links) -> Markup {
    html! {
        tr data-module=(module.name) {
            th scope="row" {
                a href=(links.module(&module.name)) { (module.name) }
                @if let Some(version) = &module.version { " " span.soft { (prefab_model::escape::line(version)) } }
            }
            td {
                (chip(&module.state))
                @match &module.state {
                    ModuleState::Skipped(reason) => { span.soft { " waits for " a href=(links.module(&reason.root)) { (reason.root) } } },
                    ModuleState::Failed if module.host_trouble => { span.soft { " trouble of this machine" } },
                    _ => {},
                }
            }
            td.wide { (prefab_model::escape::line(module.application.as_deref().unwrap_or_default())) }
            td.n.wide { (module.dependencies.len()) }
            td.n {
                @match &module.published {
                    Some(version) => (version),
                    None => span.soft { "no" },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn which(state: &str, q: &str, after: &str) -> Which {
        Which { state: state.into(), q: q.into(), after: after.into() }
    }

    #[test]
    fn what_the_address_says_is_looked_for_or_refused() {
        let query = which("failed", " cart ", "@a/b").query().unwrap();
        assert_eq!((query.state, query.search.as_str()), (Some(BrowsedState::Failed), "cart"));
        assert_eq!(query.after.unwrap().as_str(), "@a/b");
        assert!(which("broken", "", "").query().is_err());
        assert!(which("", "", "../x").query().is_err());
    }
}
