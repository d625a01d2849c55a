//! The attributes of one measurement, as the bytes by which its series is known again.

use opentelemetry::{Key, KeyValue, StringValue, Value};

/// The attributes of a measurement that is under way.
///
/// What is set here are attributes of metrics alone, and each combination of them is one more
/// series: a tier, a region, never a user. See [`Choice::most_series`](super::Choice::most_series).
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// One after the other: the name, the value's type, its length if it is a text, and the value.
    /// A name is where it lies in the program's memory, or [`SPELT`], its length and the name.
    bytes: Vec<u8>,
    /// The names that are not spelt, in their order.
    names: Vec<&'static str>,
}

/// A longer text is cut off.
const LONGEST: usize = 255;

/// In the place of a name's address.
const SPELT: [u8; 8] = [0; 8];

const TEXT: u8 = 0;
const NUMBER: u8 = 1;
const FRACTION: u8 = 2;
const TRUTH: u8 = 3;

impl Attributes {
    /// Sets an attribute. Lists are set as one text, and a text longer than 255 bytes is cut off.
    pub fn set(&mut self, attribute: KeyValue) {
        self.bytes.extend_from_slice(&SPELT);
        self.short(attribute.key.as_str());
        match attribute.value {
            Value::I64(value) => self.fixed(NUMBER, value.to_be_bytes()),
            Value::F64(value) => self.fixed(FRACTION, value.to_bits().to_be_bytes()),
            Value::Bool(value) => self.fixed(TRUTH, [u8::from(value)]),
            value => {
                self.bytes.push(TEXT);
                self.short(&value.as_str());
            }
        }
    }

    #[inline]
    pub(crate) fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        self.bytes.push(TEXT);
        self.short(value);
    }

    #[inline]
    pub(crate) fn number(&mut self, name: &'static str, value: i64) {
        self.name(name);
        self.fixed(NUMBER, value.to_be_bytes());
    }

    /// The same text may lie in several places, as a compiler likes it. The key is then another, and
    /// what is [`sorted`](Self::sorted) is the same.
    fn name(&mut self, name: &'static str) {
        self.names.push(name);
        self.bytes.extend_from_slice(&(name.as_ptr().addr() as u64).to_be_bytes());
    }

    fn fixed<const N: usize>(&mut self, tag: u8, value: [u8; N]) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&value);
    }

    fn short(&mut self, text: &str) {
        let text = match text.len() {
            0..=LONGEST => text,
            _ => &text[..text.floor_char_boundary(LONGEST)],
        };
        // At most 255.
        self.bytes.push(text.len() as u8);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.names.clear();
    }

    /// What is the same for the same attributes, set in the same places of the program.
    pub(super) fn key(&self) -> &[u8] {
        &self.bytes
    }

    /// The attributes in the order of their names, each once: what was set last.
    pub(super) fn sorted(&self) -> Vec<KeyValue> {
        let (mut rest, mut names) = (&*self.bytes, self.names.iter());
        let mut attributes: Vec<KeyValue> = Vec::new();
        while let Some(attribute) = next(&mut rest, &mut names) {
            match attributes.iter_mut().find(|known| known.key == attribute.key) {
                Some(known) => *known = attribute,
                None => attributes.push(attribute),
            }
        }
        attributes.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        attributes
    }
}

fn next(rest: &mut &[u8], names: &mut std::slice::Iter<'_, &'static str>) -> Option<KeyValue> {
    let name: Key = match fixed(rest)? {
        SPELT => short(rest)?.into(),
        _ => (*names.next()?).into(),
    };
    let [tag] = fixed(rest)?;
    let value = match tag {
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

    use super::Attributes;

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
        assert_eq!(attributes.sorted(), expected);
    }

    #[test]
    fn what_differs_has_another_key() {
        let key = |set: &dyn Fn(&mut Attributes)| {
            let mut attributes = Attributes::default();
            set(&mut attributes);
            attributes.key().to_vec()
        };
        let (one, other) = ("one", "other");
        let keys = [
            key(&|_| {}),
            key(&|it| it.text(one, "1")),
            key(&|it| it.text(other, "1")),
            key(&|it| it.text(one, "12")),
            key(&|it| it.number(one, 1)),
            key(&|it| it.set(KeyValue::new(one, 1))),
            key(&|it| it.set(KeyValue::new(one, true))),
            key(&|it| it.set(KeyValue::new(one, 1.0))),
            key(&|it| {
                it.text(one, "1");
                it.text(other, "1");
            }),
        ];
        for (place, key) in keys.iter().enumerate() {
            assert!(!keys[..place].contains(key), "{place}");
        }
        assert_eq!(key(&|it| it.text(one, "1")), keys[1]);
    }
}
