//! The rows of a waterfall: how wide each column is, and what stands in it.

use std::collections::HashMap;

use super::Waterfall;
use super::bar::Scale;
use super::columns::Columns;
use super::line::{Line, Style};
use crate::text::{self, clean, fit};
use crate::trace::{Root, Step, Trace};
use crate::units;

/// Between columns.
pub(super) const GAP: usize = 2;
/// Deeper levels are numbered instead of drawn, however wide the page.
pub(super) const MAX_LEVELS: usize = 40;

/// One trace laid out for a width.
pub(super) struct Table<'a> {
    rows: Vec<Row<'a>>,
    left_out: usize,
    columns: Columns,
    scale: Scale,
}

pub(super) struct Row<'a> {
    pub(super) step: Step<'a>,
    /// For each ancestor below the root, outermost first: whether it has a later sibling.
    open: Vec<bool>,
    pub(super) service: String,
    slowest: bool,
    /// The service's place among the trace's services.
    color: usize,
    operation: String,
    note: String,
    pub(super) duration: String,
}

// === impl Table ===

impl<'a> Table<'a> {
    pub(super) fn new(trace: &'a Trace, width: usize, limit: usize) -> Self {
        let colors: HashMap<_, _> = trace.services().into_iter().zip(0..).collect();
        let slowest = trace.bottleneck().map(|node| node.span_id);
        let mut open = Vec::new();
        let rows: Vec<_> = trace
            .walk()
            .take(limit)
            .map(|step| {
                open.truncate(step.depth.saturating_sub(1));
                let mut row = Row::new(step, &open[..open.len().min(MAX_LEVELS)], &colors);
                row.slowest = slowest == Some(step.node.span_id);
                if step.depth > 0 {
                    open.push(!step.last);
                }
                row
            })
            .collect();
        let columns = Columns::fit(&rows, width);
        Self {
            left_out: trace.len() - rows.len(),
            scale: Scale::new(trace.start(), trace.end(), columns.bar),
            rows,
            columns,
        }
    }

    pub(super) fn lines(&self, settings: &Waterfall) -> impl Iterator<Item = Line> {
        let axis = (self.columns.bar > 0).then(|| self.axis(settings.line()));
        let rows =
            self.rows.iter().map(|row| row.draw(settings.line(), &self.columns, &self.scale));
        let rest = (self.left_out > 0).then(|| {
            let mut line = settings.line();
            line.push(Style::Dim, &format!("… and {} more", self.left_out));
            line
        });
        axis.into_iter().chain(rows).chain(rest)
    }

    /// Times at round numbers above the bars, as close together as their labels allow.
    fn axis(&self, mut line: Line) -> Line {
        let (scale, begin) = (&self.scale, self.columns.before_bar());
        let at_most = (scale.columns() / (2 + GAP)).max(1) as u64;
        let mut step = units::round_up(scale.duration() / at_most);
        while step <= scale.duration().min(u64::MAX - 1)
            && scale.column(step) < widest_mark(scale.duration(), step) + GAP
        {
            step = units::round_up(step.saturating_add(1));
        }
        for time in marks(scale.duration(), step) {
            let (column, label) = (scale.column(time), units::mark(time));
            if column + text::width(&label) <= scale.columns() {
                line.pad_to(begin + column);
                line.push(Style::Dim, &label);
            }
        }
        line
    }
}

// === impl Row ===

impl<'a> Row<'a> {
    fn new(step: Step<'a>, open: &[bool], colors: &HashMap<&str, usize>) -> Self {
        let node = step.node;
        let place = match node.root() {
            Some(Root::Orphan) => Some("(parent missing)"),
            Some(Root::Cycle) => Some("(parents in a circle)"),
            _ => None,
        };
        let note: Vec<_> = node.error().into_iter().chain(place).map(clean).collect();
        Self {
            step,
            open: open.to_vec(),
            service: clean(node.service_name()),
            slowest: false,
            color: colors.get(node.service_name()).copied().unwrap_or(0),
            operation: clean(&node.name),
            note: note.join("  "),
            duration: units::duration(node.duration()),
        }
    }

    /// The columns that show the whole operation.
    pub(super) fn needs(&self, indent: usize) -> usize {
        let cross = if self.step.node.is_error() { 2 } else { 0 };
        self.step.depth * indent + cross + text::width(&self.operation)
    }

    /// The columns that show the note too.
    pub(super) fn wants(&self, indent: usize) -> usize {
        let note = text::width(&self.note);
        self.needs(indent) + if note > 0 { GAP + note } else { 0 }
    }

    fn draw(&self, mut line: Line, columns: &Columns, scale: &Scale) -> Line {
        let failed = self.step.node.is_error();
        let colored = if failed { Style::Error } else { Style::Service(self.color) };
        if columns.service > 0 {
            line.push(Style::Service(self.color), &fit(&self.service, columns.service));
            line.pad_to(columns.service + GAP);
        }
        self.draw_operation(&mut line, columns);
        if columns.bar > 0 {
            let (lead, bar) = scale.bar(self.step.node.start, self.step.node.end);
            line.pad_to(columns.before_bar() + lead);
            line.push(colored, &bar);
        }
        if columns.duration > 0 {
            line.pad_to(columns.before_duration() + columns.duration - text::width(&self.duration));
            line.push(Style::Plain, &self.duration);
        }
        line
    }

    fn draw_operation(&self, line: &mut Line, columns: &Columns) {
        let mut room = columns.operation;
        let mut push = |line: &mut Line, style, piece: &str| {
            let piece = fit(piece, room);
            room -= text::width(&piece);
            line.push(style, &piece);
        };
        push(line, Style::Dim, &self.tree(columns));
        let failed = self.step.node.is_error();
        let style = match (failed, self.slowest) {
            (true, _) => Style::Error,
            (false, true) => Style::Bold,
            (false, false) => Style::Plain,
        };
        if failed {
            push(line, style, "✗ ");
        }
        push(line, style, &self.operation);
        if !self.note.is_empty() {
            push(line, Style::Plain, "  ");
            push(line, if failed { Style::Error } else { Style::Dim }, &self.note);
        }
    }

    fn tree(&self, columns: &Columns) -> String {
        let (indent, depth) = (columns.indent, self.step.depth);
        if depth > columns.levels {
            return format!(
                "{:>1$} ",
                format!("⋮{depth}"),
                (columns.levels * indent).saturating_sub(1)
            );
        }
        let mut tree = String::new();
        for open in &self.open {
            tree.push(if *open { '│' } else { ' ' });
            tree.extend(std::iter::repeat_n(' ', indent - 1));
        }
        if depth > 0 {
            tree.push(if self.step.last { '└' } else { '├' });
            tree.push_str(match indent {
                0 | 1 => "",
                2 => " ",
                _ => "─ ",
            });
        }
        tree
    }
}

fn marks(duration: u64, step: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(0), move |time: &u64| time.checked_add(step))
        .take_while(move |time| *time <= duration)
}

fn widest_mark(duration: u64, step: u64) -> usize {
    let labels = marks(duration, step).map(|time| text::width(&units::mark(time)));
    labels.max().unwrap_or(0)
}
