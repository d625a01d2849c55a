//! The deliveries of a channel that are not settled yet, and what settles them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use lapin::types::DeliveryTag;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};

use super::destination::Destination;
use super::error::{CHANNEL_CLOSED, failed};
use crate::messaging::{Client, Process};
use crate::span::attributes::MESSAGING_RABBITMQ_DELIVERY_TAG;
use crate::span::{Operation, Outcome};

/// A client and the deliveries of one channel.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) client: Client,
    deliveries: Mutex<BTreeMap<DeliveryTag, Weak<Tracked>>>,
}

/// What is known of a delivery until it is settled or dropped.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) creation: SpanContext,
    pub(super) destination: Destination,
    pub(super) process: OnceLock<Process>,
}

/// How deliveries are settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settling {
    pub(super) verb: Verb,
    pub(super) tag: DeliveryTag,
    /// Everything up to the tag as well; a tag of 0 is everything (AMQP 0-9-1, `basic.ack`).
    pub(super) multiple: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Ack,
    Nack,
    Reject,
}

/// What the driver says when it has settled something.
pub(super) trait Settled {
    /// Whether it has, or had no channel to do it on.
    fn is_settled(&self) -> bool;
}

impl InFlight {
    pub(super) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self { client, deliveries: Mutex::default() })
    }

    pub(super) fn add(&self, tag: DeliveryTag, tracked: &Arc<Tracked>) {
        self.lock().insert(tag, Arc::downgrade(tracked));
    }

    /// Forgets a delivery, unless the tag is another's by now: they begin anew when a channel is
    /// recovered.
    pub(super) fn forget(&self, tag: DeliveryTag, tracked: &Arc<Tracked>) {
        let mut deliveries = self.lock();
        let is_it = |other: &Weak<Tracked>| std::ptr::eq(other.as_ptr(), Arc::as_ptr(tracked));
        if deliveries.get(&tag).is_some_and(is_it) {
            deliveries.remove(&tag);
        }
    }

    fn take(&self, settling: Settling) -> Vec<Arc<Tracked>> {
        let Settling { tag, multiple, .. } = settling;
        let mut deliveries = self.lock();
        if !multiple {
            return deliveries.remove(&tag).and_then(|it| it.upgrade()).into_iter().collect();
        }
        let later =
            if tag == 0 { BTreeMap::new() } else { deliveries.split_off(&tag.saturating_add(1)) };
        let settled = std::mem::replace(&mut *deliveries, later);
        settled.into_values().filter_map(|it| it.upgrade()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<DeliveryTag, Weak<Tracked>>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settles deliveries, and ends their processing.
    pub(super) async fn settle<T: Settled>(
        &self,
        settling: Settling,
        driver: impl Future<Output = lapin::Result<T>>,
    ) -> lapin::Result<T> {
        let settled = self.take(settling);
        let operation = self.open(settling, &settled);
        let result = operation.run(driver).await;
        let end = || match &result {
            Ok(done) if done.is_settled() => None,
            Ok(_) => Some(Outcome::error(CHANNEL_CLOSED)),
            Err(error) => Some(failed(error)),
        };
        operation.finish(end().unwrap_or(Outcome::Success));
        for process in settled.iter().filter_map(|it| it.process.get()) {
            process.end(end().unwrap_or_else(|| settling.verb.outcome()));
        }
        result
    }

    fn open(&self, settling: Settling, settled: &[Arc<Tracked>]) -> Operation {
        // Settling belongs to the message, wherever it is called.
        let process = match settled {
            [one] if !settling.multiple => one.process.get(),
            _ => None,
        };
        let _entered = process.filter(|process| !is_within(process.context())).map(Process::enter);
        let creations = settled.iter().map(|tracked| &tracked.creation);
        self.client.settle(settling.verb.name(), creations, |about| {
            if let Some((first, rest)) = settled.split_first()
                && rest.iter().all(|other| other.destination == first.destination)
            {
                first.destination.describe(about);
            }
            about.set(delivery_tag(settling.tag));
            if settling.multiple {
                about.batch_of(settled.len());
            }
        })
    }
}

/// Whether what is current is in the trace of this context.
fn is_within(context: &Context) -> bool {
    let trace = context.span().span_context().trace_id();
    Context::map_current(|current| current.span().span_context().trace_id() == trace)
}

pub(super) fn delivery_tag(tag: DeliveryTag) -> KeyValue {
    KeyValue::new(MESSAGING_RABBITMQ_DELIVERY_TAG, i64::try_from(tag).unwrap_or(i64::MAX))
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Nack => "nack",
            Self::Reject => "reject",
        }
    }

    /// How processing ended that ends with this.
    fn outcome(self) -> Outcome {
        match self {
            Self::Ack => Outcome::Success,
            Self::Nack | Self::Reject => Outcome::error(self.name()),
        }
    }
}

impl Settled for bool {
    fn is_settled(&self) -> bool {
        *self
    }
}

impl Settled for () {
    fn is_settled(&self) -> bool {
        true
    }
}
