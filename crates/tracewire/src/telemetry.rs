//! Where spans go and which headers are spoken: one cheap handle.

use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use opentelemetry::Context;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::{SpanKind, TracerProvider};

use crate::Propagator;
use crate::context::{Carrier, CarrierMut, Fields, Incoming};
use crate::measure::{Family, Gallery, Measuring, Metered, Pools};
use crate::span::source::{self, Source};
use crate::span::{Operation, Start, environment_wants_events};

/// A tracer provider, a propagator and a meter provider in one handle that is cheap to clone.
///
/// Every layer and wrapper has one. The default handle means the process-wide telemetry, looked up
/// when a request arrives, so a layer that was built before start-up works. What is process-wide is,
/// in this order:
///
/// 1. what [`install`](Self::install) was called on (`tracewire::sdk::init` does);
/// 2. OpenTelemetry's global tracer provider, if somebody set one;
/// 3. a `tracing-opentelemetry` layer in the current `tracing` subscriber;
/// 4. nothing: no spans are made, and the caller's context still travels on.
///
/// There is never more than one span for one operation. Tests and programs with several tenants
/// hand a telemetry of their own to each layer and need no globals:
///
/// ```
/// use tracewire::{Format, Propagator, Telemetry};
///
/// # fn provider() -> impl opentelemetry::trace::TracerProvider<Tracer = impl opentelemetry::trace::Tracer<Span = impl Send + Sync + 'static> + Send + Sync + 'static> { opentelemetry::trace::noop::NoopTracerProvider::new() }
/// let telemetry = Telemetry::new(&provider()).propagator(Propagator::new([Format::B3]));
/// # drop(telemetry);
/// ```
#[derive(Clone, Default)]
pub struct Telemetry {
    own: Option<Arc<Settings>>,
}

#[derive(Clone)]
struct Settings {
    source: Source,
    propagator: Propagator,
    sampling: Sampling,
    meters: Option<Meters>,
    measuring: Measuring,
    exception_events: bool,
}

type Meters = Arc<dyn MeterProvider + Send + Sync>;

/// What a sampler goes by, which decides how much work can be saved for spans that it will drop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sampling {
    /// It may read names and attributes, so every span starts with all of them. Always right, and
    /// therefore the default.
    #[default]
    ReadsAttributes,
    /// It drops whatever has an unsampled parent, as OpenTelemetry's default sampler does. An
    /// unsampled parent is then taken at its word: no span is started and nothing is computed, and
    /// the parent's context itself travels on.
    FollowsParent,
}

static PROCESS: RwLock<Option<Arc<Settings>>> = RwLock::new(None);
static AUTOMATIC: LazyLock<Arc<Settings>> = LazyLock::new(|| Settings::new(Source::Automatic));

impl Telemetry {
    /// Spans of `provider`, W3C headers.
    pub fn new<P>(provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as opentelemetry::trace::Tracer>::Span: Send + Sync + 'static,
    {
        Self::from_source(Source::of_provider(provider))
    }

    /// Spans of the `tracing-opentelemetry` layer in whatever `tracing` subscriber is current when
    /// a request arrives. The request is then `tracing::Span::current()` too.
    pub fn from_tracing() -> Self {
        Self::from_source(Source::Tracing)
    }

    /// No spans; the context of callers travels on. Nothing is measured either, unless it is said
    /// where that goes, as by [`meter_provider`](Self::meter_provider).
    pub fn propagate_only() -> Self {
        Self::without_spans().change_measuring(Measuring::leave_global)
    }

    /// The same with measurements for OpenTelemetry's global provider.
    pub(crate) fn without_spans() -> Self {
        Self::from_source(Source::Nothing)
    }

    fn from_source(source: Source) -> Self {
        Self { own: Some(Settings::new(source)) }
    }

    /// Speaks these formats instead.
    #[must_use]
    pub fn propagator(self, propagator: Propagator) -> Self {
        self.change(|settings| settings.propagator = propagator)
    }

    /// Says what the provider's sampler goes by.
    #[must_use]
    pub fn sampling(self, sampling: Sampling) -> Self {
        self.change(|settings| settings.sampling = sampling)
    }

    /// Counts and measures with this provider.
    #[must_use]
    pub fn meter_provider(self, provider: impl MeterProvider + Send + Sync + 'static) -> Self {
        self.measure_with(provider, None)
    }

    /// The same, with exemplars kept for it.
    pub(crate) fn measure_with(
        self,
        provider: impl MeterProvider + Send + Sync + 'static,
        gallery: Option<Gallery>,
    ) -> Self {
        self.change(|settings| {
            settings.measuring.set_provider(&provider, source::scope(), gallery);
            settings.meters = Some(Arc::new(provider));
        })
    }

    /// Changes what is measured and where that goes.
    pub(crate) fn change_measuring(self, change: impl FnOnce(&mut Measuring)) -> Self {
        self.change(|settings| change(&mut settings.measuring))
    }

    /// Records exceptions as span events too, beside the log records, for back ends that know
    /// nothing else. The variable `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN=logs/dup` says the same.
    #[must_use]
    pub fn exception_events(self) -> Self {
        self.change(|settings| settings.exception_events = true)
    }

    pub(crate) fn wants_exception_events(&self) -> bool {
        self.with(|settings| settings.exception_events)
    }

    fn change(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.resolve();
        change(Arc::make_mut(&mut settings));
        Self { own: Some(settings) }
    }

    /// Makes this the telemetry of the whole process, in place of an earlier one.
    pub fn install(&self) {
        let settings = self.resolve();
        *PROCESS.write().unwrap_or_else(PoisonError::into_inner) = Some(settings);
    }

    /// The handle to use for one operation: this one, or what is process-wide right now.
    ///
    /// Adapters call it once when a request arrives and use the result for all that follows.
    #[must_use]
    pub fn now(&self) -> Self {
        Self { own: Some(self.resolve()) }
    }

    fn resolve(&self) -> Arc<Settings> {
        let process = || PROCESS.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.own.clone().or_else(process).unwrap_or_else(|| AUTOMATIC.clone())
    }

    /// Where its spans come from and which headers it speaks, right now.
    pub(crate) fn parts(&self) -> (Source, Propagator) {
        self.with(|settings| (settings.source.clone(), settings.propagator.clone()))
    }

    fn with<R>(&self, f: impl FnOnce(&Settings) -> R) -> R {
        match &self.own {
            Some(settings) => f(settings),
            None => f(&self.resolve()),
        }
    }

    /// Reads what a request brought along.
    pub fn read(&self, carrier: &dyn Carrier) -> Incoming {
        self.with(|settings| settings.propagator.read(carrier))
    }

    /// The same for the headers of a request.
    #[inline]
    pub(crate) fn read_fields(&self, fields: &Fields<'_>) -> Incoming {
        self.with(|settings| settings.propagator.read(fields))
    }

    /// Writes `context` into a request that is about to leave.
    pub fn inject(&self, context: &Context, carrier: &mut dyn CarrierMut) {
        self.with(|settings| settings.propagator.inject(context, carrier));
    }

    /// The same with only the baggage whose keys `keep` allows.
    pub fn inject_filtered(
        &self,
        context: &Context,
        keep: impl Fn(&str) -> bool,
        mut carrier: &mut dyn CarrierMut,
    ) {
        self.write(context, keep, &mut carrier);
    }

    /// The same for a carrier of which more is known than what it can do.
    #[inline]
    pub(crate) fn write(
        &self,
        context: &Context,
        keep: impl Fn(&str) -> bool,
        carrier: &mut impl CarrierMut,
    ) {
        self.with(|settings| settings.propagator.inject_filtered(context, keep, carrier));
    }

    /// Removes every field that [`inject`](Self::inject) would write or [`read`](Self::read) reads.
    pub fn clear(&self, carrier: &mut dyn CarrierMut) {
        self.with(|settings| settings.propagator.clear(carrier));
    }

    /// A meter for an adapter's instruments: of [`meter_provider`](Self::meter_provider), otherwise
    /// of OpenTelemetry's global provider. An adapter asks for it when it is built and keeps it.
    pub fn meter(&self) -> Meter {
        let scope = source::scope();
        self.with(|settings| match &settings.meters {
            Some(provider) => provider.meter_with_scope(scope),
            None => opentelemetry::global::meter_with_scope(scope),
        })
    }

    /// Opens an operation below `parent`.
    ///
    /// `describe` gives it its name, attributes and links. It runs only when somebody will read
    /// them, so building strings in it costs nothing for a request that nobody records.
    pub fn start(
        &self,
        kind: SpanKind,
        parent: &Context,
        describe: impl FnOnce(&mut Start),
    ) -> Operation {
        self.start_metered(Metered::default(), kind, parent, describe)
    }

    /// Whether there will be no span below this context, known before anybody is asked.
    #[inline]
    pub(crate) fn ignores(&self, parent: &Context) -> bool {
        self.with(|settings| settings.source.ignores(settings.sampling, parent))
    }

    /// The current context, unless it is known before anybody is asked that there will be no span
    /// below it, or somebody `leaves` it at that.
    #[inline]
    pub(crate) fn parent_unless(&self, leaves: impl FnOnce(&Context) -> bool) -> Option<Context> {
        // Nothing may be dropped while the context is borrowed, the settings least of all.
        self.with(|settings| {
            Context::map_current(|parent| {
                let ignores = settings.source.ignores(settings.sampling, parent);
                if ignores || leaves(parent) { None } else { Some(parent.clone()) }
            })
        })
    }

    /// Begins to measure an operation of this kind, if anybody wants to know.
    #[inline]
    pub(crate) fn measurement(&self, family: Family) -> Metered {
        self.with(|settings| settings.measuring.begin(family, source::scope))
    }

    /// Where connection pools are measured, if anybody wants to know.
    pub(crate) fn pools(&self) -> Option<Arc<Pools>> {
        self.with(|settings| settings.measuring.pools(source::scope))
    }

    /// The same as [`start`](Self::start) for an operation that is measured.
    pub(crate) fn start_metered(
        &self,
        metered: Metered,
        kind: SpanKind,
        parent: &Context,
        describe: impl FnOnce(&mut Start),
    ) -> Operation {
        self.with(|settings| {
            let (source, sampling) = (&settings.source, settings.sampling);
            let mut operation = Operation::start(source, sampling, metered, kind, parent, describe);
            operation.set_exception_events(settings.exception_events);
            operation
        })
    }
}

impl Settings {
    fn new(source: Source) -> Arc<Self> {
        let (propagator, sampling) = (Propagator::default(), Sampling::default());
        let (measuring, exception_events) = (Measuring::default(), environment_wants_events());
        Arc::new(Self { source, propagator, sampling, meters: None, measuring, exception_events })
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.own {
            None => f.write_str("Telemetry(process-wide)"),
            Some(own) => f
                .debug_struct("Telemetry")
                .field("source", &own.source)
                .field("propagator", &own.propagator)
                .field("sampling", &own.sampling)
                .finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use opentelemetry::InstrumentationScope;
    use opentelemetry::metrics::{InstrumentProvider, Meter, MeterProvider};

    use super::Telemetry;

    #[derive(Clone, Default)]
    struct Meters(Arc<AtomicUsize>);

    struct Instruments;

    impl InstrumentProvider for Instruments {}

    impl MeterProvider for Meters {
        fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
            assert_eq!(scope.name(), "tracewire");
            self.0.fetch_add(1, Ordering::Relaxed);
            Meter::new(Arc::new(Instruments))
        }
    }

    #[test]
    fn meters_are_of_the_provider_that_was_given() {
        let meters = Meters::default();
        let telemetry = Telemetry::propagate_only().meter_provider(meters.clone());
        // What is measured by itself may have a meter already.
        let at_first = meters.0.load(Ordering::Relaxed);
        telemetry.now().meter().u64_counter("requests").build().add(1, &[]);
        assert_eq!(meters.0.load(Ordering::Relaxed), at_first + 1);
        // Without one it is the global provider's, which is no other's.
        Telemetry::propagate_only().meter().u64_counter("requests").build().add(1, &[]);
        assert_eq!(meters.0.load(Ordering::Relaxed), at_first + 1);
    }
}
