//! Traces for a collector that speaks OTLP over HTTP: a span for each request, preparation and compilation. What modules consist of is
//! never in them.
//!
//! Spans wait in memory for a thread of their own that sends them; what a collector does not take is dropped, and said in the log.

use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter, Tracer,
};

/// So many spans wait to be sent; more are dropped.
const WAITING: usize = 16_384;
/// How long one sending may take.
const SENDING: Duration = Duration::from_secs(5);
/// How long the process waits at its end for the last spans to be sent.
const LAST: Duration = Duration::from_secs(5);
const PATH: &str = "v1/traces";

/// Sends what is left when it is dropped, within a bounded time.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to send to the collector at this address. Nothing is asked of it yet.
    pub(crate) fn start(collector: &str) -> anyhow::Result<(Self, Tracer)> {
        let address = address(collector);
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(&address)
            .with_timeout(SENDING)
            .build()
            .with_context(|| format!("cannot send traces to {address}"))?;
        let batches = BatchConfigBuilder::default().with_max_queue_size(WAITING).build();
        let processor =
            BatchSpanProcessor::builder(Telling { exporter, address }).with_batch_config(batches).build();
        let resource = Resource::builder()
            .with_service_name("prefab")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider =
            SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build();
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let tracer = provider.tracer("prefab");
        Ok((Self(provider), tracer))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST) {
            tracing::warn!(%error, "the last traces may not have been sent");
        }
    }
}

/// Where traces go: the address of the collector, with the path that OTLP prescribes.
fn address(collector: &str) -> String {
    let collector = collector.trim_end_matches('/');
    if collector.ends_with(PATH) { collector.to_owned() } else { format!("{collector}/{PATH}") }
}

/// Says in the log what could not be sent: nothing else hangs on it.
struct Telling {
    exporter: opentelemetry_otlp::SpanExporter,
    address: String,
}

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").field("address", &self.address).finish_non_exhaustive()
    }
}

impl SpanExporter for Telling {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.exporter.export(batch).await;
        if let Err(error) = &sent {
            tracing::warn!(%error, collector = self.address, spans, "traces were not taken, and are dropped");
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_to_the_path_that_the_protocol_prescribes() {
        for collector in ["http://a:4318", "http://a:4318/", "http://a:4318/v1/traces"] {
            assert_eq!(address(collector), "http://a:4318/v1/traces");
        }
    }
}
