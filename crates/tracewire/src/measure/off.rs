//! Nothing is measured: what the core and the adapters say about measurements costs nothing.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::{Context, InstrumentationScope, KeyValue};

#[path = "off_pool.rs"]
mod pool;

pub(crate) use pool::{InUse, Pool, PoolMeter, PoolNumbers, Pools, Waiting};

/// Says of a trace whether it was kept.
pub(crate) type IsKept = Arc<dyn Fn(TraceId) -> Option<bool> + Send + Sync>;

/// Of what would be measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExemplarFilter;

/// Never there.
#[derive(Debug)]
pub(crate) struct Exemplar {
    pub(crate) value: f64,
    pub(crate) time: SystemTime,
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
}

/// Empty.
#[derive(Clone, Debug)]
pub(crate) struct Gallery;

/// What would be measured by choice.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) active_requests: bool,
    pub(crate) body_sizes: bool,
    pub(crate) returned_rows: bool,
    pub(crate) server_address: bool,
    pub(crate) url_template: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Family {
    HttpServer,
    HttpServerActive,
    HttpClient,
    HttpClientActive,
    Database,
    RpcServer,
    RpcClient,
    MessagingSend,
    MessagingReceive,
    MessagingSettle,
    MessagingProcess,
    MessagingProcessReceived,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    Request,
    Response,
}

impl Slot {
    pub(crate) const ROWS: Self = Self::Request;
    pub(crate) const MESSAGES: Self = Self::Request;
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Measuring {}

/// Never there.
#[derive(Debug, Default)]
pub(crate) struct Metered {}

#[derive(Debug)]
pub(crate) struct Attributes;

impl Measuring {
    pub(crate) fn set_provider<P: MeterProvider>(
        &mut self,
        _: &P,
        _: InstrumentationScope,
        _: Option<Gallery>,
    ) {
    }

    pub(crate) fn leave_global(&mut self) {}

    #[inline]
    pub(crate) fn pools(&self, _: impl FnOnce() -> InstrumentationScope) -> Option<Arc<Pools>> {
        None
    }

    #[inline]
    pub(crate) fn begin(&self, _: Family, _: impl FnOnce() -> InstrumentationScope) -> Metered {
        Metered {}
    }
}

impl ExemplarFilter {
    pub(crate) fn from_name(_: &str) -> Option<Self> {
        Some(Self)
    }
}

impl Gallery {
    pub(crate) fn new(_: Option<ExemplarFilter>, _: Option<IsKept>) -> Self {
        Self
    }

    pub(crate) fn visitor(&self) -> Self {
        Self
    }

    pub(crate) fn take<'a>(
        &self,
        _: &str,
        _: impl IntoIterator<Item = &'a KeyValue>,
    ) -> Vec<Exemplar> {
        Vec::new()
    }
}

#[inline]
fn nothing<T>(_: T) {}

impl Metered {
    #[inline]
    pub(crate) fn unless(self, _: bool) -> Self {
        self
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        false
    }

    #[inline]
    pub(crate) fn choice(&mut self) -> Option<&Choice> {
        None
    }

    #[inline]
    pub(crate) fn label(&mut self, label: impl FnOnce(&mut Attributes)) {
        nothing(label);
    }

    #[inline]
    pub(crate) fn count(&mut self, _: Slot, _: u64) {}

    #[inline]
    pub(crate) fn activate(&mut self, _: Family) {}

    #[inline]
    pub(crate) fn date(&mut self, given: Option<SystemTime>) -> Option<SystemTime> {
        given
    }

    #[inline]
    pub(crate) fn date_back(&mut self, _: Duration) {}

    #[inline]
    pub(crate) fn error_type(&mut self, _: &'static str, _: &str) {}

    #[inline]
    pub(crate) fn finish(
        &self,
        _: Option<(&'static str, &str)>,
        _: &Context,
    ) -> Option<SystemTime> {
        None
    }
}

impl Attributes {
    pub(crate) fn text(&mut self, _: &'static str, _: &str) {}

    pub(crate) fn fixed(&mut self, _: &'static str, _: &'static str) {}

    #[expect(clippy::ptr_arg, reason = "it is the same as where something is measured")]
    pub(crate) fn mostly_fixed(&mut self, _: &'static str, _: &Cow<'static, str>) {}

    pub(crate) fn number(&mut self, _: &'static str, _: i64) {}
}
