//! How many spans a batch processor's queue can still take, so that a trace goes into it whole or
//! not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// The free places of a queue. Clones are of the same queue.
#[derive(Clone, Debug)]
pub(in crate::sdk) struct Room(Arc<AtomicUsize>);

/// An exporter that gives the places of the spans it gets back to the queue they came from.
#[derive(Debug)]
pub(in crate::sdk) struct Draining<E> {
    exporter: E,
    room: Room,
}

impl Room {
    /// Of a queue of this size, and the exporter that empties it.
    pub(in crate::sdk) fn of_queue<E>(size: usize, exporter: E) -> (Self, Draining<E>) {
        let room = Self(Arc::new(AtomicUsize::new(size)));
        (room.clone(), Draining { exporter, room })
    }

    /// Whether so many would fit right now.
    pub(super) fn has(&self, spans: usize) -> bool {
        self.0.load(Ordering::Relaxed) >= spans
    }

    /// Takes so many places, if they are all to be had.
    pub(super) fn take(&self, spans: usize) -> bool {
        let taken = |free: usize| free.checked_sub(spans);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, taken).is_ok()
    }

    pub(super) fn give_back(&self, spans: usize) {
        self.0.fetch_add(spans, Ordering::AcqRel);
    }
}

impl<E: SpanExporter> SpanExporter for Draining<E> {
    /// The batch has left the queue by now, whatever becomes of it.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.room.give_back(batch.len());
        self.exporter.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
