//! Spans on their way to a Collector.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::{Client, Report};

/// Sends batches of spans by OTLP and reports what does not arrive.
#[derive(Debug)]
pub(crate) struct OtlpSpans {
    client: Client,
    report: Arc<Report>,
    resource: ResourceAttributesWithSchema,
}

impl OtlpSpans {
    pub(crate) fn new(client: Client, report: Arc<Report>) -> Self {
        Self { client, report, resource: ResourceAttributesWithSchema::default() }
    }
}

impl SpanExporter for OtlpSpans {
    /// Always `Ok`: what went wrong is in the report, and the SDK would log it once more.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        self.client.send(ExportTraceServiceRequest { resource_spans }, &self.report).await;
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
