//! The layers fit where layers go, with no generics to spell out.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tracewire::http::{Body, Client, ClientLayer, CountResends, CountResendsLayer, ResponseFuture};

use crate::support::reqwest_client;

fn shareable<T: Clone + Send + Sync + 'static>(_: &T) {}
fn sendable<T: Send + Sync + 'static>(_: &T) {}
fn printable<T: std::fmt::Debug>(_: &T) {}

/// A program names neither hooks nor inner services.
struct Users {
    hyper: tracewire::hyper::ClientLayer,
    reqwest: tracewire::reqwest::ClientLayer,
    middleware: tracewire::reqwest::Middleware,
    plain: ClientLayer,
}

#[tokio::test]
async fn layers_and_services_can_be_shared() {
    crate::support::keep_a_subscriber();
    let users = Users {
        hyper: tracewire::hyper::ClientLayer::new().skip(|_| false).end_at_head(),
        reqwest: tracewire::reqwest::ClientLayer::default().on_request(|_, _| {}),
        middleware: tracewire::reqwest::Middleware::new(),
        plain: ClientLayer::new().on_response(|_, _| {}),
    };
    shareable(&users.hyper);
    shareable(&users.reqwest);
    shareable(&users.middleware);
    shareable(&users.plain);
    shareable(&CountResendsLayer);
    printable(&users.hyper);
    printable(&users.middleware);

    let hyper = HyperClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let client: Client<_> = users.hyper.layer(hyper);
    shareable(&client);
    printable(&client);
    let client: CountResends<Client<reqwest::Client>> =
        CountResendsLayer.layer(users.reqwest.layer(reqwest_client()));
    shareable(&client);
    printable(&client);

    let inner =
        service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let future: ResponseFuture<_> =
        tower::Service::call(&mut users.plain.layer(inner), Request::new(()));
    sendable(&future);
    let response: Response<Body<String>> = future.await.unwrap();
    sendable(response.body());
    let _default: Body<String> = Body::default();
}

#[tokio::test]
async fn boxes_of_services() {
    crate::support::keep_a_subscriber();
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let boxed: BoxCloneSyncService<Request<Full<Bytes>>, Response<Body<String>>, Infallible> =
        ServiceBuilder::new()
            .layer(BoxCloneSyncService::layer())
            .layer(CountResendsLayer)
            .layer(ClientLayer::new())
            .service(inner);
    boxed.oneshot(Request::new(Full::default())).await.unwrap();

    let boxed: BoxCloneSyncService<reqwest::Request, reqwest::Response, reqwest::Error> =
        ServiceBuilder::new()
            .layer(BoxCloneSyncService::layer())
            .layer(tracewire::reqwest::ClientLayer::new())
            .service(reqwest_client());
    shareable(&boxed);
}

#[tokio::test]
async fn layers_of_layers() {
    crate::support::keep_a_subscriber();
    // Twice around the same client makes two spans, one below the other; it must at least compile and run.
    let inner =
        service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let client =
        ServiceBuilder::new().layer(ClientLayer::new()).layer(ClientLayer::new()).service(inner);
    let response = client.oneshot(Request::new(())).await.unwrap();
    sendable(&response);
}

/// A client that is not `Clone`, not `Sync`, and whose future is not `Send`.
#[tokio::test]
async fn inner_services_with_nothing_to_offer() {
    crate::support::keep_a_subscriber();
    let count = std::cell::Cell::new(0);
    let inner = service_fn(|_: Request<std::rc::Rc<()>>| {
        count.set(count.get() + 1);
        let own = std::rc::Rc::new(());
        async move {
            drop(own);
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    });
    let response = ClientLayer::new().layer(inner).oneshot(Request::default()).await.unwrap();
    drop(response);
    assert_eq!(count.get(), 1);
}
