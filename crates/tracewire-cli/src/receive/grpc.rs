//! OTLP over gRPC: three generated services on one store.

use axum::Router;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::codec::CompressionEncoding::Gzip;
use tonic::{Request, Response, Status, async_trait};

use super::{MAX_BODY, decode};
use crate::store::Store;

/// The routes of the three services; every answer is gRPC's.
pub(super) fn routes(store: Store) -> Router {
    let service = Service(store);
    Router::new()
        .route_service(
            "/opentelemetry.proto.collector.trace.v1.TraceService/{method}",
            TraceServiceServer::new(service.clone())
                .accept_compressed(Gzip)
                .max_decoding_message_size(MAX_BODY),
        )
        .route_service(
            "/opentelemetry.proto.collector.logs.v1.LogsService/{method}",
            LogsServiceServer::new(service.clone())
                .accept_compressed(Gzip)
                .max_decoding_message_size(MAX_BODY),
        )
        .route_service(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/{method}",
            MetricsServiceServer::new(service)
                .accept_compressed(Gzip)
                .max_decoding_message_size(MAX_BODY),
        )
}

#[derive(Clone)]
struct Service(Store);

#[async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(decode::keep(request.into_inner(), &self.0)))
    }
}

/// Logs are taken and let go, so that a process that exports them too reports no errors.
#[async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        _: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

/// Metrics are taken and let go, as logs are.
#[async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        _: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}
