//! `traceparent`, version 00, of W3C Trace Context level 2 (§3.2), read and written by its fixed places.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

/// Of version 00: `vv-tttttttttttttttttttttttttttttttt-pppppppppppppppp-ff`.
const LENGTH: usize = 55;
/// `sampled` and `random`.
const FLAGS: u8 = 3;

/// Reads a field value. Higher versions are read as far as they are known.
pub fn parse(value: &[u8]) -> Option<(TraceId, SpanId, TraceFlags)> {
    let value = value.trim_ascii();
    let (fields, rest) = value.split_at_checked(LENGTH)?;
    let fields: &[u8; LENGTH] = fields.try_into().ok()?;
    let mut digits = [b'0'; 64];
    digits[..32].copy_from_slice(&fields[3..35]);
    digits[32..48].copy_from_slice(&fields[36..52]);
    digits[48..50].copy_from_slice(&fields[..2]);
    digits[50..52].copy_from_slice(&fields[53..]);
    let bytes = bytes_of(&digits)?;
    let (version, flags) = (bytes[24], bytes[25]);
    let separated = fields[2] == b'-' && fields[35] == b'-' && fields[52] == b'-';
    let fits = rest.is_empty() || (version != 0 && rest[0] == b'-');
    let trace = TraceId::from_bytes(*bytes.first_chunk()?);
    let span = SpanId::from_bytes(*bytes[16..].first_chunk()?);
    let valid = trace != TraceId::INVALID && span != SpanId::INVALID;
    (separated && fits && valid && version != 0xff)
        .then(|| (trace, span, TraceFlags::new(flags & FLAGS)))
}

/// Lower-case hexadecimal digits as bytes, in loops without a branch, which the compiler makes vectors of.
fn bytes_of(digits: &[u8; 64]) -> Option<[u8; 32]> {
    let (mut nibbles, mut bad) = ([0_u8; 64], 0_u8);
    for (nibble, digit) in nibbles.iter_mut().zip(digits) {
        let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
        let (is_number, is_letter) = (u8::from(number < 10), u8::from(letter < 6));
        *nibble = if is_number == 1 { number } else { letter.wrapping_add(10) };
        bad |= (is_number | is_letter) ^ 1;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(nibbles.as_chunks().0) {
        let pair = u16::from_le_bytes(*pair);
        *byte = ((pair << 4) | (pair >> 8)) as u8;
    }
    (bad == 0).then_some(bytes)
}

/// What is written for a span.
pub fn format(span: &SpanContext) -> [u8; LENGTH] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&span.trace_id().to_bytes());
    bytes[16..24].copy_from_slice(&span.span_id().to_bytes());
    bytes[24] = span.trace_flags().to_u8() & FLAGS;
    let mut digits = [0; 64];
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(bytes.map(u16::from)) {
        *pair = ((byte >> 4) | ((byte & 0xf) << 8)).to_le_bytes();
    }
    for digit in &mut digits {
        *digit += if *digit < 10 { b'0' } else { b'a' - 10 };
    }
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    text[3..35].copy_from_slice(&digits[..32]);
    text[36..52].copy_from_slice(&digits[32..48]);
    text[53..].copy_from_slice(&digits[48..50]);
    text
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceState;

    use super::{SpanContext, format, parse};

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

    #[test]
    fn what_is_read_is_written() {
        let (trace, span, flags) = parse(VALID.as_bytes()).unwrap();
        let span = SpanContext::new(trace, span, flags, true, TraceState::NONE);
        assert_eq!(format(&span), *VALID.as_bytes());
        let later = VALID.replacen("00", "cc", 1) + "-what-comes-later";
        assert!(parse(later.as_bytes()).is_some());
        assert!(parse(format!(" {VALID}\t").as_bytes()).is_some());
    }

    #[test]
    fn what_is_invalid_is_none() {
        let changed = |from, to| VALID.replacen(from, to, 1);
        let invalid = [
            String::new(),
            VALID[..54].to_owned(),
            format!("{VALID}-"),
            changed("00", "ff"),
            changed("00", "cc") + "x",
            changed("0af7", "0aF7"),
            changed("0af7", "0ag7"),
            changed("0af7", "0a:7"),
            changed("0af7", "0a`7"),
            changed("-b7ad", "_b7ad"),
            changed("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            changed("b7ad6b7169203331", &"0".repeat(16)),
        ];
        for value in invalid {
            assert_eq!(parse(value.as_bytes()), None, "{value}");
        }
    }
}
