//! Which format is asked for.

use http::HeaderMap;
use http::header::ACCEPT;

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus's text format, version 0.0.4: no exemplars.
    Text,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format that the `Accept` headers like best; OpenMetrics of two that are liked as much.
    /// Text where neither is asked for by name: that is for people.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let (mut text, mut open) = (0, 0);
        for value in headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
            for range in value.split(',') {
                match Range::parse(range) {
                    Some(Range { format: Self::Text, liking }) => text = text.max(liking),
                    Some(Range { format: Self::OpenMetrics, liking }) => open = open.max(liking),
                    None => {}
                }
            }
        }
        if open > 0 && open >= text { Self::OpenMetrics } else { Self::Text }
    }
}

/// One of the types that are asked for, and how much it is liked, in thousandths.
struct Range {
    format: Format,
    liking: u16,
}

impl Range {
    fn parse(range: &str) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next()?;
        let (format, version) = if kind.eq_ignore_ascii_case("application/openmetrics-text") {
            (Format::OpenMetrics, "1.0.0")
        } else if kind.eq_ignore_ascii_case("text/plain") {
            (Format::Text, "0.0.4")
        } else {
            return None;
        };
        let mut liking = 1_000;
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("q") {
                liking = thousandths(value)?;
            } else if name.eq_ignore_ascii_case("version") && value != version {
                return None;
            }
        }
        Some(Self { format, liking })
    }
}

/// A weight between 0 and 1 with at most three decimals; RFC 9110, section 12.4.2.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let whole: u16 = match whole {
        "0" => 0,
        "1" => 1_000,
        _ => return None,
    };
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    Some(whole + decimals).filter(|weight| *weight <= 1_000)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_format_that_is_liked_best_is_taken() {
        const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let cases: &[(&[&str], Format)] = &[
            (&[], Format::Text),
            (&[""], Format::Text),
            (&["*/*"], Format::Text),
            (&["text/html,application/xhtml+xml,*/*;q=0.8"], Format::Text),
            (&["image/png"], Format::Text),
            (&["text/plain"], Format::Text),
            (&["application/openmetrics-text"], Format::OpenMetrics),
            (&["Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8"], Format::OpenMetrics),
            (&["application/openmetrics-text;version=0.0.1"], Format::Text),
            (&["application/openmetrics-text;version=\"1.0.0\""], Format::OpenMetrics),
            (&[PROMETHEUS], Format::OpenMetrics),
            (&["application/openmetrics-text;q=0.5,text/plain;version=0.0.4;q=0.6"], Format::Text),
            (&["application/openmetrics-text;q=0.5", "text/plain;q=0.5"], Format::OpenMetrics),
            (&["application/openmetrics-text;q=0.50,text/plain;q=0.499"], Format::OpenMetrics),
            (&["application/openmetrics-text;q=0"], Format::Text),
            (&["application/openmetrics-text;q=0.000,*/*"], Format::Text),
            (&["application/openmetrics-text;q=1.001"], Format::Text),
            (&["application/openmetrics-text;q=none"], Format::Text),
            (&["application/openmetrics-text;q="], Format::Text),
            (&[";;;=,,q=1", "application/openmetrics-text ; q = 0.1"], Format::OpenMetrics),
        ];
        for (values, expected) in cases {
            let mut headers = HeaderMap::new();
            for value in *values {
                headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(Format::wanted(&headers), *expected, "{values:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_bytes(&[0xFF]).unwrap());
        assert_eq!(Format::wanted(&headers), Format::Text);
    }
}
