//! Consistent probabilities as numbers: thresholds and randomness of 56 bits.
//!
//! Everybody who decides about a trace compares the same randomness with a threshold of their own,
//! so whoever keeps less keeps a part of what whoever keeps more does. The specification is
//! OpenTelemetry's "TraceState: Probability Sampling".

use std::fmt;

use opentelemetry::trace::TraceId;

/// How many values randomness has.
const RANGE: u64 = 1 << 56;
/// The digits of a threshold, or of randomness, when all are written.
const DIGITS: u32 = 14;
/// How many digits follow the leading `f`s of a threshold that was a floating-point number; so many
/// are recommended for SDKs.
const PRECISION: u32 = 4;

/// How many of 2⁵⁶ traces are rejected: those whose randomness is below. Always less than all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sdk) struct Threshold(u64);

/// What all decisions about one trace are made by, from 0 to 2⁵⁶ − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sdk) struct Randomness(u64);

impl Threshold {
    /// Rejects nothing.
    pub(in crate::sdk) const ALWAYS: Self = Self(0);

    /// The threshold that keeps this share of all traces. `None` for zero, for less than 2⁻⁵⁶, which
    /// nothing can mean, and for what is no number. More than everything is everything.
    pub(in crate::sdk) fn of_probability(probability: f64) -> Option<Self> {
        Self::with_precision(probability, PRECISION)
    }

    fn with_precision(probability: f64, precision: u32) -> Option<Self> {
        // What is no number stays none.
        let probability = if probability > 1.0 { 1.0 } else { probability };
        let kept = (probability * RANGE as f64).round();
        if kept.is_nan() || kept < 1.0 {
            return None;
        }
        // A float of at most 2^56, which is exact.
        let threshold = RANGE - kept as u64;
        // As `frexp` has it: probability = m · 2^exponent with m from ½ to 1.
        let exponent = probability.log2().floor() as i32 + 1;
        let digits = precision + exponent.min(0).unsigned_abs() / 4;
        let Some(unwritten) = DIGITS.checked_sub(digits).filter(|digits| *digits > 0) else {
            return Some(Self(threshold));
        };
        let shift = 4 * unwritten;
        let rounded = ((threshold + (1 << (shift - 1))) >> shift) << shift;
        Some(Self(rounded.min(RANGE - 1)))
    }

    /// Reads 1 to 14 hexadecimal digits, to which zeros are added on the right.
    pub(in crate::sdk) fn parse(text: &str) -> Option<Self> {
        let digits = hex(text)?;
        let missing = DIGITS.checked_sub(u32::try_from(text.len()).ok()?)?;
        Some(Self(digits << (4 * missing)))
    }

    /// Whether a trace of this randomness is kept.
    pub(in crate::sdk) fn keeps(self, randomness: Randomness) -> bool {
        randomness.0 >= self.0
    }

    /// How many traces one that is kept stands for.
    pub(in crate::sdk) fn adjusted_count(self) -> f64 {
        RANGE as f64 / (RANGE - self.0) as f64
    }
}

/// As in `th`: hexadecimal, without the zeros on the right.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0");
        }
        let zeros = self.0.trailing_zeros() / 4;
        let width = (DIGITS - zeros) as usize;
        write!(f, "{:0width$x}", self.0 >> (4 * zeros))
    }
}

impl Randomness {
    /// Reads exactly 14 hexadecimal digits.
    pub(in crate::sdk) fn parse(text: &str) -> Option<Self> {
        hex(text).filter(|_| text.len() == DIGITS as usize).map(Self)
    }
}

/// The last seven bytes (W3C Trace Context level 2, "Random Trace ID Flag").
impl From<TraceId> for Randomness {
    fn from(id: TraceId) -> Self {
        let [_, _, _, _, _, _, _, _, _, low @ ..] = id.to_bytes();
        Self(low.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

/// 1 to 14 hexadecimal digits, in either case.
fn hex(text: &str) -> Option<u64> {
    let digits = (1..=DIGITS as usize).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { u64::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The table of the specification: one in N, with a precision of 3, 4 and 5.
    #[test]
    fn probabilities_become_the_thresholds_of_the_specification() {
        let cases = [
            (1.0, ["0", "0", "0"]),
            (2.0, ["8", "8", "8"]),
            (3.0, ["aab", "aaab", "aaaab"]),
            (4.0, ["c", "c", "c"]),
            (5.0, ["ccd", "cccd", "ccccd"]),
            (8.0, ["e", "e", "e"]),
            (10.0, ["e66", "e666", "e6666"]),
            (16.0, ["f", "f", "f"]),
            (100.0, ["fd71", "fd70a", "fd70a4"]),
            (1000.0, ["ffbe7", "ffbe77", "ffbe76d"]),
            (10_000.0, ["fff972", "fff9724", "fff97247"]),
            (100_000.0, ["ffff584", "ffff583a", "ffff583a5"]),
            (1_000_000.0, ["ffffef4", "ffffef39", "ffffef391"]),
        ];
        for (n, expected) in cases {
            let found = [3, 4, 5].map(|precision| {
                Threshold::with_precision(1.0 / n, precision).map(|found| found.to_string())
            });
            assert_eq!(found, expected.map(|text| Some(text.to_owned())), "1 in {n}");
        }
    }

    #[test]
    fn probabilities_have_limits() {
        let of = |probability| Threshold::of_probability(probability).map(|found| found.0);
        for nothing in [0.0, -0.0, -1.0, f64::NAN, f64::NEG_INFINITY, f64::MIN_POSITIVE, 1e-20] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
        for everything in [1.0, 1.5, f64::INFINITY, 0.999_999_999] {
            assert_eq!(of(everything), Some(0), "{everything}");
        }
        assert_eq!(of(0.5_f64.powi(56)), Some(RANGE - 1));
        assert_eq!(of(0.5_f64.powi(55)), Some(RANGE - 2));
        let least = Threshold(RANGE - 1);
        assert_eq!((least.adjusted_count(), least.to_string().len()), (2_f64.powi(56), 14));
    }

    #[test]
    fn thresholds_are_read_from_hexadecimal() {
        let cases = [
            ("0", Some(0)),
            ("00000000000000", Some(0)),
            ("c", Some(0xc0_0000_0000_0000)),
            ("C", Some(0xc0_0000_0000_0000)),
            ("01", Some(0x01_0000_0000_0000)),
            ("fd70a4", Some(0xfd_70a4_0000_0000)),
            ("ffffffffffffff", Some(RANGE - 1)),
            ("fffffffffffffff", None),
            ("000000000000000", None),
            ("", None),
            ("g", None),
            ("+1", None),
            (" 1", None),
            ("é", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Threshold::parse(text).map(|found| found.0), expected, "{text:?}");
        }
        assert_eq!(Randomness::parse("1234567890abcd"), Some(Randomness(0x12_3456_7890_abcd)));
        for wrong in ["1234567890abc", "1234567890abcde", "1234567890abcg", ""] {
            assert_eq!(Randomness::parse(wrong), None, "{wrong:?}");
        }
        let id = TraceId::from_bytes(std::array::from_fn(|index| index as u8 + 1));
        assert_eq!(Randomness::from(id), Randomness(0x0a_0b0c_0d0e_0f10));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(threshold in 0..RANGE) {
            let written = Threshold(threshold).to_string();
            prop_assert!(written == "0" || !written.ends_with('0'));
            prop_assert_eq!(Threshold::parse(&written), Some(Threshold(threshold)));
        }

        #[test]
        fn probability_and_threshold_agree(probability in 1e-9..=1.0_f64) {
            let threshold = Threshold::of_probability(probability).expect("a threshold");
            let kept = (RANGE - threshold.0) as f64 / RANGE as f64;
            let error = (kept - probability).abs() / probability;
            prop_assert!(error < 1.0 / 1024.0, "{probability} became {threshold}");
            let product = kept * threshold.adjusted_count();
            prop_assert!((product - 1.0).abs() < 1e-12);
        }

        #[test]
        fn who_keeps_more_keeps_all_that_others_keep(
            less in 0.0..=1.0_f64, more in 0.0..=1.0_f64, randomness in 0..RANGE,
        ) {
            let (less, more) = (less.min(more), less.max(more));
            let keeps = |probability| Threshold::of_probability(probability)
                .is_some_and(|threshold| threshold.keeps(Randomness(randomness)));
            prop_assert!(!keeps(less) || keeps(more));
        }

        #[test]
        fn any_text_can_be_read(text in "\\PC{0,20}") {
            let _ = (Threshold::parse(&text), Randomness::parse(&text));
        }
    }
}
