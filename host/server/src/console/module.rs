//! The page of a module: how it was prepared, what it needs and what needs it, its artifacts, and what can be done with it.

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use prefab_model::{Bytes, ModuleName, ModuleState, Task};
use prefab_prepare::{
    ArtifactsError, Dependents, DeploymentLine, Environment, EnvironmentState, ModuleArtifacts, ModuleLine,
    ModuleRun, ModuleSummary, Note, Problem as Compilation, artifacts as artifacts_of, browse_these,
    dependents as dependents_of, deployments as deployments_of, module as module_of, module_run,
    status as status_of,
};
use serde::Deserialize;

use super::heavy::Heavy;
use super::links::Links;
use super::page::Page;
use super::session::{Visitor, is_page};
use super::words::{chip, grouped, time, when};
use super::{buttons, finding};
use crate::access::{Place, Read};
use crate::input::Named;
use crate::problem::Problem;
use crate::server::App;

/// So many of each are listed.
const DEPENDENCIES: usize = 200;
const DEPENDENTS: usize = 100;
const ARTIFACTS: usize = 500;
const DEPLOYMENTS: u32 = 10;

#[derive(Deserialize)]
pub(super) struct Which {
    module: ModuleName,
}

/// All that is shown.
struct Shown {
    summary: ModuleSummary,
    run: Option<ModuleRun>,
    needs: Vec<ModuleLine>,
    /// What needs it, if that was looked for.
    needed_by: Option<Dependents>,
    artifacts: Option<ModuleArtifacts>,
    deployments: Vec<DeploymentLine>,
}

impl Shown {
    fn look(env: &Environment, name: &ModuleName, whole: bool) -> Result<Self, Problem> {
        let summary = module_of(env, name)?;
        let mut needed = summary.dependencies.clone();
        needed.sort();
        needed.dedup();
        needed.truncate(DEPENDENCIES);
        let artifacts = match artifacts_of(env, name) {
            Ok(artifacts) => Some(artifacts),
            Err(ArtifactsError::NotPrepared { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            run: module_run(env, name)?,
            needs: browse_these(env, &needed)?,
            needed_by: if whole { Some(dependents_of(env, name, DEPENDENTS)?) } else { None },
            deployments: deployments_of(env, name, DEPLOYMENTS)?,
            artifacts,
            summary,
        })
    }
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(heavy): Extension<Heavy>,
    at: Place<Read>,
    visitor: Visitor,
    headers: HeaderMap,
    Named(Which { module }): Named<Which>,
) -> Result<Response, Problem> {
    // What needs it is found by going through all modules. The script that keeps a page up to date can do without.
    let room = if is_page(&headers) { Some(heavy.room(&at.tenant).await?) } else { None };
    app.blocking(move |server| {
        let env = at.open(server)?;
        let links = Links::of(&at);
        let status = status_of(&env)?;
        let shown = Shown::look(&env, &module, room.is_some())?;
        let state = shown.run.as_ref().map_or(ModuleState::Pending, |run| run.state.clone());
        let published = shown.summary.published.is_some();
        let body = html! {
            div.title {
                p.eyebrow { "Module" @if let Some(version) = &shown.summary.version { " " (prefab_model::escape::line(version)) } }
                h1 { (module) }
                p #module-state data-live {
                    (chip(&state))
                    @if let ModuleState::Skipped(reason) = &state { " waits for " a href=(links.module(&reason.root)) { (reason.root) } }
                    @match &shown.summary.published {
                        Some(version) => { " · Published, as compiled by " (version) },
                        None => { " · Not published" },
                    }
                }
            }
            div #can data-live { (buttons::of_module(&status, &visitor.caller, (&module, &state), published, &links)) }
            div #run data-live { (run(shown.run.as_ref())) }
            div #artifacts-live data-live { (artifacts(shown.artifacts.as_ref(), &module, &links)) }
            @if let Some(needed_by) = &shown.needed_by { (related(&shown, needed_by, &links)) }
            (deployed(&shown.deployments))
        };
        let happens = matches!(status.state, EnvironmentState::Preparing | EnvironmentState::Paused);
        Ok(Page {
            title: format!("{module} · {}", at.environment),
            visitor: &visitor,
            tenant: Some(at.tenant.as_str()),
            within: Some((&links, None)),
            module: Some(module.as_str()),
            watched: Some(happens),
        }
        .show(&body))
    })
    .await
}

/// How it was prepared.
fn run(run: Option<&ModuleRun>) -> Markup {
    html! {
        section aria-labelledby="prepared" {
            h2 #prepared { "How it was prepared" }
            @match run {
                None => p.empty { "It has not been prepared yet." },
                Some(run) => {
                    p.lead {
                        "In preparation " (run.preparation) ", for platform version " (run.platform) "."
                        @if run.reused { " All of it was known from before." }
                    }
                    (cost(run))
                    @if !run.notes.is_empty() { ul.notes { @for note in &run.notes { li { (told(note)) } } } }
                    @for compilation in &run.compilations { (said(compilation)) }
                    (costs(&run.compilations))
                }
            }
        }
    }
}

fn cost(run: &ModuleRun) -> Markup {
    html! {
        dl.cost {
            div { dt { "Fuel" } dd { @match run.fuel() { Some(fuel) => (fuel), None => span.soft { "not known" } } } }
            div { dt { "Most memory" } dd { @match run.peak_memory() { Some(memory) => (memory), None => span.soft { "not known" } } } }
            div { dt { "Time" } dd { @match run.time() { Some(taken) => (time(taken)), None => span.soft { "not known" } } } }
        }
    }
}

fn told(note: &Note) -> String {
    use prefab_model::escape::line;
    match note {
        Note::DependencyMissing(dependency) => {
            format!("The dependency {} is not in this environment.", line(dependency))
        }
        Note::EarlierSignature(dependency) => {
            format!("The signature of {dependency} is from an earlier success.")
        }
        Note::DependencyFailed(dependency) => format!("The dependency {dependency} failed."),
        Note::Spurious(reason) => format!("This machine was in the way at first: {}", line(reason)),
        Note::NothingToCompile => "No compiler takes any of its files.".to_owned(),
    }
}

fn name(compilation: &Compilation) -> String {
    compilation.compiler.as_ref().map_or_else(|| "prefab".to_owned(), ToString::to_string)
}

const fn pass(task: Option<Task>) -> &'static str {
    match task {
        Some(Task::Signature) => "signature",
        Some(Task::Compile) => "compile",
        None => "",
    }
}

/// What a compilation had to say, if anything.
fn said(compilation: &Compilation) -> Markup {
    let outcome = finding::outcome(compilation);
    let silent = outcome.is_none() && compilation.diagnostics.is_empty() && compilation.log.is_empty();
    html! {
        @if !silent {
            section.compilation {
                h3 { (name(compilation)) " " span.soft { (pass(compilation.task)) } }
                @if let Some(outcome) = outcome { pre.said.bad tabindex="0" role="group" aria-label="Why it failed" { (outcome) } }
                (finding::findings(&compilation.diagnostics))
                @if !compilation.log.is_empty() {
                    details { summary { "What it printed" } (finding::log(&compilation.log, &name(compilation))) }
                }
            }
        }
    }
}

fn costs(compilations: &[Compilation]) -> Markup {
    html! {
        @if compilations.iter().any(|one| one.usage.is_some()) {
            div.scroll tabindex="0" role="group" aria-label="Compilations" {
                table {
                    caption { "What each compilation cost" }
                    thead { tr { th scope="col" { "Compiler" } th scope="col" { "Pass" } th scope="col" { "Outcome" } th.n scope="col" { "Fuel" } th.n scope="col" { "Memory" } th.n scope="col" { "Time" } } }
                    tbody {
                        @for one in compilations {
                            @if let Some(usage) = &one.usage {
                                tr {
                                    th scope="row" { (name(one)) }
                                    td { (pass(one.task)) }
                                    td { @if one.outcome.is_compiled() { "done" } @else { span.bad { "failed" } } }
                                    td.n { @match usage.fuel { Some(fuel) => (fuel), None => "–" } }
                                    td.n { (usage.peak_memory) }
                                    td.n { (time(usage.time)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn artifacts(artifacts: Option<&ModuleArtifacts>, module: &ModuleName, links: &Links) -> Markup {
    let all: Vec<_> = artifacts
        .iter()
        .flat_map(|artifacts| &artifacts.bundles)
        .flat_map(|bundle| bundle.artifacts.iter().map(move |artifact| (&bundle.compiler, artifact)))
        .collect();
    html! {
        section aria-labelledby="artifacts" {
            h2 #artifacts { "Artifacts " @if !all.is_empty() { span.count { (grouped(all.len() as u64)) } } }
            @if all.is_empty() {
                p.empty { "There are none: it was not prepared successfully, or nothing was made of it." }
            } @else {
                div.scroll tabindex="0" role="group" aria-labelledby="artifacts" {
                    table {
                        caption.visually-hidden { "What was prepared of the module" }
                        thead { tr { th scope="col" { "File" } th.wide scope="col" { "Compiler" } th.n scope="col" { "Size" } th scope="col" { span.visually-hidden { "Download" } } } }
                        tbody {
                            @for (compiler, artifact) in all.iter().take(ARTIFACTS) {
                                @let path = artifact.path.as_str();
                                tr {
                                    th scope="row" { a href=(links.view(module, path)) { code { (prefab_model::escape::line(path)) } } }
                                    td.wide { (compiler) }
                                    td.n { (Bytes(artifact.size)) }
                                    td.n { a href=(links.download(module, path)) download aria-label={ "Download " (prefab_model::escape::line(path)) } { "Download" } }
                                }
                            }
                        }
                    }
                }
                @if all.len() > ARTIFACTS { p.more { "… and " (grouped((all.len() - ARTIFACTS) as u64)) " more: the API lists them all." } }
            }
        }
    }
}

fn related(shown: &Shown, needed_by: &Dependents, links: &Links) -> Markup {
    let module = &shown.summary.name;
    let listed = |state: &ModuleState, other: &ModuleName| {
        html! { li { (chip(state)) " " a href=(links.module(other)) { (other) } } }
    };
    html! {
        section.related aria-labelledby="related" {
            h2 #related { "Dependencies" }
            p.lead { a href=(links.to(&format!("/graph?around={}", super::links::encode(module.as_str())))) { "See them drawn" } }
            div.columns {
                div {
                    h3 { "It needs" }
                    @if shown.summary.dependencies.is_empty() { p.empty { "Nothing." } }
                    ul.plain {
                        @for one in &shown.needs { (listed(&one.state, &one.name)) }
                        @for missing in &shown.summary.missing { li { span.chip.failed { "Missing" } " " (missing) } }
                    }
                    @if shown.summary.dependencies.len() > DEPENDENCIES { p.more { "… and more." } }
                }
                div {
                    h3 { "It is needed by" }
                    @if needed_by.all == 0 { p.empty { "Nothing." } }
                    ul.plain { @for one in &needed_by.modules { li { a href=(links.module(one)) { (one) } } } }
                    @let more = needed_by.all.saturating_sub(needed_by.modules.len() as u64);
                    @if more > 0 { p.more { "… and " (grouped(more)) " more." } }
                }
            }
        }
    }
}

fn deployed(deployments: &[DeploymentLine]) -> Markup {
    html! {
        @if !deployments.is_empty() {
            section aria-labelledby="deployed" {
                h2 #deployed { "What was deployed" }
                div.scroll tabindex="0" role="group" aria-labelledby="deployed" {
                    table {
                        caption.visually-hidden { "The latest deployments, the newest first" }
                        thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "By" } } }
                        tbody {
                            @for one in deployments {
                                tr {
                                    th scope="row" { (when(one.at)) }
                                    td { @if one.rolled_back { "Rolled back to " } @else { "Published for " } (one.platform) }
                                    td { (prefab_model::escape::line(&one.who)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
