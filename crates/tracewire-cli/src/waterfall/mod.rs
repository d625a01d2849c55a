//! Draws a trace in the terminal: who did what, when, for how long.

mod bar;
mod columns;
mod line;
mod page;
mod table;

use std::io::IsTerminal;

use line::Line;
use page::Page;

use crate::trace::Trace;

/// Draws traces as text.
///
/// A heading, one row for each span (service, operation in its place in the tree, a bar on the trace's time scale,
/// duration), and lines below that name what failed first and what took longest. Errors are marked `✗`, and red where
/// colours are on. No line is wider than [`width`](Self::width) columns, and nothing in a trace can steer the terminal.
///
/// ```
/// use tracewire_cli::{Span, SpanId, Trace, TraceId, Waterfall};
///
/// let id = TraceId::from(1);
/// let trace = Trace::new(id, [
///     Span::new(id, SpanId::from(1), "POST /checkout").service("gateway").time(0, 4_000_000),
///     Span::new(id, SpanId::from(2), "POST /pay").service("payment").time(1_000_000, 4_000_000).parent(SpanId::from(1)),
/// ]);
///
/// let drawn = Waterfall::new().width(60).render(&trace);
/// assert_eq!(drawn, "\
/// Trace 00000000000000000000000000000001
/// 2 spans · 2 services · 4.00 ms
///
/// \x20                        0     1 ms   2 ms  3 ms
/// gateway  POST /checkout  ██████████████████████████  4.00 ms
/// payment  └─ POST /pay          ▐███████████████████  3.00 ms
///
/// Slowest: payment  POST /pay  3.00 ms of 4.00 ms (75 %)
/// ");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Waterfall {
    width: usize,
    colors: bool,
    rows: usize,
}

const WIDTH: usize = 100;
const ROWS: usize = 1_000;

// === impl Waterfall ===

impl Waterfall {
    /// 100 columns, no colours, at most 1000 rows.
    pub fn new() -> Self {
        Self { width: WIDTH, colors: false, rows: ROWS }
    }

    /// As suits this output and the environment: see [`from_vars`](Self::from_vars).
    ///
    /// ```no_run
    /// # fn show(trace: &tracewire_cli::Trace) {
    /// print!("{}", tracewire_cli::Waterfall::for_output(&std::io::stdout()).render(trace));
    /// # }
    /// ```
    pub fn for_output(output: &impl IsTerminal) -> Self {
        Self::from_vars(|name| std::env::var(name).ok(), output.is_terminal())
    }

    /// The width from `COLUMNS`, else 100; colours on a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    ///
    /// ```
    /// use tracewire_cli::Waterfall;
    ///
    /// let columns = |name: &str| (name == "COLUMNS").then(|| "72".to_owned());
    /// assert_eq!(Waterfall::from_vars(columns, false), Waterfall::new().width(72));
    /// assert_eq!(Waterfall::from_vars(columns, true), Waterfall::new().width(72).colors());
    /// ```
    pub fn from_vars(var: impl Fn(&str) -> Option<String>, terminal: bool) -> Self {
        let set = |name| var(name).filter(|value| !value.is_empty());
        let width = set("COLUMNS").and_then(|columns| columns.trim().parse().ok());
        Self {
            width: width.filter(|width| *width > 0).unwrap_or(WIDTH),
            colors: terminal
                && set("NO_COLOR").is_none()
                && set("TERM").is_none_or(|term| term != "dumb"),
            rows: ROWS,
        }
    }

    /// Sets the width, in columns of the terminal. Forty and more look well; less is kept to all the same.
    pub fn width(mut self, columns: usize) -> Self {
        self.width = columns;
        self
    }

    /// Colours the services, and errors red.
    pub fn colors(mut self) -> Self {
        self.colors = true;
        self
    }

    /// Draws without colours.
    pub fn plain(mut self) -> Self {
        self.colors = false;
        self
    }

    /// Sets how many spans are drawn of each trace; the rest are counted.
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }

    /// Draws one trace. Every line ends in a line feed.
    pub fn render(&self, trace: &Trace) -> String {
        self.render_linked(trace, &[])
    }

    /// Draws one trace and, below it, those of the others in which a span links to a span of it.
    ///
    /// Each has a time scale of its own, as a message may be taken up long after it was sent.
    pub fn render_linked(&self, trace: &Trace, others: &[Trace]) -> String {
        let mut page = Page::new(self);
        page.heading("Trace", trace, None);
        page.rows(trace);
        page.findings(trace);
        for other in others {
            if let Some(link) = trace.linked(std::slice::from_ref(other)).first() {
                page.blank();
                page.heading("Linked", other, Some(trace));
                page.link(link);
                page.rows(other);
            }
        }
        page.finish()
    }

    fn line(&self) -> Line {
        Line::new(self.width, self.colors)
    }
}

impl Default for Waterfall {
    fn default() -> Self {
        Self::new()
    }
}
