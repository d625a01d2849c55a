//! A Collector that speaks TLS, and one that asks who is there.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use collector_tests::{Collector, SPANS_ALONE, Setup};
use sdk_tests::{Authority, Child, Wire};
use test_support::Files;

const SHOP: &str = env!("CARGO_BIN_EXE_shop");
const WIRES: [Wire; 3] = [Wire::Grpc, Wire::Http, Wire::Json];

/// The Collector's certificate and key, in files.
fn identity(authority: &Authority, files: &Files) -> String {
    let (certificate, key) = authority.sign();
    let certificate = files.write("collector.pem", &certificate);
    format!("cert_file: '{certificate}', key_file: '{}'", files.write("collector.key", &key))
}

/// Takes three orders with these variables, all of which must go well; whether their spans arrived,
/// and what was logged.
fn trade(
    collector: &Collector,
    wire: Wire,
    who: &str,
    variables: &[(&str, &str)],
) -> (bool, String) {
    let service = format!("shop-{wire:?}-{who}");
    let endpoint = collector.endpoint(wire);
    let mut all = vec![
        SPANS_ALONE,
        ("OTEL_SERVICE_NAME", &*service),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
    ];
    all.extend(variables);
    let mut shop = Child::start(SHOP, &[], &all);
    shop.ok("init");
    let answers = shop.say("order 3");
    assert!(answers.split(' ').all(|answer| answer.starts_with("200:")), "{wire:?} {answers}");
    let flushed = shop.say("flush") == "true";
    let stats = shop.say("shutdown");
    assert_eq!(stats, if flushed { "12 12 0 0" } else { "12 0 12 0" }, "{wire:?}");
    let spans = collector.received().so_far(&service).len();
    assert_eq!(spans, if flushed { 12 } else { 0 }, "{wire:?}");
    (flushed, shop.end())
}

#[test]
fn it_is_trusted_by_those_who_know_its_authority() {
    let (authority, other, files) = (Authority::new(), Authority::new(), Files::new());
    let certificate = files.write("ca.pem", authority.pem());
    let other = files.write("other.pem", other.pem());
    let setup = Setup::new().tls(format!("{{{}}}", identity(&authority, &files)));
    let collector = Collector::start(setup);
    for wire in WIRES {
        let known = [("OTEL_EXPORTER_OTLP_CERTIFICATE", &*certificate)];
        let (arrived, log) = trade(&collector, wire, "known", &known);
        assert!(arrived && !log.contains("WARN"), "{wire:?}: {log}");

        let unknown = [("OTEL_EXPORTER_OTLP_CERTIFICATE", &*other)];
        let (arrived, log) = trade(&collector, wire, "unknown", &unknown);
        assert!(!arrived, "{wire:?}");
        assert_eq!(log.matches("WARN").count(), 1, "{wire:?}: {log}");
        assert!(log.contains("invalid peer certificate"), "{wire:?}: {log}");
    }
}

#[test]
fn it_trusts_those_whose_authority_it_knows() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let certificate = files.write("ca.pem", authority.pem());
    let ca = files.write("clients.pem", clients.pem());
    let ask = format!("{{{}, client_ca_file: '{ca}'}}", identity(&authority, &files));
    let collector = Collector::start(Setup::new().tls(ask));
    let signed = |by: &Authority, name: &str| {
        let (certificate, key) = by.sign();
        let certificate = files.write(&format!("{name}.pem"), &certificate);
        (certificate, files.write(&format!("{name}.key"), &key))
    };
    let ours = signed(&clients, "ours");
    let theirs = signed(&authority, "theirs");
    let cases =
        [("ours", Some(&ours), true), ("theirs", Some(&theirs), false), ("nobody", None, false)];
    for wire in WIRES {
        for (who, client, welcome) in cases {
            let (client, key) = client.map_or(("", ""), |(it, key)| (&**it, &**key));
            let variables = [
                ("OTEL_EXPORTER_OTLP_CERTIFICATE", &*certificate),
                ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", client),
                ("OTEL_EXPORTER_OTLP_CLIENT_KEY", key),
            ];
            let (arrived, log) = trade(&collector, wire, who, &variables);
            assert_eq!(arrived, welcome, "{wire:?} {who}: {log}");
            let warnings = log.matches("WARN").count();
            assert_eq!(warnings, usize::from(!welcome), "{wire:?} {who}: {log}");
        }
    }
}
