//! The attributes of one measurement, as the bytes by which its series is known again.

use opentelemetry::{KeyValue, StringValue, Value};

/// The attributes of a measurement that is under way.
///
/// What is set here are attributes of metrics alone, and each combination of them is one more
/// series: a tier, a region, never a user. See [`Choice::most_series`](super::Choice::most_series).
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// One after the other: the name's length and the name, the value's type, its length if it is a
    /// text, and the value.
    bytes: Vec<u8>,
}

/// A longer text is cut off.
const LONGEST: usize = 255;

const TEXT: u8 = 0;
const NUMBER: u8 = 1;
const FRACTION: u8 = 2;
const TRUTH: u8 = 3;

impl Attributes {
    /// Sets an attribute. Lists are set as one text, and a text longer than 255 bytes is cut off.
    pub fn set(&mut self, attribute: KeyValue) {
        let name = attribute.key.as_str();
        match attribute.value {
            Value::I64(value) => self.number(name, value),
            Value::F64(value) => self.fixed(name, FRACTION, value.to_bits().to_be_bytes()),
            Value::Bool(value) => self.fixed(name, TRUTH, [u8::from(value)]),
            value => self.text(name, &value.as_str()),
        }
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.name(name, TEXT);
        self.short(value);
    }

    pub(crate) fn number(&mut self, name: &str, value: i64) {
        self.fixed(name, NUMBER, value.to_be_bytes());
    }

    fn fixed<const N: usize>(&mut self, name: &str, tag: u8, value: [u8; N]) {
        self.name(name, tag);
        self.bytes.extend_from_slice(&value);
    }

    fn name(&mut self, name: &str, tag: u8) {
        self.short(name);
        self.bytes.push(tag);
    }

    fn short(&mut self, text: &str) {
        let text = &text[..text.floor_char_boundary(LONGEST)];
        // At most 255.
        self.bytes.push(text.len() as u8);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The attributes that `bytes` stand for, in the order of their names, each once: what was set last.
pub(super) fn decode(bytes: &[u8]) -> Vec<KeyValue> {
    let mut rest = bytes;
    let mut attributes: Vec<KeyValue> = Vec::new();
    while let Some(attribute) = next(&mut rest) {
        match attributes.iter_mut().find(|known| known.key == attribute.key) {
            Some(known) => *known = attribute,
            None => attributes.push(attribute),
        }
    }
    attributes.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    attributes
}

fn next(rest: &mut &[u8]) -> Option<KeyValue> {
    let name = short(rest)?;
    let (tag, value) = rest.split_first()?;
    *rest = value;
    let value = match *tag {
        TEXT => Value::String(StringValue::from(short(rest)?)),
        NUMBER => Value::I64(i64::from_be_bytes(fixed(rest)?)),
        FRACTION => Value::F64(f64::from_bits(u64::from_be_bytes(fixed(rest)?))),
        _ => Value::Bool(fixed::<1>(rest)? == [1]),
    };
    Some(KeyValue::new(name, value))
}

fn short(rest: &mut &[u8]) -> Option<String> {
    let (length, text) = rest.split_first()?;
    let (text, left) = text.split_at_checked(usize::from(*length))?;
    *rest = left;
    String::from_utf8(text.to_vec()).ok()
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (value, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*value)
}

#[cfg(test)]
mod tests {
    use opentelemetry::{Array, KeyValue, Value};

    use super::{Attributes, decode};

    #[test]
    fn what_was_set_is_read_back_in_order() {
        let mut attributes = Attributes::default();
        attributes.set(KeyValue::new("z", -7));
        attributes.set(KeyValue::new("a", "first"));
        attributes.set(KeyValue::new("f", 0.5));
        attributes.set(KeyValue::new("t", true));
        attributes.set(KeyValue::new("l", Value::Array(Array::I64(vec![1, 2]))));
        attributes.set(KeyValue::new("long", "é".repeat(200)));
        attributes.text("a", "last");
        let expected = [
            KeyValue::new("a", "last"),
            KeyValue::new("f", 0.5),
            KeyValue::new("l", "[1,2]"),
            KeyValue::new("long", "é".repeat(127)),
            KeyValue::new("t", true),
            KeyValue::new("z", -7),
        ];
        assert_eq!(decode(attributes.as_bytes()), expected);
    }

    #[test]
    fn what_is_cut_short_ends_the_list() {
        let mut attributes = Attributes::default();
        attributes.text("a", "b");
        attributes.number("n", 1);
        for length in 0..attributes.as_bytes().len() {
            let read = decode(&attributes.as_bytes()[..length]);
            assert_eq!(read.len(), usize::from(length >= 5), "{length}");
        }
    }
}
