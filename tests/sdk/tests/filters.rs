//! No filter breaks a trace: what is logged decides nothing, and a span that is filtered away takes
//! neither its parent nor its children with it.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use sdk_tests::{Child, Receiver, Wire};

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");

const INCOMING: &str = "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03 \
                        tracestate=a=1";

/// Serves one request and checks what became of it; `kept` is whether the span in the middle should
/// be there.
#[track_caller]
fn check(settings: &[(&str, &str)], variables: &[(&str, &str)], kept: bool) {
    let receiver = Receiver::start(Wire::Grpc);
    let endpoint = receiver.endpoint();
    let mut all = vec![("endpoint", &*endpoint), ("protocol", "grpc")];
    all.extend(settings);
    let mut child = Child::start(PUPPET, &all, variables);
    child.ok("init");
    let outgoing = child.trace(INCOMING);
    child.drop_guard();
    child.end();

    let spans = receiver.so_far();
    let case = format!("{settings:?} {variables:?}");
    let find = |name| spans.iter().map(|it| &it.span).find(|span| span.name == name);
    let (server, client) = (find("server").unwrap(), find("client").unwrap());
    assert_eq!(hex(&server.parent_span_id), "b7ad6b7169203331", "{case}");
    let above = match find("middle") {
        Some(middle) => {
            assert!(kept, "{case}");
            assert_eq!(middle.parent_span_id, server.span_id, "{case}");
            &middle.span_id
        }
        None => {
            assert!(!kept, "{case}");
            &server.span_id
        }
    };
    assert_eq!(client.parent_span_id, *above, "{case}");
    for span in &spans {
        assert_eq!(hex(&span.span.trace_id), "0af7651916cd43dd8448eb211c80319c", "{case}");
    }
    let expected = format!("00-0af7651916cd43dd8448eb211c80319c-{}-03", hex(&client.span_id));
    assert_eq!(outgoing["traceparent"], expected, "{case}");
    assert_eq!(outgoing["tracestate"], "a=1", "{case}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_logged_and_what_is_traced_are_two_things() {
    let logs = ["", "off", "error", "warn", "tracewire=off", "info", "trace", "[middle]=off", "=!"];
    let spans = [
        ("", true),
        ("info", true),
        ("trace", true),
        ("info,sdk_tests=debug", true),
        ("off", false),
        ("error", false),
        ("warn", false),
        ("info,sdk_tests=off", false),
        ("off,sdk_tests::traced=info", true),
        ("info,tracewire=off", true),
    ];
    for log in logs {
        for (filter, kept) in spans {
            check(&[("span-filter", filter)], &[("RUST_LOG", log)], kept);
        }
    }
}

#[test]
fn a_filter_over_everything_is_no_exception() {
    let cases = [
        ("off", false),
        ("error", false),
        ("warn", false),
        ("info", true),
        ("trace", true),
        ("info,sdk_tests=off", false),
        ("tracewire=off", false),
        ("sdk_tests[middle]=info", true),
    ];
    for (filter, kept) in cases {
        check(&[("own-subscriber", filter)], &[], kept);
    }
}

#[test]
fn without_a_subscriber_the_boundaries_are_traced() {
    check(&[("subscriber", "none")], &[], false);
}
