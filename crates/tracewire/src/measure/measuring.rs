//! Where the measurements of a telemetry go.

use std::any::type_name;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::MeterProvider;

use super::otel::Meters;
use super::registry::Registry;
use super::{Choice, Family, Gallery, Metered, Pools, Sink};

type Provider = Arc<dyn MeterProvider + Send + Sync>;
type Global = (Provider, Arc<Registry>);

/// The sinks of a telemetry, or OpenTelemetry's global meter provider while it has none.
#[derive(Clone, Default)]
pub(crate) struct Measuring {
    choice: Choice,
    /// By a name, of which there is one each.
    sinks: Vec<(&'static str, Arc<dyn Sink>)>,
    /// `None` without a sink.
    own: Option<Arc<Registry>>,
    /// Nothing goes to the global provider.
    leaves_global: bool,
    /// What goes to the global provider that was seen last.
    global: Arc<RwLock<Option<Global>>>,
}

impl Measuring {
    /// Measures with this provider, in place of another one, and keeps exemplars for it there.
    pub(crate) fn set_provider<P: MeterProvider>(
        &mut self,
        provider: &P,
        scope: InstrumentationScope,
        gallery: Option<Gallery>,
    ) {
        let meters = Meters::new(provider.meter_with_scope(scope)).with_gallery(gallery);
        let meters = if is_of_sdk::<P>() { meters.without_current() } else { meters };
        self.set_sink("meters", Arc::new(meters));
    }

    /// Measures with this sink as well, in place of another one of this name.
    pub(crate) fn set_sink(&mut self, name: &'static str, sink: Arc<dyn Sink>) {
        self.sinks.retain(|(other, _)| *other != name);
        self.sinks.push((name, sink));
        self.renew();
    }

    pub(crate) fn choose(&mut self, choice: Choice) {
        self.choice = choice;
        self.renew();
    }

    /// Measures nothing but what goes to a provider or a sink of its own.
    pub(crate) fn leave_global(&mut self) {
        self.leaves_global = true;
    }

    fn renew(&mut self) {
        let sinks: Vec<_> = self.sinks.iter().map(|(_, sink)| sink.clone()).collect();
        let is_used = !sinks.is_empty();
        self.own = is_used.then(|| Arc::new(Registry::new(sinks, self.choice.clone())));
        self.global = Arc::default();
    }

    /// Begins to measure an operation, if anybody wants to know.
    #[inline]
    pub(crate) fn begin(
        &self,
        family: Family,
        scope: impl FnOnce() -> InstrumentationScope,
    ) -> Metered {
        match &self.own {
            Some(registry) => Metered::begin(registry, family),
            None => self.begin_globally(family, scope),
        }
    }

    #[inline]
    fn begin_globally(
        &self,
        family: Family,
        scope: impl FnOnce() -> InstrumentationScope,
    ) -> Metered {
        self.global(scope).map_or_else(Metered::default, |it| Metered::begin(&it, family))
    }

    /// Where connection pools are measured, if anybody wants to know.
    pub(crate) fn pools(&self, scope: impl FnOnce() -> InstrumentationScope) -> Option<Arc<Pools>> {
        match &self.own {
            Some(registry) => registry.pools.clone(),
            None if self.choice.connection_pools => self.global(scope)?.pools.clone(),
            None => None,
        }
    }

    #[inline]
    fn global(&self, scope: impl FnOnce() -> InstrumentationScope) -> Option<Arc<Registry>> {
        if self.leaves_global {
            return None;
        }
        let provider = opentelemetry::global::meter_provider();
        // The provider that is there before one is set has nothing in it, not even a field.
        if size_of_val(&*provider) == 0 { None } else { Some(self.of_global(provider, scope)) }
    }

    #[inline(never)]
    fn of_global(
        &self,
        provider: Provider,
        scope: impl FnOnce() -> InstrumentationScope,
    ) -> Arc<Registry> {
        let known = self.global.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((seen, registry)) = &*known
            && Arc::ptr_eq(seen, &provider)
        {
            return registry.clone();
        }
        drop(known);
        let mut known = self.global.write().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((seen, registry)) if Arc::ptr_eq(seen, &provider) => registry.clone(),
            _ => {
                let meters: Arc<dyn Sink> =
                    Arc::new(Meters::new(provider.meter_with_scope(scope())));
                let registry = Arc::new(Registry::new(vec![meters], self.choice.clone()));
                *known = Some((provider, registry.clone()));
                registry
            }
        }
    }
}

/// Whether a provider is that of OpenTelemetry's SDK, which never looks at the current context when
/// something is recorded: it keeps no exemplars. Another one may be anything.
fn is_of_sdk<P>() -> bool {
    type_name::<P>().starts_with("opentelemetry_sdk::metrics::")
}

impl fmt::Debug for Measuring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measuring").field("choice", &self.choice).finish_non_exhaustive()
    }
}
