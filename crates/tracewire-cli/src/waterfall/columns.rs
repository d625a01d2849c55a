//! How the width of a page is shared out.

use super::table::{GAP, MAX_LEVELS, Row};
use crate::text;

/// A narrower bar says nothing; the room goes to the operation.
const MIN_BAR: usize = 8;

/// Widths, in columns of the terminal; zero for what is left out.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) service: usize,
    pub(super) operation: usize,
    pub(super) bar: usize,
    pub(super) duration: usize,
    /// The width of one level of the tree.
    pub(super) indent: usize,
    /// Levels drawn as a tree; deeper ones are numbered.
    pub(super) levels: usize,
}

// === impl Columns ===

impl Columns {
    pub(super) fn fit(rows: &[Row<'_>], width: usize) -> Self {
        let widest = |of: &dyn Fn(&Row<'_>) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let duration = widest(&|row| text::width(&row.duration)).max(7);
        let mut service = widest(&|row| text::width(&row.service)).min((width / 6).max(8));
        let mut room = width.saturating_sub(duration + GAP);
        // On a very narrow page only the operation and its duration stay.
        if service == 0 || room < 3 * service {
            service = 0;
        } else {
            room -= service + GAP;
        }
        let share = (room * 11 / 20).max(1);
        let indent = indent(rows, share);
        let mut operation = widest(&|row| row.wants(indent)).clamp(1, share);
        let mut bar = room.saturating_sub(operation + GAP);
        if bar < MIN_BAR {
            (operation, bar) = (room, 0);
        }
        Self {
            service,
            operation,
            bar,
            duration,
            indent,
            levels: (operation * 2 / 3 / indent).min(MAX_LEVELS),
        }
    }

    pub(super) fn before_bar(&self) -> usize {
        let service = if self.service > 0 { self.service + GAP } else { 0 };
        service + self.operation + GAP
    }

    pub(super) fn before_duration(&self) -> usize {
        match self.bar {
            0 => self.before_bar(),
            bar => self.before_bar() + bar + GAP,
        }
    }
}

/// The widest indent, of one to three columns, that cuts no name short, or else that leaves names half the room.
fn indent(rows: &[Row<'_>], room: usize) -> usize {
    let depth = rows.iter().map(|row| row.step.depth).max().unwrap_or(0);
    let whole = |indent: &usize| rows.iter().all(|row| row.needs(*indent) <= room);
    let half = |indent: &usize| depth * indent <= room / 2;
    let widest_first = || (1..=3).rev();
    let found = widest_first().find(whole).or_else(|| widest_first().find(half));
    found.unwrap_or(1)
}
