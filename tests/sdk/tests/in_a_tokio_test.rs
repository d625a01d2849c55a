//! The commonest place of all, in a process of its own as it sets globals.

use http::HeaderMap;
use sdk_tests::{Receiver, Wire, trace};
use tracewire::sdk::{self, Protocol};

#[tokio::test]
async fn in_a_tokio_test() {
    let receiver = std::thread::spawn(|| Receiver::start(Wire::Grpc));
    let receiver = receiver.join().unwrap();
    let telemetry =
        sdk::builder().endpoint(receiver.endpoint()).protocol(Protocol::Grpc).init().unwrap();
    let outgoing = tokio::spawn(async { trace(&HeaderMap::new()).await });
    assert!(outgoing.await.unwrap().contains_key("traceparent"));
    drop(telemetry);
    assert_eq!(receiver.so_far().len(), 3);
}
