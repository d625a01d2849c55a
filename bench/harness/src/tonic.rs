//! A unary call of tonic, as its server gets it and as its client makes it, answered at once.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::Pin;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_executor::block_on;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::Grpc;
use tower::{Service, service_fn};

use crate::Operation;
use crate::parent::{self, TRACESTATE, traceparent};

/// Messages that are bytes.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// A message in its frame: not compressed, five bytes.
const FRAME: &[u8] = b"\0\0\0\0\x05hello";
const PATH: &str = "http://users.internal:8080/users.Users/Get";

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// A server without a layer: a service such as tonic generates.
pub fn server()
-> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Answer>
+ Clone
+ 'static {
    service_fn(|request: Request<Body>| -> Answer {
        Box::pin(async move {
            let echo = |request: tonic::Request<Bytes>| {
                ready(Ok::<_, Status>(tonic::Response::new(request.into_inner())))
            };
            Ok(Grpc::new(Raw).unary(service_fn(echo), request).await)
        })
    })
}

/// A client without a layer, in the place of a channel.
pub fn channel() -> impl Service<
    Request<Body>,
    Response = Response<Body>,
    Error = Infallible,
    Future = Ready<Result<Response<Body>, Infallible>>,
> + Clone
+ 'static {
    service_fn(|request: Request<Body>| {
        black_box(&request);
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let body = Full::new(Bytes::from_static(FRAME)).with_trailers(ready(Some(Ok(trailers))));
        ready(Ok(Response::new(Body::new(body))))
    })
}

fn request() -> Request<Body> {
    let body = Body::new(Full::new(Bytes::from_static(FRAME)));
    let mut request = Request::post(PATH).version(http::Version::HTTP_2);
    for (name, value) in
        [("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "tonic/0.14")]
    {
        request = request.header(name, value);
    }
    request.body(body).expect("a request")
}

/// One call that this server gets.
pub fn receive<S, B>(mut server: S, sampled: bool, tracestate: bool) -> Operation
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + 'static,
    B: http_body_util::BodyExt + 'static,
    B::Error: std::fmt::Debug,
{
    Box::new(move || {
        let mut request = request();
        let headers = request.headers_mut();
        headers.insert("traceparent", HeaderValue::from_static(traceparent(sampled)));
        if tracestate {
            headers.insert("tracestate", HeaderValue::from_static(TRACESTATE));
        }
        block_on(read(server.call(request)));
    })
}

/// One call through this channel below a caller with a `tracestate` of as many members.
pub fn send<S, B>(mut channel: S, sampled: bool, members: usize) -> Operation
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + 'static,
    B: http_body_util::BodyExt + 'static,
    B::Error: std::fmt::Debug,
{
    let parent = parent::context(sampled, members);
    Box::new(move || {
        let _parent = parent.clone().attach();
        block_on(read(channel.call(request())));
    })
}

async fn read<B>(response: impl Future<Output = Result<Response<B>, Infallible>>)
where
    B: http_body_util::BodyExt,
    B::Error: std::fmt::Debug,
{
    let response = response.await.expect("a response");
    let body = response.into_body().collect().await.expect("a body");
    assert!(black_box(body).trailers().is_some());
}
