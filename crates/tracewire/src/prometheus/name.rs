//! Names as Prometheus has them, by OpenTelemetry's rules of compatibility.

use std::borrow::Cow;
use std::fmt::Write as _;

use opentelemetry::KeyValue;

use super::shape::Shape;
use super::unit::word;

type Word = Cow<'static, str>;

/// The name of a metric without the suffixes of its samples, and its unit as a word.
pub(super) fn of(name: &str, unit: &str, shape: Shape) -> (String, Option<Word>) {
    let mut family = legal(name);
    if shape == Shape::Counter
        && let Some(shorter) = family.strip_suffix("_total")
    {
        family.truncate(shorter.len());
    }
    let unit = word(unit);
    if let Some(unit) = &unit
        && !family.strip_suffix(&**unit).is_some_and(|rest| rest.ends_with('_'))
    {
        family.push('_');
        family.push_str(unit);
    }
    (family, unit)
}

/// Labels that are ours, or Prometheus's.
const TAKEN: &[&str] = &["le", "otel_scope_name", "otel_scope_version"];

/// Attributes as labels, escaped, without braces. Where two attributes become the same label, their
/// values are brought together, with `;` between them.
pub(super) fn of_labels<'a>(attributes: impl IntoIterator<Item = &'a KeyValue>) -> String {
    let mut attributes: Vec<_> = attributes.into_iter().collect();
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
    let mut labels: Vec<(String, String)> = Vec::new();
    for attribute in attributes {
        let mut name = legal(attribute.key.as_str());
        if TAKEN.contains(&name.as_str()) {
            name.insert_str(0, "exported_");
        }
        let value = attribute.value.as_str();
        match labels.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => {
                values.push(';');
                values.push_str(&value);
            }
            None => labels.push((name, value.into_owned())),
        }
    }
    labels.sort();
    let mut text = String::new();
    for (name, value) in labels {
        push_label(&mut text, &name, &value);
    }
    text
}

/// Adds a label to others.
pub(super) fn push_label(labels: &mut String, name: &str, value: &str) {
    let comma = if labels.is_empty() { "" } else { "," };
    // Writing to a string does not fail.
    let _ = write!(labels, "{comma}{name}=\"");
    push_escaped(labels, value, true);
    labels.push('"');
}

/// Escapes what would end a line, or a value in quotes.
pub(super) fn push_escaped(text: &mut String, value: &str, quotes: bool) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

/// Letters, digits, and one underscore for all else that stands between them.
pub(super) fn legal(name: &str) -> String {
    let mut legal = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '0'..='9' if legal.is_empty() => {
                legal.push('_');
                legal.push(character);
            }
            '0'..='9' | 'a'..='z' | 'A'..='Z' => legal.push(character),
            _ if legal.ends_with('_') => {}
            _ => legal.push('_'),
        }
    }
    if legal.is_empty() { "_".to_owned() } else { legal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_the_names_of_the_rules() {
        let cases = [
            (
                "http.server.request.duration",
                "s",
                Shape::Histogram,
                "http_server_request_duration_seconds",
            ),
            ("request.seconds", "s", Shape::Histogram, "request_seconds"),
            ("nanoseconds", "s", Shape::Histogram, "nanoseconds_seconds"),
            (
                "http.server.request.body.size",
                "By",
                Shape::Histogram,
                "http_server_request_body_size_bytes",
            ),
            (
                "http.server.active_requests",
                "{request}",
                Shape::Gauge,
                "http_server_active_requests",
            ),
            (
                "messaging.client.sent.messages",
                "{message}",
                Shape::Counter,
                "messaging_client_sent_messages",
            ),
            ("jobs.total", "1", Shape::Counter, "jobs"),
            ("a..b--c", "", Shape::Counter, "a_b_c"),
            ("2xx", "", Shape::Counter, "_2xx"),
            ("größe", "", Shape::Counter, "gr_e"),
            ("", "", Shape::Counter, "_"),
        ];
        for (name, unit, shape, expected) in cases {
            assert_eq!(of(name, unit, shape).0, expected, "{name}");
        }
        assert_eq!(of("a", "s", Shape::Histogram).1.as_deref(), Some("seconds"));
        assert_eq!(of("a", "{request}", Shape::Histogram).1, None);
    }

    #[test]
    fn labels_are_legal_and_each_is_there_once() {
        let cases: &[(&[KeyValue], &str)] = &[
            (&[], ""),
            (
                &[KeyValue::new("http.request.method", "GET"), KeyValue::new("b", true)],
                r#"b="true",http_request_method="GET""#,
            ),
            (
                &[KeyValue::new("a_b", "2"), KeyValue::new("a.b", 1), KeyValue::new("a-b", "0")],
                r#"a_b="0;1;2""#,
            ),
            (&[KeyValue::new("x", "a\"b\\c\nd")], r#"x="a\"b\\c\nd""#),
            (
                &[KeyValue::new("le", 1), KeyValue::new("otel.scope.name", "mine")],
                r#"exported_le="1",exported_otel_scope_name="mine""#,
            ),
            (&[KeyValue::new("__name__", "x"), KeyValue::new("1", "y")], r#"_1="y",_name_="x""#),
        ];
        for (attributes, expected) in cases {
            assert_eq!(of_labels(*attributes), *expected);
        }
    }
}
