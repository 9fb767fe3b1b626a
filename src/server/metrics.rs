//! What `/metrics` shows: counts and durations, never an identity, an input or an output.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// The media type of the text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the classes of durations, in seconds.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// The metrics of a server.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabel, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    executions: Family<OutcomeLabel, Counter>,
    execution_durations: Histogram,
    output_flags: Family<FlagLabel, Counter>,
    decisions: Family<DecisionLabel, Counter>,
    refused_tokens: Counter<u64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FlagLabel {
    flag: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabel {
    decision: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("fnvet"),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            in_flight: Gauge::default(),
            executions: Family::default(),
            execution_durations: histogram(),
            output_flags: Family::default(),
            decisions: Family::default(),
            refused_tokens: Counter::default(),
        };
        metrics.register();
        metrics
    }
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("build", "The version of fnvet", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("http_requests", "Requests answered", self.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "From the head of a request to its response",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("http_requests_in_flight", "Requests under way", self.in_flight.clone());
        registry.register("executions", "Calls of functions by how they ended", self.executions.clone());
        registry.register_with_unit(
            "execution_duration",
            "Calls of functions, in the sandbox",
            Unit::Seconds,
            self.execution_durations.clone(),
        );
        registry.register("output_flags", "Sensitive data found in outputs, by kind", self.output_flags.clone());
        registry.register("decisions", "Approvals, rejections, revocations and refusals", self.decisions.clone());
        registry.register("refused_tokens", "Bearer tokens that were not valid", self.refused_tokens.clone());
    }

    /// A request begins; it ends where the guard is dropped.
    pub fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A request was answered. `route` is the route's pattern, not the path.
    pub fn answered(&self, method: &str, route: &str, status: u16, duration: Duration) {
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&RouteLabel { route: route.to_owned() }).observe(duration.as_secs_f64());
    }

    /// A function was called.
    pub fn executed(&self, outcome: &str, duration_ms: u64, flags: impl IntoIterator<Item = String>) {
        self.executions.get_or_create(&OutcomeLabel { outcome: outcome.to_owned() }).inc();
        self.execution_durations.observe(Duration::from_millis(duration_ms).as_secs_f64());
        for flag in flags {
            self.output_flags.get_or_create(&FlagLabel { flag }).inc();
        }
    }

    /// A function was decided about.
    pub fn decided(&self, decision: &'static str) {
        self.decisions.get_or_create(&DecisionLabel { decision }).inc();
    }

    /// A token was refused.
    pub fn token_refused(&self) {
        self.refused_tokens.inc();
    }

    /// All of them as text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// A request under way.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_counts_what_happened() {
        let metrics = Metrics::default();
        let request = metrics.begin();
        metrics.answered("GET", "/healthz", 200, Duration::from_millis(3));
        metrics.executed("returned", 12, ["email".to_owned()]);
        assert!(metrics.encode().contains("fnvet_http_requests_in_flight 1\n"));
        drop(request);
        let text = metrics.encode();
        for line in [
            "fnvet_http_requests_in_flight 0",
            "fnvet_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1",
            "fnvet_http_request_duration_seconds_count{route=\"/healthz\"} 1",
            "fnvet_executions_total{outcome=\"returned\"} 1",
            "fnvet_output_flags_total{flag=\"email\"} 1",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
