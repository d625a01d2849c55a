//! One line of output that cannot grow wider than it may.

use std::fmt::Write;

use crate::text;

/// How a piece of a line looks where colours are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bold,
    Dim,
    Error,
    /// The n-th service's own colour.
    Service(usize),
}

/// A line under construction; what would go beyond its width is cut off.
#[derive(Debug)]
pub(super) struct Line {
    out: String,
    used: usize,
    width: usize,
    colors: bool,
}

/// Foreground colours that keep apart on light and dark ground; red is left to errors.
const PALETTE: [u8; 10] = [36, 35, 34, 32, 33, 96, 95, 94, 92, 93];

// === impl Line ===

impl Line {
    pub(super) fn new(width: usize, colors: bool) -> Self {
        Self { out: String::new(), used: 0, width, colors }
    }

    /// How many columns are left.
    pub(super) fn room(&self) -> usize {
        self.width - self.used
    }

    /// Adds text that is clean, cutting it to the room there is.
    pub(super) fn push(&mut self, style: Style, text: &str) {
        let width = text::width(text);
        if width <= self.room() {
            self.write(style, text, width);
        } else if self.room() > 0 {
            let cut = text::fit(text, self.room());
            self.write(style, &cut, self.width - self.used);
        }
    }

    /// Fills with blanks up to a column.
    pub(super) fn pad_to(&mut self, column: usize) {
        while self.used < column.min(self.width) {
            self.out.push(' ');
            self.used += 1;
        }
    }

    /// The line without trailing blanks.
    pub(super) fn finish(mut self) -> String {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out
    }

    fn write(&mut self, style: Style, text: &str, width: usize) {
        self.used += width;
        let code = match style {
            Style::Plain => None,
            Style::Bold => Some(1),
            Style::Dim => Some(2),
            Style::Error => Some(31),
            Style::Service(n) => PALETTE.get(n % PALETTE.len()).copied(),
        };
        match code.filter(|_| self.colors && !text.is_empty()) {
            // Writing to a string cannot fail.
            Some(code) => drop(write!(self.out, "\x1b[{code}m{text}\x1b[0m")),
            None => self.out.push_str(text),
        }
    }
}
