//! Whose context is linked to, whose is a parent, and what travels.

use opentelemetry_sdk::trace::Sampler;
use tracewire::Telemetry;
use tracewire::messaging::{About, Client, Config};
use tracewire::otel::baggage::BaggageExt as _;
use tracewire::otel::trace::TraceContextExt as _;
use tracewire::otel::{Context, KeyValue};
use tracewire::span::Outcome;
use tracewire::test::{Capture, expect};
use tracewire_messaging_tests::{config, links_to, named, request};

use crate::{FOREIGN, FOREIGN_SPAN, FOREIGN_TRACE, Headers, foreign};

fn orders(about: &mut About) {
    about.destination("orders");
}

/// Sends a message below the span of a request.
async fn sent(capture: &Capture, client: &Client) -> Headers {
    let mut headers = Headers::new();
    request(capture, async {
        client.send("publish", &mut headers, orders).finish(Outcome::Success);
    })
    .await;
    headers
}

#[tokio::test]
async fn processing_links_to_the_sender_and_stays_in_its_own_trace() {
    let capture = Capture::new();
    let client = Client::new("pigeon_post", &config(&capture));
    let headers = sent(&capture, &client).await;
    request(&capture, async {
        client.process("process", &headers, orders).finish(Outcome::Success);
    })
    .await;
    let traces = capture.traces();
    let request = || expect::span("request").server();
    traces[0].assert(request().child(expect::span("publish orders").producer().links(0)));
    traces[1].assert(request().child(expect::span("process orders").consumer().links(1)));
    let (sent, processed) = (named(&capture, "publish orders"), named(&capture, "process orders"));
    assert!(links_to(&processed[0], &[&sent[0]]));
}

#[tokio::test]
async fn the_sender_is_the_parent_by_choice_and_the_links_stay() {
    let capture = Capture::new();
    let client = Client::new("pigeon_post", &config(&capture).producer_as_parent());
    let headers = sent(&capture, &client).await;
    request(&capture, async {
        client.process("process", &headers, orders).finish(Outcome::Success);
    })
    .await;
    let traces = capture.traces();
    let process = expect::span("process orders").consumer().links(2);
    let publish = expect::span("publish orders").producer().child(process);
    traces[0].assert(expect::span("request").server().child(publish));
    traces[1].assert(expect::span("request").server());
    let worker = &named(&capture, "request")[1];
    let sent = &named(&capture, "publish orders")[0];
    assert!(links_to(&named(&capture, "process orders")[0], &[sent, worker]));
}

#[tokio::test]
async fn without_an_ambient_span_the_parent_is_the_only_link() {
    let capture = Capture::new();
    let client = Client::new("pigeon_post", &config(&capture).producer_as_parent());
    let headers = sent(&capture, &client).await;
    client.process("process", &headers, orders).finish(Outcome::Success);
    assert!(links_to(
        &named(&capture, "process orders")[0],
        &[&named(&capture, "publish orders")[0]]
    ));
    assert_eq!(capture.trace().spans().len(), 3);
}

#[test]
fn a_context_in_the_message_is_never_overwritten() {
    let capture = Capture::new();
    let client = Client::new("pigeon_post", &config(&capture));
    let mut headers = foreign();
    client.send("publish", &mut headers, orders).finish(Outcome::Success);
    client.create("create", &mut headers, orders);
    assert_eq!(headers["traceparent"], FOREIGN);
    capture.assert(expect::span("publish orders").client().links(1));
    let link = &capture.spans()[0].links[0];
    assert_eq!(link.span_context.span_id().to_string(), FOREIGN_SPAN);
}

#[test]
fn what_cannot_be_read_is_no_context() {
    for value in ["", "00-x", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "\u{1}"] {
        let capture = Capture::new();
        let config = config(&capture).producer_as_parent();
        let client = Client::new("pigeon_post", &config);
        let mut headers = Headers::from([("traceparent".to_owned(), value.to_owned())]);
        client.process("process", &headers, orders).finish(Outcome::Success);
        client.send("publish", &mut headers, orders).finish(Outcome::Success);
        let traces = capture.traces();
        traces[0].assert(expect::span("process orders").consumer().links(0));
        traces[1].assert(expect::span("publish orders").producer().links(0));
        let own = traces[1].spans()[0].span_context.span_id().to_string();
        assert!(headers["traceparent"].contains(&own), "{value}: {headers:?}");
    }
}

#[test]
fn context_travels_where_nothing_is_recorded() {
    let telemetry = Telemetry::propagate_only();
    for config in [Config::new(), Config::new().producer_as_parent()] {
        let client = Client::new("pigeon_post", &config.telemetry(&telemetry));
        let process = client.process("process", &foreign(), orders);
        assert!(!process.is_recording());
        let mut next = Headers::new();
        {
            let _entered = process.enter();
            client.send("publish", &mut next, orders).finish(Outcome::Success);
        }
        process.finish(Outcome::Success);
        assert_eq!(next["traceparent"], FOREIGN);
    }
}

#[test]
fn an_unsampled_sender_is_followed_only_as_a_parent() {
    let unsampled = Headers::from([("traceparent".to_owned(), FOREIGN.replace("-01", "-00"))]);
    for (as_parent, spans) in [(false, 1), (true, 0)] {
        let capture = Capture::with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
        let config = config(&capture);
        let config = if as_parent { config.producer_as_parent() } else { config };
        let client = Client::new("pigeon_post", &config);
        let process = client.process("process", &unsampled, orders);
        let trace = process.context().span().span_context().trace_id().to_string();
        assert_eq!(trace == FOREIGN_TRACE, as_parent);
        process.finish(Outcome::Success);
        assert_eq!(capture.spans().len(), spans);
    }
}

#[test]
fn baggage_is_current_while_a_message_is_processed() {
    for (trusted, as_parent) in [(true, false), (true, true), (false, false), (false, true)] {
        let capture = Capture::new();
        let mut config = config(&capture);
        if as_parent {
            config = config.producer_as_parent();
        }
        if !trusted {
            config = config.ignore_baggage();
        }
        let client = Client::new("pigeon_post", &config);
        let mut headers = Headers::new();
        {
            let _tenant = Context::new().with_baggage([KeyValue::new("tenant", "7")]).attach();
            client.send("publish", &mut headers, orders).finish(Outcome::Success);
        }
        assert_eq!(headers["baggage"], "tenant=7");
        let process = client.process("process", &headers, orders);
        let tenant = process.context().baggage().get("tenant").map(|it| it.as_str().to_owned());
        assert_eq!(tenant.as_deref(), trusted.then_some("7"), "as parent: {as_parent}");
        process.finish(Outcome::Success);
    }
}

#[test]
fn receiving_and_settling_link_to_each_message() {
    let capture = Capture::new();
    let client = Client::new("pigeon_post", &config(&capture));
    let mut messages = [Headers::new(), Headers::new()];
    for message in &mut messages {
        client.send("publish", message, orders).finish(Outcome::Success);
    }
    let receiving = client.receive("poll", orders);
    let creations: Vec<_> = messages.iter().filter_map(|it| client.creation(it)).collect();
    for creation in &creations {
        receiving.link(creation.clone(), Vec::new());
    }
    receiving.finish(Outcome::Success);
    client.settle("ack", &creations, |about| about.batch_of(2)).finish(Outcome::Success);
    let sent = named(&capture, "publish orders");
    for name in ["poll orders", "ack"] {
        assert!(links_to(&named(&capture, name)[0], &[&sent[0], &sent[1]]), "{name}");
    }
}
