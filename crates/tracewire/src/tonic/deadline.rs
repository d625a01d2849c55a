//! How long a call may take, and whether that time is over.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName};

use crate::http::first;

static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The deadline of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// Reads `grpc-timeout`; `limit` is what the server or the channel allows besides. `None` when
    /// nobody says, in which case no clock is read either.
    pub(super) fn of(headers: &HeaderMap, limit: Option<Duration>) -> Option<Self> {
        let limit = shortest(headers, limit)?;
        // The two ends of a call do not start their clocks at the same moment, so the last sixteenth
        // counts as over. A deadline beyond all clocks is none.
        Instant::now().checked_add(limit - limit / 16).map(Self)
    }

    /// Whether the time is over.
    pub(super) fn has_passed(&self) -> bool {
        Instant::now() >= self.0
    }
}

fn shortest(headers: &HeaderMap, limit: Option<Duration>) -> Option<Duration> {
    let asked = first(headers, &GRPC_TIMEOUT).and_then(|value| parse(value.as_bytes()));
    asked.into_iter().chain(limit).min()
}

/// A `TimeoutValue` of at most eight digits and a `TimeoutUnit` (gRPC over HTTP2, "Requests").
fn parse(value: &[u8]) -> Option<Duration> {
    const LONGEST: usize = 8;
    let (unit, digits) = value.split_last()?;
    let valid = (1..=LONGEST).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(digits).ok().filter(|_| valid)?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};

    use super::{Deadline, parse, shortest};

    #[test]
    fn timeouts_are_digits_and_a_unit() {
        let cases = [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("4m", Some(Duration::from_millis(4))),
            ("5u", Some(Duration::from_micros(5))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("99999999H", Some(Duration::from_secs(359_999_996_400))),
            ("0S", Some(Duration::ZERO)),
            ("123456789n", None),
            ("+1S", None),
            ("-1S", None),
            ("1", None),
            ("S", None),
            ("1s", None),
            ("1 S", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(parse(b"\xff\xffS"), None);
    }

    #[test]
    fn the_shorter_time_holds() {
        let headers = |value| HeaderMap::from_iter([("grpc-timeout".parse().unwrap(), value)]);
        let asked = headers(HeaderValue::from_static("1S"));
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        assert_eq!(shortest(&asked, None), Some(second));
        assert_eq!(shortest(&asked, Some(hour)), Some(second));
        assert_eq!(shortest(&HeaderMap::new(), Some(hour)), Some(hour));
        assert_eq!(shortest(&HeaderMap::new(), None), None);
        assert_eq!(shortest(&headers(HeaderValue::from_static("soon")), None), None);
        assert!(!Deadline::of(&asked, None).unwrap().has_passed());
        assert!(Deadline::of(&asked, Some(Duration::ZERO)).unwrap().has_passed());
    }
}
