//! The attributes of one measurement, by which its series is known again.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::slice;

use opentelemetry::{Key, KeyValue, StringValue, Value};

/// The attributes of a measurement that is under way.
///
/// What is set here are attributes of metrics alone, and each combination of them is one more
/// series: a tier, a region, never a user. See [`Choice::most_series`](super::Choice::most_series).
#[derive(Clone, Debug, Default)]
pub struct Attributes(Spelling);

/// Attributes as they were set. Two of them are equal if they were set in the same places of the
/// program and say the same; the same ones set elsewhere may differ, and what is
/// [`sorted`](Attributes::sorted) is the same.
#[derive(Clone, Debug, Default, Eq)]
pub(super) struct Spelling {
    labels: Vec<Label>,
    /// The texts of all labels that have some, one after the other.
    texts: Vec<u8>,
}

/// An attribute. Its texts are known by where they lie in memory, and no byte of them is looked at.
#[derive(Clone, Copy, Debug)]
struct Label {
    name: &'static str,
    /// A text of the program, or what the number is.
    value: &'static str,
    /// As long as the text is otherwise.
    number: u64,
}

/// The name is so many bytes of the texts. The value follows as one more label.
static NAME: &str = "\0name";
/// The value is so many bytes of the texts.
static TEXT: &str = "\0text";
/// The value is a number.
static NUMBER: &str = "\0number";
/// The value is a fraction with these bits.
static FRACTION: &str = "\0fraction";
/// The value is false, which is 0, or true.
static TRUTH: &str = "\0truth";

/// A longer text is cut off.
const LONGEST: usize = 255;

impl Attributes {
    /// Sets an attribute. Lists are set as one text, and a text longer than 255 bytes is cut off.
    pub fn set(&mut self, attribute: KeyValue) {
        let length = self.spell(attribute.key.as_str());
        self.push(NAME, NAME, length);
        match attribute.value {
            Value::I64(value) => self.push(NAME, NUMBER, value as u64),
            Value::F64(value) => self.push(NAME, FRACTION, value.to_bits()),
            Value::Bool(value) => self.push(NAME, TRUTH, u64::from(value)),
            value => {
                let length = self.spell(&value.as_str());
                self.push(NAME, TEXT, length);
            }
        }
    }

    /// Sets a text that is copied.
    #[inline]
    pub(crate) fn text(&mut self, name: &'static str, value: &str) {
        let length = self.spell(value);
        self.push(name, TEXT, length);
    }

    /// Sets a text of the program.
    #[inline]
    pub(crate) fn fixed(&mut self, name: &'static str, value: &'static str) {
        self.push(name, value, value.len() as u64);
    }

    /// Sets a text, mostly one of the program.
    #[expect(clippy::ptr_arg, reason = "whether it is borrowed is what counts")]
    #[inline]
    pub(crate) fn mostly_fixed(&mut self, name: &'static str, value: &Cow<'static, str>) {
        match value {
            Cow::Borrowed(value) => self.fixed(name, value),
            Cow::Owned(value) => self.text(name, value),
        }
    }

    #[inline]
    pub(crate) fn number(&mut self, name: &'static str, value: i64) {
        self.push(name, NUMBER, value as u64);
    }

    #[inline]
    fn push(&mut self, name: &'static str, value: &'static str, number: u64) {
        self.0.labels.push(Label { name, value, number });
    }

    /// Copies a text and says how long it has become.
    #[inline]
    fn spell(&mut self, text: &str) -> u64 {
        let text = match text.len() {
            0..=LONGEST => text,
            _ => &text[..text.floor_char_boundary(LONGEST)],
        };
        self.0.texts.extend_from_slice(text.as_bytes());
        text.len() as u64
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.0.labels.clear();
        self.0.texts.clear();
    }

    /// Becomes the same as `other`, without an allocation where there is room.
    pub(super) fn copy(&mut self, other: &Self) {
        self.clear();
        self.0.labels.extend_from_slice(&other.0.labels);
        self.0.texts.extend_from_slice(&other.0.texts);
    }

    #[inline]
    pub(super) fn spelling(&self) -> &Spelling {
        &self.0
    }

    /// The attributes in the order of their names, each once: what was set last.
    pub(super) fn sorted(&self) -> Vec<KeyValue> {
        let (mut labels, mut texts) = (self.0.labels.iter(), &*self.0.texts);
        let mut attributes: Vec<KeyValue> = Vec::new();
        while let Some(attribute) = next(&mut labels, &mut texts) {
            match attributes.iter_mut().find(|known| known.key == attribute.key) {
                Some(known) => *known = attribute,
                None => attributes.push(attribute),
            }
        }
        attributes.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        attributes
    }
}

impl Spelling {
    /// A number that nearly always differs where this does, for a few instructions. Whoever can
    /// choose a text can choose that it does not.
    #[inline]
    pub(super) fn digest(&self) -> u64 {
        let texts = if self.texts.is_empty() { 0 } else { self.digest_of_texts() };
        self.labels.iter().fold(texts, |digest, label| {
            // Few have the same values by other names.
            mix(digest, (label.value.as_ptr().addr() as u64).wrapping_add(label.number))
        })
    }

    fn digest_of_texts(&self) -> u64 {
        let (words, rest) = self.texts.as_chunks();
        let words = words.iter().fold(0, |digest, word| mix(digest, u64::from_le_bytes(*word)));
        rest.iter().fold(words, |digest, byte| mix(digest, u64::from(*byte)))
    }
}

impl PartialEq for Spelling {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // Comparing nothing with nothing may take some processors longer than everything else here:
        // nothing lies nowhere, and they see to it that looking there does no harm.
        let same_texts = || self.texts.is_empty() || self.texts == other.texts;
        self.texts.len() == other.texts.len() && self.labels == other.labels && same_texts()
    }
}

impl Hash for Spelling {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.labels.hash(state);
        self.texts.hash(state);
    }
}

#[inline]
fn mix(digest: u64, word: u64) -> u64 {
    // The golden ratio, as in Fibonacci hashing.
    (digest.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Label {
    /// What differs where labels do.
    #[inline]
    fn words(&self) -> [u64; 4] {
        let [name, value] = [self.name, self.value].map(|text| text.as_ptr().addr() as u64);
        [name, self.name.len() as u64, value, self.number]
    }
}

impl PartialEq for Label {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let ([a, b, c, d], [w, x, y, z]) = (self.words(), other.words());
        // One branch for all of them.
        (a ^ w) | (b ^ x) | (c ^ y) | (d ^ z) == 0
    }
}

impl Eq for Label {}

impl Hash for Label {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().hash(state);
    }
}

fn next(labels: &mut slice::Iter<'_, Label>, texts: &mut &[u8]) -> Option<KeyValue> {
    let mut label = *labels.next()?;
    let name: Key = if label.value == NAME {
        let name = spelt(texts, label.number).into();
        label = *labels.next()?;
        name
    } else {
        label.name.into()
    };
    let value = match label.value {
        text if text == TEXT => Value::String(StringValue::from(spelt(texts, label.number))),
        text if text == NUMBER => Value::I64(label.number as i64),
        text if text == FRACTION => Value::F64(f64::from_bits(label.number)),
        text if text == TRUTH => Value::Bool(label.number == 1),
        text => text.into(),
    };
    Some(KeyValue::new(name, value))
}

fn spelt(texts: &mut &[u8], length: u64) -> String {
    let length = usize::try_from(length).unwrap_or_default();
    let (text, rest) = texts.split_at_checked(length).unwrap_or_default();
    *texts = rest;
    String::from_utf8_lossy(text).into_owned()
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
        attributes.fixed("c", "fixed");
        attributes.text("a", "last");
        let expected = [
            KeyValue::new("a", "last"),
            KeyValue::new("c", "fixed"),
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
            attributes
        };
        let (one, other) = ("one", "other");
        let keys = [
            key(&|_| {}),
            key(&|it| it.text(one, "1")),
            key(&|it| it.text(other, "1")),
            key(&|it| it.text(one, "12")),
            key(&|it| it.text(one, "2")),
            key(&|it| it.fixed(one, "1")),
            key(&|it| it.fixed(one, other)),
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
            let is_same = |other: &Attributes| other.spelling() == key.spelling();
            assert!(!keys[..place].iter().any(is_same), "{place}");
        }
        let (again, mut copy) = (key(&|it| it.text(one, "1")), keys[2].clone());
        copy.copy(&keys[1]);
        for same in [again, copy] {
            assert_eq!(same.spelling(), keys[1].spelling());
            assert_eq!(same.spelling().digest(), keys[1].spelling().digest());
        }
    }
}
