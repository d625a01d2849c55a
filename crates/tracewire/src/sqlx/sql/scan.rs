//! Where a run, a string, a comment or a number ends: the lexer's only loops over bytes.
//!
//! Every function takes the whole text and a position in it, and answers with a position that is no further than the
//! text's end: there ends what is never closed.

/// The end of the run of bytes from `at` that satisfy `accept`.
pub(super) fn run(bytes: &[u8], at: usize, accept: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let length = rest.iter().position(|&byte| !accept(byte));
    let end = length.map_or(bytes.len(), |length| at + length);
    steps::count(end.saturating_sub(at));
    end
}

/// The end of a string whose opening `quote` ends at `at`, and whether it was closed.
///
/// A doubled quote stands for itself, and with `backslash` so does any byte after a backslash.
pub(super) fn quoted(bytes: &[u8], mut at: usize, quote: u8, backslash: bool) -> (usize, bool) {
    loop {
        at = run(bytes, at, |byte| byte != quote && !(backslash && byte == b'\\'));
        match (bytes.get(at), bytes.get(at + 1)) {
            (None, _) | (Some(b'\\'), None) => return (bytes.len(), false),
            (Some(&byte), next) if byte == quote && next != Some(&quote) => return (at + 1, true),
            _ => at += 2,
        }
    }
}

/// The end of a block comment opened before `at`; with `nested`, comments inside count.
pub(super) fn block_comment(bytes: &[u8], mut at: usize, nested: bool) -> usize {
    let mut depth = 1_usize;
    loop {
        at = run(bytes, at, |byte| byte != b'*' && byte != b'/');
        match (bytes.get(at), bytes.get(at + 1)) {
            (None, _) => return bytes.len(),
            (Some(b'*'), Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            (Some(b'/'), Some(b'*')) if nested => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
}

/// The end of a string closed by `close`, which is not empty, searched from `at`.
pub(super) fn until(bytes: &[u8], mut at: usize, close: &[u8]) -> usize {
    let Some(&first) = close.first() else {
        return at;
    };
    loop {
        at = run(bytes, at, |byte| byte != first);
        let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else {
            return bytes.len();
        };
        let same = rest.iter().zip(close).take_while(|(a, b)| a == b).count();
        steps::count(same);
        if same == close.len() {
            return at + same;
        }
        at += 1;
    }
}

/// The end of a number's own characters from `at`: integer, decimal, exponent, or `0x`/`0b`/`0o` with its digits.
pub(super) fn number(bytes: &[u8], at: usize) -> usize {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let prefixed =
        byte(at) == b'0' && matches!(byte(at + 1), b'x' | b'X' | b'b' | b'B' | b'o' | b'O');
    if prefixed && (byte(at + 2).is_ascii_hexdigit() || byte(at + 2) == b'_') {
        return run(bytes, at + 2, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    let digits = |at| run(bytes, at, |byte| byte.is_ascii_digit() || byte == b'_');
    let mut end = digits(at);
    if byte(end) == b'.' && byte(end + 1) != b'.' {
        end = digits(end + 1);
    }
    if matches!(byte(end), b'e' | b'E') {
        let exponent = end + 1 + usize::from(matches!(byte(end + 1), b'+' | b'-'));
        if byte(exponent).is_ascii_digit() {
            end = digits(exponent);
        }
    }
    end
}

/// Counts the bytes looked at while the crate's own tests run, to show that the work is linear.
#[cfg(not(test))]
mod steps {
    pub(super) const fn count(_: usize) {}
}

#[cfg(test)]
pub(super) mod steps {
    use std::cell::Cell;

    thread_local!(static STEPS: Cell<usize> = const { Cell::new(0) });

    pub(in super::super) fn count(bytes: usize) {
        STEPS.set(STEPS.get() + bytes + 1);
    }

    pub(in super::super) fn take() -> usize {
        STEPS.take()
    }
}
