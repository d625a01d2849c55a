//! A client behind reqwest-middleware, and one that is a tower service; both are answered at once.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;

use async_trait::async_trait;
use futures_executor::block_on;
use http::header::{ACCEPT, HeaderMap, HeaderValue, USER_AGENT};
use http::{Extensions, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};
use tower::{Service, service_fn};

use crate::{Operation, parent};

const URL: &str = "http://users.internal:8080/users/7?page=2";

/// Fills headers one by one, as programs do. A clone of a map would have room for nothing more.
fn fill(headers: &mut HeaderMap) {
    headers.insert(USER_AGENT, HeaderValue::from_static("shop/1.0"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
}

/// Answers in the place of reqwest.
struct InPlace;

#[async_trait]
impl Middleware for InPlace {
    async fn handle(
        &self,
        _: reqwest::Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> Result<reqwest::Response> {
        Ok(Response::new("a user").into())
    }
}

/// One attempt through these middlewares below a caller with a `tracestate` of as many members.
pub fn middleware(
    with: impl FnOnce(ClientBuilder) -> ClientBuilder,
    sampled: bool,
    members: usize,
) -> Operation {
    let parent = parent::context(sampled, members);
    middleware_below(with, move || parent.clone().attach())
}

/// The same below whatever `enter` makes the current caller until what it returns is dropped.
pub fn middleware_below<G>(
    with: impl FnOnce(ClientBuilder) -> ClientBuilder,
    enter: impl Fn() -> G + 'static,
) -> Operation {
    let builder = ClientBuilder::new(reqwest::Client::new());
    let client: ClientWithMiddleware = with(builder).with(InPlace).build();
    let url: reqwest::Url = URL.parse().expect("a URL");
    Box::new(move || {
        let _parent = enter();
        let mut request = reqwest::Request::new(http::Method::GET, url.clone());
        fill(request.headers_mut());
        block_on(async {
            let response = client.execute(request).await.expect("a response");
            assert_eq!(black_box(response.bytes().await.expect("a body")).len(), 6);
        });
    })
}

/// A tower client without a layer.
#[allow(clippy::type_complexity, reason = "a type that is never written again")]
pub fn answering()
-> impl Service<Request<String>, Response = Response<String>, Error = Infallible, Future: 'static>
+ Clone
+ 'static {
    fn answer(
        request: Request<String>,
    ) -> Ready<core::result::Result<Response<String>, Infallible>> {
        drop(black_box(request));
        ready(Ok(Response::new(String::from("a user"))))
    }
    service_fn(answer)
}

/// One attempt through this service below a caller with a `tracestate` of as many members.
pub fn tower<S, B>(mut client: S, sampled: bool, members: usize) -> Operation
where
    S: Service<Request<String>, Response = Response<B>, Error = Infallible> + 'static,
    B: 'static,
{
    let parent = parent::context(sampled, members);
    Box::new(move || {
        let _parent = parent.clone().attach();
        let mut request = Request::get(URL).body(String::new()).expect("a request");
        fill(request.headers_mut());
        block_on(async {
            black_box(client.call(request).await.expect("a response"));
        });
    })
}
