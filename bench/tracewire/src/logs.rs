//! A handler that writes a line, and what the ids of its trace on that line cost. Here the bare operation is traced, too,
//! and writes the line as it is.

use std::io::sink;

use axum::Router;
use axum::routing::get;
use bench_harness::server::{Exchange, drive};
use bench_harness::{Case, Mode, Operation};
use tracewire::axum::ServerLayer;
use tracewire::logs;
use tracing::Subscriber;
use tracing_subscriber::fmt::{MakeWriter, fmt};

use crate::{VARIANT, telemetry};

const AREA: &str = "log line";

pub(crate) fn cases() -> Vec<Case> {
    let with_ids =
        |form, make: fn() -> Operation| Case::new(AREA, form, VARIANT, Mode::Sampled, make);
    vec![
        Case::bare(AREA, "text", || logging(text(sink))),
        with_ids("text", || logging(text(logs::text(sink)))),
        Case::bare(AREA, "JSON", || logging(json(sink))),
        with_ids("JSON", || logging(json(logs::json(sink)))),
    ]
}

fn text<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    fmt().with_ansi(false).with_writer(writer).finish()
}

fn json<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    fmt().json().with_writer(writer).finish()
}

/// One request whose handler writes a line.
fn logging(subscriber: impl Subscriber + Send + Sync + 'static) -> Operation {
    tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    let handler = || async {
        tracing::info!(order = 7, "paid");
        "42"
    };
    let layer = ServerLayer::new().telemetry(&telemetry(Mode::Sampled));
    let app = Router::new().route("/users/{id}", get(handler)).layer(layer);
    drive(app, Exchange::plain(), true)
}
