//! Entities: which attributes of the resource say what a thing is, and which describe it.
//!
//! Specification: "Entity Data Model" and "Entity Propagation", both in development.

use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::common::v1::EntityRef;

/// Something that telemetry is about, such as a service, a host or a pod.
///
/// Its attributes are attributes of the resource. That they belong together is sent by OTLP too.
///
/// ```
/// use tracewire::sdk::Entity;
///
/// let host = Entity::new("host", "host.id", "i-0af7").describe("host.name", "web-1");
/// assert_eq!(host.kind(), "host");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "it has to be given to a builder"]
pub struct Entity {
    kind: String,
    id: Vec<(String, String)>,
    description: Vec<(String, String)>,
    schema_url: String,
}

impl Entity {
    /// One of this type, with an attribute that identifies it among all of its type.
    pub fn new(kind: impl Into<String>, key: impl Into<String>, value: impl Into<String>) -> Self {
        let (kind, id) = (kind.into(), vec![(key.into(), value.into())]);
        Self { kind, id, description: Vec::new(), schema_url: String::new() }
    }

    /// Another attribute without which it would not be identified.
    pub fn id(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.id.push((key.into(), value.into()));
        self
    }

    /// An attribute that describes it.
    pub fn describe(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.description.push((key.into(), value.into()));
        self
    }

    /// The schema that its attributes follow.
    pub fn schema_url(mut self, url: impl Into<String>) -> Self {
        self.schema_url = url.into();
        self
    }

    /// Its type, such as `host`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Its attributes, for the resource.
    pub(super) fn attributes(&self) -> impl Iterator<Item = KeyValue> {
        let all = self.id.iter().chain(&self.description);
        all.map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
    }

    pub(super) fn reference(&self) -> EntityRef {
        let keys = |pairs: &[(String, String)]| pairs.iter().map(|(key, _)| key.clone()).collect();
        EntityRef {
            schema_url: self.schema_url.clone(),
            r#type: self.kind.clone(),
            id_keys: keys(&self.id),
            description_keys: keys(&self.description),
        }
    }

    /// Adds it to others, of which it replaces those that it cannot stand beside. What is lost is
    /// said, in a sentence for each (Entity Propagation, "Error Handling").
    pub(super) fn join(self, others: &mut Vec<Self>) -> Vec<String> {
        let mut lost = Vec::new();
        others.retain(|other| {
            let same = |(key, _): &(String, String)| self.id.iter().any(|(own, _)| own == key);
            let stays = other.kind != self.kind || !other.id.iter().any(same);
            if !stays {
                lost.push(format!("an entity `{}` is ignored for a later one", other.kind));
            }
            stays
        });
        for other in &mut *others {
            other.description.retain(|(key, value)| {
                let differs = |(own, its): &(String, String)| own == key && its != value;
                let stays = !self.description.iter().any(differs);
                if !stays {
                    lost.push(format!("`{key}` of an entity is ignored for that of a later one"));
                }
                stays
            });
        }
        others.push(self);
        lost
    }
}
