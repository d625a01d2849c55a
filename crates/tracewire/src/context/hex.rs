//! Fixed-width lower-case hexadecimal, as every trace-context format writes its ids.

/// Reads exactly `2 * N` lower-case hexadecimal digits; anything else is `None`.
pub(super) fn lower<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    read(digits, 0)
}

/// The same for digits whose number is known beforehand.
// Together with what becomes of the bytes it would be compiled to no vector instructions.
#[inline(never)]
pub(super) fn lower_exactly<const D: usize, const N: usize>(digits: &[u8; D]) -> Option<[u8; N]> {
    read_block(*digits, 0)
}

/// Reads exactly `2 * N` hexadecimal digits of either case; anything else is `None`.
pub(super) fn any_case<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    read(digits, CASE)
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

/// Bytes as lower-case hexadecimal, where their number is known beforehand.
// Together with what becomes of the digits it would be compiled to no vector instructions.
#[inline(never)]
pub(super) fn digits_of<const N: usize, const D: usize>(bytes: &[u8; N]) -> [u8; D] {
    const { assert!(D == 2 * N) };
    let mut digits = [0; D];
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(bytes) {
        let byte = u16::from(*byte);
        *pair = (byte >> 4 | (byte & 0x0f) << 8).to_le_bytes();
    }
    for digit in &mut digits {
        let letter = if *digit > 9 { b'a' - b'0' - 10 } else { 0 };
        *digit += b'0' + letter;
    }
    digits
}

/// A field of digits and ASCII separators, written byte by byte.
pub(super) fn text(ascii: &[u8]) -> &str {
    std::str::from_utf8(ascii).unwrap_or_default()
}

/// The bit that tells the cases of letters apart; digits have it.
const CASE: u8 = 0x20;

#[inline]
fn read<const N: usize>(digits: &[u8], ignored: u8) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let mut valid = true;
    for (digits, bytes) in digits.chunks(BLOCK).zip(bytes.chunks_mut(BLOCK / 2)) {
        let mut block = [b'0'; BLOCK];
        block[..digits.len()].copy_from_slice(digits);
        let block: Option<[u8; BLOCK / 2]> = read_block(block, ignored);
        valid &= block.is_some();
        bytes.copy_from_slice(&block.unwrap_or_default()[..bytes.len()]);
    }
    valid.then_some(bytes)
}

/// So many digits are read at a time, without a branch, for which there are vector instructions.
const BLOCK: usize = 32;

#[inline]
fn read_block<const D: usize, const N: usize>(mut digits: [u8; D], ignored: u8) -> Option<[u8; N]> {
    const { assert!(D == 2 * N && D.is_multiple_of(LANES)) };
    // Ten or more where something is no digit.
    let mut worst = [0; LANES];
    for lanes in digits.as_chunks_mut::<LANES>().0 {
        for (digit, worst) in lanes.iter_mut().zip(&mut worst) {
            // As signed bytes, of which there are instructions to compare vectors.
            let letter = if *digit as i8 > b'9' as i8 { 0xff } else { 0 };
            let folded = *digit | (ignored & letter);
            let rest = folded.wrapping_sub(b'0').wrapping_sub(letter & (b'a' - b'0'));
            *worst = u8::max(*worst, rest.saturating_add(letter & 4));
            *digit = rest.wrapping_add(letter & 10);
        }
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks().0) {
        let pair = u16::from_le_bytes(*pair);
        *byte = (pair << 4 | pair >> 8) as u8;
    }
    worst.iter().all(|worst| *worst < 10).then_some(bytes)
}

/// As many as one instruction of the processor takes.
const LANES: usize = 16;

/// The same byte in all eight places.
pub(super) const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The digits of eight values below sixteen.
fn digits(values: u64) -> u64 {
    let above_nine = ((values + each(6)) >> 4) & each(1);
    values + each(b'0') + above_nine * u64::from(b'a' - 10 - b'0')
}

/// Eight values below sixteen, taken apart.
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
