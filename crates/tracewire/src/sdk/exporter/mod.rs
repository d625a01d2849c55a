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
mod queue;
mod records;
mod report;
mod retry;
mod route;
mod spans;
mod zipkin;

pub use batch::Batch;
pub(super) use client::{Client, Stop, is_exporting};
pub(super) use console::Console;
pub use otlp::Otlp;
pub(super) use queue::Queue;
pub(super) use records::{ConsoleRecords, OtlpRecords, RecordQueue};
pub(super) use report::{Report, say, set_quiet};
pub(super) use route::Route;
pub(super) use spans::OtlpSpans;
pub(super) use zipkin::ZipkinSpans;

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
}

impl Exporter {
    /// What `OTEL_TRACES_EXPORTER` and `OTEL_LOGS_EXPORTER` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Console => "console",
            Self::Zipkin => "zipkin",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Otlp, Self::Console, Self::Zipkin];
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
