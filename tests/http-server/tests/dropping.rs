//! Wherever a request is dropped: its span ends once, as what it is, and nothing stays current.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http::{Method, Request, Response};
use http_body::Body as _;
use opentelemetry::trace::TraceContextExt as _;
use tower::{Layer as _, Service as _, service_fn};
use tracewire::http::ServerLayer;
use tracewire::test::{Capture, expect};

use crate::support::bodies::{Script, Step};

/// A future that is pending so many times.
struct Late<T> {
    pending: usize,
    output: Option<T>,
}

impl<T: Unpin> Future for Late<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        assert!(opentelemetry::Context::current().has_active_span(), "not current");
        if self.pending > 0 {
            self.pending -= 1;
            return Poll::Pending;
        }
        Poll::Ready(self.output.take().expect("polled after its end"))
    }
}

type Answer = Result<Response<Script>, std::io::Error>;

/// What is polled how often before it is dropped.
#[derive(Clone, Copy, Debug)]
struct Polls {
    future: usize,
    body: usize,
}

#[derive(Clone, Debug)]
struct Case {
    method: Method,
    pending: usize,
    /// `None` for an error of the service.
    body: Option<(Vec<Step>, bool)>,
    at_head: bool,
    polls: Polls,
}

impl Case {
    fn run(&self) -> Capture {
        let capture = Capture::new();
        let mut task = Context::from_waker(Waker::noop());
        let answer = || -> Answer {
            let (steps, exact) = self.body.clone().ok_or(std::io::ErrorKind::TimedOut)?;
            let script = Script::new(&capture, steps);
            Ok(Response::new(if exact { script.exact() } else { script }))
        };
        let inner =
            service_fn(|_: Request<()>| Late { pending: self.pending, output: Some(answer()) });
        let mut layer = ServerLayer::new().telemetry(&capture.telemetry());
        if self.at_head {
            layer = layer.end_at_head();
        }
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        let mut service = layer.layer(inner);
        let mut future = Box::pin(service.call(request));
        let mut response = None;
        for _ in 0..self.polls.future {
            assert_eq!(capture.open() + capture.spans().len(), 1);
            if let Poll::Ready(ready) = future.as_mut().poll(&mut task) {
                response = Some(ready);
                break;
            }
            assert!(!opentelemetry::Context::current().has_active_span(), "stays current");
        }
        drop(future);
        if let Some(Ok(response)) = response {
            let mut body = pin!(response.into_body());
            for _ in 0..self.polls.body {
                if body.is_end_stream() {
                    break;
                }
                let over =
                    matches!(body.as_mut().poll_frame(&mut task), Poll::Ready(None | Some(Err(_))));
                assert!(!opentelemetry::Context::current().has_active_span(), "stays current");
                if over {
                    break;
                }
            }
        }
        capture
    }

    /// The `error.type` that this should lead to.
    fn error(&self) -> Option<&'static str> {
        if self.polls.future <= self.pending {
            return Some("cancelled");
        }
        let Some((steps, exact)) = &self.body else {
            return Some("timeout");
        };
        if self.at_head || self.method == Method::HEAD || (*exact && steps.is_empty()) {
            return None;
        }
        for (index, step) in steps.iter().enumerate().take(self.polls.body) {
            match step {
                Step::Fail => return Some("connection_reset"),
                Step::Trailers => return None,
                _ if *exact && index + 1 == steps.len() => return None,
                _ => {}
            }
        }
        (self.polls.body <= steps.len()).then_some("cancelled")
    }
}

#[test]
fn a_span_ends_once_wherever_its_request_is_dropped() {
    use Step::{Data, Fail, Pending, Trailers};
    let bodies = [
        None,
        Some((vec![], false)),
        Some((vec![], true)),
        Some((vec![Data("a")], true)),
        Some((vec![Data("a"), Pending, Data("b")], false)),
        Some((vec![Data("a"), Pending, Data("b")], true)),
        Some((vec![Pending, Data("a"), Trailers], false)),
        Some((vec![Pending, Fail], false)),
        Some((vec![Data("a"), Pending, Fail], false)),
    ];
    let mut count = 0;
    for body in bodies {
        let frames = body.as_ref().map_or(0, |(steps, _)| steps.len() + 1);
        for pending in 0..3 {
            for future in 0..=pending + 1 {
                let last = if future > pending { frames } else { 0 };
                for polled in 0..=last {
                    for method in [Method::GET, Method::HEAD] {
                        for at_head in [false, true] {
                            let case = Case {
                                method: method.clone(),
                                pending,
                                body: body.clone(),
                                at_head,
                                polls: Polls { future, body: polled },
                            };
                            check(&case);
                            count += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(count > 500, "{count}");
}

fn check(case: &Case) {
    let capture = case.run();
    assert_eq!(capture.open(), 0, "{case:?}");
    assert_eq!(capture.spans().len(), 1, "{case:?}");
    let trace = capture.trace();
    let found = trace.roots()[0].attribute("error.type").map(|value| value.as_str().into_owned());
    assert_eq!(found.as_deref(), case.error(), "{case:?}");
    let expected = expect::span(case.method.to_string()).server();
    trace.assert(match case.error() {
        Some(error) => expected.error(error),
        None => expected.status(200),
    });
}

#[test]
fn a_future_that_is_never_polled_has_been_cancelled() {
    let capture = Capture::new();
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    let inner = service_fn(|_: Request<()>| std::future::pending::<Answer>());
    let future = layer.layer(inner).call(Request::new(()));
    assert_eq!(capture.open(), 1);
    drop(future);
    capture.assert(expect::span("GET").server().error("cancelled"));
    assert_eq!(capture.open(), 0);
}

/// A panic of somebody else, who takes the request down with him, is none of the request's.
#[test]
fn a_request_dropped_by_a_panic_further_out_has_been_cancelled() {
    let capture = Capture::new();
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    let of_thread = capture.clone();
    let outer = std::thread::spawn(move || {
        let hangs = service_fn(|_: Request<()>| std::future::pending::<Answer>());
        let mut future = Box::pin(layer.layer(hangs).call(Request::new(())));
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        let script = Script::new(&of_thread, [Step::Data("a"), Step::Hang]);
        let answers = Late { pending: 0, output: Some(Answer::Ok(Response::new(script))) };
        let mut answers = Some(answers);
        let streams = service_fn(move |_: Request<()>| answers.take().unwrap());
        let mut streaming = Box::pin(layer.layer(streams).call(Request::new(())));
        let polled = streaming.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let _body = match polled {
            Poll::Ready(response) => response.unwrap().into_body(),
            Poll::Pending => unreachable!("it is ready at once"),
        };
        panic!("somebody else panics");
    });
    assert!(outer.join().is_err());
    assert_eq!((capture.spans().len(), capture.open()), (2, 0));
    for trace in capture.traces() {
        trace.assert(expect::span("GET").server().error("cancelled"));
    }
}

#[test]
fn a_request_moved_between_threads_ends_once() {
    let capture = Capture::new();
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    let steps = vec![Step::Data("a"), Step::Pending, Step::Data("b")];
    let inner = {
        let capture = capture.clone();
        service_fn(move |_: Request<()>| Late {
            pending: 1,
            output: Some(Answer::Ok(Response::new(Script::new(&capture, steps.clone())))),
        })
    };
    let mut future = Box::pin(layer.layer(inner).call(Request::new(())));
    let mut body = None;
    for _ in 0..2 {
        (future, body) = std::thread::spawn(move || {
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            let body = match polled {
                Poll::Ready(response) => Some(Box::pin(response.unwrap().into_body())),
                Poll::Pending => None,
            };
            (future, body)
        })
        .join()
        .unwrap();
    }
    let mut body = body.unwrap();
    for _ in 0..4 {
        body = std::thread::spawn(move || {
            let _ = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
            body
        })
        .join()
        .unwrap();
    }
    assert_eq!(capture.open(), 0);
    std::thread::spawn(move || drop((body, future))).join().unwrap();
    capture.assert(expect::span("GET").server().status(200));
}
