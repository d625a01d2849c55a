//! What keeps telemetry running, and ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::exporter::{Report, Stop};
use super::sampler::Polling;
use super::{TailHandle, tracer};
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
    pub(super) otlp: Option<(Arc<Report>, Stop)>,
    pub(super) tail: Option<TailHandle>,
    /// Sampling services are asked while this is kept.
    pub(super) _sampling: Vec<Polling>,
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
        let lost = || live.otlp.as_ref().map(|(report, _)| report.lost_so_far());
        let before = lost();
        live.provider.force_flush().is_ok() && lost() == before
    }

    /// What tail sampling does; `None` when there is none.
    pub fn tail(&self) -> Option<&TailHandle> {
        self.live.as_ref()?.tail.as_ref()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(live) = self.live.take() else {
            return;
        };
        tracer::disconnect();
        let ended = live.provider.shutdown_with_timeout(live.timeout);
        if let (Err(error), Some((report, _))) = (ended, &live.otlp)
            && !matches!(error, OTelSdkError::AlreadyShutdown)
        {
            report.out_of_time(live.timeout);
        }
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
