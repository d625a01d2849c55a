//! A Zipkin server that keeps what it gets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::receiver::runtime;

/// Takes spans as a Zipkin server does until it is dropped.
#[derive(Debug)]
pub struct Zipkin {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<serde_json::Value>>>,
    runtime: Option<Runtime>,
}

impl Zipkin {
    pub fn start() -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let spans = Arc::new(Mutex::new(Vec::new()));
        let kept = spans.clone();
        let receive = async move |body: Bytes| {
            let batch: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap();
            kept.lock().unwrap().extend(batch);
            StatusCode::ACCEPTED
        };
        let app = axum::Router::new().route("/api/v2/spans", axum::routing::post(receive));
        runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, spans, runtime: Some(runtime) }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}/api/v2/spans", self.address)
    }

    /// What has arrived by now.
    pub fn spans(&self) -> Vec<serde_json::Value> {
        self.spans.lock().unwrap().clone()
    }
}

impl Drop for Zipkin {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
