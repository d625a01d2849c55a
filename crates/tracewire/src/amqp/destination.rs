//! What RabbitMQ's conventions call a destination.

use opentelemetry::{KeyValue, StringValue};

use crate::messaging::About;
use crate::span::attributes::MESSAGING_RABBITMQ_ROUTING_KEY;

/// How the names of queues begin that the broker made up.
const MADE_UP: [&str; 2] = ["amq.gen-", "amq.rabbitmq.reply-to"];

/// A destination, spelled out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Destination {
    name: StringValue,
    anonymous: bool,
}

impl Destination {
    /// `{exchange}:{routing key}`, without what is empty; `amq.default` where both are (semantic
    /// conventions, "RabbitMQ", "Destination name").
    pub(super) fn of_producer(exchange: &str, routing_key: &str) -> Self {
        Self::join([exchange, routing_key, ""])
    }

    /// `{exchange}:{routing key}:{queue}`, without what is empty, and without a queue that is called
    /// like the routing key.
    pub(super) fn of_consumer(exchange: &str, routing_key: &str, queue: &str) -> Self {
        Self::join([exchange, routing_key, if queue == routing_key { "" } else { queue }])
    }

    fn join(parts: [&str; 3]) -> Self {
        let made_up = |part: &&str| MADE_UP.iter().any(|start| part.starts_with(start));
        let anonymous = parts.iter().any(made_up);
        let mut name = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            if !name.is_empty() {
                name.push(':');
            }
            name.push_str(part);
        }
        let name = if name.is_empty() { "amq.default".into() } else { shared(&name) };
        Self { name, anonymous }
    }

    pub(super) fn describe(&self, about: &mut About) {
        about.destination(self.name.clone());
        if self.anonymous {
            about.anonymous();
        }
    }
}

/// Text that is cheap to clone.
pub(super) fn shared(text: &str) -> StringValue {
    StringValue::from(std::sync::Arc::<str>::from(text))
}

/// Says what the routing key is, if there is one.
pub(super) fn routing_key(key: &str, about: &mut About) {
    if !key.is_empty() {
        about.set(KeyValue::new(MESSAGING_RABBITMQ_ROUTING_KEY, key.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn names_are_those_of_the_conventions() {
        for (exchange, key, name) in [
            ("shop", "orders.eu", "shop:orders.eu"),
            ("shop", "", "shop"),
            ("", "orders", "orders"),
            ("", "", "amq.default"),
        ] {
            assert_eq!(Destination::of_producer(exchange, key).name.as_str(), name);
        }
        for (exchange, key, queue, name) in [
            ("shop", "orders.eu", "billing", "shop:orders.eu:billing"),
            ("shop", "", "billing", "shop:billing"),
            ("", "orders", "orders", "orders"),
            ("shop", "orders", "orders", "shop:orders"),
            ("", "", "", "amq.default"),
        ] {
            assert_eq!(Destination::of_consumer(exchange, key, queue).name.as_str(), name);
        }
    }

    #[test]
    fn what_the_broker_made_up_is_anonymous() {
        for (key, queue, anonymous) in [
            ("amq.gen-JzTY20BRgKO-HjmUJj0wLg", "", true),
            ("", "amq.gen-JzTY20BRgKO-HjmUJj0wLg", true),
            ("amq.rabbitmq.reply-to.g1h2AA5yZXBseUA", "", true),
            ("orders", "billing", false),
            ("", "amq.general", false),
        ] {
            assert_eq!(
                Destination::of_consumer("", key, queue).anonymous,
                anonymous,
                "{key} {queue}"
            );
        }
    }
}
