//! What sqlx-otel costs. A package of its own, as it is made for another OpenTelemetry, whose current context is another,
//! too.

use std::hint::black_box;
use std::time::Duration;

use bench_harness::{Case, Mode, Operation, sql};
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceState};
use opentelemetry::{Context, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use sqlx::{Sqlite, SqlitePool};
use sqlx_otel::{Pool, PoolBuilder};

const VARIANT: &str = "sqlx-otel 0.5";

fn main() {
    let mut cases = Vec::new();
    for (scenario, members) in [("traceparent", 0), ("tracestate", 2)] {
        cases.push(Case::bare("sqlite", scenario, bare));
        for mode in [Mode::Sampled, Mode::Unsampled, Mode::Off] {
            cases.push(Case::new("sqlite", scenario, VARIANT, mode, move || traced(mode, members)));
        }
    }
    bench_harness::run(&cases);
}

fn bare() -> Operation {
    let pool: SqlitePool = sql::pool();
    sql::repeat(async move || {
        let query = sqlx::query::<Sqlite>("SELECT 7 WHERE 7 = ?").bind(7_i64);
        black_box(query.fetch_one(&pool).await.expect("a row"));
    })
}

fn traced(mode: Mode, members: usize) -> Operation {
    if mode != Mode::Off {
        global::set_tracer_provider(provider());
    }
    let pool: Pool<Sqlite> = PoolBuilder::from(sql::pool()).build();
    let parent = parent(mode != Mode::Unsampled, members);
    sql::repeat(async move || {
        let _parent = parent.clone().attach();
        let query = sqlx::query::<Sqlite>("SELECT 7 WHERE 7 = ?").bind(7_i64);
        black_box(query.fetch_one(&pool).await.expect("a row"));
    })
}

fn parent(sampled: bool, members: usize) -> Context {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let pairs = (0..members).map(|member| (format!("member{member}"), "00f067aa0ba902b7"));
    let state = TraceState::from_key_value(pairs).expect("valid members");
    Context::new().with_remote_span_context(SpanContext::new(
        7.into(),
        7.into(),
        flags,
        true,
        state,
    ))
}

#[derive(Debug)]
struct Sink;

impl SpanExporter for Sink {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

/// The batch processor, with a queue that no bench fills.
fn provider() -> SdkTracerProvider {
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(32_768)
        .with_max_export_batch_size(32_768)
        .with_scheduled_delay(Duration::from_secs(3600))
        .build();
    let processor = BatchSpanProcessor::builder(Sink).with_batch_config(config).build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(processor).build()
}
