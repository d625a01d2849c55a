//! What is said of an operation before it begins.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, SpanContext};

/// What an operation is when it starts.
#[derive(Debug, Default)]
pub struct Start {
    pub(crate) name: Cow<'static, str>,
    pub(crate) attributes: Vec<KeyValue>,
    /// `None` is none, and saves who takes it from having to drop a list.
    pub(crate) links: Option<Vec<Link>>,
    pub(crate) start_time: Option<SystemTime>,
}

impl Start {
    /// Names the span. Names are low in cardinality: a route, never a path.
    pub fn name(&mut self, name: impl Into<Cow<'static, str>>) {
        self.name = name.into();
    }

    /// Sets an attribute; samplers see it.
    pub fn set(&mut self, attribute: KeyValue) {
        self.attributes.push(attribute);
    }

    /// Makes room for this many attributes, those set at the end included.
    #[inline]
    pub fn reserve(&mut self, attributes: usize) {
        if self.attributes.capacity() == 0 {
            // What has no room holds nothing that would have to be dropped.
            let none = std::mem::replace(&mut self.attributes, Vec::with_capacity(attributes));
            std::mem::forget(none);
        } else {
            self.attributes.reserve_exact(attributes);
        }
    }

    /// Links to another span; an invalid context is ignored.
    pub fn link(&mut self, to: SpanContext, attributes: Vec<KeyValue>) {
        if to.is_valid() {
            self.links.get_or_insert_default().push(Link::new(to, attributes, 0));
        }
    }

    /// Dates the start back, for work that began before it could be seen.
    pub fn started_at(&mut self, time: SystemTime) {
        self.start_time = Some(time);
    }
}
