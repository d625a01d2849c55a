//! A process in which something is wrong, which is examined. It prints the kinds of what was found,
//! the names of spans that its own provider has seen, and the report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is test code")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracewire::sdk::{self, Guard, Sampler};
use tracewire::{Format, Propagator, Telemetry, doctor};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, registry, reload};

fn main() {
    let case = std::env::args().nth(1).unwrap();
    let seen = Seen::default();
    let provider = SdkTracerProvider::builder().with_span_processor(seen.clone()).build();
    let _guard = set_up(&case, &provider);
    let work = case.ends_with("in a span").then(|| tracing::info_span!("work").entered());
    let start = Instant::now();
    let report = doctor::examine();
    let took = start.elapsed();
    drop(work);
    let kinds: Vec<String> =
        report.findings().iter().map(|finding| format!("{:?}", finding.kind())).collect();
    println!("{}", kinds.join(","));
    println!("{}", seen.0.lock().unwrap().join(","));
    println!("{report}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

fn set_up(case: &str, provider: &SdkTracerProvider) -> Option<Guard> {
    let tracer = provider.tracer("patient");
    let own_provider = || {
        global::set_tracer_provider(provider.clone());
        global::set_text_map_propagator(Propagator::default());
    };
    match case {
        "nothing" => {}
        "init" => return Some(sdk::init().unwrap()),
        "ended" => drop(sdk::init().unwrap()),
        "disabled" => return Some(sdk::builder().disabled().init().unwrap()),
        "exporters" => return Some(sdk::builder().exporters([]).init().unwrap()),
        "sampler" => {
            let sampler = Sampler::parent_based(Sampler::ratio(0.0));
            return Some(sdk::builder().exporters([]).sampler(sampler).init().unwrap());
        }
        "endpoint" => {
            let endpoint = std::env::var("ENDPOINT").unwrap();
            return Some(sdk::builder().endpoint(endpoint).init().unwrap());
        }
        "span filter" => return Some(sdk::builder().span_filter("warn").init().unwrap()),
        "no subscriber" => return Some(sdk::builder().without_subscriber().init().unwrap()),
        "replaced" => {
            let guard = sdk::init().unwrap();
            global::set_text_map_propagator(Propagator::new([Format::B3]));
            return Some(guard);
        }
        "own subscriber, no layer" => {
            registry().with(EnvFilter::new("info")).with(lines()).init();
            return Some(sdk::init().unwrap());
        }
        "own subscriber, a filter" => {
            registry().with(EnvFilter::new("warn")).with(sdk::layer()).with(lines()).init();
            return Some(sdk::init().unwrap());
        }
        "own subscriber" => {
            let filter = EnvFilter::new("info,opentelemetry=off");
            registry().with(filter).with(sdk::layer()).with(lines()).init();
            return Some(sdk::init().unwrap());
        }
        "own provider" | "in a span" => {
            own_provider();
            registry().with(layer(tracer)).init();
        }
        "own provider, no subscriber" => own_provider(),
        "own provider, no layer" => {
            own_provider();
            registry().with(EnvFilter::new("info")).init();
        }
        "own provider, no propagator" => {
            global::set_tracer_provider(provider.clone());
            registry().with(layer(tracer)).init();
        }
        "own provider, w3c" => {
            global::set_tracer_provider(provider.clone());
            global::set_text_map_propagator(TraceContextPropagator::new());
            registry().with(layer(tracer)).init();
        }
        "own provider, b3" => {
            let propagator = Propagator::new([Format::B3]);
            Telemetry::new(provider).propagator(propagator.clone()).install();
            global::set_text_map_propagator(propagator);
            registry().with(layer(tracer)).init();
        }
        "own provider, idle layer" => {
            own_provider();
            registry().with(tracing_opentelemetry::layer()).init();
        }
        "own provider, a filter" => {
            own_provider();
            registry().with(EnvFilter::new("error")).with(layer(tracer)).init();
        }
        "own provider, off" => {
            own_provider();
            registry().with(EnvFilter::new("off")).with(layer(tracer)).init();
        }
        "own provider, a filter of the layer" => {
            own_provider();
            let layer = layer(tracer).with_filter(LevelFilter::WARN);
            registry().with(layer).with(Looks.with_filter(LevelFilter::INFO)).init();
        }
        "own provider, a filter of targets" => {
            own_provider();
            registry().with(EnvFilter::new("shop=info")).with(layer(tracer)).init();
        }
        "own provider, inactive" => {
            own_provider();
            registry().with(layer(tracer).with_context_activation(false)).init();
        }
        "layer" => {
            global::set_text_map_propagator(Propagator::default());
            registry().with(layer(tracer)).init();
        }
        "layer, reloaded, in a span" => {
            global::set_text_map_propagator(Propagator::default());
            let (layer, _handle) = reload::Layer::new(layer(tracer));
            registry().with(layer).init();
        }
        "layer, a filter of targets" => {
            global::set_text_map_propagator(Propagator::default());
            registry().with(EnvFilter::new("shop=info")).with(layer(tracer)).init();
        }
        "layer, idle" => registry().with(tracing_opentelemetry::layer()).init(),
        "no layer" => registry().with(EnvFilter::new("info")).init(),
        "propagates only" => Telemetry::propagate_only().install(),
        other => panic!("{other}"),
    }
    None
}

fn layer<S>(tracer: SdkTracer) -> tracing_opentelemetry::OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer().with_tracer(tracer)
}

fn lines<S>() -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false)
}

/// A layer that does nothing, but wants to see spans.
struct Looks;

impl<S: Subscriber> Layer<S> for Looks {}

/// Notes every span that begins.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl SpanProcessor for Seen {
    fn on_start(&self, span: &mut Span, _: &Context) {
        let name = span.exported_data().map(|data| data.name.into_owned());
        self.0.lock().unwrap().push(name.unwrap_or_default());
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
