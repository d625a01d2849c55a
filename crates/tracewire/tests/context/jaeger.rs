//! Jaeger's `uber-trace-id`.

use tracewire::{Format, Propagator};

use crate::{check, check_refused, headers, inject, lines};

const IDS: &str = "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7";

#[test]
fn ids_and_flags() {
    let sent = |flags: &str| format!("uber-trace-id: {IDS}:0:{flags}");
    let cases = [
        (format!("{IDS}:0:1"), sent("1")),
        (format!("{IDS}:0:0"), sent("0")),
        (format!("{IDS}:0:01"), sent("1")),
        (format!("{IDS}:0:00"), sent("0")),
        (format!(" \t{IDS}:0:1\t"), sent("1")),
        // debug, with the sampled flag or without
        (format!("{IDS}:0:3"), sent("3")),
        (format!("{IDS}:0:2"), sent("3")),
        // flags with no meaning here
        (format!("{IDS}:0:9"), sent("1")),
        (format!("{IDS}:0:fc"), sent("0")),
        // the parent
        (format!("{IDS}:00f067aa0ba902b6:1"), sent("1")),
        (format!("{IDS}::1"), sent("1")),
        (format!("{IDS}:?:1"), sent("1")),
        // percent-encoded
        (format!("{IDS}:0:1").replace(':', "%3A"), sent("1")),
        (format!("{IDS}:0:1").replace(':', "%3a"), sent("1")),
        (format!("{IDS}%3A0:1"), sent("1")),
        // either case
        (format!("{IDS}:0:1").to_uppercase(), sent("1")),
        // leading zeroes left out
        ("4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1".to_owned(), sent("1")),
        (
            "a3ce929d0e0e4736:1:0:1".to_owned(),
            "uber-trace-id: 0000000000000000a3ce929d0e0e4736:0000000000000001:0:1".to_owned(),
        ),
        (
            "1:2:0:1".to_owned(),
            "uber-trace-id: 00000000000000000000000000000001:0000000000000002:0:1".to_owned(),
        ),
        (
            "abc:def:0:1".to_owned(),
            "uber-trace-id: 00000000000000000000000000000abc:0000000000000def:0:1".to_owned(),
        ),
    ];
    for (received, sent) in cases {
        let received = format!("uber-trace-id: {received}");
        check(&[Format::Jaeger], &[(&[&received], &[&sent])]);
    }
}

#[test]
fn malformed_is_refused() {
    let refused = [
        "",
        ":::",
        "::0:1",
        "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0",
        "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:1",
        "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:",
        "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1:",
        "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1:0",
        "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:001",
        "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:x",
        "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:-1",
        "04bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1",
        "4bf92f3577b34da6a3ce929d0e0e4736:000f067aa0ba902b7:0:1",
        "4bf92f3577b34da6a3ce929d0e0e473g:00f067aa0ba902b7:0:1",
        "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902bg:0:1",
        "4bf92f3577b34da6 a3ce929d0e0e4736:00f067aa0ba902b7:0:1",
        "0:00f067aa0ba902b7:0:1",
        "00000000000000000000000000000000:00f067aa0ba902b7:0:1",
        "4bf92f3577b34da6a3ce929d0e0e4736:0:0:1",
        "4bf92f3577b34da6a3ce929d0e0e4736%00f067aa0ba902b7%0%1",
        "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0-1",
        "%3A%3A%3A",
        "\u{ff}:\u{ff}:0:1",
    ];
    check_refused(Format::Jaeger, "uber-trace-id", &refused);
}

#[test]
fn debug_goes_over_to_b3_and_back() {
    let propagator = Propagator::new([Format::Jaeger, Format::B3]);
    let context = propagator.extract(&headers(&[&format!("uber-trace-id: {IDS}:0:3")]));
    let expected =
        [format!("b3: {}-d", IDS.replace(':', "-")), format!("uber-trace-id: {IDS}:0:3")];
    assert_eq!(lines(&inject(&propagator, &context)), expected);
    let context = propagator.extract(&headers(&[&expected[0]]));
    assert_eq!(lines(&inject(&propagator, &context)), expected);
}
