//! The limits of log records, held when they are sent: the SDK's records can be added to and read,
//! and nothing can be taken from them.
//!
//! Specification: "LogRecord Limits" and "Attribute Limits".

use opentelemetry::Key;
use opentelemetry::logs::AnyValue;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Message;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use super::{Limits, end_of};

/// How much one log record may hold.
#[derive(Clone, Copy, Debug)]
pub(in crate::sdk) struct RecordLimits {
    attributes: usize,
    value_length: Option<usize>,
    depth: usize,
}

/// Specification: "Attribute Limits", `AttributeCountLimit` and `AttributeValueDepthLimit`.
const ATTRIBUTES: u32 = 128;
const DEPTH: usize = 64;

impl RecordLimits {
    pub(in crate::sdk) fn new(limits: &Limits) -> Self {
        let attributes = limits.attributes.unwrap_or(ATTRIBUTES);
        Self {
            attributes: attributes.try_into().unwrap_or(usize::MAX),
            value_length: limits.value_length,
            depth: limits.value_depth.unwrap_or(DEPTH),
        }
    }

    /// Drops what is beyond, and counts the attributes that are dropped.
    pub(in crate::sdk) fn hold(&self, request: &mut ExportLogsServiceRequest) {
        let scopes = request.resource_logs.iter_mut().flat_map(|it| &mut it.scope_logs);
        scopes.flat_map(|it| &mut it.log_records).for_each(|record| self.hold_one(record));
    }

    fn hold_one(&self, record: &mut LogRecord) {
        let beyond = record.attributes.len().saturating_sub(self.attributes);
        record.attributes.truncate(self.attributes);
        record.dropped_attributes_count += u32::try_from(beyond).unwrap_or(u32::MAX);
        for attribute in &mut record.attributes {
            if let Some(value) = &mut attribute.value {
                self.cut(&mut value.value, self.depth);
            }
        }
    }

    /// Cuts texts off, and leaves out what is nested deeper than this.
    fn cut(&self, value: &mut Option<Message>, depth: usize) {
        match value {
            Some(Message::StringValue(text)) => {
                if let Some(end) = self.value_length.and_then(|most| end_of(text, most)) {
                    text.truncate(end);
                }
            }
            Some(Message::BytesValue(bytes)) => {
                bytes.truncate(self.value_length.unwrap_or(usize::MAX));
            }
            Some(Message::ArrayValue(_) | Message::KvlistValue(_)) if depth == 0 => *value = None,
            Some(Message::ArrayValue(list)) => {
                list.values.iter_mut().for_each(|item| self.cut(&mut item.value, depth - 1));
            }
            Some(Message::KvlistValue(map)) => {
                let values = map.values.iter_mut().filter_map(|pair| pair.value.as_mut());
                values.for_each(|item| self.cut(&mut item.value, depth - 1));
            }
            _ => {}
        }
    }

    /// The attributes that are shown on a terminal, as they are shown.
    pub(in crate::sdk) fn shown<'a>(
        &self,
        attributes: impl Iterator<Item = &'a (Key, AnyValue)>,
    ) -> impl Iterator<Item = (&'a Key, String)> {
        let most = self.value_length;
        attributes.take(self.attributes).map(move |(key, value)| match value {
            AnyValue::String(text) => {
                let text = text.as_str();
                let end = most.and_then(|most| end_of(text, most)).unwrap_or(text.len());
                (key, format!("{:?}", &text[..end]))
            }
            other => (key, format!("{other:?}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};

    use super::*;

    fn text(text: &str) -> Message {
        Message::StringValue(text.to_owned())
    }

    fn list(values: Vec<Option<Message>>) -> Message {
        let values = values.into_iter().map(|value| AnyValue { value }).collect();
        Message::ArrayValue(ArrayValue { values })
    }

    fn pair(key: &str, value: Option<Message>) -> KeyValue {
        let value = Some(AnyValue { value });
        KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
    }

    fn map(value: Option<Message>) -> Message {
        Message::KvlistValue(KeyValueList { values: vec![pair("a", value)] })
    }

    #[test]
    fn values_are_cut_at_any_depth() {
        let limits = |length, depth| Limits {
            value_length: length,
            value_depth: Some(depth),
            ..Limits::new()
        };
        let nested = || map(Some(list(vec![Some(text("äöü")), Some(Message::IntValue(12_345))])));
        let cases = [
            (limits(Some(2), 9), text("äöü"), Some(text("äö"))),
            (limits(None, 9), text("äöü"), Some(text("äöü"))),
            (
                limits(Some(2), 9),
                Message::BytesValue(vec![1, 2, 3]),
                Some(Message::BytesValue(vec![1, 2])),
            ),
            (
                limits(Some(1), 2),
                nested(),
                Some(map(Some(list(vec![Some(text("ä")), Some(Message::IntValue(12_345))])))),
            ),
            (limits(None, 1), nested(), Some(map(None))),
            (limits(None, 0), nested(), None),
        ];
        for (limits, value, expected) in cases {
            let mut record =
                LogRecord { attributes: vec![pair("key", Some(value))], ..LogRecord::default() };
            RecordLimits::new(&limits).hold_one(&mut record);
            assert_eq!(record.attributes, [pair("key", expected)], "{limits:?}");
        }
    }

    #[test]
    fn attributes_that_are_dropped_are_counted() {
        let attributes = vec![pair("a", None), pair("b", None), pair("c", None)];
        let mut record = LogRecord { attributes, ..LogRecord::default() };
        RecordLimits::new(&Limits::new().attributes(1)).hold_one(&mut record);
        assert_eq!((record.attributes.len(), record.dropped_attributes_count), (1, 2));
    }
}
