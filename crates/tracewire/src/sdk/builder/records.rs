//! Where log records go.

use std::sync::Arc;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;

use super::super::env::Env;
use super::super::exporter::{Client, ConsoleRecords, OtlpRecords, RecordQueue, Report};
use super::super::records::Records;
use super::super::{Exporter, Signal};
use super::Builder;
use crate::Error;

impl Builder {
    /// What makes and sends log records, not connected yet; `None` when they go nowhere.
    pub(super) fn records(
        &self,
        env: &mut Env,
        resource: Resource,
    ) -> Result<Option<Records>, Error> {
        let exporters = self.log_exporters.clone().or_else(|| env.log_exporters());
        let exporters = exporters.unwrap_or_default();
        if exporters.is_empty() {
            return Ok(None);
        }
        let mut provider = SdkLoggerProvider::builder().with_resource(resource);
        let mut exporter = None;
        if exporters.contains(&Exporter::Console) {
            provider = provider.with_log_processor(ConsoleRecords);
        }
        if exporters.contains(&Exporter::Otlp) {
            let batch = env.batch(Signal::Logs);
            let mut route = self.route(Signal::Logs, env)?;
            route.timeout = route.timeout.min(batch.timeout());
            let report = Arc::new(Report::new(route.signal, &route.endpoint));
            let (client, stop) = Client::start(route)?;
            let records = OtlpRecords::new(client, report.clone());
            provider = provider.with_log_processor(RecordQueue::new(records, &batch));
            exporter = Some((report, stop));
        }
        Ok(Some(Records { provider: provider.build(), exporter }))
    }
}
