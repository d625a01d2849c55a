//! The variables of limits.
//!
//! Specification: Environment Variables, "Attribute Limits", "Span Limits", "LogRecord Limits".

use super::Env;
use crate::sdk::{Limits, Signal};

impl Env {
    /// What one span or log record may hold; a limit for this kind counts for more than one for all.
    pub(in crate::sdk) fn limits(&mut self, signal: Signal) -> Limits {
        let kind = match signal {
            Signal::Traces => "OTEL_SPAN_",
            Signal::Logs => "OTEL_LOGRECORD_",
            Signal::Metrics => return Limits::new(),
        };
        let own = |suffix: &str| format!("{kind}{suffix}");
        let (length, count) = ("ATTRIBUTE_VALUE_LENGTH_LIMIT", "ATTRIBUTE_COUNT_LIMIT");
        let both = Limits {
            value_length: self
                .limit(&[&own(length), &format!("OTEL_{length}")])
                .and_then(|limit| limit.try_into().ok()),
            attributes: self.limit(&[&own(count), &format!("OTEL_{count}")]),
            ..Limits::new()
        };
        if signal == Signal::Logs {
            return both;
        }
        Limits {
            events: self.limit(&["OTEL_SPAN_EVENT_COUNT_LIMIT"]),
            links: self.limit(&["OTEL_SPAN_LINK_COUNT_LIMIT"]),
            event_attributes: self.limit(&["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"]),
            link_attributes: self.limit(&["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"]),
            ..both
        }
    }

    fn limit(&mut self, names: &[&str]) -> Option<u32> {
        self.number(names, 0..=u64::from(u32::MAX)).and_then(|limit| limit.try_into().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    #[test]
    fn the_limit_of_the_kind_counts_for_more() {
        let variables = [
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", "10"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "20"),
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "30"),
            ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "0"),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", "-1"),
        ];
        let (spans, complaints) = ask(&variables, |env| env.limits(Signal::Traces));
        assert_eq!((spans.attributes, spans.value_length), (Some(20), Some(30)));
        assert_eq!((spans.links, complaints), (None, 1));
        let (logs, _) = ask(&variables, |env| env.limits(Signal::Logs));
        assert_eq!((logs.attributes, logs.value_length), (Some(10), Some(0)));
    }
}
