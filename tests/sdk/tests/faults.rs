//! A Collector that is away, silent or late is the Collector's trouble, not the application's.

use std::time::Instant;

use sdk_tests::{Child, Gate, PATIENCE, Receiver, Wire, black_hole, garbage, refused};

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");
const WIRES: [Wire; 3] = [Wire::Grpc, Wire::Http, Wire::Json];
const RUNTIMES: [&str; 3] = ["multi", "current", "none"];

/// How much longer than asked for a shutdown may take on a busy machine.
const SLACK: u64 = 2_000;

#[track_caller]
fn warnings(logs: &str) -> Vec<&str> {
    let noisy = |line: &&str| line.contains("WARN") || line.contains("ERROR");
    logs.lines().filter(noisy).collect()
}

/// Runs one check for each protocol and runtime, side by side.
fn everywhere(check: impl Fn(Wire, &str) + Sync) {
    std::thread::scope(|scope| {
        for wire in WIRES {
            for runtime in RUNTIMES {
                let check = &check;
                scope.spawn(move || check(wire, runtime));
            }
        }
    });
}

#[test]
fn nobody_listens() {
    everywhere(|wire, runtime| {
        let endpoint = format!("http://{}", refused());
        let settings =
            [("runtime", runtime), ("endpoint", &*endpoint), ("protocol", wire.protocol())];
        let mut child = Child::start(PUPPET, &settings, &[]);
        child.ok("init");
        for _ in 0..3 {
            child.trace("");
            assert_eq!(child.say("flush"), "false");
        }
        child.trace("");
        let took = child.drop_guard();
        assert!(took < 5_000 + SLACK, "{wire:?} {runtime}: {took} ms");
        let logs = child.end();
        let warnings = warnings(&logs);
        assert_eq!(warnings.len(), 1, "{wire:?} {runtime}: {logs}");
        assert!(warnings[0].contains(&endpoint), "{warnings:?}");
    });
}

#[test]
fn somebody_listens_and_never_answers() {
    everywhere(|wire, runtime| {
        let (_listener, address) = black_hole();
        let settings = [
            ("runtime", runtime),
            ("endpoint", &*format!("http://{address}")),
            ("protocol", wire.protocol()),
            ("shutdown", "500"),
        ];
        let mut child = Child::start(PUPPET, &settings, &[]);
        child.ok("init");
        child.trace("");
        let took = child.drop_guard();
        assert!((500..500 + SLACK).contains(&took), "{wire:?} {runtime}: {took} ms");
        // No thread of ours is left behind, and the process ends at once.
        let deadline = Instant::now() + PATIENCE;
        while child.say("threads") != "0" {
            assert!(Instant::now() < deadline, "{wire:?} {runtime}");
        }
        let start = Instant::now();
        let logs = child.end();
        assert!(start.elapsed().as_millis() < u128::from(SLACK));
        assert_eq!(warnings(&logs).len(), 1, "{wire:?} {runtime}: {logs}");
    });
}

#[test]
fn somebody_answers_nonsense() {
    everywhere(|wire, runtime| {
        let settings = [
            ("runtime", runtime),
            ("endpoint", &*format!("http://{}", garbage())),
            ("protocol", wire.protocol()),
        ];
        let mut child = Child::start(PUPPET, &settings, &[]);
        child.ok("init");
        child.trace("");
        assert_eq!(child.say("flush"), "false");
        let took = child.drop_guard();
        assert!(took < SLACK, "{wire:?} {runtime}: {took} ms");
        let logs = child.end();
        assert_eq!(warnings(&logs).len(), 1, "{wire:?} {runtime}: {logs}");
    });
}

#[test]
fn what_the_sdk_says_is_there_for_the_asking() {
    let settings = [("endpoint", &*format!("http://{}", refused()))];
    for (filter, heard) in [("trace", false), ("off,opentelemetry=debug", true)] {
        let mut child = Child::start(PUPPET, &settings, &[("RUST_LOG", filter)]);
        child.ok("init");
        child.trace("");
        child.drop_guard();
        let logs = child.end();
        let from_sdk = logs.lines().any(|line| line.contains(" opentelemetry"));
        assert_eq!(from_sdk, heard, "{filter}: {logs}");
    }
}

#[test]
fn how_much_telemetry_says_about_itself() {
    let settings = [("endpoint", &*format!("http://{}", refused()))];
    // Whether tracewire is heard, whether the SDK is.
    let cases = [
        ("", "info", true, false),
        ("none", "info", false, false),
        ("error", "info", false, false),
        ("warn", "info", true, false),
        ("debug", "info", true, true),
        ("debug", "info,opentelemetry=off", true, false),
        ("loud", "info", true, false),
    ];
    for (level, filter, tracewire, sdk) in cases {
        for subscriber in [None, Some(("subscriber", "none"))] {
            let settings: Vec<_> = settings.iter().copied().chain(subscriber).collect();
            let variables = [("OTEL_LOG_LEVEL", level), ("RUST_LOG", filter)];
            let mut child = Child::start(PUPPET, &settings, &variables);
            child.ok("init");
            child.trace("");
            child.drop_guard();
            let logs = child.end();
            let case = format!("{level} {filter} {subscriber:?}: {logs}");
            assert_eq!(logs.contains("could not be sent"), tracewire, "{case}");
            let heard = logs.lines().any(|line| line.contains(" opentelemetry"));
            assert_eq!(heard, sdk && subscriber.is_none(), "{case}");
        }
    }
}

#[test]
fn the_default_bound_is_five_seconds() {
    let (_listener, address) = black_hole();
    let settings = [("runtime", "current"), ("endpoint", &*format!("http://{address}"))];
    let mut child = Child::start(PUPPET, &settings, &[]);
    child.ok("init");
    child.trace("");
    let took = child.drop_guard();
    assert!((5_000..5_000 + SLACK).contains(&took), "{took} ms");
}

#[test]
fn places_that_hang_are_waited_for_together() {
    let (_listener, address) = black_hole();
    let endpoint = format!("http://{address}");
    let settings = [("endpoint", &*endpoint), ("shutdown", "3000")];
    let zipkin = format!("{endpoint}/api/v2/spans");
    let variables = [
        ("OTEL_TRACES_EXPORTER", "otlp,zipkin"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &*zipkin),
    ];
    let mut child = Child::start(PUPPET, &settings, &variables);
    child.ok("init");
    child.trace("");
    child.ok("log x");
    child.ok("measure");
    let begin = Instant::now();
    assert_eq!(child.say("flush"), "false");
    let took = begin.elapsed().as_millis();
    assert!(took < u128::from(5_000 + SLACK), "{took} ms");
    let took = child.drop_guard();
    assert!(took < 3_000 + SLACK, "{took} ms");
    child.end();
}

#[test]
fn a_place_that_hangs_takes_no_time_from_another() {
    let (_listener, address) = black_hole();
    let receiver = Receiver::start(Wire::Http);
    let (endpoint, zipkin) = (receiver.endpoint(), format!("http://{address}/api/v2/spans"));
    let settings = [("endpoint", &*endpoint), ("shutdown", "1000")];
    // Whichever is asked first.
    for exporters in ["otlp,zipkin", "zipkin,otlp"] {
        let variables =
            [("OTEL_TRACES_EXPORTER", exporters), ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &*zipkin)];
        let before = receiver.so_far().len();
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        child.trace("");
        let took = child.drop_guard();
        assert!(took < 1_000 + SLACK, "{exporters}: {took} ms");
        assert_eq!(receiver.so_far().len(), before + 3, "{exporters}");
        child.end();
    }
}

#[test]
fn requests_are_not_held_up() {
    for wire in WIRES {
        let (_listener, address) = black_hole();
        let settings = [
            ("endpoint", &*format!("http://{address}")),
            ("protocol", wire.protocol()),
            ("shutdown", "100"),
        ];
        // Many more spans than the queue holds, and every batch is stuck.
        let variables = [
            ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16"),
            ("OTEL_BSP_SCHEDULE_DELAY", "1"),
            ("RUST_LOG", "warn"),
        ];
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        let slowest: u64 = child.say("burst 2000").parse().unwrap();
        assert!(slowest < 500, "{wire:?}: {slowest} ms");
        assert!(child.drop_guard() < 100 + SLACK);
        let logs = child.end();
        assert_eq!(warnings(&logs).len(), 1, "{wire:?}: {logs}");
    }
}

#[test]
fn a_collector_that_comes_up_later_is_found() {
    for wire in WIRES {
        let address = refused();
        let settings = [("endpoint", &*format!("http://{address}")), ("protocol", wire.protocol())];
        let mut child = Child::start(PUPPET, &settings, &[]);
        child.ok("init");
        child.trace("");
        assert_eq!(child.say("flush"), "false");
        let receiver = Receiver::start_at(wire, address);
        child.trace("");
        assert_eq!(child.say("flush"), "true", "{wire:?}");
        assert_eq!(receiver.so_far().len(), 3);
        // And again after it was away.
        drop(receiver);
        child.trace("");
        assert_eq!(child.say("flush"), "false");
        let receiver = Receiver::start_at(wire, address);
        child.trace("");
        assert_eq!(child.say("flush"), "true", "{wire:?}");
        assert_eq!(receiver.so_far().len(), 3);
        let logs = child.end();
        assert_eq!(warnings(&logs).len(), 1, "{logs}");
    }
}

#[test]
fn a_silent_connection_is_not_used_again() {
    for wire in WIRES {
        let gate = Gate::closed();
        let settings =
            [("endpoint", &*format!("http://{}", gate.address())), ("protocol", wire.protocol())];
        let variables = [("OTEL_EXPORTER_OTLP_TIMEOUT", "1000")];
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        child.trace("");
        assert_eq!(child.say("flush"), "false");
        let receiver = Receiver::start(wire);
        gate.open(receiver.address());
        child.trace("");
        assert_eq!(child.say("flush"), "true", "{wire:?}");
        assert_eq!(receiver.so_far().len(), 3);
        child.end();
    }
}

#[test]
fn the_warning_goes_to_standard_error_without_a_subscriber() {
    let settings = [("endpoint", &*format!("http://{}", refused())), ("subscriber", "none")];
    let mut child = Child::start(PUPPET, &settings, &[]);
    child.ok("init");
    child.trace("");
    child.drop_guard();
    let logs = child.end();
    assert_eq!(logs.lines().count(), 1, "{logs}");
    assert!(logs.starts_with("tracewire: 2 spans could not be sent to http://"), "{logs}");
}
