//! When a failed attempt is made again.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use tokio::time::Instant;

use super::failure::{Again, Failure};

/// Attempts of one export, the first one included.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// No receiver gets to silence a process for longer than this.
const LONGEST_WISH: Duration = Duration::from_secs(300);

/// The attempts of one export.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    made: u32,
}

impl Retry {
    /// When to try again after this failure; `None` to give up.
    pub(crate) fn after(&mut self, failure: &Failure) -> Option<Instant> {
        self.made += 1;
        let pause = match failure.again() {
            Again::Never => return None,
            _ if self.made >= ATTEMPTS => return None,
            Again::Soon => pause(self.made, noise()),
            // Clients that were sent away together should not all come back together.
            Again::After(wish) => wish + FIRST_PAUSE.mul_f64(noise()),
        };
        Some(Instant::now() + pause)
    }
}

/// Twice as long each time, shortened at random by up to a half.
fn pause(made: u32, noise: f64) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << (made - 1).min(16)).min(LONGEST_PAUSE);
    longest.mul_f64(1.0 - noise / 2.0)
}

/// From 0 to 1, different from process to process.
fn noise() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    let random = RandomState::new().hash_one(0_u8);
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}

/// What `Retry-After` asks for, in seconds or as a date (RFC 9110 §10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wish = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            date.duration_since(SystemTime::now()).unwrap_or_default()
        }
    };
    Some(bounded(wish))
}

pub(crate) fn bounded(wish: Duration) -> Duration {
    wish.min(LONGEST_WISH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        let cases = [(1, 0.0, 100), (1, 1.0, 50), (2, 0.0, 200), (4, 0.0, 800), (40, 0.0, 5_000)];
        for (made, noise, milliseconds) in cases {
            assert_eq!(pause(made, noise), Duration::from_millis(milliseconds), "{made} {noise}");
        }
    }

    #[test]
    fn attempts_come_to_an_end() {
        let mut retry = Retry::default();
        let failure = Failure::new("x", Again::Soon);
        let again = (0..20).filter(|_| retry.after(&failure).is_some()).count();
        assert_eq!(again, 4);
        assert!(Retry::default().after(&Failure::new("x", Again::Never)).is_none());
    }

    #[test]
    fn wishes_are_read_and_bounded() {
        let cases = [
            ("3", Some(3)),
            (" 0 ", Some(0)),
            ("100000", Some(300)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(300)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, http::HeaderValue::from_static(text));
            assert_eq!(retry_after(&headers), seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
