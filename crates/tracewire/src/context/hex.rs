//! Fixed-width lower-case hexadecimal, as every trace-context format writes its ids.

/// Reads exactly `2 * N` lower-case hexadecimal digits; anything else is `None`.
pub(super) fn lower<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    read(digits, LOWER)
}

/// Reads exactly `2 * N` hexadecimal digits of either case; anything else is `None`.
pub(super) fn any_case<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    read(digits, ANY_CASE)
}

/// Reads up to `2 * N` hexadecimal digits of either case, leading zeroes left out.
pub(super) fn padded<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.is_empty() || digits.len() > 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().rev().zip(digits.rchunks(2)) {
        [*byte] = match pair {
            [low] => any_case(&[b'0', *low])?,
            pair => any_case(pair)?,
        };
    }
    Some(bytes)
}

/// Writes bytes as lower-case hexadecimal into `out`, which is twice as long.
pub(super) fn write(bytes: &[u8], out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0x0f)];
    }
}

/// A field of digits and ASCII separators, written byte by byte.
pub(super) fn text(ascii: &[u8]) -> &str {
    std::str::from_utf8(ascii).unwrap_or_default()
}

/// Marks what is no digit. Its high bits survive the `|` of a whole field, so one test at the end
/// replaces one per digit.
const NO_DIGIT: u8 = 0xf0;
const LOWER: &[u8; 256] = &table(false);
const ANY_CASE: &[u8; 256] = &table(true);

const fn table(upper: bool) -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        if digit < 10 {
            table[(b'0' + digit) as usize] = digit;
        } else {
            table[(b'a' + digit - 10) as usize] = digit;
            if upper {
                table[(b'A' + digit - 10) as usize] = digit;
            }
        }
        digit += 1;
    }
    table
}

fn read<const N: usize>(digits: &[u8], table: &[u8; 256]) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let mut seen = 0;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (table[usize::from(pair[0])], table[usize::from(pair[1])]);
        seen |= high | low;
        *byte = (high << 4) | (low & 0x0f);
    }
    (seen < 0x10).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_goes_there_and_back() {
        for byte in 0..=u8::MAX {
            let mut out = [0; 2];
            write(&[byte], &mut out);
            assert_eq!(lower::<1>(&out), Some([byte]));
            assert_eq!(any_case::<1>(&out.to_ascii_uppercase()), Some([byte]));
        }
    }

    #[test]
    fn nothing_but_digits_is_read() {
        for byte in 0..=u8::MAX {
            let digit = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            assert_eq!(lower::<1>(&[b'0', byte]).is_some(), digit, "{byte:#x}");
            assert_eq!(lower::<1>(&[byte, b'0']).is_some(), digit, "{byte:#x}");
            assert_eq!(
                any_case::<1>(&[byte, byte]).is_some(),
                byte.is_ascii_hexdigit(),
                "{byte:#x}"
            );
        }
        assert_eq!(lower::<2>(b"abc"), None);
        assert_eq!(lower::<1>(b"abc"), None);
    }

    #[test]
    fn leading_zeroes_may_be_left_out() {
        let cases: [(&[u8], Option<[u8; 2]>); 10] = [
            (b"1", Some([0, 0x01])),
            (b"12", Some([0, 0x12])),
            (b"123", Some([0x01, 0x23])),
            (b"aBcD", Some([0xab, 0xcd])),
            (b"0000", Some([0, 0])),
            (b"", None),
            (b"00001", None),
            (b"1g", None),
            (b"g12", None),
            (b"-12", None),
        ];
        for (digits, expected) in cases {
            assert_eq!(padded(digits), expected, "{digits:?}");
        }
    }

    #[test]
    fn text_is_what_was_written() {
        let mut digits = *b"0000-00";
        write(&[0x0a, 0xff], &mut digits[..4]);
        write(&[0x01], &mut digits[5..]);
        assert_eq!(text(&digits), "0aff-01");
    }
}
