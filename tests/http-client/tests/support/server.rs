//! An axum server on a port of its own; it speaks HTTP/1 and HTTP/2.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderMap;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
    headers: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Server {
    pub(crate) async fn new(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        let headers = Arc::default();
        Self { address, task, headers }
    }

    /// One that says `ok` to everything, and keeps the headers of all requests.
    pub(crate) async fn recording() -> Self {
        let headers: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
        let kept = headers.clone();
        let router = Router::new().fallback(async move |headers: HeaderMap| {
            kept.lock().unwrap().push(headers);
            "ok"
        });
        let mut server = Self::new(router).await;
        server.headers = headers;
        server
    }

    /// The headers of all requests so far.
    pub(crate) fn headers(&self) -> Vec<HeaderMap> {
        self.headers.lock().unwrap().clone()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
