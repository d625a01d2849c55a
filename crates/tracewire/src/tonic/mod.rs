//! Layers for tonic: spans of gRPC calls, on servers and clients.
//!
//! ```no_run
//! # mod shop {
//! #     use std::task::{Context, Poll};
//! #     use tonic::{body::Body, codegen::http::{Request, Response}, server::NamedService};
//! #     #[derive(Clone)] pub struct PaymentServer;
//! #     impl NamedService for PaymentServer { const NAME: &'static str = "shop.Payment"; }
//! #     impl tower::Service<Request<Body>> for PaymentServer {
//! #         type Response = Response<Body>;
//! #         type Error = std::convert::Infallible;
//! #         type Future = std::future::Ready<Result<Response<Body>, Self::Error>>;
//! #         fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> { Poll::Ready(Ok(())) }
//! #         fn call(&mut self, _: Request<Body>) -> Self::Future { std::future::ready(Ok(Response::default())) }
//! #     }
//! #     pub struct PaymentClient<S>(S);
//! #     impl<S: tonic::client::GrpcService<Body>> PaymentClient<S> { pub fn new(service: S) -> Self { Self(service) } }
//! # }
//! use tonic::transport::{Endpoint, Server};
//! use tower::ServiceBuilder;
//! use tracewire::tonic::{ClientLayer, ServerLayer};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! # let payment = shop::PaymentServer;
//! let server = Server::builder()
//!     .layer(ServerLayer::new().skip_health_checks())
//!     .add_service(payment)
//!     .serve("[::1]:50051".parse()?);
//!
//! let endpoint = Endpoint::from_static("http://[::1]:50051");
//! let channel = ServiceBuilder::new()
//!     .layer(ClientLayer::new().target(endpoint.uri().to_string()))
//!     .service(endpoint.connect_lazy());
//! let client = shop::PaymentClient::new(channel);
//! # drop((server.await, client)); Ok(()) }
//! ```
//!
//! # How a call ends
//!
//! A span lasts as long as the call: until the trailers have passed, or somebody is gone. Its status is
//! that of the trailers, of a head without a body, of HTTP where there is no other, or of the error that
//! tonic makes into a status.
//!
//! | the call | client's span | server's span |
//! |---|---|---|
//! | ended with `OK` | `OK` | `OK` |
//! | ended with another status | that, an error | that; an error if it is the server's fault: `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE`, `DATA_LOSS` |
//! | was dropped by the client | `CANCELLED`, an error | `CANCELLED`, no error |
//! | took longer than it may | `DEADLINE_EXCEEDED`, an error | `DEADLINE_EXCEEDED`, an error |
//! | ended without a status | `UNKNOWN`, an error | `UNKNOWN`, an error |
//! | panicked | as the connection tells | no status; `error.type` is `panic` |
//!
//! tonic itself calls a deadline that has passed `Cancelled`; spans say what gRPC does.
//!
//! # gRPC-Web
//!
//! The server layer reads the status on either side of `tonic_web::GrpcWebLayer`: in trailers, and in
//! the body of `application/grpc-web` and `application/grpc-web-text`.

mod call;
mod client;
mod deadline;
mod messages;
mod method;
mod server;
mod status;
mod target;

#[doc(hidden)]
pub use call::Call;
pub use client::{Client, ClientLayer};
pub use server::{Server, ServerLayer};

pub use crate::http::{Peer, RequestHead, ResponseHead, Trust};

use std::any::Any;
use std::borrow::Cow;
use std::net::SocketAddr;

use tonic::transport::server::TcpConnectInfo;

use crate::http::{self, Framework};

/// Future of a response that passes a layer of this module.
pub type ResponseFuture<F> = http::ResponseFuture<F, Call>;

/// Body of a response that passed a layer of this module.
pub type Body<B> = http::Body<B, Call>;

/// The service of health checks.
const HEALTH: &str = "grpc.health.v1.Health";

/// The services of server reflection.
const REFLECTION: [&str; 2] =
    ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// What tonic knows: who has connected, and its errors.
#[derive(Clone, Copy, Debug)]
struct Tonic;

impl http::sealed::Sealed for Tonic {}

impl Framework for Tonic {
    fn request_peer(extensions: &::http::Extensions) -> Option<SocketAddr> {
        extensions.get::<TcpConnectInfo>()?.remote_addr
    }

    fn error_type(error: &(dyn Any + 'static)) -> Option<Cow<'static, str>> {
        status::as_error(error).and_then(http::error_type)
    }
}
