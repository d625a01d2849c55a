//! Where finished telemetry goes.
//!
//! [`Otlp`] holds what is said about the way; [`Route::find`] makes of it the way of one signal, and
//! [`Client::start`] a thread that sends along it. All of that is the same for every signal: what is
//! sent is a message of OTLP, and the answer says how much of it was refused.

mod batch;
mod client;
mod console;
mod endpoint;
mod exchange;
mod failure;
mod grpc;
mod otlp;
mod pieces;
mod queue;
mod records;
mod report;
mod retry;
mod route;
mod spans;
mod zipkin;

use std::sync::Arc;

pub use batch::Batch;
pub(super) use client::{Client, Stop, is_exporting, print};
pub(super) use console::Console;
pub use otlp::Otlp;
pub(super) use pieces::Pieces;
pub(super) use queue::Queue;
pub(super) use records::{ConsoleRecords, OtlpRecords, RecordQueue};
pub(super) use report::{Report, say, set_quiet};
pub(super) use route::Route;
pub(super) use spans::OtlpSpans;
pub(super) use zipkin::ZipkinSpans;

use super::Signal;
use crate::Error;

/// One place that telemetry goes to.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) report: Arc<Report>,
    /// Of the thread that sends it there, where there is one.
    pub(super) _stop: Option<Stop>,
}

impl Sink {
    /// On the network, with a thread of its own.
    pub(super) fn network(route: Route) -> Result<(Client, Self), Error> {
        let report = Arc::new(Report::new(route.signal, &route.endpoint));
        let (client, stop) = Client::start(route)?;
        Ok((client, Self { report, _stop: Some(stop) }))
    }

    /// Standard output.
    pub(super) fn stdout(signal: Signal) -> (Client, Self) {
        let report = Arc::new(Report::new(signal, "standard output"));
        (Client::stdout(), Self { report, _stop: None })
    }
}

/// Where finished spans, and log records, go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exporter {
    /// To a Collector or a back end, in OpenTelemetry's protocol.
    Otlp,
    /// To standard output, one line for each, for a first look.
    Console,
    /// To a Zipkin server, in version 2 of its JSON, or to whatever else takes that.
    Zipkin,
    /// To standard output, in OpenTelemetry's protocol, a line of JSON for each batch: for whoever
    /// gathers what containers write.
    OtlpStdout,
}

impl Exporter {
    /// What `OTEL_TRACES_EXPORTER` and `OTEL_LOGS_EXPORTER` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Console => "console",
            Self::Zipkin => "zipkin",
            Self::OtlpStdout => "otlp/stdout",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Otlp, Self::Console, Self::Zipkin, Self::OtlpStdout];
        all.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// How OTLP travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// gRPC, by custom on port 4317.
    Grpc,
    /// Protobuf in HTTP requests, by custom on port 4318. The default.
    #[default]
    HttpProtobuf,
    /// JSON in HTTP requests, by custom on port 4318.
    HttpJson,
}

impl Protocol {
    /// What `OTEL_EXPORTER_OTLP_PROTOCOL` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson];
        all.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// How requests are made smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all. The default.
    #[default]
    None,
    /// By gzip.
    Gzip,
}

impl Compression {
    /// What `OTEL_EXPORTER_OTLP_COMPRESSION` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::None, Self::Gzip];
        all.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}
