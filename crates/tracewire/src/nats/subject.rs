//! What a subject is called in spans.

use std::sync::Arc;

use super::Subscription;
use crate::messaging::About;

/// The prefix that clients give their inboxes when nothing else is said.
const INBOX: &str = "_INBOX";

/// Which subjects are inboxes.
#[derive(Clone, Debug)]
pub(super) struct Inboxes {
    /// The prefix of this client's own, without the last `.`.
    own: Arc<str>,
}

impl Inboxes {
    pub(super) fn of(client: &async_nats::Client) -> Self {
        let inbox = client.new_inbox();
        let prefix = inbox.rsplit_once('.').map_or(INBOX, |(prefix, _)| prefix);
        Self { own: prefix.into() }
    }

    fn prefix_of(&self, subject: &str) -> Option<&str> {
        let is_below =
            |prefix: &str| subject.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
        [&*self.own, INBOX].into_iter().find(|prefix| is_below(prefix))
    }

    /// Says where a message goes.
    pub(super) fn describe(&self, subject: &str, about: &mut About) {
        about.destination(subject.to_owned());
        if let Some(prefix) = self.prefix_of(subject) {
            about.template(prefix.to_owned());
            about.temporary();
        }
    }

    /// Says where a message comes from.
    pub(super) fn describe_received(
        &self,
        subject: &str,
        subscription: &Subscription,
        about: &mut About,
    ) {
        self.describe(subject, about);
        if let Some(pattern) = &subscription.pattern {
            about.template(pattern.clone());
        }
        if let Some(group) = &subscription.group {
            about.consumer_group(group.clone());
        }
    }
}

impl Subscription {
    /// Of a subject, which may have wildcards, and a queue group.
    pub(super) fn new(subject: &str, group: Option<&str>) -> Self {
        let wild = subject.split('.').any(|token| matches!(token, "*" | ">"));
        Self {
            pattern: wild.then(|| subject.to_owned().into()),
            group: group.map(|group| group.to_owned().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inboxes_are_known_by_their_prefix() {
        let inboxes = Inboxes { own: "_INBOX_tenant.7".into() };
        let cases = [
            ("_INBOX_tenant.7.abc", Some("_INBOX_tenant.7")),
            ("_INBOX.abc.1", Some("_INBOX")),
            ("_INBOX", None),
            ("_INBOXES.a", None),
            ("orders", None),
        ];
        for (subject, expected) in cases {
            assert_eq!(inboxes.prefix_of(subject), expected, "{subject}");
        }
    }

    #[test]
    fn only_whole_tokens_are_wildcards() {
        for (subject, wild) in [
            ("orders.*", true),
            ("orders.>", true),
            (">", true),
            ("orders.a*", false),
            ("o", false),
        ] {
            assert_eq!(Subscription::new(subject, None).pattern.is_some(), wild, "{subject}");
        }
    }
}
