//! Whatever happens, a trace is kept whole or not at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is test code")]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use opentelemetry::trace::SpanId;
use proptest::prelude::*;
use tail_tests::{Open, Service};
use tracewire::sdk::TailSampling;

/// What can happen; numbers choose among what is there.
#[derive(Clone, Copy, Debug)]
enum Event {
    Request(u64),
    Child(usize),
    End(usize),
    Fail(usize),
    Wait(u64),
    Flush,
}

fn events(traces: u64, cuts: bool) -> impl Strategy<Value = Vec<Event>> {
    let always = prop_oneof![
        3 => (0..traces).prop_map(Event::Request),
        6 => any::<usize>().prop_map(Event::Child),
        6 => any::<usize>().prop_map(Event::End),
        1 => any::<usize>().prop_map(Event::Fail),
    ];
    let event = if cuts {
        prop_oneof![
            20 => always,
            2 => (0..8_u64).prop_map(Event::Wait),
            1 => Just(Event::Flush),
        ]
        .boxed()
    } else {
        always.boxed()
    };
    prop::collection::vec(event, 0..120)
}

#[derive(Default)]
struct World {
    open: Vec<(Open, SpanId)>,
    /// Which spans are below which local root.
    families: HashMap<SpanId, HashSet<SpanId>>,
    traces: HashMap<u64, u32>,
    ended: u64,
}

impl World {
    fn run(&mut self, service: &Service, events: &[Event], once: bool) {
        for event in events {
            // Every span starts at a time of its own.
            service.clock.advance(Duration::from_millis(1));
            match *event {
                Event::Request(trace) => {
                    let calls = self.traces.entry(trace).or_default();
                    *calls += 1;
                    if !once || *calls == 1 {
                        let root = service.request(trace);
                        let id = root.id();
                        self.families.entry(id).or_default().insert(id);
                        self.open.push((root, id));
                    }
                }
                Event::Child(choice) if !self.open.is_empty() => {
                    let choice = choice % self.open.len();
                    let (parent, root) = &self.open[choice];
                    // In a late one nothing starts where several calls of a trace are told apart.
                    if once || self.open.iter().any(|(open, _)| open.id() == *root) {
                        let (child, root) = (service.child(parent), *root);
                        self.families.get_mut(&root).unwrap().insert(child.id());
                        self.open.push((child, root));
                    }
                }
                Event::End(choice) | Event::Fail(choice) if !self.open.is_empty() => {
                    let (span, _) = self.open.swap_remove(choice % self.open.len());
                    self.ended += 1;
                    if matches!(event, Event::Fail(_)) {
                        span.fail();
                    } else {
                        span.end();
                    }
                }
                Event::Wait(seconds) => service.clock.advance(Duration::from_secs(seconds)),
                Event::Flush => service.provider.force_flush().unwrap(),
                Event::Child(_) | Event::End(_) | Event::Fail(_) => {}
            }
        }
    }

    fn check(mut self, service: &Service) -> Result<(), TestCaseError> {
        self.ended += self.open.len() as u64;
        self.open.clear();
        service.provider.force_flush().unwrap();
        let arrived: Vec<_> =
            service.sink.spans().iter().map(|it| it.span_context.span_id()).collect();
        let kept: HashSet<_> = arrived.iter().copied().collect();
        prop_assert_eq!(arrived.len(), kept.len(), "none twice");
        for (root, family) in &self.families {
            let count = family.intersection(&kept).count();
            prop_assert!(count == 0 || count == family.len(), "{root}: {count} of {family:?}");
        }
        let stats = service.stats();
        prop_assert_eq!(stats.spans_kept + stats.spans_dropped, self.ended);
        prop_assert_eq!(stats.spans_kept, arrived.len() as u64);
        prop_assert_eq!(stats.spans_waiting + stats.bytes_waiting + stats.traces_waiting, 0);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_tight_bounds_and_long_requests(
        events in events(256, true),
        traces in 1..20_usize,
        spans in 1..40_usize,
        bytes in 1_000..100_000_usize,
        predicates: bool,
    ) {
        let mut settings = TailSampling::new().keep_errors().otherwise(0.3)
            .max_traces(traces).max_spans(spans).max_bytes(bytes)
            .time_limit(Duration::from_secs(5));
        if predicates {
            settings = settings.keep_if("large", |trace| trace.spans().len() > 3);
        }
        let (service, mut world) = (Service::new(settings), World::default());
        world.run(&service, &events, true);
        world.check(&service)?;
    }

    #[test]
    fn with_many_calls_in_one_trace(events in events(4, false), predicates: bool) {
        let mut settings = TailSampling::new().keep_errors().otherwise(0.0);
        if predicates {
            settings = settings.keep_if("large", |trace| trace.spans().len() > 3);
        }
        let (service, mut world) = (Service::new(settings), World::default());
        world.run(&service, &events, false);
        world.check(&service)?;
    }
}
