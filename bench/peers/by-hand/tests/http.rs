//! A span ends once, whatever becomes of its response.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::{pending, ready};
use std::pin::pin;
use std::task::{Context as Task, Poll, Waker};

use bench_by_hand::Tracing;
use bench_by_hand::http::{Protocol, ResponseFuture, Traced};
use bench_harness::{Mode, spans};
use http::{Method, Response};
use http_body::Body as _;
use opentelemetry::Context;

type Answer = Result<Response<String>, Infallible>;

/// The `error.type` and the status code of the one span that is recorded meanwhile.
fn recorded(mode: Mode, mut work: impl FnMut(&Tracing) + 'static) -> Vec<(String, String)> {
    let tracing = Tracing::of(mode);
    let spans = spans::recorded(&mut (Box::new(move || work(&tracing)) as Box<dyn FnMut()>));
    let value = |span: &opentelemetry_sdk::trace::SpanData, key| {
        let found = span.attributes.iter().find(|it| it.key.as_str() == key);
        found.map_or_else(String::new, |it| it.value.to_string())
    };
    let described =
        spans.iter().map(|it| (value(it, "error.type"), value(it, "http.response.status_code")));
    described.collect()
}

fn call<F: Future<Output = Answer>>(
    tracing: &Tracing,
    method: &Method,
    inner: F,
) -> ResponseFuture<F> {
    let span = tracing.serve(Context::new(), || (Cow::Borrowed("GET"), Vec::new()));
    ResponseFuture::new(inner, span, Protocol::http(method))
}

fn response(method: &Method, tracing: &Tracing, status: u16) -> Response<Traced<String>> {
    let response = Response::builder().status(status).body(String::from("body")).unwrap();
    let future = pin!(call(tracing, method, ready(Ok(response))));
    match future.poll(&mut Task::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response,
        Poll::Pending => panic!("not ready"),
    }
}

fn read(response: Response<Traced<String>>) {
    let mut body = Box::pin(response.into_body());
    let mut task = Task::from_waker(Waker::noop());
    while body.as_mut().poll_frame(&mut task).map(|it| it.is_some()) == Poll::Ready(true) {}
}

/// All in one test, as the harness has one provider for a process.
#[test]
fn a_span_ends_once() {
    let get = Method::GET;
    let check = |what: &str, recorded: Vec<(String, String)>, error: &str, status: &str| {
        assert_eq!(recorded, [(error.to_owned(), status.to_owned())], "{what}");
    };
    let spans = recorded(Mode::Sampled, |it| read(response(&Method::GET, it, 200)));
    check("read to the end", spans, "", "200");
    let spans = recorded(Mode::Sampled, |it| read(response(&Method::GET, it, 503)));
    check("a failure", spans, "503", "503");
    let spans = recorded(Mode::Sampled, |it| drop(response(&Method::GET, it, 200)));
    check("a body dropped", spans, "cancelled", "200");
    let spans = recorded(Mode::Sampled, |it| drop(response(&Method::HEAD, it, 200)));
    check("no body is expected", spans, "", "200");
    let spans = recorded(Mode::Sampled, move |it| drop(call(it, &get, pending::<Answer>())));
    check("a future dropped", spans, "cancelled", "");
    let spans = recorded(Mode::Off, |it| read(response(&Method::GET, it, 200)));
    assert_eq!(spans, [], "nothing records");
}
