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
        let field = std::str::from_utf8(field).ok()?;
        for member in field.split(',').map(|it| it.trim_matches([' ', '\t'])) {
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            let starts = matches!(key.as_bytes().first(), Some(b'a'..=b'z' | b'0'..=b'9'));
            let valid = starts
                && key.len() <= LONGEST
                && key.bytes().all(is_of_key)
                && (1..=LONGEST).contains(&value.len())
                && value.bytes().all(is_of_value);
            if !valid {
                return None;
            }
            // A later member of the same key is an older one.
            if members[..count].iter().all(|(known, _)| *known != key) {
                *members.get_mut(count)? = (key, value);
                count += 1;
            }
        }
    }
    TraceState::from_key_value(members[..count].iter().copied()).ok()
}

fn is_of_key(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@')
}

fn is_of_value(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=')
}

/// What is written for a list that is not empty. Of one that is too long, as many members as fit.
pub fn format(state: &TraceState) -> Option<String> {
    let mut list = String::with_capacity(128);
    for (key, value) in state {
        if list.len() + key.len() + value.len() + 2 > LONGEST_LIST {
            break;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(key);
        list.push('=');
        list.push_str(value);
    }
    (!list.is_empty()).then_some(list)
}
