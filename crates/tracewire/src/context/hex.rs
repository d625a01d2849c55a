//! Fixed-width lower-case hexadecimal, as every trace-context format writes its ids.

/// Reads exactly `2 * N` lower-case hexadecimal digits; anything else is `None`.
pub(super) fn lower<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    read(digits, lower_word)
}

/// Reads exactly `2 * N` hexadecimal digits of either case; anything else is `None`.
pub(super) fn any_case<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    read(digits, any_case_word)
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
    let (words, rest) = bytes.as_chunks::<4>();
    let (texts, rest_of_text) = out.as_chunks_mut::<8>();
    for (word, text) in words.iter().zip(texts) {
        *text = digits(unpack(u32::from_be_bytes(*word))).to_be_bytes();
    }
    for (byte, pair) in rest.iter().zip(rest_of_text.chunks_exact_mut(2)) {
        pair.copy_from_slice(&digits(unpack(u32::from(*byte))).to_be_bytes()[6..]);
    }
}

/// A field of digits and ASCII separators, written byte by byte.
pub(super) fn text(ascii: &[u8]) -> &str {
    std::str::from_utf8(ascii).unwrap_or_default()
}

/// Eight digits at a time, for the ids that every request brings.
fn read<const N: usize>(digits: &[u8], digits_of: fn(u64) -> Option<u32>) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let (words, rest) = digits.as_chunks::<8>();
    let mut out = bytes.chunks_mut(4);
    for (word, out) in words.iter().zip(out.by_ref()) {
        out.copy_from_slice(&digits_of(u64::from_be_bytes(*word))?.to_be_bytes());
    }
    if let Some(out) = out.next() {
        let mut word = [b'0'; 8];
        word[8 - rest.len()..].copy_from_slice(rest);
        out.copy_from_slice(&digits_of(u64::from_be_bytes(word))?.to_be_bytes()[4 - out.len()..]);
    }
    Some(bytes)
}

/// The same byte in all eight places.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The value of eight digits, the first in the highest byte.
fn lower_word(word: u64) -> Option<u32> {
    // Letters, and they alone, have bit 6; what they stand for is nine more than their low bits.
    let letters = (word & each(0x40)) >> 6;
    let values = (word & each(0x0f)) + letters * 9;
    // What else has these bits is found out by writing the digits again.
    (digits(values) == word && values & each(0xf0) == 0).then(|| pack(values))
}

/// The digits of eight values below sixteen.
fn digits(values: u64) -> u64 {
    let above_nine = ((values + each(6)) >> 4) & each(1);
    values + each(b'0') + above_nine * u64::from(b'a' - 10 - b'0')
}

fn any_case_word(word: u64) -> Option<u32> {
    // Bit 5 is what tells the cases apart; digits and other bytes that have it keep it.
    lower_word(word | (word & each(0x40)) >> 1)
}

/// Eight values below sixteen, pushed together.
fn pack(values: u64) -> u32 {
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    (quads | quads >> 16) as u32
}

/// The other way round.
fn unpack(value: u32) -> u64 {
    let value = u64::from(value);
    let quads = (value | value << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (quads | quads << 8) & 0x00ff_00ff_00ff_00ff;
    (pairs | pairs << 4) & each(0x0f)
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
    fn every_place_of_a_long_field_counts() {
        let digits = *b"0123456789abcdef0123456789abcdef";
        let bytes = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128.to_be_bytes();
        assert_eq!(lower(&digits), Some(bytes));
        assert_eq!(any_case(&digits.to_ascii_uppercase()), Some(bytes));
        for place in 0..digits.len() {
            for byte in 0..=u8::MAX {
                let mut changed = digits;
                changed[place] = byte;
                let low = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                assert_eq!(lower::<16>(&changed).is_some(), low, "{place}: {byte:#x}");
                let high = byte.is_ascii_hexdigit();
                assert_eq!(any_case::<16>(&changed).is_some(), high, "{place}: {byte:#x}");
            }
        }
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
