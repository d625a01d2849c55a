//! The service under test. What it does is in the messages.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use futures_util::{Stream, StreamExt as _, stream};
use http::{Request as HttpRequest, Response as HttpResponse};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::TraceContextExt as _;
use tokio::sync::Notify;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::server::{Grpc, NamedService};
use tonic::{Code, Request, Response, Status, Streaming};
use tower::{Service, service_fn};

use super::codec::Text;

/// `test.Echo`, with the methods `Unary`, `ClientStream`, `ServerStream` and `Bidi`.
///
/// | message | what it does |
/// |---|---|
/// | `status 5 text` | ends with this code and message |
/// | `wait` | never answers |
/// | `panic` | panics |
/// | `context` | answers with the current span's id |
/// | `baggage` | answers with the current baggage's `who` |
/// | anything else | comes back |
#[derive(Clone, Debug, Default)]
pub(crate) struct Echo {
    /// Notified when a message `wait` has come.
    pub(crate) waiting: Arc<Notify>,
}

type Answers = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;
type Future =
    Pin<Box<dyn std::future::Future<Output = Result<HttpResponse<Body>, Infallible>> + Send>>;

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl Service<HttpRequest<Body>> for Echo {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Future;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Future {
        let echo = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(Text)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip);
            let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            Ok(match method.as_str() {
                "Unary" => {
                    let call = |request| echo.unary(request);
                    grpc.unary(service_fn(call), request).await
                }
                "ClientStream" => {
                    let call = |request| echo.client_stream(request);
                    grpc.client_streaming(service_fn(call), request).await
                }
                "ServerStream" => {
                    let call = |request| echo.server_stream(request);
                    grpc.server_streaming(service_fn(call), request).await
                }
                "Bidi" => {
                    let call = |request| echo.bidi(request);
                    grpc.streaming(service_fn(call), request).await
                }
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

impl Echo {
    async fn unary(&self, request: Request<String>) -> Result<Response<String>, Status> {
        let (metadata, _, message) = request.into_parts();
        let mut response = Response::new(self.answer(&message).await?);
        copy_answers(&metadata, response.metadata_mut());
        Ok(response)
    }

    async fn client_stream(
        &self,
        request: Request<Streaming<String>>,
    ) -> Result<Response<String>, Status> {
        let mut messages = request.into_inner();
        let mut answers = Vec::new();
        while let Some(message) = messages.message().await? {
            answers.push(self.answer(&message).await?);
        }
        Ok(Response::new(answers.join(" ")))
    }

    /// Answers with one message for each word between commas.
    async fn server_stream(&self, request: Request<String>) -> Result<Response<Answers>, Status> {
        let words: Vec<String> = request.get_ref().split(", ").map(str::to_owned).collect();
        Ok(Response::new(self.clone().answers(stream::iter(words))))
    }

    async fn bidi(&self, request: Request<Streaming<String>>) -> Result<Response<Answers>, Status> {
        let messages = request.into_inner().filter_map(async |message| message.ok());
        Ok(Response::new(self.clone().answers(messages)))
    }

    fn answers(self, messages: impl Stream<Item = String> + Send + 'static) -> Answers {
        messages
            .then(move |message| {
                let echo = self.clone();
                async move { echo.answer(&message).await }
            })
            .boxed()
    }

    async fn answer(&self, message: &str) -> Result<String, Status> {
        let mut words = message.splitn(3, ' ');
        match words.next() {
            Some("status") => {
                let code = words.next().and_then(|code| code.parse().ok()).unwrap_or(2);
                Err(Status::new(Code::from_i32(code), words.next().unwrap_or_default()))
            }
            Some("wait") => {
                self.waiting.notify_one();
                std::future::pending().await
            }
            Some("panic") => panic!("as asked for"),
            Some("context") => Ok(Context::current().span().span_context().span_id().to_string()),
            Some("baggage") => {
                let who = Context::current().baggage().get("who").map(ToString::to_string);
                Ok(who.unwrap_or_default())
            }
            _ => Ok(message.to_owned()),
        }
    }
}

/// Request metadata `answer-…` comes back without that.
fn copy_answers(from: &MetadataMap, to: &mut MetadataMap) {
    let mut headers = to.clone().into_headers();
    for (name, value) in from.clone().into_headers().iter() {
        if let Some(name) = name.as_str().strip_prefix("answer-") {
            headers.append(name.parse::<http::HeaderName>().unwrap(), value.clone());
        }
    }
    *to = MetadataMap::from_headers(headers);
}
