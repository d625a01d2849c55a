//! OTLP over gRPC or HTTP.

use std::time::Duration;

use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{
    Compression, ExporterBuildError, Protocol as OtlpProtocol, SpanExporter, WithExportConfig as _,
    WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;

use super::{Endpoint, Protocol};
use crate::Error;

/// How to reach a Collector. Headers come from `OTEL_EXPORTER_OTLP_HEADERS`.
#[derive(Clone, Debug)]
pub(crate) struct Otlp {
    pub(crate) protocol: Protocol,
    pub(crate) endpoint: Endpoint,
    /// How long one export may take, with everything that is tried again.
    pub(crate) timeout: Duration,
    pub(crate) gzip: bool,
    pub(crate) resource: Resource,
}

impl Otlp {
    /// A new exporter on a connection of its own. It belongs to the Tokio runtime that is current.
    pub(super) fn build(&self) -> Result<SpanExporter, Error> {
        let mut exporter = match self.protocol {
            Protocol::Grpc => self.grpc(),
            Protocol::HttpProtobuf => self.http(),
        }
        .map_err(|error| {
            Error::configuration("the OTLP exporter cannot be built").because(error)
        })?;
        exporter.set_resource(&self.resource);
        Ok(exporter)
    }

    fn grpc(&self) -> Result<SpanExporter, ExporterBuildError> {
        let mut builder = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(self.endpoint.url())
            .with_timeout(self.patience());
        if self.gzip {
            builder = builder.with_compression(Compression::Gzip);
        }
        builder.build()
    }

    /// The client is given because what would be taken otherwise depends on which features of the
    /// exporter somebody else has enabled, and not all of them can work here.
    fn http(&self) -> Result<SpanExporter, ExporterBuildError> {
        let client = HyperClient::with_default_connector(self.patience(), None);
        let mut builder = SpanExporter::builder()
            .with_http()
            .with_protocol(OtlpProtocol::HttpBinary)
            .with_http_client(client)
            .with_endpoint(self.endpoint.url())
            .with_timeout(self.patience());
        if self.gzip {
            builder = builder.with_compression(Compression::Gzip);
        }
        builder.build()
    }

    /// Longer than the timeout, so that it is the worker that gives up and then builds a new
    /// exporter: a connection that has gone silent must not be used again.
    fn patience(&self) -> Duration {
        self.timeout.saturating_mul(2)
    }
}
