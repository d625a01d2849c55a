//! Events of `tracing` as a log exporter would see them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt as _};

/// Everything that is logged on this thread while it lives.
pub(crate) struct Events {
    seen: Arc<Mutex<Vec<Seen>>>,
    _default: DefaultGuard,
}

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) name: &'static str,
    pub(crate) target: &'static str,
    pub(crate) level: Level,
    pub(crate) fields: BTreeMap<&'static str, String>,
    /// The span that was current.
    pub(crate) span: String,
}

impl Events {
    pub(crate) fn new() -> Self {
        let seen = Arc::default();
        let subscriber = Registry::default().with(Recorder(Arc::clone(&seen)));
        Self { seen, _default: tracing::subscriber::set_default(subscriber) }
    }

    /// What was logged for this target, such as `tracewire::exception`.
    pub(crate) fn of(&self, target: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|event| event.target == target).cloned().collect()
    }

    pub(crate) fn only(&self, target: &str) -> Seen {
        let mut seen = self.of(target);
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen.remove(0)
    }
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

struct Recorder(Arc<Mutex<Vec<Seen>>>);

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        self.0.lock().unwrap().push(Seen {
            name: metadata.name(),
            target: metadata.target(),
            level: *metadata.level(),
            fields: fields.0,
            span: Context::current().span().span_context().span_id().to_string(),
        });
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}
