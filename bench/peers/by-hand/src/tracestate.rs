//! `tracestate` of W3C Trace Context level 2 (§3.3).

use opentelemetry::trace::TraceState;

const MOST: usize = 32;
const LONGEST: usize = 256;
/// What is handed on at most (§3.3.1.5 asks for at least this much).
const LONGEST_LIST: usize = 512;

/// Reads the fields of a request as one list. An invalid one is none.
pub fn parse<'a>(fields: impl Iterator<Item = &'a [u8]>) -> TraceState {
    read(fields).unwrap_or_default()
}

fn read<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<TraceState> {
    let (mut members, mut count) = ([("", ""); MOST], 0);
    for field in fields {
        let mut rest = std::str::from_utf8(field).ok()?;
        while !rest.is_empty() {
            if let Some(b' ' | b'\t' | b',') = rest.as_bytes().first() {
                rest = &rest[1..];
                continue;
            }
            let (key, after) = rest.split_at(length_of(rest, KEY));
            let after = after.strip_prefix('=')?;
            let (value, after) = after.split_at(length_of(after, VALUE));
            let value = value.trim_end_matches(' ');
            let starts = class(*key.as_bytes().first()?) & KEY_START != 0;
            let fits = key.len() <= LONGEST && (1..=LONGEST).contains(&value.len());
            if !(starts && fits && matches!(after.as_bytes().first(), None | Some(b',' | b'\t'))) {
                return None;
            }
            // A later member of the same key is an older one.
            if members[..count].iter().all(|(known, _)| *known != key) {
                *members.get_mut(count)? = (key, value);
                count += 1;
            }
            rest = after;
        }
    }
    TraceState::from_key_value(members[..count].iter().copied()).ok()
}

fn length_of(text: &str, wanted: u8) -> usize {
    let end = text.bytes().position(|byte| class(byte) & wanted == 0);
    end.unwrap_or(text.len())
}

const KEY: u8 = 1;
const KEY_START: u8 = 2;
const VALUE: u8 = 4;

/// What a byte may be part of: a table, as comparing with every range costs more than a load.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' => KEY | KEY_START | VALUE,
            b'_' | b'-' | b'*' | b'/' | b'@' => KEY | VALUE,
            b',' | b'=' => 0,
            b' '..=b'~' => VALUE,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// What is written for a list, unless it is empty. Of one that is too long, as many members as fit.
pub fn format(state: &TraceState) -> Option<String> {
    // Exactly as long as it has to be, as a text with room for more is copied.
    let (mut count, mut length) = (0, 0);
    for (key, value) in state {
        let longer = length + usize::from(count > 0) + key.len() + 1 + value.len();
        if longer > LONGEST_LIST {
            break;
        }
        (count, length) = (count + 1, longer);
    }
    if count == 0 {
        return None;
    }
    let mut list = String::with_capacity(length);
    for (key, value) in state.into_iter().take(count) {
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(key);
        list.push('=');
        list.push_str(value);
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn a_list_is_read_or_none() {
        let many =
            |count: usize| (0..count).map(|it| format!("k{it}=v")).collect::<Vec<_>>().join(",");
        let (most, too_many) = (many(32), many(33));
        let cases: [(&[&str], Option<&str>); 12] = [
            (&["a=1,b=2"], Some("a=1,b=2")),
            (&["a=1", "b=2"], Some("a=1,b=2")),
            (&[" a=1 ,\tb=2 ,,"], Some("a=1,b=2")),
            (&["a=1 2"], Some("a=1 2")),
            (&["a=1,a=2"], Some("a=1")),
            (&["t@s=1"], Some("t@s=1")),
            (&[&most], Some(&most)),
            (&[&too_many], None),
            (&["A=1"], None),
            (&["a=1,b"], None),
            (&["a="], None),
            (&["a=1\tx"], None),
        ];
        for (fields, expected) in cases {
            let state = parse(fields.iter().map(|it| it.as_bytes()));
            assert_eq!(format(&state).as_deref(), expected, "{fields:?}");
        }
    }
}
