//! What the compiler must agree to.

use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::transport::Channel;
use tower::Layer as _;
use tower::util::{BoxCloneService, BoxCloneSyncService};
use tracewire::tonic::{Client, ClientLayer, Server, ServerLayer};

use crate::support::Echo;

fn sendable<T: Send + 'static>(_: &T) {}
fn cloneable<T: Clone + Send + Sync + std::fmt::Debug + 'static>(_: &T) {}
fn callable<T: GrpcService<Body, Future: Send>>(_: &T) {}

#[tokio::test]
async fn layers_and_services_are_what_tonic_wants() {
    let (server, client) = (ServerLayer::default(), ClientLayer::default());
    cloneable(&server);
    cloneable(&client);
    let channel = tonic::transport::Endpoint::from_static("http://[::1]:1").connect_lazy();
    let client: Client<Channel> = client.layer(channel);
    let server: Server<Echo> = server.layer(Echo::default());
    cloneable(&client);
    cloneable(&server);
    callable(&client);
    sendable(&tower::Service::call(&mut server.clone(), http::Request::new(Body::empty())));
}

#[tokio::test]
async fn services_fit_into_boxes_and_routes() {
    let server = ServerLayer::new().layer(Echo::default());
    let _ = BoxCloneSyncService::new(server.clone());
    let _ = tonic::service::Routes::new(server);
    let channel = tonic::transport::Endpoint::from_static("http://[::1]:1").connect_lazy();
    let _ = BoxCloneService::new(ClientLayer::new().layer(channel));
}

#[test]
fn settings_can_be_shown() {
    let layer = ServerLayer::new().known_methods(["a.B/C"]);
    assert!(format!("{layer:?}").contains("a.B/C"));
    let layer = ClientLayer::new().target("dns:///shop:1");
    assert!(format!("{layer:?}").contains("shop"));
}
