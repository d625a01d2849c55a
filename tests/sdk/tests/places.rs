//! What is counted when telemetry goes to several places, and how large what goes there may be.

use sdk_tests::{Child, Inbox, Receiver, Reply, Wire, Zipkin, refused};

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");

#[test]
fn every_place_has_its_own_numbers() {
    let (otlp, zipkin) = (Receiver::start(Wire::Http), Zipkin::start());
    let nobody = format!("http://{}/api/v2/spans", refused());
    let (exporter, endpoint) = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_ZIPKIN_ENDPOINT");
    let there = zipkin.endpoint();
    // Where to, what the Collector says to the first batch, and what each place got and lost of six.
    let cases = [
        ("otlp,zipkin", &there, None, [(6, 0), (6, 0)], (6, 0)),
        ("zipkin,otlp", &there, Some(Reply::Invalid), [(6, 0), (3, 3)], (3, 3)),
        ("otlp,zipkin", &there, Some(Reply::Partial(2)), [(4, 2), (6, 0)], (4, 2)),
        ("otlp,zipkin", &nobody, None, [(6, 0), (0, 6)], (0, 6)),
        ("otlp,zipkin", &nobody, Some(Reply::Invalid), [(3, 3), (0, 6)], (0, 6)),
        ("console,otlp", &there, Some(Reply::Invalid), [(6, 0), (3, 3)], (3, 3)),
    ];
    for (exporters, to_zipkin, reply, places, (exported, dropped)) in cases {
        let case = format!("{exporters} {to_zipkin} {reply:?}");
        otlp.reply(reply.as_slice());
        let settings = [("endpoint", &*otlp.endpoint())];
        let variables = [(exporter, exporters), (endpoint, &**to_zipkin)];
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        for round in 0..2 {
            let mut line = child.say("trace");
            // The console's lines come before the answer.
            while line.contains(" > ") {
                line = child.line("trace");
            }
            let well = dropped == 0 || (round == 1 && dropped == reply_costs(reply));
            assert_eq!(child.say("flush"), well.to_string(), "{case}");
        }
        let found = child.say("exporters");
        let found: Vec<_> = found.split("; ").collect();
        assert_eq!(found.len(), 2, "{case}: {found:?}");
        for (found, (exported, dropped)) in found.iter().zip(places) {
            let counts = format!(" exported={exported} dropped={dropped}");
            assert!(found.starts_with("Traces ") && found.ends_with(&counts), "{case}: {found}");
        }
        // What stands for all is the place that has lost the most, and the sum holds for it.
        let all = format!("started=6 exported={exported} dropped={dropped} sampled_out=0");
        assert_eq!(child.say("stats"), all, "{case}");
        assert_eq!(child.say("shutdown"), all, "{case}");
        child.end();
    }
}

/// How many spans a batch of three loses by this answer.
fn reply_costs(reply: Option<Reply>) -> u64 {
    match reply {
        Some(Reply::Invalid) => 3,
        Some(Reply::Partial(count)) => count.unsigned_abs(),
        _ => 0,
    }
}

#[test]
fn nothing_is_lost_nowhere() {
    let variables = [("OTEL_TRACES_EXPORTER", "none")];
    let mut child = Child::start(PUPPET, &[], &variables);
    child.ok("init");
    child.trace("");
    assert_eq!(child.say("exporters"), "");
    assert_eq!(child.say("shutdown"), "started=3 exported=0 dropped=0 sampled_out=0");
    child.end();
}

#[test]
fn a_sum_holds_for_each_place_with_tail_sampling() {
    let (otlp, zipkin) = (Receiver::start(Wire::Http), Zipkin::start());
    otlp.reply(&[Reply::Invalid]);
    let there = zipkin.endpoint();
    let settings = [("endpoint", &*otlp.endpoint()), ("tail", "1")];
    let variables =
        [("OTEL_TRACES_EXPORTER", "otlp,zipkin"), ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &*there)];
    let mut child = Child::start(PUPPET, &settings, &variables);
    child.ok("init");
    child.trace("");
    assert_eq!(child.say("shutdown"), "started=3 exported=0 dropped=3 sampled_out=0");
    assert_eq!(zipkin.spans().len(), 3);
    child.end();
}

#[test]
fn what_is_too_large_is_sent_in_parts() {
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        let receiver = Receiver::start(match protocol {
            "grpc" => Wire::Grpc,
            "http/json" => Wire::Json,
            _ => Wire::Http,
        });
        let settings =
            [("endpoint", &*receiver.endpoint()), ("protocol", protocol), ("max-request", "4000")];
        let mut child = Child::start(PUPPET, &settings, &[]);
        child.ok("init");
        child.say("burst 40");
        assert_eq!(child.say("flush"), "true", "{protocol}");
        assert_eq!(receiver.so_far().len(), 120, "{protocol}");
        let requests = receiver.times().len();
        assert!((3..120).contains(&requests), "{protocol}: {requests}");
        let spans = receiver.so_far();
        assert!(spans.iter().all(|it| it.resource["service.name"] == "puppet"), "{protocol}");
        assert_eq!(child.say("stats"), "started=120 exported=120 dropped=0 sampled_out=0");
        child.end();

        // One span that is too large by itself is lost, and counted.
        let settings =
            [("endpoint", &*receiver.endpoint()), ("protocol", protocol), ("max-request", "100")];
        let mut child = Child::start(PUPPET, &settings, &[]);
        child.ok("init");
        child.trace("");
        assert_eq!(child.say("flush"), "false", "{protocol}");
        assert_eq!(child.say("stats"), "started=3 exported=0 dropped=3 sampled_out=0");
        let logs = child.end();
        assert!(logs.contains("it has more than 100 bytes"), "{logs}");
        assert_eq!(receiver.so_far().len(), 120, "{protocol}");
    }
}

#[test]
fn metrics_and_log_records_are_sent_in_parts_too() {
    let inbox = Inbox::start();
    let endpoint = inbox.endpoint();
    let settings = [("endpoint", &*endpoint), ("max-request", "700")];
    let variables = [("OTEL_LOGS_EXPORTER", "otlp"), ("OTEL_METRICS_EXPORTER", "otlp")];
    let mut child = Child::start(PUPPET, &settings, &variables);
    child.ok("init");
    for _ in 0..20 {
        child.ok("log x");
    }
    child.ok("measure");
    assert_eq!(child.say("flush"), "true");
    assert_eq!(inbox.records("a line").len(), 20);
    assert!(inbox.logs().len() > 2, "{}", inbox.logs().len());
    let _ = (inbox.metric("took"), inbox.metric("count"));
    child.end();
}

#[test]
fn answers_are_not_read_without_end() {
    // Bytes that the answer has, bytes that it may have, whether all is well.
    let cases = [(1_000, None, true), (5 << 20, None, false), (1_000, Some("100"), false)];
    for (size, most, well) in cases {
        let inbox = Inbox::answering(size);
        let endpoint = inbox.endpoint();
        let most = most.map(|most| ("max-response", most));
        let settings: Vec<_> = [("endpoint", &*endpoint)].into_iter().chain(most).collect();
        let mut child = Child::start(PUPPET, &settings, &[]);
        child.ok("init");
        child.trace("");
        assert_eq!(child.say("flush"), well.to_string(), "{size} {most:?}");
        // It has arrived, whatever the answer is, and is not sent again.
        assert_eq!(inbox.traces().len(), 1);
        let logs = child.end();
        assert_eq!(logs.contains("its answer has more than"), !well, "{logs}");
    }
}
