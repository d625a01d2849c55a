//! The demo as a person runs it: each flag does what it says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use test_support::service;
use tracewire_cli::{Listen, Receiver, Store};

fn checkout(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkout"));
    command.args(arguments).env("COLUMNS", "120");
    for inherited in ["OTEL_EXPORTER_OTLP_ENDPOINT", "DATABASE_URL", "REDIS_URL", "BROKER_URL"] {
        command.env_remove(inherited);
    }
    command
}

#[track_caller]
fn run(arguments: &[&str]) -> String {
    succeed(checkout(arguments).output().unwrap())
}

#[track_caller]
fn succeed(output: Output) -> String {
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    assert_eq!(errors, "", "{text}");
    text
}

/// The rows of the waterfall: service and operation, without bars and durations.
fn rows(text: &str) -> Vec<String> {
    let services =
        ["gateway", "checkout", "inventory", "pricing", "payment", "bank-api", "fulfilment"];
    let is_row = |line: &&str| services.contains(&line.split(' ').next().unwrap_or_default());
    let is_bar = |c: char| ('▀'..='▟').contains(&c);
    let name = |line: &str| line.split(is_bar).next().unwrap_or_default().trim_end().to_owned();
    text.lines().filter(is_row).map(name).collect()
}

/// What every run shows, whatever the bank does. Goods and prices are asked for at the same time, so
/// their order is left open.
const GOOD: &[&str] = &[
    "gateway    POST /checkout",
    "gateway    └─ POST",
    "checkout      └─ POST /orders",
    "checkout         ├─ validate",
    "checkout         ├─ reserve",
    "checkout         │  └─ POST",
    "inventory        │     └─ POST /reservations",
    "inventory        │        └─ reserve",
    "inventory        │           ├─ BEGIN",
    "inventory        │           ├─ UPDATE stock",
    "inventory        │           ├─ INSERT reservations",
    "inventory        │           ├─ UPDATE stock",
    "inventory        │           ├─ INSERT reservations",
    "inventory        │           └─ COMMIT",
    "checkout         ├─ price",
    "checkout         │  ├─ GET",
    "pricing          │  │  └─ GET /prices/{item}",
    "pricing          │  │     └─ GET",
    "checkout         │  └─ GET",
    "pricing          │     └─ GET /prices/{item}",
    "pricing          │        ├─ GET",
    "pricing          │        ├─ apply_discounts",
    "pricing          │        └─ SET",
    "checkout         ├─ pay",
    "checkout         │  └─ shop.Payment/Pay",
    "payment          │     └─ shop.Payment/Pay",
    "payment          │        ├─ assess_risk",
    "payment          │        └─ POST",
    "bank-api         │           └─ POST /authorizations",
    "bank-api         │              └─ ask_card_network",
    "checkout         └─ send orders",
];

#[test]
fn a_checkout_is_one_trace_over_all_services() {
    assert_good(&run(&[]));
}

#[test]
fn databases_and_caches_can_be_real_ones() {
    for database in ["TRACEWIRE_POSTGRES_URL", "TRACEWIRE_MYSQL_URL"] {
        let mut command = checkout(&[]);
        command.env("DATABASE_URL", service(database));
        let text = succeed(command.output().unwrap());
        assert_good(&text);
    }
    let redis = service("TRACEWIRE_REDIS_URL");
    let text = succeed(checkout(&[]).env("REDIS_URL", redis).output().unwrap());
    // A cache that is shared may know all prices already.
    assert!(text.ends_with(CONNECTED), "{text}");
}

#[track_caller]
fn assert_good(text: &str) {
    let (main, linked) = text.split_once("\nLinked ").unwrap();
    let (mut found, mut expected) = (rows(main), GOOD.to_vec());
    // On a busy machine the first connection may take so long that waiting for it is a span.
    found.retain(|row| !row.ends_with("─ acquire"));
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{text}");
    assert!(text.starts_with("POST /checkout -> 200 OK: 2 items for 31.90"), "{text}");
    assert!(text.contains("Slowest: bank-api  ask_card_network"), "{text}");
    assert_eq!(rows(linked), ["checkout  process orders", "checkout  └─ pack"], "{text}");
    assert!(text.ends_with(CONNECTED), "{text}");
}

/// Orders are packed in a trace of their own.
const CONNECTED: &str =
    "One trace, 6 services, every hop connected; one more trace is linked to it.\n";

#[test]
fn orders_reach_fulfilment_through_a_broker() {
    for (broker, settle) in
        [("TRACEWIRE_AMQP_URL", Some("fulfilment  └─ ack orders")), ("TRACEWIRE_NATS_URL", None)]
    {
        let text = succeed(checkout(&[]).env("BROKER_URL", service(broker)).output().unwrap());
        let (main, linked) = text.split_once("\nLinked ").unwrap();
        assert!(main.contains("─ publish orders"), "{text}");
        assert!(
            linked.contains("  checkout  publish orders  →  fulfilment  process orders\n"),
            "{text}"
        );
        let pack =
            if settle.is_some() { "fulfilment  ├─ pack" } else { "fulfilment  └─ pack" };
        let mut expected = vec!["fulfilment  process orders", pack];
        expected.extend(settle);
        assert_eq!(rows(linked), expected, "{text}");
        assert!(text.ends_with(CONNECTED), "{text}");
    }
}

#[test]
fn a_slow_bank_is_named() {
    let text = run(&["--slow-bank"]);
    assert!(text.contains("Slowest: bank-api  ask_card_network  3.6"), "{text}");
    assert!(text.ends_with(CONNECTED), "{text}");
}

#[test]
fn a_failed_payment_is_red_all_the_way_up() {
    let text = run(&["--fail-payment"]);
    assert!(text.starts_with("POST /checkout -> 502 Bad Gateway"), "{text}");
    for row in ["✗ POST /authorizations  503", "✗ shop.Payment/Pay", "✗ POST /checkout  502"]
    {
        assert!(text.contains(row), "{row} is missing:\n{text}");
    }
    assert!(text.contains("✗ Failed: bank-api  POST /authorizations  503"), "{text}");
    assert!(text.ends_with("One trace, 6 services, every hop connected.\n"), "{text}");
}

#[test]
fn whoever_drops_the_headers_is_found() {
    for service in ["checkout", "inventory", "pricing", "payment", "bank-api"] {
        let text = run(&["--drop-headers", service]);
        assert!(text.contains(&format!("The trace breaks at `{service}`")), "{text}");
        assert!(!text.contains("every hop connected"), "{text}");
    }
    assert!(run(&["--drop-headers", "gateway"]).contains("had none to lose"));
}

#[test]
fn services_are_kept_until_they_are_stopped() {
    let mut child = checkout(&["--keep"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let curl = lines.by_ref().find(|line| line.contains("curl -i")).unwrap();
    let address = curl.split(['/', ' ']).find(|word| word.contains("127.0.0.1")).unwrap();

    let mut gateway = TcpStream::connect(address).unwrap();
    let cart = r#"{"items":["cup"]}"#;
    let request = format!(
        "POST /checkout HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{cart}",
        cart.len(),
    );
    gateway.write_all(request.as_bytes()).unwrap();
    let answer = std::io::read_to_string(gateway).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("1 item for"), "{answer}");
    assert!(answer.contains("traceresponse: 00-"), "{answer}");

    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert!(child.wait().unwrap().success());
    // The services have gone with it.
    TcpStream::connect(address).unwrap_err();
}

#[test]
fn spans_go_to_a_collector_that_is_named() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collector = runtime.block_on(Receiver::bind(Listen::any_port(), Store::default())).unwrap();
    let output =
        checkout(&[]).env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http_endpoint()).output();
    let text = succeed(output.unwrap());
    let traces = collector.store().traces();
    assert_eq!(traces.len(), 2, "{text}");
    assert!(traces[0].is_connected() && traces[0].services().len() == 6, "{traces:?}");
    assert!(text.contains(&format!("look for trace {}", traces[0].id())), "{text}");
}

#[test]
fn the_command_line_is_explained() {
    assert!(run(&["--help"]).contains("--drop-headers <service>"));
    for (arguments, complaint) in [
        (&["--nonsense"][..], "invalid option '--nonsense'"),
        (&["--drop-headers", "nobody"], "there is no service `nobody`"),
        (&["--drop-headers"], "missing argument"),
    ] {
        let output = checkout(arguments).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(complaint) && errors.contains("Usage:"), "{errors}");
    }
}
