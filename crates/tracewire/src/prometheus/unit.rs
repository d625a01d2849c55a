//! Units as Prometheus has them: words, by OpenTelemetry's rules of compatibility.

use std::borrow::Cow;

use super::name::legal;

/// The word for a unit. What is counted, in braces, is no unit; what has no word stands as it is.
pub(super) fn word(unit: &str) -> Option<Cow<'static, str>> {
    let unit = without_braces(unit);
    match unit.split_once('/') {
        None => single(&unit),
        Some((of, each)) => {
            let each = per(each.trim()).or_else(|| single(each))?;
            Some(match single(of) {
                Some(of) => format!("{of}_per_{each}").into(),
                None => format!("per_{each}").into(),
            })
        }
    }
}

fn without_braces(unit: &str) -> String {
    let mut depth = 0_usize;
    let mut plain = String::new();
    for character in unit.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            other if depth == 0 => plain.push(other),
            _ => {}
        }
    }
    plain
}

fn single(unit: &str) -> Option<Cow<'static, str>> {
    let word = match unit.trim() {
        "" | "1" => return None,
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" | "kBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        other => {
            let other = legal(other);
            let other = other.trim_matches('_');
            return (!other.is_empty()).then(|| other.to_owned().into());
        }
    };
    Some(word.into())
}

/// What something is for each of.
fn per(unit: &str) -> Option<Cow<'static, str>> {
    let word = match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        _ => return None,
    };
    Some(word.into())
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn units_become_words() {
        for (unit, expected) in [
            ("s", Some("seconds")),
            ("By", Some("bytes")),
            ("{request}", None),
            ("", None),
            ("1", None),
            ("%", Some("percent")),
            ("By/s", Some("bytes_per_second")),
            ("{packet}/s", Some("per_second")),
            ("km/{hour}", None),
            ("1/m", Some("per_minute")),
            ("degrees!", Some("degrees")),
            ("***", None),
            ("}{{", None),
            ("/", None),
        ] {
            assert_eq!(word(unit).as_deref(), expected, "{unit}");
        }
    }
}
