//! What keeps telemetry running, and ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::exporter::{Report, Stop};
use super::records::Records;
use super::stats::Started;
use super::{Stats, tracer};
use crate::Error;

/// Keeps telemetry running while it lives.
///
/// Keep it until the end of `main`, in a variable with a name: `let _telemetry = …`, for `let _ = …`
/// drops it at once. Dropping it sends what is still waiting and shuts everything down. That blocks
/// the thread, though never longer than [`shutdown_timeout`](super::Builder::shutdown_timeout), five
/// seconds by default, on any kind of runtime and without one, whether the Collector answers or not.
///
/// After that the process makes no more spans. Context still travels through it, and telemetry can
/// be set up again.
#[must_use = "telemetry ends when the guard is dropped"]
#[derive(Debug)]
pub struct Guard {
    live: Option<Live>,
    _turn: Turn,
}

/// What there is to shut down.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) provider: SdkTracerProvider,
    pub(super) started: Arc<Started>,
    pub(super) exporters: Vec<(Arc<Report>, Stop)>,
    pub(super) records: Option<Records>,
    pub(super) timeout: Duration,
}

impl Guard {
    pub(super) fn new(live: Option<Live>, turn: Turn) -> Self {
        Self { live, _turn: turn }
    }

    /// Sends what is waiting, for work that may be frozen at any time, such as a function in the
    /// cloud. Blocks the thread for up to five seconds.
    ///
    /// Returns whether everything arrived; `true` too when nothing is sent anywhere.
    pub fn flush(&self) -> bool {
        let Some(live) = &self.live else {
            return true;
        };
        let before = live.stats().dropped;
        let records = live.records.as_ref().is_none_or(Records::flush);
        live.provider.force_flush().is_ok() && live.stats().dropped == before && records
    }

    /// What has become of the spans so far. Where they go to more than one place, it is the first
    /// that counts.
    pub fn stats(&self) -> Stats {
        self.live.as_ref().map(Live::stats).unwrap_or_default()
    }

    /// Does what dropping the guard does, and tells what became of all spans: of those that have
    /// ended, each was exported, dropped or sampled out.
    pub fn shutdown(mut self) -> Stats {
        self.end()
    }

    fn end(&mut self) -> Stats {
        let Some(Live { provider, started, exporters, records, timeout }) = self.live.take() else {
            return Stats::default();
        };
        let begun = Instant::now();
        tracer::disconnect();
        let in_time = matches!(
            provider.shutdown_with_timeout(timeout),
            Ok(()) | Err(OTelSdkError::AlreadyShutdown)
        );
        let (reports, stops): (Vec<_>, Vec<_>) = exporters.into_iter().unzip();
        reports.iter().for_each(|report| report.end(in_time, timeout));
        drop(stops);
        if let Some(records) = records {
            records.end(timeout.saturating_sub(begun.elapsed()));
        }
        stats(&started, reports.first())
    }
}

impl Live {
    fn stats(&self) -> Stats {
        stats(&self.started, self.exporters.first().map(|(report, _)| report))
    }
}

fn stats(started: &Started, report: Option<&Arc<Report>>) -> Stats {
    Stats {
        exported: report.map_or(0, |report| report.exported_so_far()),
        dropped: report.map_or(0, |report| report.dropped_so_far()),
        ..started.stats()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// The right to set up telemetry, which one guard at a time has.
#[derive(Debug)]
pub(super) struct Turn(());

static TAKEN: AtomicBool = AtomicBool::new(false);

impl Turn {
    pub(super) fn take() -> Result<Self, Error> {
        if TAKEN.swap(true, Ordering::AcqRel) {
            return Err(Error::already_initialized(
                "telemetry is set up already; drop its guard first",
            ));
        }
        Ok(Self(()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}
