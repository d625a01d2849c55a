//! What keeps telemetry running, and ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::exporter::Sink;
use super::meters::Live as Meters;
use super::records::Records;
use super::sampler::Polling;
use super::stats::Started;
use super::together::together;
use super::{ExporterStats, Stats, TailHandle, setup, tracer};
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
    pub(super) exporters: Vec<Sink>,
    pub(super) records: Option<Records>,
    pub(super) tail: Option<TailHandle>,
    pub(super) meters: Meters,
    /// Sampling services are asked while this is kept.
    pub(super) _sampling: Vec<Polling>,
    pub(super) timeout: Duration,
}

/// How long a flush takes at most.
const PATIENCE: Duration = Duration::from_secs(5);

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
        let end = Instant::now() + PATIENCE;
        let before = live.dropped();
        let measured = live.meters.flush();
        // The SDK waits for a processor as long as this does, and all processors are asked at once.
        let sent = live.each(&|| live.provider.force_flush(), &|it| it.provider.force_flush());
        let measured = measured.recv_timeout(end.saturating_duration_since(Instant::now()));
        measured == Ok(true) && sent.is_ok() && live.dropped() == before
    }

    /// What has become of the spans so far.
    pub fn stats(&self) -> Stats {
        self.live.as_ref().map(Live::stats).unwrap_or_default()
    }

    /// What has become so far of everything that is sent, place by place: spans first, then data
    /// points, then log records.
    pub fn exporters(&self) -> Vec<ExporterStats> {
        let sinks = self.live.iter().flat_map(Live::sinks);
        sinks.map(|sink| ExporterStats::of(&sink.report)).collect()
    }

    /// Does what dropping the guard does, and tells what became of all spans: of those that have
    /// ended, each was exported, dropped or sampled out.
    pub fn shutdown(mut self) -> Stats {
        self.close()
    }

    fn close(&mut self) -> Stats {
        let Some(live) = self.live.take() else {
            return Stats::default();
        };
        tracer::disconnect();
        let end = Instant::now() + live.timeout;
        let measured = live.meters.shut_down();
        let spans = || {
            let ended = live.provider.shutdown_with_timeout(live.timeout);
            let in_time = matches!(ended, Ok(()) | Err(OTelSdkError::AlreadyShutdown));
            live.exporters.iter().for_each(|sink| sink.report.end(in_time, live.timeout));
            ended
        };
        // What did not end is in the reports.
        let _ = live.each(&spans, &|records| {
            records.end(live.timeout);
            Ok(())
        });
        // An error means that there is nobody left to wait for.
        let measured = measured.recv_timeout(end.saturating_duration_since(Instant::now()));
        let in_time = measured != Err(RecvTimeoutError::Timeout);
        live.meters.exporters.iter().for_each(|sink| sink.report.end(in_time, live.timeout));
        live.stats()
    }

    /// What tail sampling does; `None` when there is none.
    pub fn tail(&self) -> Option<&TailHandle> {
        self.live.as_ref()?.tail.as_ref()
    }
}

impl Live {
    fn sinks(&self) -> impl Iterator<Item = &Sink> {
        let records = self.records.iter().flat_map(|records| &records.exporters);
        self.exporters.iter().chain(&self.meters.exporters).chain(records)
    }

    /// Does something about spans and, at the same time, about log records.
    fn each(
        &self,
        spans: &(dyn Fn() -> OTelSdkResult + Sync),
        records: &(dyn Fn(&Records) -> OTelSdkResult + Sync),
    ) -> OTelSdkResult {
        match &self.records {
            None => spans(),
            Some(of) => {
                let both: [&(dyn Fn() -> OTelSdkResult + Sync); 2] = [&|| records(of), spans];
                together(&both, |ask| ask())
            }
        }
    }

    /// Everything that was lost anywhere.
    fn dropped(&self) -> u64 {
        let sent: u64 = self.sinks().map(|sink| sink.report.dropped_so_far()).sum();
        sent + self.tail.as_ref().map_or(0, |tail| tail.stats().spans_lost)
    }

    fn stats(&self) -> Stats {
        let places = self.exporters.iter().map(|sink| ExporterStats::of(&sink.report));
        // Of those that have lost the same, the one that is behind.
        let worst = places.max_by_key(|place| (place.dropped, u64::MAX - place.exported));
        let tail = self.tail.as_ref().map(TailHandle::stats);
        // The end of spans is read before their beginning, so that no more have ended than begun.
        let mut stats = self.started.stats();
        if let Some(place) = worst {
            (stats.exported, stats.dropped) = (place.exported, place.dropped);
        }
        if let Some(tail) = tail {
            stats.sampled_out += tail.spans_dropped;
            stats.dropped += tail.spans_lost;
        }
        stats
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.close();
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
        setup::end();
        TAKEN.store(false, Ordering::Release);
    }
}
