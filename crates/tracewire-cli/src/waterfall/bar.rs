//! A stretch of time as a bar, exact to an eighth of a column where the glyphs allow.

const LEFT: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const FULL: char = '█';
const RIGHT_HALF: char = '▐';
const RIGHT_EDGE: char = '▕';

/// A time scale over a number of columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    start: u64,
    duration: u64,
    columns: usize,
}

// === impl Scale ===

impl Scale {
    pub(super) fn new(start: u64, end: u64, columns: usize) -> Self {
        Self { start, duration: end.saturating_sub(start), columns }
    }

    pub(super) fn duration(&self) -> u64 {
        self.duration
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// The column in which an offset from the scale's start lies.
    pub(super) fn column(&self, offset: u64) -> usize {
        self.eighths(self.start.saturating_add(offset)) / 8
    }

    /// Blanks, then the bar; always at least one glyph, never more than the columns.
    ///
    /// Ends are exact to an eighth of a column. Starts are to a half, as only left parts of a block have glyphs.
    pub(super) fn bar(&self, start: u64, end: u64) -> (usize, String) {
        if self.columns == 0 {
            return (0, String::new());
        }
        let (from, to) = (self.eighths(start), self.eighths(end.max(start)));
        // A bar shorter than an eighth is drawn as one.
        let from = from.min(self.columns * 8 - 1);
        let to = to.max(from + 1);
        let (first, into) = (from / 8, from % 8);
        if to <= (first + 1) * 8 {
            return (first, inside_one(into, to - from).to_string());
        }
        let (lead, open) = match into {
            0..=1 => (first, None),
            2..=5 => (first, Some(RIGHT_HALF)),
            _ => (first, Some(RIGHT_EDGE)),
        };
        let begun = lead + usize::from(open.is_some());
        let mut bar: String = open.into_iter().collect();
        bar.extend(std::iter::repeat_n(FULL, (to / 8).saturating_sub(begun)));
        if to % 8 > 0 {
            bar.push(LEFT[to % 8]);
        }
        (lead, bar)
    }

    fn eighths(&self, time: u64) -> usize {
        let all = self.columns * 8;
        let offset = u128::from(time.saturating_sub(self.start));
        match (offset * all as u128).checked_div(u128::from(self.duration)) {
            Some(eighths) => usize::try_from(eighths).unwrap_or(all).min(all),
            None => 0,
        }
    }
}

/// The glyph for a bar that begins and ends in the same column.
fn inside_one(into: usize, length: usize) -> char {
    match (into, length) {
        (_, 8..) => FULL,
        (4.., 3..) => RIGHT_HALF,
        (5.., _) => RIGHT_EDGE,
        _ => LEFT[length],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_and_end_where_the_time_does() {
        let scale = Scale::new(1_000, 1_800, 10);
        for (start, end, drawn) in [
            (1_000, 1_800, "██████████"),
            (1_000, 1_400, "█████"),
            (1_400, 1_800, "     █████"),
            (1_000, 1_410, "█████▏"),
            (1_000, 1_470, "█████▉"),
            (1_040, 1_160, "▐█"),
            (1_070, 1_160, "▕█"),
            (1_000, 1_001, "▏"),
            (1_000, 1_000, "▏"),
            (1_000, 1_030, "▍"),
            (1_050, 1_055, "▕"),
            (1_800, 1_800, "         ▕"),
            (1_790, 9_999, "         ▕"),
            (0, 9_999, "██████████"),
            (1_700, 1_600, "        ▕"),
        ] {
            let (lead, bar) = scale.bar(start, end);
            assert_eq!(format!("{}{bar}", " ".repeat(lead)), drawn, "{start} to {end}");
        }
    }

    #[test]
    fn a_scale_of_no_time_or_no_columns_is_drawn_too() {
        assert_eq!(Scale::new(5, 5, 10).bar(5, 5), (0, "▏".to_owned()));
        assert_eq!(Scale::new(5, 9, 0).bar(5, 9), (0, String::new()));
        assert_eq!(Scale::new(0, u64::MAX, 10).bar(u64::MAX, 0).1, "▕");
    }
}
