//! Figures for Prometheus: what the server was asked, and what runs have done, by tenant.

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use prefab_model::{ModuleState, PreparationKind, PreparationState};
use prefab_prepare::{Event, Standing};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::names::TenantName;

/// All figures. Counting does not block.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Asked, Counter>,
    seconds: Family<Route, Histogram>,
    /// Those who follow an event stream now.
    pub(crate) watchers: Gauge,
    modules: Family<Ended, Counter>,
    preparations: Family<Finished, Counter>,
    compilations: Family<Of, Counter>,
    fuel: Family<Of, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    tenant: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    tenant: String,
    state: &'static str,
    reused: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Finished {
    tenant: String,
    kind: &'static str,
    state: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("prefab");
        let requests = Family::default();
        registry.register("http_requests", "Requests that were answered", requests.clone());
        // From half a millisecond to eight seconds.
        let seconds = Family::<Route, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.0005, 2.0, 15))
        });
        let help = "How long answers took to begin";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, seconds.clone());
        let watchers = Gauge::default();
        registry.register("watchers", "Event streams that are open", watchers.clone());
        let modules = Family::default();
        registry.register("modules", "Modules that were accounted for in preparations", modules.clone());
        let preparations = Family::default();
        registry.register("preparations", "Preparations and rehearsals that ended", preparations.clone());
        let compilations = Family::default();
        registry.register("compilations", "Compilations that were run", compilations.clone());
        let fuel = Family::default();
        registry.register("fuel", "Fuel that compilations have used", fuel.clone());
        Self { registry, requests, seconds, watchers, modules, preparations, compilations, fuel }
    }
}

impl Metrics {
    /// Counts a request by the pattern of its route, which is never what a caller made up.
    pub(crate) fn asked(&self, method: &Method, route: Option<&str>, status: StatusCode, time: Duration) {
        let route = route.unwrap_or("none").to_owned();
        // Callers may make up methods.
        let method = if method.as_str().len() <= 7 && route != "none" { method.as_str() } else { "other" };
        let asked = Asked { method: method.to_owned(), route: route.clone(), status: status.as_u16() };
        self.requests.get_or_create(&asked).inc();
        self.seconds.get_or_create(&Route { route }).observe(time.as_secs_f64());
    }

    /// For counting what a run of this tenant does.
    pub(crate) fn run(&self, tenant: &TenantName) -> Meter<'_> {
        Meter { metrics: self, tenant: tenant.to_string() }
    }

    /// All figures as Prometheus reads them; `running` is how many runs there are now, `shares` how the tenants stand.
    pub(crate) fn text(
        &self,
        running: usize,
        shares: &[(TenantName, Standing)],
    ) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        let figures: [(&str, &str, Figure); 4] = [
            ("slots_running", "Compilations that have a slot", |it| it.running as u64),
            ("slots_waiting", "Compilations that wait for a slot", |it| it.waiting as u64),
            ("slots_memory_bytes", "Memory that those with a slot may have", |it| it.memory),
            ("fuel_today", "Fuel that was used today, in UTC", |it| it.fuel),
        ];
        for (name, help, figure) in figures {
            writeln!(text, "# HELP prefab_{name} {help}.\n# TYPE prefab_{name} gauge")?;
            for (tenant, standing) in shares {
                writeln!(text, "prefab_{name}{{tenant=\"{tenant}\"}} {}", figure(standing))?;
            }
        }
        writeln!(text, "# HELP prefab_running Preparations and rehearsals that run.")?;
        writeln!(text, "# TYPE prefab_running gauge\nprefab_running {running}")?;
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// One figure of how a tenant stands.
type Figure = fn(&Standing) -> u64;

/// Counts what a run does.
pub(crate) struct Meter<'a> {
    metrics: &'a Metrics,
    tenant: String,
}

impl Meter<'_> {
    pub(crate) fn count(&self, event: &Event) {
        let (metrics, tenant) = (self.metrics, self.tenant.clone());
        match event {
            Event::ModuleEnded { state, reused, .. } => {
                let reused = if *reused { "true" } else { "false" };
                metrics.modules.get_or_create(&Ended { tenant, state: ended(state), reused }).inc();
            }
            Event::Compiled { .. } => {
                metrics.compilations.get_or_create(&Of { tenant }).inc();
            }
            Event::Finished(summary) => {
                metrics.fuel.get_or_create(&Of { tenant: tenant.clone() }).inc_by(summary.fuel.0);
                let kind = match summary.kind {
                    PreparationKind::Preparation => "preparation",
                    PreparationKind::Rehearsal => "rehearsal",
                };
                let state = match summary.state {
                    PreparationState::Done => "done",
                    PreparationState::Cancelled => "cancelled",
                    PreparationState::Stopped => "stopped",
                    PreparationState::Running => "running",
                    PreparationState::Paused => "paused",
                };
                metrics.preparations.get_or_create(&Finished { tenant, kind, state }).inc();
            }
            _ => {}
        }
    }
}

const fn ended(state: &ModuleState) -> &'static str {
    match state {
        ModuleState::Pending => "pending",
        ModuleState::Prepared => "prepared",
        ModuleState::Failed => "failed",
        ModuleState::Skipped(_) => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        let time = Duration::from_millis(3);
        metrics.asked(&Method::GET, Some("/api/v1/tenants"), StatusCode::OK, time);
        metrics.asked(&Method::from_bytes(b"MADEUP").unwrap(), None, StatusCode::NOT_FOUND, time);
        let event =
            Event::ModuleEnded { module: "cart".parse().unwrap(), state: ModuleState::Failed, reused: false };
        metrics.run(&"acme".parse().unwrap()).count(&event);
        let standing = Standing { running: 1, waiting: 5, ..Standing::default() };
        let text = metrics.text(2, &[("acme".parse().unwrap(), standing)]).unwrap();
        for line in [
            "prefab_running 2",
            r#"prefab_slots_waiting{tenant="acme"} 5"#,
            r#"prefab_http_requests_total{method="GET",route="/api/v1/tenants",status="200"} 1"#,
            r#"prefab_http_requests_total{method="other",route="none",status="404"} 1"#,
            r#"prefab_http_request_duration_seconds_count{route="none"} 1"#,
            r#"prefab_modules_total{tenant="acme",state="failed",reused="false"} 1"#,
            "# EOF",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in {text}");
        }
    }
}
