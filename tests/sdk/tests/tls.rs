//! Encrypted ways: whom the exporter trusts, who it says it is, and what it says when that fails.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use sdk_tests::{Authority, Child, Receiver, TlsProxy, Wire};
use test_support::Files;

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");
const WIRES: [Wire; 3] = [Wire::Grpc, Wire::Http, Wire::Json];

/// Exports one trace with these variables; whether it arrived, and what was logged.
fn export(receiver: &Receiver, variables: &[(&str, &str)]) -> (bool, String) {
    let mut child = Child::start(PUPPET, &[], variables);
    child.ok("init");
    child.trace("");
    let flushed = child.say("flush") == "true";
    child.drop_guard();
    let arrived = receiver.so_far().len() == 3;
    assert_eq!(flushed, arrived, "{variables:?}");
    (arrived, child.end())
}

#[test]
fn an_authority_of_ones_own() {
    let (authority, files) = (Authority::new(), Files::new());
    let certificate = files.write("ca.pem", authority.pem());
    for wire in WIRES {
        for variable in ["OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"]
        {
            let receiver = Receiver::start(wire);
            let proxy = TlsProxy::start(receiver.address(), &authority, None);
            let variables = [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &*proxy.endpoint()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
                (variable, &*certificate),
            ];
            let (arrived, logs) = export(&receiver, &variables);
            assert!(arrived, "{wire:?} {variable}: {logs}");
        }
    }
}

#[test]
fn nobody_else_is_trusted() {
    let (authority, other, files) = (Authority::new(), Authority::new(), Files::new());
    let other = files.write("other.pem", other.pem());
    for wire in WIRES {
        for certificate in ["", &*other] {
            let receiver = Receiver::start(wire);
            let proxy = TlsProxy::start(receiver.address(), &authority, None);
            let variables = [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &*proxy.endpoint()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
                ("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate),
            ];
            let (arrived, logs) = export(&receiver, &variables);
            assert!(!arrived, "{wire:?}");
            assert!(logs.contains("invalid peer certificate"), "{wire:?}: {logs}");
        }
    }
}

#[test]
fn who_is_asked_says_who_it_is() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let certificate = files.write("ca.pem", authority.pem());
    let (ours, key) = clients.sign();
    let (ours, key) = (files.write("client.pem", &ours), files.write("client.key", &key));
    for wire in WIRES {
        for (ours, key, expected) in [(&*ours, &*key, true), ("", "", false)] {
            let receiver = Receiver::start(wire);
            let proxy = TlsProxy::start(receiver.address(), &authority, Some(&clients));
            let variables = [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &*proxy.endpoint()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
                ("OTEL_EXPORTER_OTLP_CERTIFICATE", &*certificate),
                ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", ours),
                ("OTEL_EXPORTER_OTLP_CLIENT_KEY", key),
            ];
            let (arrived, logs) = export(&receiver, &variables);
            assert_eq!(arrived, expected, "{wire:?}: {logs}");
        }
    }
}

#[test]
fn files_that_cannot_be_used_are_an_error() {
    let (authority, files) = (Authority::new(), Files::new());
    let good = files.write("ca.pem", authority.pem());
    let (ours, key) = authority.sign();
    let (other, _) = authority.sign();
    let (ours, other) = (files.write("client.pem", &ours), files.write("other.pem", &other));
    let (key, empty) = (files.write("client.key", &key), files.write("empty.pem", "nothing"));
    let (ca, certificate) =
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE");
    let secret = "OTEL_EXPORTER_OTLP_CLIENT_KEY";
    let cases = [
        (vec![(ca, "/nowhere/ca.pem")], "/nowhere/ca.pem"),
        (vec![(ca, &*empty)], "there is no certificate in "),
        (vec![(ca, &*good), (certificate, &*ours)], secret),
        (vec![(ca, &*good), (secret, &*key)], certificate),
        (vec![(certificate, &*ours), (secret, &*empty)], "no private key can be read from "),
        (vec![(certificate, &*other), (secret, &*key)], "are no certificate and its key"),
    ];
    for (files, hint) in cases {
        let mut variables = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost:1")];
        variables.extend(&files);
        let mut child = Child::start(PUPPET, &[], &variables);
        let answer = child.say("init");
        assert!(answer.starts_with("configuration=true"), "{files:?}: {answer}");
        assert!(answer.contains(hint), "{answer}");
        child.end();
    }
}
