//! Messages of OTLP that can be sent in parts, where one is larger than a receiver may take.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message;
use serde::Serialize;

/// A message that holds many pieces of telemetry.
pub(crate) trait Pieces: Message + Serialize + Sized {
    /// How many it holds.
    fn count(&self) -> usize;

    /// Whom they are from.
    fn resources(&mut self) -> impl Iterator<Item = &mut Resource>;

    /// Takes about half of what it holds out of it, with all that belongs to it; `None` where there
    /// is only one piece.
    fn halve(&mut self) -> Option<Self>;
}

/// The second half of a list.
fn half<T>(list: &mut Vec<T>) -> Option<Vec<T>> {
    (list.len() > 1).then(|| list.split_off(list.len() / 2))
}

/// `halve` for a list of resources, each with scopes, each with pieces: the outermost list that has
/// more than one member is divided.
macro_rules! halve {
    ($message:expr, $resources:ident: $Resource:ident, $scopes:ident: $Scope:ident, $pieces:ident) => {{
        let message = $message;
        if let Some($resources) = half(&mut message.$resources) {
            return Some(Self { $resources });
        }
        let of = message.$resources.first_mut()?;
        let $scopes = match half(&mut of.$scopes) {
            Some($scopes) => $scopes,
            None => {
                let scope = of.$scopes.first_mut()?;
                let $pieces = half(&mut scope.$pieces)?;
                let (own, schema_url) = (scope.scope.clone(), scope.schema_url.clone());
                vec![$Scope { scope: own, $pieces, schema_url }]
            }
        };
        let (resource, schema_url) = (of.resource.clone(), of.schema_url.clone());
        Some(Self { $resources: vec![$Resource { resource, $scopes, schema_url }] })
    }};
}

impl Pieces for ExportTraceServiceRequest {
    fn count(&self) -> usize {
        let scopes = self.resource_spans.iter().flat_map(|it| &it.scope_spans);
        scopes.map(|scope| scope.spans.len()).sum()
    }

    fn resources(&mut self) -> impl Iterator<Item = &mut Resource> {
        self.resource_spans.iter_mut().filter_map(|it| it.resource.as_mut())
    }

    fn halve(&mut self) -> Option<Self> {
        halve!(self, resource_spans: ResourceSpans, scope_spans: ScopeSpans, spans)
    }
}

impl Pieces for ExportLogsServiceRequest {
    fn count(&self) -> usize {
        let scopes = self.resource_logs.iter().flat_map(|it| &it.scope_logs);
        scopes.map(|scope| scope.log_records.len()).sum()
    }

    fn resources(&mut self) -> impl Iterator<Item = &mut Resource> {
        self.resource_logs.iter_mut().filter_map(|it| it.resource.as_mut())
    }

    fn halve(&mut self) -> Option<Self> {
        halve!(self, resource_logs: ResourceLogs, scope_logs: ScopeLogs, log_records)
    }
}

impl Pieces for ExportMetricsServiceRequest {
    fn count(&self) -> usize {
        let scopes = self.resource_metrics.iter().flat_map(|it| &it.scope_metrics);
        scopes.flat_map(|scope| &scope.metrics).map(points).sum()
    }

    fn resources(&mut self) -> impl Iterator<Item = &mut Resource> {
        self.resource_metrics.iter_mut().filter_map(|it| it.resource.as_mut())
    }

    /// One metric stays whole, with all its points.
    fn halve(&mut self) -> Option<Self> {
        halve!(self, resource_metrics: ResourceMetrics, scope_metrics: ScopeMetrics, metrics)
    }
}

fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(it)) => it.data_points.len(),
        Some(Data::Sum(it)) => it.data_points.len(),
        Some(Data::Histogram(it)) => it.data_points.len(),
        Some(Data::ExponentialHistogram(it)) => it.data_points.len(),
        Some(Data::Summary(it)) => it.data_points.len(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
    use opentelemetry_proto::tonic::trace::v1::Span;

    use super::*;

    /// A message of one resource, with these numbers of spans in its scopes.
    fn message(scopes: &[usize]) -> ExportTraceServiceRequest {
        let scope_spans = scopes.iter().enumerate().map(|(index, count)| ScopeSpans {
            scope: Some(InstrumentationScope { name: index.to_string(), ..Default::default() }),
            spans: vec![Span::default(); *count],
            schema_url: "of the scope".to_owned(),
        });
        let group = ResourceSpans {
            resource: Some(Resource { dropped_attributes_count: 7, ..Resource::default() }),
            scope_spans: scope_spans.collect(),
            schema_url: "of the resource".to_owned(),
        };
        ExportTraceServiceRequest { resource_spans: vec![group] }
    }

    #[test]
    fn halves_hold_the_same_as_the_whole_and_say_whose_it_is() {
        for scopes in [&[2][..], &[5], &[1, 1], &[3, 0, 9]] {
            let mut first = message(scopes);
            let whole = first.clone();
            let second = first.halve().unwrap_or_default();
            assert_eq!(first.count() + second.count(), whole.count(), "{scopes:?}");
            assert!(first.count() < whole.count(), "{scopes:?}");
            for part in [&first, &second] {
                let group = &part.resource_spans[0];
                assert_eq!(group.resource, whole.resource_spans[0].resource);
                assert_eq!(group.schema_url, "of the resource");
                assert!(group.scope_spans.iter().all(|it| it.schema_url == "of the scope"));
                assert!(group.scope_spans.iter().all(|it| it.scope.is_some()));
            }
        }
    }

    #[test]
    fn one_piece_stays_whole() {
        for scopes in [&[][..], &[0], &[1]] {
            let mut whole = message(scopes);
            assert!(whole.halve().is_none(), "{scopes:?}");
            assert_eq!(whole, message(scopes));
        }
    }
}
