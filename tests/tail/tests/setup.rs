//! Tail sampling as `sdk::builder` sets it up, against a real receiver.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is test code")]

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use sdk_tests::{Receiver, Wire};
use tracewire::Telemetry;
use tracewire::sdk::{self, TailSampling};
use tracewire::span::Outcome;

/// A server span and a client span below it, with a caller's headers.
fn request(caller: &str, outcome: Outcome) -> HashMap<String, String> {
    let telemetry = Telemetry::default();
    let incoming = HashMap::from([("traceparent".to_owned(), caller.to_owned())]);
    let parent = telemetry.read(&incoming).into_context(Context::new());
    let server = telemetry.start(SpanKind::Server, &parent, |span| span.name("GET /x"));
    let client = telemetry.start(SpanKind::Client, server.context(), |span| span.name("GET"));
    let mut outgoing = HashMap::new();
    telemetry.inject(client.context(), &mut outgoing);
    client.finish(Outcome::Success);
    server.finish(outcome);
    outgoing
}

#[test]
fn what_is_kept_arrives_and_callees_record_all_the_same() {
    let receiver = Receiver::start(Wire::Http);
    let tail = TailSampling::new().keep_errors().otherwise(0.5);
    let telemetry = sdk::builder()
        .service_name("tail")
        .endpoint(receiver.endpoint())
        .without_subscriber()
        .tail_sampling(tail)
        .init()
        .unwrap();
    // The last seven bytes decide: low and quiet, low and failing, high and quiet.
    let low = "00-0af7651916cd43dd0010000000000001-b7ad6b7169203331-01";
    let failing = "00-0af7651916cd43dd0010000000000002-b7ad6b7169203331-01";
    let high = "00-0af7651916cd43dd00f0000000000003-b7ad6b7169203331-01";
    let unsampled = "00-0af7651916cd43dd00f0000000000004-b7ad6b7169203331-00";
    for (caller, outcome, flags) in [
        (low, Outcome::Success, "-01"),
        (failing, Outcome::Http(500), "-01"),
        (high, Outcome::Success, "-01"),
        (unsampled, Outcome::Http(500), "-00"),
    ] {
        let outgoing = request(caller, outcome);
        assert!(outgoing["traceparent"].ends_with(flags), "{outgoing:?}");
        assert_eq!(outgoing.get("tracestate").map(String::as_str), None);
    }
    assert!(telemetry.flush());
    let stats = telemetry.tail().unwrap().stats();
    assert_eq!((stats.traces_kept_for_errors, stats.traces_kept_by_chance), (1, 1));
    assert_eq!((stats.spans_kept, stats.spans_dropped, stats.spans_lost), (4, 2, 0));
    drop(telemetry);

    let mut found: Vec<_> = receiver
        .so_far()
        .into_iter()
        .map(|it| {
            let last = it.span.trace_id[15];
            let policy = it.span.attributes.iter().find(|it| it.key == tail_tests::POLICY);
            let policy = format!("{:?}", policy.unwrap().value.as_ref().unwrap().value);
            (last, it.span.name, it.span.trace_state, policy.contains("error"))
        })
        .collect();
    found.sort();
    let expected = [
        (2, "GET", "", true),
        (2, "GET /x", "", true),
        (3, "GET", "ot=th:8", false),
        (3, "GET /x", "ot=th:8", false),
    ];
    let expected = expected.map(|(id, name, state, error)| (id, name.into(), state.into(), error));
    assert_eq!(found, expected);
}
