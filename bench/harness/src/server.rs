//! An axum router that is driven in process, as a server would.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::hint::black_box;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{RouterIntoService, get};
use futures_executor::block_on;
use http::Request;
use http_body_util::BodyExt as _;
use tower::Service as _;

use crate::parent::{TRACESTATE, traceparent};
use crate::{Case, Mode, Operation};

/// A request and its handler.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What it is called.
    pub name: &'static str,
    path: &'static str,
    traceparent: bool,
    tracestate: Option<String>,
    more_headers: usize,
}

impl Exchange {
    /// A caller with a trace but no `tracestate`.
    pub fn plain() -> Self {
        Self {
            name: "traceparent",
            path: "/users/42",
            traceparent: true,
            tracestate: None,
            more_headers: 0,
        }
    }

    /// Those that every library is put through.
    pub fn all() -> [Self; 4] {
        let plain = Self::plain();
        [
            plain.clone(),
            Self { name: "tracestate", tracestate: Some(TRACESTATE.to_owned()), ..plain.clone() },
            Self { name: "no parent", traceparent: false, ..plain },
            Self::slow(),
        ]
    }

    /// A handler that yields four times.
    fn slow() -> Self {
        Self { name: "four yields", path: "/slow/42", ..Self::plain() }
    }

    /// With a `tracestate` of as many members.
    #[must_use]
    pub fn members(self, count: usize) -> Self {
        let members: Vec<_> = (0..count).map(|it| format!("member{it}=00f067aa0ba902b7")).collect();
        let tracestate = (count > 0).then(|| members.join(","));
        Self { tracestate, ..self }
    }

    /// With as many headers more.
    #[must_use]
    pub fn headers(self, count: usize) -> Self {
        Self { more_headers: count, ..self }
    }

    /// The names of the headers that [`headers`](Self::headers) adds.
    pub fn header_names(count: usize) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().take(count)
    }

    fn request(&self, sampled: bool) -> Request<Body> {
        let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36";
        let mut request = Request::get(self.path)
            .header("host", "api.example.com")
            .header("user-agent", agent)
            .header("accept", "application/json");
        if self.traceparent {
            request = request.header("traceparent", traceparent(sampled));
        }
        if let Some(members) = &self.tracestate {
            request = request.header("tracestate", members);
        }
        for name in NAMES.iter().take(self.more_headers) {
            request = request.header(*name, "a value of usual length");
        }
        request.body(Body::empty()).expect("a valid request")
    }
}

/// Headers without a meaning for tracing.
#[rustfmt::skip]
const NAMES: [&str; 64] = [
    "x-aa", "x-ab", "x-ac", "x-ad", "x-ae", "x-af", "x-ag", "x-ah",
    "x-ai", "x-aj", "x-ak", "x-al", "x-am", "x-an", "x-ao", "x-ap",
    "x-ba", "x-bb", "x-bc", "x-bd", "x-be", "x-bf", "x-bg", "x-bh",
    "x-bi", "x-bj", "x-bk", "x-bl", "x-bm", "x-bn", "x-bo", "x-bp",
    "x-ca", "x-cb", "x-cc", "x-cd", "x-ce", "x-cf", "x-cg", "x-ch",
    "x-ci", "x-cj", "x-ck", "x-cl", "x-cm", "x-cn", "x-co", "x-cp",
    "x-da", "x-db", "x-dc", "x-dd", "x-de", "x-df", "x-dg", "x-dh",
    "x-di", "x-dj", "x-dk", "x-dl", "x-dm", "x-dn", "x-do", "x-dp",
];

/// The application without any layer.
pub fn router() -> Router {
    Router::new().route("/users/{id}", get(echo)).route("/slow/{id}", get(slow_echo))
}

async fn echo(Path(id): Path<String>) -> String {
    id
}

async fn slow_echo(Path(id): Path<String>) -> String {
    for _ in 0..4 {
        let mut yielded = false;
        poll_fn(|task| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            task.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
    id
}

/// As `axum::serve` does before the first request: otherwise every request makes its routes anew.
fn into_service(app: Router) -> RouterIntoService<Body> {
    app.with_state::<()>(()).into_service()
}

/// One request through this application, its body read to the end.
pub fn drive(app: Router, exchange: Exchange, sampled: bool) -> Operation {
    let mut service = into_service(app);
    Box::new(move || block_on(answer(service.call(exchange.request(sampled)))))
}

/// One request of as many that are in flight on this thread: the oldest is finished, and another begins.
pub fn in_flight(app: Router, count: usize) -> Operation {
    let mut service = into_service(app);
    let exchange = Exchange::slow();
    let mut task = Context::from_waker(Waker::noop());
    let mut begin = move || {
        let mut request = Box::pin(answer(service.call(exchange.request(true))));
        assert!(request.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        request
    };
    let mut all: VecDeque<_> = (0..count).map(|_| begin()).collect();
    Box::new(move || {
        if let Some(mut oldest) = all.pop_front() {
            while oldest.as_mut().poll(&mut task).is_pending() {}
            drop(oldest);
            all.push_back(begin());
        }
    })
}

async fn answer(response: impl Future<Output = Result<Response, Infallible>>) {
    let response = response.await.expect("a response");
    let body = response.into_body().collect().await.expect("a body");
    assert_eq!(black_box(body.to_bytes()).len(), 2);
}

/// The application without a layer, in every exchange.
pub fn bare() -> Vec<Case> {
    let case = |exchange: Exchange| {
        Case::bare("server", exchange.name, move || drive(router(), exchange.clone(), true))
    };
    Exchange::all().map(case).into()
}

/// The application with a layer, in every exchange and these modes.
pub fn layered(
    variant: &'static str,
    modes: &[Mode],
    layer: impl Fn(Router, Mode) -> Router + Copy + 'static,
) -> Vec<Case> {
    let exchanges = Exchange::all().into_iter();
    exchanges.flat_map(|it| cases(it.name, &it, variant, modes, layer)).collect()
}

/// The plain exchange in a scenario of its own, without a layer.
pub fn bare_in(scenario: &'static str) -> Case {
    Case::bare("server", scenario, || drive(router(), Exchange::plain(), true))
}

/// The plain exchange in a scenario of its own, as what is switched on besides spans makes it another.
pub fn layered_in(
    scenario: &'static str,
    variant: &'static str,
    modes: &[Mode],
    layer: impl Fn(Router, Mode) -> Router + Copy + 'static,
) -> Vec<Case> {
    cases(scenario, &Exchange::plain(), variant, modes, layer)
}

fn cases(
    scenario: &'static str,
    exchange: &Exchange,
    variant: &'static str,
    modes: &[Mode],
    layer: impl Fn(Router, Mode) -> Router + Copy + 'static,
) -> Vec<Case> {
    let case = |mode: Mode| {
        let exchange = exchange.clone();
        Case::new("server", scenario, variant, mode, move || {
            drive(layer(router(), mode), exchange.clone(), mode != Mode::Unsampled)
        })
    };
    modes.iter().copied().map(case).collect()
}
