//! Any spans make a tree, and the tree knows where the time went.

use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;
use tracewire_cli::{Root, Span, SpanId, Trace, TraceId, Waterfall};

use crate::support::{span, span_of, trace};

/// One line per span, indented, with what is special about it.
fn outline(trace: &Trace) -> String {
    let line = |step: tracewire_cli::Step<'_>| {
        let mark = match step.node.root() {
            Some(Root::Orphan) => " (orphan)",
            Some(Root::Cycle) => " (cycle)",
            _ => "",
        };
        format!("{}{}{mark}\n", "  ".repeat(step.depth), step.node.name)
    };
    trace.walk().map(line).collect()
}

fn named(n: u64, parent: u64, start: u64, end: u64) -> Span {
    span(n, parent, "s", &n.to_string(), start, end)
}

#[test]
fn spans_in_any_order_become_a_tree() {
    for (spans, drawn, connected) in [
        (vec![], "", false),
        (vec![named(1, 0, 0, 9)], "1\n", true),
        (vec![named(3, 2, 2, 3), named(2, 1, 1, 4), named(1, 0, 0, 9)], "1\n  2\n    3\n", true),
        // Siblings stand in order of start, equal ones longest first.
        (
            vec![named(1, 0, 0, 9), named(2, 1, 5, 6), named(3, 1, 2, 3), named(4, 1, 2, 4)],
            "1\n  4\n  3\n  2\n",
            true,
        ),
        // A child may start before its parent, by another clock.
        (vec![named(1, 0, 5, 9), named(2, 1, 3, 6)], "1\n  2\n", true),
        (
            vec![named(1, 0, 0, 9), named(2, 7, 1, 4), named(3, 2, 2, 3)],
            "1\n2 (orphan)\n  3\n",
            false,
        ),
        (vec![named(2, 7, 1, 4)], "2 (orphan)\n", false),
        (vec![named(1, 0, 0, 9), named(2, 0, 1, 4)], "1\n2\n", false),
        (vec![named(1, 1, 0, 9)], "1 (cycle)\n", false),
        (
            vec![named(1, 3, 5, 9), named(2, 1, 4, 8), named(3, 2, 6, 7)],
            "2 (cycle)\n  3\n    1\n",
            false,
        ),
        // What hangs off a circle stays with it.
        (
            vec![named(1, 2, 0, 9), named(2, 1, 1, 8), named(3, 2, 2, 3)],
            "1 (cycle)\n  2\n    3\n",
            false,
        ),
        // Of two with one id the later stays.
        (vec![named(1, 0, 0, 9), span(1, 0, "s", "again", 0, 9)], "again\n", true),
    ] {
        let trace = trace(spans);
        assert_eq!(outline(&trace), drawn);
        assert_eq!(trace.is_connected(), connected, "{drawn}");
        assert_eq!(trace.walk().count(), trace.len());
    }
}

#[test]
fn other_traces_spans_are_left_out_or_grouped() {
    let mixed =
        || [span_of(2, 1, 0, "s", "b", 0, 1), named(1, 0, 0, 1), span_of(2, 2, 1, "s", "c", 0, 1)];
    assert_eq!(outline(&trace(mixed())), "1\n");
    let groups = Trace::group(mixed());
    let outlines: Vec<_> = groups.iter().map(outline).collect();
    assert_eq!(outlines, ["b\n  c\n", "1\n"]);
    assert_eq!(groups[0].id(), TraceId::from(2));
}

#[test]
fn a_trace_says_what_it_spans() {
    let trace = trace([
        span(1, 0, "gateway", "a", 10, 50),
        span(2, 1, "orders", "b", 8, 20).failed(""),
        span(3, 2, "gateway", "c", 12, 60).failed("deep"),
        span(4, 1, "stock", "d", 30, 20),
    ]);
    assert_eq!(trace.services(), ["gateway", "orders", "stock"]);
    assert_eq!((trace.start(), trace.end()), (8_000_000, 60_000_000));
    assert_eq!(trace.duration(), Duration::from_millis(52));
    let names = |nodes: Vec<tracewire_cli::Node<'_>>| {
        nodes.iter().map(|n| n.name.clone()).collect::<String>()
    };
    assert_eq!(names(trace.errors().collect()), "bc");
    assert_eq!(names(trace.error_sources().collect()), "c");
    let middle = trace.get(SpanId::from(2)).unwrap();
    assert_eq!(names(middle.parent().into_iter().chain(middle.children()).collect()), "ac");
    assert_eq!(trace.get(SpanId::from(9)).map(|n| n.span_id), None);

    let empty = Trace::new(TraceId::from(9), [] as [Span; 0]);
    assert!(empty.is_empty() && empty.bottleneck().is_none() && empty.critical_path().is_empty());
    assert_eq!((empty.start(), empty.duration()), (0, Duration::ZERO));
}

#[test]
fn errors_are_told_in_the_best_words_there_are() {
    let bare = || named(1, 0, 0, 1).failed("");
    let exception = |mut span: Span, key: &str| {
        let attributes = [(key, "Boom")].into_iter().collect();
        span.events.push(tracewire_cli::Event::new("exception", 0, attributes));
        span
    };
    for (span, told) in [
        (named(1, 0, 0, 1), None),
        (named(1, 0, 0, 1).attribute("error.type", "500"), None),
        (bare(), Some("error")),
        (bare().attribute("error.type", "500"), Some("500")),
        (bare().attribute("error.type", "500").failed("declined"), Some("declined")),
        (exception(bare(), "exception.type"), Some("Boom")),
        (exception(bare(), "exception.message"), Some("Boom")),
    ] {
        assert_eq!(span.error(), told);
    }
}

#[test]
fn self_time_is_what_no_child_covers() {
    for (children, own) in [
        (vec![], 100),
        (vec![(10, 30)], 80),
        (vec![(10, 30), (50, 60)], 70),
        // Those that overlap count once.
        (vec![(10, 30), (20, 40)], 70),
        (vec![(10, 50), (20, 30), (40, 60)], 50),
        // Only what lies inside counts.
        (vec![(90, 200)], 90),
        (vec![(150, 200)], 100),
        (vec![(0, 100)], 0),
        (vec![(40, 20)], 100),
    ] {
        let spans = children.iter().zip(2..).map(|((start, end), n)| named(n, 1, *start, *end));
        let trace = trace(spans.chain([named(1, 0, 0, 100)]));
        let root = trace.get(SpanId::from(1)).unwrap();
        assert_eq!(root.self_time(), Duration::from_millis(own), "{children:?}");
    }
}

#[test]
fn the_critical_path_is_what_was_waited_for() {
    let path = |spans: Vec<Span>| {
        let trace = trace(spans);
        let path = trace.critical_path();
        path.iter()
            .map(|s| format!("{}:{}-{}", s.node.name, s.start / 1_000_000, s.end / 1_000_000))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (spans, expected) in [
        (vec![named(1, 0, 0, 9)], "1:0-9"),
        (vec![named(1, 0, 0, 9), named(2, 1, 2, 5)], "1:0-2 2:2-5 1:5-9"),
        // Of two at once the one that ends last.
        (vec![named(1, 0, 0, 9), named(2, 1, 2, 5), named(3, 1, 2, 8)], "1:0-2 3:2-8 1:8-9"),
        // One after the other, each with a child.
        (
            vec![named(1, 0, 0, 9), named(2, 1, 1, 4), named(3, 1, 4, 9), named(4, 2, 2, 3)],
            "1:0-1 2:1-2 4:2-3 2:3-4 3:4-9",
        ),
        // Work that goes on after its parent has ended is waited for no longer.
        (vec![named(1, 0, 0, 9), named(2, 1, 4, 20), named(3, 2, 5, 19)], "1:0-4 2:4-5 3:5-9"),
    ] {
        assert_eq!(path(spans), expected);
    }
}

#[test]
fn linked_spans_are_listed() {
    let producer = trace([named(1, 0, 0, 9), named(2, 1, 1, 2)]);
    let consumer = span_of(2, 1, 0, "worker", "process", 20, 30);
    let others = [
        Trace::new(
            TraceId::from(2),
            [consumer
                .link(TraceId::from(1), SpanId::from(2))
                .link(TraceId::from(1), SpanId::from(99))
                .link(TraceId::from(3), SpanId::from(2))],
        ),
        Trace::new(TraceId::from(3), [span_of(3, 1, 0, "other", "process", 20, 30)]),
        producer.clone(),
    ];
    let linked: Vec<_> = producer
        .linked(&others)
        .iter()
        .map(|link| (link.from.name.clone(), link.to.name.clone(), link.to.trace().id()))
        .collect();
    assert_eq!(linked, [("2".to_owned(), "process".to_owned(), TraceId::from(2))]);
}

/// On a small stack: nothing here may recurse.
#[test]
fn a_chain_of_a_hundred_thousand_is_no_trouble() {
    const DEEP: u64 = 100_000;
    let work = || {
        for last_parent in [0, DEEP] {
            let chain = (1..=DEEP).map(|n| {
                let parent = if n == 1 { last_parent } else { n - 1 };
                named(n, parent, n, 2 * DEEP)
            });
            let trace = trace(chain);
            assert_eq!(trace.walk().last().map(|step| step.depth as u64), Some(DEEP - 1));
            assert_eq!(trace.bottleneck().map(|node| node.span_id), Some(SpanId::from(DEEP)));
            assert_eq!(trace.critical_path().len() as u64, DEEP);
            assert_eq!(trace.services(), ["s"]);
            let drawn = Waterfall::new().rows(3_000).render(&trace);
            assert!(drawn.lines().count() > 3_000);
            assert!(tracewire_cli::diagnose(&[trace]).is_empty());
        }
    };
    let small = std::thread::Builder::new().stack_size(256 << 10);
    small.spawn(work).unwrap().join().unwrap();
}

proptest! {
    #[test]
    fn any_parents_make_a_tree(spans in prop::collection::vec((1..12_u64, 0..14_u64, 0..50_u64, 0..50_u64), 0..14)) {
        let trace = trace(spans.iter().map(|(n, parent, start, end)| named(*n, *parent, *start, *end)));

        let walked: HashSet<_> = trace.walk().map(|step| step.node.span_id).collect();
        prop_assert_eq!(walked.len(), trace.len());
        prop_assert_eq!(trace.walk().count(), trace.len());
        for step in trace.walk() {
            let ancestors = std::iter::successors(step.node.parent(), |node| node.parent()).count();
            prop_assert_eq!(ancestors, step.depth);
            prop_assert_eq!(step.node.root().is_none(), step.depth > 0);
            prop_assert!(step.node.self_time() <= step.node.duration());
        }
        // The critical path fills the first root's time exactly.
        if let Some(root) = trace.roots().next() {
            let path = trace.critical_path();
            let bounds = path.first().zip(path.last()).map(|(first, last)| (first.start, last.end));
            prop_assert_eq!(bounds, (root.start < root.end).then_some((root.start, root.end)));
            prop_assert!(path.windows(2).all(|two| two[0].end == two[1].start));
        }
    }
}
