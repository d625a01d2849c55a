//! What a drawing consists of: headings, tables of rows, and what they show in words.

use std::time::Duration;

use super::Waterfall;
use super::line::{Line, Style};
use super::table::Table;
use crate::span::Status;
use crate::text::{clean, fit};
use crate::trace::{Linked, Node, Trace};
use crate::units;

/// How many failures are named below the rows.
const FAILURES: usize = 3;

/// The drawing so far.
pub(super) struct Page<'a> {
    settings: &'a Waterfall,
    out: String,
}

// === impl Page ===

impl<'a> Page<'a> {
    pub(super) fn new(settings: &'a Waterfall) -> Self {
        Self { settings, out: String::new() }
    }

    pub(super) fn heading(&mut self, title: &str, trace: &Trace, after: Option<&Trace>) {
        let mut facts = vec![
            count(trace.len(), "span"),
            count(trace.services().len(), "service"),
            units::duration(trace.duration()),
        ];
        if let Some(first) = after {
            facts.push(offset(trace.start(), first.start()));
        }
        let facts = facts.join(" · ");
        let id = trace.id().to_string();
        let mut line = self.settings.line();
        line.push(Style::Plain, title);
        line.push(Style::Plain, " ");
        line.push(Style::Bold, &id);
        if line.room() < 3 + facts.chars().count() {
            self.put(line);
            line = self.settings.line();
        } else {
            line.push(Style::Dim, " · ");
        }
        line.push(Style::Dim, &facts);
        self.put(line);
    }

    pub(super) fn link(&mut self, link: &Linked<'_>) {
        let mut line = self.settings.line();
        line.push(Style::Plain, "  ");
        line.push(Style::Plain, &said(link.from));
        line.push(Style::Dim, "  →  ");
        line.push(Style::Plain, &said(link.to));
        self.put(line);
    }

    pub(super) fn rows(&mut self, trace: &Trace) {
        if trace.is_empty() {
            return;
        }
        self.blank();
        let table = Table::new(trace, self.settings.width, self.settings.rows);
        for line in table.lines(self.settings) {
            self.put(line);
        }
    }

    /// What the picture shows, in words.
    pub(super) fn findings(&mut self, trace: &Trace) {
        if trace.is_empty() {
            return;
        }
        self.blank();
        let mut failures = trace.error_sources();
        for node in failures.by_ref().take(FAILURES) {
            let mut line = self.settings.line();
            line.push(Style::Error, "✗ Failed: ");
            line.push(Style::Error, &said(node));
            line.push(Style::Error, "  ");
            line.push(Style::Error, &reason(node));
            self.put(line);
        }
        let more = failures.count();
        if more > 0 {
            let mut line = self.settings.line();
            line.push(Style::Error, &format!("✗ and {}", count(more, "more failure")));
            self.put(line);
        }
        if let Some(node) = trace.bottleneck() {
            let mut line = self.settings.line();
            line.push(Style::Plain, "Slowest: ");
            line.push(Style::Bold, &said(node));
            line.push(Style::Plain, "  ");
            line.push(Style::Plain, &share(node.self_time(), trace.duration()));
            self.put(line);
        }
        let roots = trace.roots().count();
        if roots > 1 {
            let mut line = self.settings.line();
            line.push(Style::Error, &format!("Not one tree: {roots} spans have no parent here."));
            self.put(line);
        }
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn put(&mut self, line: Line) {
        self.out.push_str(&line.finish());
        self.out.push('\n');
    }
}

fn said(node: Node<'_>) -> String {
    format!("{}  {}", fit(node.service_name(), 30), fit(&node.name, 60))
}

/// A failure in its own words, or, where it has but a code, in those of the nearest caller that has more to say.
fn reason(node: Node<'_>) -> String {
    let error = clean(node.error().unwrap_or_default());
    if says_why(node) {
        return error;
    }
    let callers = std::iter::successors(node.parent(), |caller| caller.parent());
    let told = callers.take_while(|caller| caller.is_error()).find(|caller| says_why(*caller));
    match told {
        Some(caller) => format!(
            "{error} ({}: {})",
            fit(&caller.name, 30),
            clean(caller.error().unwrap_or_default())
        ),
        None => error,
    }
}

fn says_why(node: Node<'_>) -> bool {
    matches!(&node.status, Status::Error { description } if !description.is_empty())
}

fn count(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {what}{plural}")
}

fn offset(start: u64, reference: u64) -> String {
    let by = units::duration(Duration::from_nanos(start.abs_diff(reference)));
    match start >= reference {
        true => format!("starts {by} after"),
        false => format!("starts {by} before"),
    }
}

fn share(part: Duration, whole: Duration) -> String {
    let (part_ns, whole_ns) = (part.as_nanos(), whole.as_nanos());
    let (part, whole) = (units::duration(part), units::duration(whole));
    match (part_ns * 100 + whole_ns / 2).checked_div(whole_ns) {
        Some(percent) => format!("{part} of {whole} ({percent} %)"),
        None => format!("{part} of {whole}"),
    }
}
