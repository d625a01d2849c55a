//! Receivers that take less than they are given, or nothing for a while, and what is counted then.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::time::Duration;

use sdk_tests::{Child, Receiver, Reply, Wire, black_hole, cut_once, page, refused, slammed, slow};

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");
const WIRES: [Wire; 3] = [Wire::Grpc, Wire::Http, Wire::Json];

fn start(wire: Wire, endpoint: &str, variables: &[(&str, &str)]) -> Child {
    let settings = [("endpoint", endpoint), ("protocol", wire.protocol())];
    let mut child = Child::start(PUPPET, &settings, variables);
    child.ok("init");
    child
}

#[test]
fn what_is_refused_for_now_is_sent_again() {
    let cases = [
        (vec![Reply::Unavailable; 2], Duration::from_millis(150)),
        (vec![Reply::Throttle(1)], Duration::from_millis(1_000)),
        (vec![Reply::Unavailable, Reply::Throttle(1)], Duration::from_millis(1_050)),
    ];
    for wire in WIRES {
        for (replies, least) in &cases {
            let receiver = Receiver::start(wire);
            receiver.reply(replies);
            let mut child = start(wire, &receiver.endpoint(), &[]);
            child.trace("");
            assert_eq!(child.say("flush"), "true", "{wire:?} {replies:?}");
            let times = receiver.times();
            assert_eq!(times.len(), replies.len() + 1);
            let took = times[times.len() - 1] - times[0];
            assert!(took >= *least, "{wire:?} {replies:?}: {took:?}");
            assert_eq!(child.say("stats"), "started=3 exported=3 dropped=0 sampled_out=0");
            assert_eq!(receiver.so_far().len(), 3);
            assert!(!child.end().contains("WARN"));
        }
    }
}

#[test]
fn attempts_come_to_an_end() {
    let cases = [
        // As often as it is worth while, and no more.
        (vec![Reply::Unavailable; 20], "10000", 5, ["503 Service Unavailable", "UNAVAILABLE"]),
        // Longer than an export may take.
        (vec![Reply::Throttle(60)], "500", 1, ["429 Too Many Requests", "RESOURCE_EXHAUSTED"]),
        (vec![Reply::Invalid], "10000", 1, ["400 Bad Request: \"never\"", "\"never\""]),
    ];
    for wire in WIRES {
        for (replies, timeout, attempts, hints) in &cases {
            let receiver = Receiver::start(wire);
            receiver.reply(replies);
            let variables = [("OTEL_EXPORTER_OTLP_TIMEOUT", *timeout)];
            let mut child = start(wire, &receiver.endpoint(), &variables);
            child.trace("");
            assert_eq!(child.say("flush"), "false", "{wire:?} {replies:?}");
            assert_eq!(receiver.times().len(), *attempts, "{wire:?} {replies:?}");
            assert_eq!(child.say("stats"), "started=3 exported=0 dropped=3 sampled_out=0");
            let logs = child.end();
            let hint = hints[usize::from(wire == Wire::Grpc)];
            assert!(logs.contains("3 spans could not be sent to http://"), "{logs}");
            assert!(logs.contains(hint), "{wire:?}: {logs}");
        }
    }
}

#[test]
fn a_wish_to_be_left_alone_holds_for_what_comes_next() {
    for wire in WIRES {
        let receiver = Receiver::start(wire);
        receiver.reply(&[Reply::Throttle(2)]);
        let variables = [("OTEL_EXPORTER_OTLP_TIMEOUT", "1500")];
        let mut child = start(wire, &receiver.endpoint(), &variables);
        child.trace("");
        assert_eq!(child.say("flush"), "false");
        child.trace("");
        assert_eq!(child.say("flush"), "true", "{wire:?}");
        let times = receiver.times();
        assert_eq!(times.len(), 2);
        assert!(times[1] - times[0] >= Duration::from_secs(2), "{wire:?}");
        assert_eq!(child.say("shutdown"), "started=6 exported=3 dropped=3 sampled_out=0");
        child.end();
    }
}

#[test]
fn all_parts_of_an_export_have_the_time_of_one() {
    for wire in WIRES {
        let receiver = Receiver::start(wire);
        // Each part has to wait for a second.
        receiver.reply(&[Reply::Throttle(1), Reply::Partial(0), Reply::Throttle(1)]);
        let endpoint = receiver.endpoint();
        let settings =
            [("endpoint", &*endpoint), ("protocol", wire.protocol()), ("max-request", "4000")];
        let variables = [("OTEL_EXPORTER_OTLP_TIMEOUT", "1900")];
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        child.say("burst 20");
        assert_eq!(child.say("flush"), "false", "{wire:?}");
        assert_eq!(receiver.times().len(), 3, "{wire:?}");
        let arrived = receiver.so_far().len();
        assert!((1..60).contains(&arrived), "{wire:?}: {arrived}");
        child.end();
    }
}

#[test]
fn what_is_refused_for_good_is_counted_and_not_sent_again() {
    for wire in WIRES {
        let receiver = Receiver::start(wire);
        receiver.reply(&[Reply::Partial(2)]);
        let mut child = start(wire, &receiver.endpoint(), &[]);
        child.trace("");
        assert_eq!(child.say("flush"), "false");
        assert_eq!(receiver.times().len(), 1);
        assert_eq!(child.say("shutdown"), "started=3 exported=1 dropped=2 sampled_out=0");
        let logs = child.end();
        assert!(logs.contains("2 spans were refused by http://"), "{wire:?}: {logs}");
        assert!(logs.contains("too old"), "{wire:?}: {logs}");
    }
}

#[test]
fn the_cause_is_told() {
    let (_listener, hole) = black_hole();
    let silent = [("OTEL_EXPORTER_OTLP_TIMEOUT", "300")];
    let cases = [
        (refused(), &[][..], "Connection refused"),
        (slammed(), &[], "connection"),
        (hole, &silent, "no answer, within 300ms"),
    ];
    for wire in WIRES {
        for (address, variables, cause) in &cases {
            let mut child = start(wire, &format!("http://{address}"), variables);
            child.trace("");
            assert_eq!(child.say("flush"), "false", "{wire:?} {cause}");
            assert_eq!(child.say("stats"), "started=3 exported=0 dropped=3 sampled_out=0");
            let logs = child.end();
            let warnings: Vec<&str> = logs.lines().filter(|line| line.contains("WARN")).collect();
            assert_eq!(warnings.len(), 1, "{logs}");
            assert!(warnings[0].contains(cause), "{wire:?} {cause}: {logs}");
        }
    }
}

#[test]
fn a_slow_way_and_one_that_breaks() {
    for wire in WIRES {
        for network in [slow, cut_once] {
            let receiver = Receiver::start(wire);
            let address = network(receiver.address());
            let mut child = start(wire, &format!("http://{address}"), &[]);
            child.trace("");
            assert_eq!(child.say("flush"), "true", "{wire:?}");
            assert!(receiver.so_far().len() >= 3);
            child.trace("");
            assert_eq!(child.say("shutdown"), "started=6 exported=6 dropped=0 sampled_out=0");
            assert!(!child.end().contains("WARN"));
        }
    }
}

#[test]
fn a_page_for_people_is_no_receipt() {
    for wire in [Wire::Http, Wire::Json] {
        let mut child = start(wire, &format!("http://{}", page()), &[]);
        child.trace("");
        assert_eq!(child.say("flush"), "false");
        assert_eq!(child.say("stats"), "started=3 exported=0 dropped=3 sampled_out=0");
        assert!(child.end().contains("a page for people"));
    }
}

#[test]
fn tail_sampling_is_accounted_for() {
    let receiver = Receiver::start(Wire::Http);
    let settings = [("endpoint", &*receiver.endpoint()), ("tail", "0.5")];
    let mut child = Child::start(PUPPET, &settings, &[]);
    child.ok("init");
    child.say("burst 100");
    let answer = child.say("shutdown");
    let arrived = receiver.so_far().len();
    assert!((30..270).contains(&arrived), "{answer}");
    let out = 300 - arrived;
    assert_eq!(answer, format!("started=300 exported={arrived} dropped=0 sampled_out={out}"));
    child.end();
}

#[test]
fn everything_is_accounted_for() {
    let unsampled = "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02";
    for wire in WIRES {
        let receiver = Receiver::start(wire);
        receiver.reply(&[Reply::Partial(1), Reply::Invalid, Reply::Unavailable]);
        let (_listener, hole) = black_hole();
        for (endpoint, all_lost) in [(receiver.endpoint(), false), (format!("http://{hole}"), true)]
        {
            let variables = [
                ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
                ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16"),
                ("OTEL_BSP_SCHEDULE_DELAY", "1"),
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
            ];
            let settings =
                [("endpoint", &*endpoint), ("protocol", wire.protocol()), ("shutdown", "300")];
            let mut child = Child::start(PUPPET, &settings, &variables);
            child.ok("init");
            child.say("burst 500");
            child.trace(unsampled);
            let answer = child.say("shutdown");
            let count = |name: &str| -> u64 {
                let mut pairs = answer.split(' ').filter_map(|pair| pair.split_once('='));
                pairs.find(|(it, _)| *it == name).unwrap().1.parse().unwrap()
            };
            let accounted = count("exported") + count("dropped") + count("sampled_out");
            assert_eq!(count("started"), accounted, "{wire:?}: {answer}");
            assert_eq!(count("started"), 1503, "{answer}");
            assert!(count("sampled_out") > 300 && count("sampled_out") < 1200, "{answer}");
            match all_lost {
                true => assert_eq!(count("exported"), 0, "{answer}"),
                false => {
                    // One of those that arrived was refused.
                    let arrived = u64::try_from(receiver.so_far().len()).unwrap();
                    assert_eq!(count("exported") + 1, arrived, "{answer}");
                }
            }
            child.end();
        }
    }
}
