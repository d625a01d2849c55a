//! Where finished spans go.

mod console;
mod endpoint;
mod otlp;
mod report;
mod worker;

pub(super) use console::Console;
pub(super) use endpoint::Endpoint;
pub(super) use otlp::Otlp;
pub(super) use report::{Report, say};
pub(super) use worker::{Stop, is_exporting, start};

/// Where finished spans go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exporter {
    /// To a Collector or a back end, in OpenTelemetry's protocol.
    Otlp,
    /// To standard output, one line for each span, for a first look.
    Console,
}

impl Exporter {
    /// What `OTEL_TRACES_EXPORTER` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Console => "console",
        }
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
}

impl Protocol {
    /// What `OTEL_EXPORTER_OTLP_PROTOCOL` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
        }
    }
}
