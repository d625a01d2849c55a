//! W3C Trace Context level 2 and Baggage through a real server, with headers as nobody should send
//! them: the answer is always 200, and the parent is the one that the rules name.

use axum::Router;
use axum::routing::get;
use tracewire::test::expect;

use crate::support::{SPAN, Site, TRACE, field, outgoing};

const VALID: &[u8] = b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async fn site() -> Site {
    Site::new(|layer| Router::new().route("/", get(outgoing)).layer(layer)).await
}

/// Sends these header lines and returns what a request sent from the handler would carry.
async fn exchange(site: &Site, lines: &[&[u8]]) -> String {
    let mut request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".to_vec();
    for line in lines {
        request.extend_from_slice(line);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let answer = site.raw(request).await;
    let shown: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
    assert_eq!(answer.status(), 200, "{shown:?}");
    answer.body().to_owned()
}

/// Checks whose child the request became, and that what it sends on says so.
async fn check(lines: &[&[u8]], flags_of_parent: Option<&str>) -> String {
    let site = site().await;
    let sent = exchange(&site, lines).await;
    let shown: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
    let trace = site.trace(1).await;
    let root = &trace.roots()[0].span;
    let flags = match flags_of_parent {
        Some(flags) => {
            assert_eq!(trace.id().to_string(), TRACE, "{shown:?}");
            assert_eq!(root.parent_span_id.to_string(), SPAN, "{shown:?}");
            assert!(root.parent_span_is_remote, "{shown:?}");
            flags
        }
        None => {
            assert_ne!(trace.id().to_string(), TRACE, "{shown:?}");
            assert_eq!(root.parent_span_id.to_string(), "0".repeat(16), "{shown:?}");
            "01"
        }
    };
    let own = format!("00-{}-{}-{flags}", trace.id(), root.span_context.span_id());
    assert_eq!(field(&sent, "traceparent"), Some(&*own), "{shown:?}");
    trace.assert(expect::span("GET /").server().status(200).links(0));
    sent
}

#[tokio::test]
async fn traceparent() {
    let cases: &[(&[&[u8]], Option<&str>)] = &[
        (&[VALID], Some("01")),
        (&[b"TraceParent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], Some("01")),
        (&[b"traceparent:00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], Some("01")),
        (&[b"traceparent: \t 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 \t "], Some("01")),
        // Flags: those that are known are kept. Everything is sampled here.
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"], Some("03")),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02"], Some("03")),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff"], Some("03")),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fd"], Some("01")),
        // Versions.
        (&[b"traceparent: 01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], Some("01")),
        (&[b"traceparent: cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-else"], Some("01")),
        (&[b"traceparent: fe-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-"], Some("01")),
        (&[b"traceparent: cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what"], None),
        (&[b"traceparent: cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011"], None),
        (&[b"traceparent: ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what"], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-"], None),
        (&[b"traceparent: 0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], None),
        (&[b"traceparent: 0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], None),
        // Digits, separators, lengths.
        (&[b"traceparent: 00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01"], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A"], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01"], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01"], None),
        (&[b"traceparent: 00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01"], None),
        (&[b"traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01"], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\xff-01"], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"], None),
        (&[b"traceparent: -"], None),
        (&[b"traceparent:"], None),
        // Several of them are none, whatever they say.
        (&[VALID, VALID], None),
        (&[VALID, b"traceparent:"], None),
        (&[b"traceparent: nonsense", VALID], None),
        (&[b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01, 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], None),
        // Formats that nobody has asked for.
        (&[b"b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"], None),
        (&[b"uber-trace-id: 0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1"], None),
        (&[], None),
    ];
    for (lines, flags) in cases {
        check(lines, *flags).await;
    }
}

#[tokio::test]
async fn tracestate() {
    let long_key = format!("tracestate: {}=1", "k".repeat(256));
    let too_long_key = format!("tracestate: {}=1", "k".repeat(257));
    let too_long_value = format!("tracestate: a={}", "v".repeat(257));
    let members =
        |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    let (most, too_many) = (members(32), members(33));
    let (most_line, too_many_line) =
        (format!("tracestate: {most}"), format!("tracestate: {too_many}"));
    let long_key_state = long_key.strip_prefix("tracestate: ").unwrap();
    let cases: &[(&[&[u8]], Option<&str>)] = &[
        (&[b"tracestate: a=1,b=2"], Some("a=1,b=2")),
        (&[b"tracestate: a=1", b"tracestate: b=2", b"TraceState: c=3"], Some("a=1,b=2,c=3")),
        (&[b"tracestate: , a=1 ,\t b=2 ,,"], Some("a=1,b=2")),
        (&[b"tracestate:", b"tracestate: a=1"], Some("a=1")),
        (&[b"tracestate: t@vendor=1,0x=2"], Some("t@vendor=1,0x=2")),
        (&[b"tracestate: a=1,b=2,a=3"], Some("a=1,b=2")),
        (&[b"tracestate: a= 1"], Some("a= 1")),
        (&[long_key.as_bytes()], Some(long_key_state)),
        (&[most_line.as_bytes()], Some(&most)),
        (&[b"tracestate:"], None),
        (&[b"tracestate: ,,"], None),
        (&[b"tracestate: a"], None),
        (&[b"tracestate: a=1,b"], None),
        (&[b"tracestate: a=1=2"], None),
        (&[b"tracestate: =1"], None),
        (&[b"tracestate: a="], None),
        (&[b"tracestate: A=1"], None),
        (&[b"tracestate: a b=1"], None),
        (&[b"tracestate: a=\xff"], None),
        (&[b"tracestate: a=1", b"tracestate: broken"], None),
        (&[too_many_line.as_bytes()], None),
        (&[too_long_key.as_bytes()], None),
        (&[too_long_value.as_bytes()], None),
    ];
    for (lines, sent_on) in cases {
        let shown: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
        let with_parent = [&[VALID], *lines].concat();
        let sent = check(&with_parent, Some("01")).await;
        assert_eq!(field(&sent, "tracestate"), *sent_on, "{shown:?}");
        // Before the `traceparent` is as good as after it; without one it says nothing.
        let sent = check(&[*lines, &[VALID]].concat(), Some("01")).await;
        assert_eq!(field(&sent, "tracestate"), *sent_on, "{shown:?}");
        let sent = check(lines, None).await;
        assert_eq!(field(&sent, "tracestate"), None, "{shown:?}");
    }
}

#[tokio::test]
async fn baggage() {
    let many: Vec<String> = (0..70).map(|n| format!("k{n:02}={n}")).collect();
    let many_line = format!("baggage: {}", many.join(","));
    let kept = many[..64].join(",");
    let long = format!("baggage: a=1,long={}", "v".repeat(8192));
    let cases: &[(&[&[u8]], Option<&str>)] = &[
        (&[b"baggage: user=7,tenant=north"], Some("tenant=north,user=7")),
        (&[b"baggage: a=1", b"Baggage: b=2"], Some("a=1,b=2")),
        (&[b"baggage: a = 1 ;ttl=5;last , b=2"], Some("a=1;ttl=5;last,b=2")),
        (&[b"baggage: a=%20x%2C%C3%BC"], Some("a=%20x%2C%C3%BC")),
        (&[b"baggage: a=1,broken,=2,b=\"3\",c=4"], Some("a=1,c=4")),
        (&[b"baggage: a=1,b=\xff,c=3"], Some("a=1,c=3")),
        (&[b"baggage: a=1,a=2"], Some("a=2")),
        (&[many_line.as_bytes()], Some(&kept)),
        (&[long.as_bytes()], Some("a=1")),
        (&[b"baggage:"], None),
        (&[b"baggage: ,"], None),
        (&[b"baggage: broken"], None),
    ];
    for (lines, sent_on) in cases {
        let shown: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
        let sent = check(&[&[VALID], *lines].concat(), Some("01")).await;
        assert_eq!(field(&sent, "baggage"), *sent_on, "{shown:?}");
        // Baggage travels without a trace too.
        let sent = check(lines, None).await;
        assert_eq!(field(&sent, "baggage"), *sent_on, "{shown:?}");
    }
}

#[tokio::test]
async fn fields_of_any_size() {
    let size = 100_000;
    let huge = [
        format!("traceparent: {}", "0".repeat(size)),
        format!("traceparent: 00-{}", "-".repeat(size)),
    ];
    for line in &huge {
        check(&[line.as_bytes()], None).await;
    }
    let besides = [
        format!("tracestate: {}", "a=1,".repeat(size / 4)),
        format!("tracestate: {}", ",".repeat(size)),
        format!("tracestate: a={}", " ".repeat(size)),
        format!("baggage: {}", "=,".repeat(size / 2)),
        format!("baggage: a={}", "%".repeat(size)),
        format!("baggage: a=1{}", ";".repeat(size)),
        format!("forwarded: {}", "for=1.2.3.4,".repeat(size / 12)),
        format!("forwarded: for=\"{}", "\\".repeat(size)),
        format!("x-forwarded-for: {}", "1,".repeat(size / 2)),
    ];
    for line in &besides {
        check(&[VALID, line.as_bytes()], Some("01")).await;
    }
}

/// What is too much for the server never reaches the layer.
#[tokio::test]
async fn more_than_a_server_takes() {
    let site = site().await;
    let mut request = "GET / HTTP/1.1\r\nHost: a\r\n".to_owned();
    for n in 0..200 {
        request += &format!("X-Field-{n}: 1\r\n");
    }
    let answer = site.raw(request + "\r\n").await;
    assert_eq!(answer.status(), 431);
    assert_eq!((site.capture.spans().len(), site.capture.open()), (0, 0));
}
