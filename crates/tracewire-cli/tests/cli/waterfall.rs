//! Whole drawings, at several widths, of good, bad and hostile traces.

use proptest::prelude::*;
use tracewire_cli::{Span, SpanId, SpanKind, Trace, TraceId, Waterfall};
use unicode_width::UnicodeWidthStr;

use crate::support::{span, span_of, trace};

fn checkout() -> Vec<Span> {
    vec![
        span(1, 0, "gateway", "POST /checkout", 0, 4203).kind(SpanKind::Server),
        span(2, 1, "gateway", "POST", 2, 4201).kind(SpanKind::Client),
        span(3, 2, "checkout", "POST /orders", 4, 4199).kind(SpanKind::Server),
        span(4, 3, "checkout", "GET", 10, 61).kind(SpanKind::Client),
        span(5, 4, "inventory", "GET /stock/{sku}", 12, 59).kind(SpanKind::Server),
        span(6, 3, "checkout", "POST", 145, 4198).kind(SpanKind::Client),
        span(7, 6, "payment", "POST /payments", 148, 4196).kind(SpanKind::Server),
        span(8, 7, "payment", "POST", 150, 4190).kind(SpanKind::Client),
        span(9, 8, "bank-api", "POST /authorize", 152, 4188).kind(SpanKind::Server),
        span(10, 9, "bank-api", "risk_score", 153, 540),
    ]
}

/// The bank answers 500, which payment explains.
fn failing() -> Vec<Span> {
    let fail = |(place, span): (usize, Span)| match place {
        5 => span.failed("").attribute("error.type", "402"),
        6 => span.failed("card declined: insufficient funds"),
        7 | 8 => span.failed("").attribute("error.type", "500"),
        _ => span,
    };
    checkout().into_iter().enumerate().map(fail).collect()
}

fn check(width: usize, spans: Vec<Span>, expected: &str) {
    let drawn = Waterfall::new().width(width).render(&trace(spans));
    assert!(drawn == expected, "at {width}:\n{drawn}\nexpected:\n{expected}");
    assert_no_wider(&drawn, width);
}

fn assert_no_wider(drawn: &str, width: usize) {
    for line in drawn.lines() {
        assert!(line.width() <= width, "{} > {width}: {line:?}", line.width());
    }
}

#[test]
fn a_trace_fits_every_width() {
    check(140, checkout(), "\
Trace 00000000000000000000000000000001 · 10 spans · 5 services · 4.20 s

\x20                                             0         500 ms    1 s       1.5 s     2 s       2.5 s     3 s       3.5 s     4 s
gateway    POST /checkout                     █████████████████████████████████████████████████████████████████████████████████████   4.20 s
gateway    └─ POST                            ████████████████████████████████████████████████████████████████████████████████████▉   4.20 s
checkout      └─ POST /orders                 ████████████████████████████████████████████████████████████████████████████████████▉   4.20 s
checkout         ├─ GET                       █▏                                                                                     51.0 ms
inventory        │  └─ GET /stock/{sku}       █▏                                                                                     47.0 ms
checkout         └─ POST                        ▕█████████████████████████████████████████████████████████████████████████████████▉   4.05 s
payment             └─ POST /payments           ▕█████████████████████████████████████████████████████████████████████████████████▊   4.05 s
payment                └─ POST                   █████████████████████████████████████████████████████████████████████████████████▋   4.04 s
bank-api                  └─ POST /authorize     █████████████████████████████████████████████████████████████████████████████████▋   4.04 s
bank-api                     └─ risk_score       ███████▉                                                                             387 ms

Slowest: bank-api  POST /authorize  3.65 s of 4.20 s (87 %)
");
    check(
        100,
        checkout(),
        "\
Trace 00000000000000000000000000000001 · 10 spans · 5 services · 4.20 s

\x20                                             0         1 s        2 s        3 s       4 s
gateway    POST /checkout                     █████████████████████████████████████████████   4.20 s
gateway    └─ POST                            ████████████████████████████████████████████▉   4.20 s
checkout      └─ POST /orders                 ████████████████████████████████████████████▉   4.20 s
checkout         ├─ GET                       ▋                                              51.0 ms
inventory        │  └─ GET /stock/{sku}       ▌                                              47.0 ms
checkout         └─ POST                       ▐██████████████████████████████████████████▉   4.05 s
payment             └─ POST /payments          ▐██████████████████████████████████████████▉   4.05 s
payment                └─ POST                 ▐██████████████████████████████████████████▊   4.04 s
bank-api                  └─ POST /authorize   ▐██████████████████████████████████████████▊   4.04 s
bank-api                     └─ risk_score     ▐███▊                                          387 ms

Slowest: bank-api  POST /authorize  3.65 s of 4.20 s (87 %)
",
    );
    check(
        80,
        checkout(),
        "\
Trace 00000000000000000000000000000001 · 10 spans · 5 services · 4.20 s

\x20                                             0    1 s   2 s   3 s
gateway    POST /checkout                     █████████████████████████   4.20 s
gateway    └─ POST                            ████████████████████████▉   4.20 s
checkout      └─ POST /orders                 ████████████████████████▉   4.20 s
checkout         ├─ GET                       ▎                          51.0 ms
inventory        │  └─ GET /stock/{sku}       ▎                          47.0 ms
checkout         └─ POST                      ▕███████████████████████▉   4.05 s
payment             └─ POST /payments         ▕███████████████████████▉   4.05 s
payment                └─ POST                ▕███████████████████████▉   4.04 s
bank-api                  └─ POST /authorize  ▕███████████████████████▉   4.04 s
bank-api                     └─ risk_score    ▕██▏                        387 ms

Slowest: bank-api  POST /authorize  3.65 s of 4.20 s (87 %)
",
    );
    check(
        60,
        checkout(),
        "\
Trace 00000000000000000000000000000001
10 spans · 5 services · 4.20 s

\x20                                 0       2 s
gateway    POST /checkout         █████████████████   4.20 s
gateway    └POST                  ████████████████▉   4.20 s
checkout    └POST /orders         ████████████████▉   4.20 s
checkout     ├GET                 ▏                  51.0 ms
inventory    │└GET /stock/{sku}   ▏                  47.0 ms
checkout     └POST                ▐███████████████▉   4.05 s
payment       └POST /payments     ▐███████████████▉   4.05 s
payment        └POST              ▐███████████████▉   4.04 s
bank-api        └POST /authorize  ▐███████████████▉   4.04 s
bank-api         └risk_score      ▐█▏                 387 ms

Slowest: bank-api  POST /authorize  3.65 s of 4.20 s (87 %)
",
    );
    check(
        30,
        checkout(),
        "\
Trace 00000000000000000000000…
10 spans · 5 services · 4.20 s

\x20            0
POST /chec…  ████████   4.20 s
└POST        ███████▉   4.20 s
\x20└POST /or…  ███████▉   4.20 s
\x20 ├GET       ▏         51.0 ms
\x20 │└GET /s…  ▏         47.0 ms
\x20 └POST      ▐██████▉   4.05 s
\x20  └POST /…  ▐██████▉   4.05 s
\x20   └POST    ▐██████▉   4.04 s
\x20    └POST…  ▐██████▉   4.04 s
\x20     └ris…  ▊          387 ms

Slowest: bank-api  POST /auth…
",
    );
    check(
        12,
        checkout(),
        "\
Trace 00000…
10 spans · …

PO…   4.20 s
└P…   4.20 s
\x20└…   4.20 s
⋮3   51.0 ms
⋮4   47.0 ms
⋮3    4.05 s
⋮4    4.05 s
⋮5    4.04 s
⋮6    4.04 s
⋮7    387 ms

Slowest: ba…
",
    );
}

#[test]
fn failures_are_marked_and_told_with_their_reason() {
    check(
        100,
        failing(),
        "\
Trace 00000000000000000000000000000001 · 10 spans · 5 services · 4.20 s

\x20                                                        0       1 s     2 s     3 s
gateway    POST /checkout                                ██████████████████████████████████   4.20 s
gateway    └─ POST                                       █████████████████████████████████▉   4.20 s
checkout      └─ POST /orders                            █████████████████████████████████▉   4.20 s
checkout         ├─ GET                                  ▍                                   51.0 ms
inventory        │  └─ GET /stock/{sku}                  ▍                                   47.0 ms
checkout         └─ ✗ POST  402                           ████████████████████████████████▉   4.05 s
payment             └─ ✗ POST /payments  card declined…   ████████████████████████████████▉   4.05 s
payment                └─ ✗ POST  500                     ████████████████████████████████▉   4.04 s
bank-api                  └─ ✗ POST /authorize  500       ████████████████████████████████▉   4.04 s
bank-api                     └─ risk_score                ███▎                                387 ms

✗ Failed: bank-api  POST /authorize  500 (POST /payments: card declined: insufficient funds)
Slowest: bank-api  POST /authorize  3.65 s of 4.20 s (87 %)
",
    );
    check(
        60,
        failing(),
        "\
Trace 00000000000000000000000000000001
10 spans · 5 services · 4.20 s

\x20                                  0      2 s
gateway    POST /checkout          ████████████████   4.20 s
gateway    └POST                   ███████████████▉   4.20 s
checkout    └POST /orders          ███████████████▉   4.20 s
checkout     ├GET                  ▏                 51.0 ms
inventory    │└GET /stock/{sku}    ▏                 47.0 ms
checkout     └✗ POST  402          ▐██████████████▉   4.05 s
payment       └✗ POST /payments    ▐██████████████▉   4.05 s
payment        └✗ POST  500        ▐██████████████▉   4.04 s
bank-api        └✗ POST /authori…  ▐██████████████▉   4.04 s
bank-api         └risk_score       ▐█                 387 ms

✗ Failed: bank-api  POST /authorize  500 (POST /payments: c…
Slowest: bank-api  POST /authorize  3.65 s of 4.20 s (87 %)
",
    );
}

#[test]
fn many_failures_are_counted() {
    let failures = (2..=6).map(|n| span(n, 1, "a", &format!("try {n}"), n, n + 1).failed("no"));
    let drawn = Waterfall::new().render(&trace(failures.chain([span(1, 0, "a", "b", 0, 9)])));
    assert_eq!(drawn.matches("✗ Failed: ").count(), 3);
    assert!(drawn.contains("✗ and 2 more failures\n"), "{drawn}");
}

#[test]
fn traces_in_pieces_are_drawn_and_told() {
    let spans = vec![
        span(1, 0, "a", "start", 0, 100),
        span(2, 9, "b", "orphan", 10, 60),
        span(3, 4, "c", "round", 20, 30),
        span(4, 3, "c", "and round", 25, 30).failed("dizzy"),
    ];
    check(
        80,
        spans,
        "\
Trace 00000000000000000000000000000001 · 4 spans · 3 services · 100 ms

\x20                                0                  50 ms
a  start                         ██████████████████████████████████████   100 ms
b  orphan  (parent missing)         ▕██████████████████▊                 50.0 ms
c  round  (parents in a circle)         ▐███▍                            10.0 ms
c  └─ ✗ and round  dizzy                  ▐█▍                            5.00 ms

✗ Failed: c  and round  dizzy
Slowest: a  start  100 ms of 100 ms (100 %)
Not one tree: 3 spans have no parent here.
",
    );
}

#[test]
fn times_that_make_no_sense_are_drawn_all_the_same() {
    check(
        60,
        vec![span(1, 0, "a", "b", 5, 5)],
        "\
Trace 00000000000000000000000000000001
1 span · 1 service · 0

\x20     0
a  b  ▏                                                    0

Slowest: a  b  0 of 0
",
    );
    let skewed = vec![
        span(1, 0, "a", "parent", 50, 100),
        span(2, 1, "b", "early child", 0, 60),
        span(3, 1, "b", "ends first", 90, 20),
    ];
    check(
        60,
        skewed,
        "\
Trace 00000000000000000000000000000001
3 spans · 2 services · 100 ms

\x20                  0               50 ms
a  parent                          ████████████████  50.0 ms
b  ├─ early child  ███████████████████▏              60.0 ms
b  └─ ends first                               ▕           0

Slowest: b  early child  60.0 ms of 100 ms (60 %)
",
    );
    let ends_of_time = [
        span(1, 0, "a", "b", 0, 0).time(0, u64::MAX),
        span(2, 1, "a", "c", 0, 0).time(u64::MAX, 0),
    ];
    for width in 0..140 {
        assert_no_wider(&Waterfall::new().width(width).render(&trace(ends_of_time.clone())), width);
    }
}

#[test]
fn a_trace_without_spans_has_a_heading() {
    check(60, vec![], "Trace 00000000000000000000000000000001\n0 spans · 0 services · 0\n");
}

#[test]
fn levels_too_deep_to_draw_are_numbered_and_rows_are_limited() {
    let deep = (1..=60).map(|n| span(n, n - 1, "deep", &format!("level {n}"), n, 200 - n));
    let deep = trace(deep);
    let drawn = Waterfall::new().width(70).rows(23).render(&deep);
    assert_eq!(
        drawn,
        "\
Trace 00000000000000000000000000000001 · 60 spans · 1 service · 198 ms

\x20                                     0          100 ms
deep  level 1                         ███████████████████████   198 ms
deep  └level 2                        ██████████████████████▉   196 ms
deep   └level 3                       ██████████████████████▊   194 ms
deep    └level 4                      ▐█████████████████████▋   192 ms
deep     └level 5                     ▐█████████████████████▌   190 ms
deep      └level 6                    ▐█████████████████████▍   188 ms
deep       └level 7                   ▐█████████████████████▎   186 ms
deep        └level 8                  ▕█████████████████████▏   184 ms
deep         └level 9                 ▕█████████████████████    182 ms
deep          └level 10                ████████████████████▉    180 ms
deep           └level 11               ████████████████████▊    178 ms
deep            └level 12              ▐███████████████████▋    176 ms
deep             └level 13             ▐███████████████████▌    174 ms
deep              └level 14            ▐███████████████████▍    172 ms
deep               └level 15           ▐███████████████████▎    170 ms
deep                └level 16          ▐███████████████████▎    168 ms
deep                 └level 17         ▕███████████████████▏    166 ms
deep                  └level 18        ▕███████████████████     164 ms
deep                   └level 19        ██████████████████▉     162 ms
deep                    └level 20       ██████████████████▊     160 ms
deep                     └level 21      ▐█████████████████▋     158 ms
deep                  ⋮21 level 22      ▐█████████████████▌     156 ms
deep                  ⋮22 level 23      ▐█████████████████▍     154 ms
… and 37 more

Slowest: deep  level 60  80.0 ms of 198 ms (40 %)
"
    );
    for width in 0..140 {
        let none = Waterfall::new().width(width).rows(0).render(&deep);
        assert_no_wider(&none, width);
        assert_eq!(none.contains("\n… and 60 more\n"), width >= 13, "{none}");
    }
}

#[test]
fn linked_traces_stand_below() {
    let consumer = [
        span_of(2, 1, 0, "fulfilment", "process orders", 5000, 5040)
            .link(TraceId::from(1), SpanId::from(3)),
        span_of(2, 2, 1, "fulfilment", "pack", 5005, 5030),
    ];
    let others = [
        Trace::new(TraceId::from(2), consumer),
        Trace::new(TraceId::from(3), [span_of(3, 1, 0, "other", "unrelated", 0, 1)]),
    ];
    let main = trace(checkout().into_iter().take(3));
    let drawn = Waterfall::new().width(80).render_linked(&main, &others);
    assert_eq!(
        drawn,
        "\
Trace 00000000000000000000000000000001 · 3 spans · 2 services · 4.20 s

\x20                             0        1 s       2 s       3 s
gateway   POST /checkout      █████████████████████████████████████████   4.20 s
gateway   └─ POST             ████████████████████████████████████████▉   4.20 s
checkout     └─ POST /orders  ████████████████████████████████████████▉   4.20 s

Slowest: checkout  POST /orders  4.20 s of 4.20 s (100 %)

Linked 00000000000000000000000000000002
2 spans · 1 service · 40.0 ms · starts 5.00 s after
\x20 checkout  POST /orders  →  fulfilment  process orders

\x20                           0         10 ms      20 ms      30 ms
fulfilment  process orders  ███████████████████████████████████████████  40.0 ms
fulfilment  └─ pack              ▐██████████████████████████▎            25.0 ms
"
    );
}

#[test]
fn names_from_outside_cannot_steer_the_terminal() {
    let spans = [
        span(1, 0, "\x1b]0;owned\x07", "\x1b[31mred\x1b[0m\nGET \u{202e}gpj.exe", 0, 100),
        span(2, 1, "שירות", "קבלת הזמנה", 10, 60),
        span(3, 1, "在庫サービス", "注文を作る", 60, 90).failed("x\r\ny"),
        span(4, 1, "z", &"e\u{301}".repeat(40_000), 60, 90),
        span(5, 1, "", "", 60, 90),
    ];
    for width in 0..140 {
        let drawn = Waterfall::new().width(width).render(&trace(spans.clone()));
        assert_no_wider(&drawn, width);
        assert!(!drawn.contains(|c: char| c.is_control() && c != '\n'), "{drawn}");
        assert!(!drawn.contains('\u{202e}'));
    }
    let drawn = Waterfall::new().width(80).render(&trace(spans));
    let row = |part: &str| drawn.lines().find(|line| line.contains(part)).unwrap().to_owned();
    assert!(row("␛]0;owned␇").contains("␛[31mred␛[0m␊GET �gpj.exe"));
    // What runs from right to left does so between isolates.
    let rtl = row("שירות");
    assert!(
        rtl.starts_with("\u{2068}שירות\u{2069} ") && rtl.contains("\u{2068}קבלת הזמנה\u{2069}"),
        "{rtl:?}"
    );
    // Wide characters take two columns each, so the bars still begin in one column.
    let column = |line: &str, glyph: char| line.split(glyph).next().unwrap().width();
    assert_eq!(column(&row("注文を作る"), '▐'), column(&row("z  "), '▐'));
}

#[test]
fn colours_mark_services_and_failures() {
    let spans = vec![span(1, 0, "a", "one", 0, 8), span(2, 1, "b", "two", 4, 8).failed("no")];
    let colored = Waterfall::new().width(40).colors().render(&trace(spans.clone()));
    let (bold, dim, red, cyan, magenta, off) =
        ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[36m", "\x1b[35m", "\x1b[0m");
    assert_eq!(colored, format!("\
Trace {bold}00000000000000000000000000000001{off}
{dim}2 spans · 2 services · 8.00 ms{off}

\x20                {dim}0{off}       {dim}5 ms{off}
{cyan}a{off}  {bold}one{off}           {cyan}██████████████{off}  8.00 ms
{magenta}b{off}  {dim}└─ {off}{red}✗ {off}{red}two{off}  {red}no{off}         {red}███████{off}  4.00 ms

{red}✗ Failed: {off}{red}b  two{off}{red}  {off}{red}no{off}
Slowest: {bold}a  one{off}  4.00 ms of 8.00 ms (50…
"));
    // Without colours the text is the same, to the column.
    let mut plain = colored.clone();
    for code in [bold, dim, red, cyan, magenta, off] {
        plain = plain.replace(code, "");
    }
    assert_eq!(Waterfall::new().width(40).render(&trace(spans.clone())), plain);
    assert_eq!(Waterfall::new().width(40).colors().plain().render(&trace(spans)), plain);
}

#[test]
fn the_environment_is_honoured() {
    let plain = Waterfall::new();
    for (name, value, terminal, expected) in [
        ("", "", false, plain),
        ("", "", true, plain.colors()),
        ("COLUMNS", "72", false, plain.width(72)),
        ("COLUMNS", " 72 ", false, plain.width(72)),
        ("COLUMNS", "wide", false, plain),
        ("COLUMNS", "0", false, plain),
        ("COLUMNS", "-1", false, plain),
        ("NO_COLOR", "1", true, plain),
        ("NO_COLOR", "", true, plain.colors()),
        ("TERM", "dumb", true, plain),
        ("TERM", "xterm", true, plain.colors()),
    ] {
        let var = |asked: &str| (asked == name).then(|| value.to_owned());
        assert_eq!(Waterfall::from_vars(var, terminal), expected, "{name}={value:?} {terminal}");
    }
}

prop_compose! {
    fn any_span()(
        ids in (1..3_u128, 0..10_u64, 0..12_u64),
        names in ("(?s).{0,40}", "(?s).{0,60}", prop::option::of("(?s).{0,30}")),
        times in (any::<u64>(), any::<u64>(), 0..1_000_u64, 0..1_000_u64, any::<bool>()),
        link in prop::option::of((1..3_u128, 0..10_u64)),
    ) -> Span {
        let (start, end) = if times.4 { (times.0, times.1) } else { (times.2, times.3) };
        let mut span = Span::new(TraceId::from(ids.0), SpanId::from(ids.1), names.1).service(&names.0).time(start, end);
        if ids.2 > 0 {
            span = span.parent(SpanId::from(ids.2));
        }
        if let Some(message) = names.2 {
            span = span.failed(message);
        }
        match link {
            Some((trace, id)) => span.link(TraceId::from(trace), SpanId::from(id)),
            None => span,
        }
    }
}

proptest! {
    #[test]
    fn any_trace_is_drawn_within_its_width(
        spans in prop::collection::vec(any_span(), 0..20),
        width in 0..160_usize,
        rows in 0..25_usize,
    ) {
        let traces = Trace::group(spans);
        let empty = trace([]);
        let first = traces.first().unwrap_or(&empty);

        let drawn = Waterfall::new().width(width).rows(rows).render_linked(first, &traces);

        for line in drawn.lines() {
            prop_assert!(line.width() <= width, "{} > {width}: {line:?}", line.width());
            prop_assert!(!line.contains(char::is_control), "{line:?}");
        }
        let findings = tracewire_cli::diagnose(&traces);
        prop_assert!(findings.iter().all(|finding| !finding.to_string().contains(char::is_control)));
    }
}
