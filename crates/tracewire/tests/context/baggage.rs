//! W3C Baggage.

use opentelemetry::baggage::{Baggage, BaggageExt as _, BaggageMetadata};
use opentelemetry::{Context, KeyValue};
use tracewire::{Format, Propagator};

use crate::{check, headers, inject, lines};

/// What is read of `baggage` fields: `key=value` or `key=value;properties`, sorted.
fn read(fields: &[&str]) -> Vec<String> {
    let fields: Vec<_> = fields.iter().map(|value| format!("baggage: {value}")).collect();
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    let incoming = Propagator::default().read(&headers(&fields));
    let mut members: Vec<_> = incoming.baggage.iter().flatten().map(outline).collect();
    members.sort();
    members
}

fn outline((key, (value, properties)): Member<'_>) -> String {
    match properties.as_str() {
        "" => format!("{key}={value}"),
        properties => format!("{key}={value};{properties}"),
    }
}

type Member<'a> = (&'a opentelemetry::Key, &'a (opentelemetry::StringValue, BaggageMetadata));

fn sent(baggage: Baggage) -> Vec<String> {
    lines(&inject(&Propagator::default(), &Context::new().with_baggage(baggage)))
}

#[test]
fn members_are_read() {
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &[]),
        (&[""], &[]),
        (&[","], &[]),
        (&["a=1"], &["a=1"]),
        (&["a=1,b=2"], &["a=1", "b=2"]),
        (&["a=1", "b=2", "", "c=3"], &["a=1", "b=2", "c=3"]),
        (&["a="], &["a="]),
        // the last of a key counts
        (&["a=1,a=2"], &["a=2"]),
        (&["a=1", "a=2"], &["a=2"]),
        // keys are tokens and know case
        (&["a=1,A=2"], &["A=2", "a=1"]),
        (&["!#$%&'*+-.^_`|~09azAZ=1"], &["!#$%&'*+-.^_`|~09azAZ=1"]),
        (&["a%20b=1"], &["a%20b=1"]),
        // white space
        (&[" \ta \t= \t1\t ,\t b=2 "], &["a=1", "b=2"]),
        (&["a=1 \t; \tp"], &["a=1;p"]),
        // `=` in values
        (&["a=b=c", "d==", "e=f==;p=q=r"], &["a=b=c", "d==", "e=f==;p=q=r"]),
        (&["a=!#$&'()*+-./:<=>?@[]^_`{|}~"], &["a=!#$&'()*+-./:<=>?@[]^_`{|}~"]),
        // percent decoding
        (&["a=%20%2C%3B%5C%22%25%3D"], &["a= ,;\\\"%="]),
        (&["a=%c3%A4%F0%9F%9A%80"], &["a=\u{e4}\u{1f680}"]),
        (&["a=x%ffy%C3z%ED%A0%80"], &["a=x\u{fffd}y\u{fffd}z\u{fffd}\u{fffd}\u{fffd}"]),
        (&["a=100%,b=%,c=%4,d=%zz"], &["a=100%", "b=%", "c=%4", "d=%zz"]),
        (&["a=1+2"], &["a=1+2"]),
        // properties are kept as they are
        (&["a=1;p"], &["a=1;p"]),
        (&["a=1;p=%20;q; r = 3"], &["a=1;p=%20;q; r = 3"]),
        (&["a=1;"], &["a=1"]),
        (&["a=1,b=2;p=q,c=3"], &["a=1", "b=2;p=q", "c=3"]),
    ];
    for (fields, expected) in cases {
        assert_eq!(read(fields), *expected, "{fields:?}");
    }
}

#[test]
fn a_malformed_member_goes_and_the_others_stay() {
    let malformed = [
        "a",
        "=1",
        " =1",
        "a b=1",
        "a\tb=1",
        "(a)=1",
        "a@b=1",
        "a/b=1",
        "\"a\"=1",
        "\u{e4}=1",
        "a=1 2",
        "a=\"1\"",
        "a=\\",
        "a=\u{e4}",
        "a;p=1",
        ";p",
        "a=1;p=\u{e4}",
    ];
    for member in malformed {
        assert_eq!(read(&[member]), [""; 0], "{member}");
        assert_eq!(read(&[&format!("b=2,{member},c=3")]), ["b=2", "c=3"], "{member}");
    }
}

#[test]
fn at_most_64_members_are_read_over_all_fields() {
    let members = |range: std::ops::Range<usize>| {
        let members: Vec<_> = range.map(|n| format!("k{n:02}={n:02}")).collect();
        members.join(",")
    };
    assert_eq!(read(&[&members(0..64)]).len(), 64);
    assert_eq!(read(&[&members(0..40), &members(40..64)]).len(), 64);
    let beyond = read(&[&members(0..40), &members(40..70), "x=1"]);
    assert_eq!(beyond.len(), 64);
    assert_eq!(beyond.last().unwrap(), "k63=63");
    // What is no member does not take the place of one.
    let with_holes = members(0..64).replace(',', ",no member,");
    assert_eq!(read(&[&with_holes]).len(), 64);
}

#[test]
fn at_most_8192_bytes_are_read_over_all_fields_by_whole_members() {
    let member = |key: &str, length: usize| format!("{key}={}", "v".repeat(length - 1 - key.len()));
    let keys = |fields: &[&str]| {
        let keys = read(fields).into_iter().map(|member| member[..1].to_owned());
        keys.collect::<Vec<_>>()
    };
    let (half, rest) = (member("a", 4096), member("b", 4095));
    assert_eq!(keys(&[&format!("{half},{rest}")]), ["a", "b"]);
    assert_eq!(keys(&[&half, &rest]), ["a", "b"]);
    assert_eq!(keys(&[&half, &rest, "c=3"]), ["a", "b"]);
    assert_eq!(keys(&[&half, &member("b", 4096), "c=3"]), ["a"]);
    assert_eq!(keys(&[&member("a", 8192)]), ["a"]);
    assert_eq!(keys(&[&member("a", 8193)]), [""; 0]);
    // White space around members does not count.
    assert_eq!(keys(&[&format!("{half} \t,\t {rest}  ")]), ["a", "b"]);
}

#[test]
fn writing_is_sorted_and_encodes_what_must_be() {
    let baggage = Baggage::from_iter([
        KeyValue::new("b", "plain"),
        KeyValue::new("a", "t\u{fc}r ,;\\\"%\r\n\0\u{7f}"),
        KeyValue::new("c", "k=v:/?#[]@!$&'()*+-._~^`{|}<>"),
        KeyValue::new("d", ""),
    ]);
    let expected = "baggage: a=t%C3%BCr%20%2C%3B%5C%22%25%0D%0A%00%7F,b=plain,\
                    c=k=v:/?#[]@!$&'()*+-._~^`{|}<>,d=";
    assert_eq!(sent(baggage), [expected]);
}

#[test]
fn properties_are_written_unless_they_would_spoil_the_header() {
    let cases = [
        ("p", ";p"),
        ("p=1;q;r=%20", ";p=1;q;r=%20"),
        (" p ", ";p"),
        ("", ""),
        ("p,x=1", ""),
        ("p\r\nevil: 1", ""),
        ("p\0", ""),
        ("p\u{7f}", ""),
        ("\u{e4}", ""),
    ];
    for (properties, expected) in cases {
        let mut baggage = Baggage::new();
        baggage.insert_with_metadata("a", "1", properties);
        baggage.insert("b", "2");
        let expected = format!("baggage: a=1{expected},b=2");
        assert_eq!(sent(baggage), [expected], "{properties:?}");
    }
}

#[test]
fn what_does_not_fit_is_left_out_whole() {
    let mut baggage = Baggage::new();
    baggage.insert("a", "v".repeat(100));
    baggage.insert("b", "\u{e4}".repeat(2000));
    baggage.insert("c", "v".repeat(100));
    let v = "v".repeat(100);
    assert_eq!(sent(baggage), [format!("baggage: a={v},c={v}")]);

    let mut too_long = Baggage::new();
    too_long.insert("b", "\u{e4}".repeat(2000));
    assert_eq!(sent(too_long), [""; 0]);
}

#[test]
fn a_hop_keeps_members_and_properties() {
    check(
        &[Format::Baggage],
        &[
            (
                &["baggage: b=2%20;p=1;q , a=1", "baggage: c=%C3%A4"],
                &["baggage: a=1,b=2%20;p=1;q,c=%C3%A4"],
            ),
            (&["baggage: a=b=c,no member"], &["baggage: a=b=c"]),
            (&["baggage: no member"], &[]),
        ],
    );
}

#[test]
fn a_broken_header_does_not_take_away_what_is_there() {
    let base = Context::new().with_baggage([KeyValue::new("a", "1")]);
    let incoming = Propagator::default().read(&headers(&["baggage: broken"]));
    assert!(incoming.baggage.is_none());
    let context = incoming.into_context(base);
    assert_eq!(context.baggage().get("a").unwrap().as_str(), "1");
}
