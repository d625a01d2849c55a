//! Durations as people write them.

use std::time::Duration;

const UNITS: [(&str, u128); 4] =
    [("ns", 1), ("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];

/// Three digits and a unit from `ns` to `s`, then minutes, hours and days.
pub(crate) fn duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos < 1_000 {
        return if nanos == 0 { "0".into() } else { format!("{nanos} ns") };
    }
    // A unit is used while the rounded number stays below a thousand of it, or a minute.
    for (unit, size) in &UNITS[1..] {
        let below = if *unit == "s" { 60 } else { 1_000 };
        for (digits, scale) in [(2, 100), (1, 10), (0, 1)] {
            let rounded = (nanos * scale + size / 2) / size;
            if rounded < 1_000 && rounded < below * scale {
                let (whole, rest) = (rounded / scale, rounded % scale);
                return match digits {
                    0 => format!("{whole} {unit}"),
                    _ => format!("{whole}.{rest:0digits$} {unit}"),
                };
            }
        }
    }
    let seconds = (nanos + 500_000_000) / 1_000_000_000;
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    match (hours, hours / 24) {
        (0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (_, 0) => format!("{hours}h {:02}m", minutes % 60),
        (_, days) => format!("{days}d {:02}h", hours % 24),
    }
}

/// A round number of nanoseconds, 1, 2 or 5 times a power of ten, that is at least `nanos`.
pub(crate) fn round_up(nanos: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for factor in [1, 2, 5] {
            let Some(step) = power.checked_mul(factor) else {
                return u64::MAX;
            };
            if step >= nanos {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// A mark on a time axis: like [`duration`] without digits that say nothing.
pub(crate) fn mark(nanos: u64) -> String {
    let label = duration(Duration::from_nanos(nanos));
    match label.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        for (nanos, shown) in [
            (0, "0"),
            (1, "1 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_994, "9.99 µs"),
            (9_995, "10.0 µs"),
            (99_950, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (999_499_999, "999 ms"),
            (999_500_000, "1.00 s"),
            (4_204_000_000, "4.20 s"),
            (59_949_999_999, "59.9 s"),
            (59_950_000_000, "1m 00s"),
            (3_599_400_000_000, "59m 59s"),
            (3_600_000_000_000, "1h 00m"),
            (90_000_000_000_000, "1d 01h"),
            (u64::MAX, "213503d 23h"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanos)), shown, "{nanos}");
        }
    }

    #[test]
    fn marks_are_short_and_steps_are_round() {
        for (nanos, shown) in
            [(1_000_000_000, "1 s"), (2_500_000, "2.5 ms"), (200_000, "200 µs"), (0, "0")]
        {
            assert_eq!(mark(nanos), shown);
        }
        for (nanos, step) in
            [(0, 1), (1, 1), (3, 5), (6, 10), (11, 20), (999, 1_000), (u64::MAX, u64::MAX)]
        {
            assert_eq!(round_up(nanos), step);
        }
    }
}
