//! The thread that asks a sampling service.

use std::pin::pin;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::Context;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::oneshot;

use super::{Plan, Remote};
use crate::sdk::exporter::say;

/// How long one answer may take, and how long it may be.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_LENGTH: usize = 1 << 20;

/// Ends the thread when it is dropped, whatever the thread is waiting for.
#[derive(Debug)]
pub(in crate::sdk) struct Polling(
    #[expect(dead_code, reason = "its drop is the signal")] oneshot::Sender<()>,
);

type HttpClient = Client<HttpConnector, Empty<Bytes>>;

impl Remote {
    /// Asks on behalf of `service` from now on.
    pub(in crate::sdk) fn poll(&self, service: &str) -> Option<Polling> {
        let (stop, stopped) = oneshot::channel();
        let remote = self.clone();
        let service = utf8_percent_encode(service, NON_ALPHANUMERIC);
        let url = format!("{}?service={service}", remote.settings.endpoint);
        let work = move || run(&remote, &url, stopped);
        let thread = thread::Builder::new().name("tracewire-sampling".to_owned()).spawn(work);
        match thread {
            Ok(_) => Some(Polling(stop)),
            Err(error) => {
                say(&format!("the sampling service is not asked, for want of a thread: {error}"));
                None
            }
        }
    }
}

fn run(remote: &Remote, url: &str, stopped: oneshot::Receiver<()>) {
    // What asks is not traced. Connections are driven by tasks of this thread.
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match (runtime, url.parse()) {
        (Ok(runtime), Ok(url)) => {
            let polling = async {
                let mut stopped = pin!(stopped);
                tokio::select! {
                    () = ask_for_ever(remote, &url) => {}
                    _ = &mut stopped => {}
                }
            };
            runtime.block_on(polling);
            // A name that is still being resolved is not waited for.
            runtime.shutdown_background();
        }
        (Err(error), _) => say(&format!("the sampling service is not asked: {error}")),
        (_, Err(error)) => say(&format!("the sampling service is not asked: {error}")),
    }
}

/// Tells of the first failure, and of the first after a success.
async fn ask_for_ever(remote: &Remote, url: &Uri) {
    let client: HttpClient = Client::builder(TokioExecutor::new()).build_http();
    let mut failing = false;
    loop {
        let answer = tokio::time::timeout(PATIENCE, ask(&client, url)).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
        let answer = answer.and_then(|body| {
            Plan::parse(&body).ok_or_else(|| "its answer cannot be understood".to_owned())
        });
        match answer {
            Ok(plan) => {
                remote.follow(plan);
                failing = false;
            }
            Err(why) if !failing => {
                let (host, path) = (url.host().unwrap_or_default(), url.path());
                say(&format!("sampling stays as it is, as {host}{path} does not help: {why}"));
                failing = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(remote.settings.interval).await;
    }
}

async fn ask(client: &HttpClient, url: &Uri) -> Result<Bytes, String> {
    let request = http::Request::get(url)
        .header(header::ACCEPT, "application/json")
        .body(Empty::new())
        .map_err(|error| error.to_string())?;
    let answer = client.request(request).await.map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("it answers {}", answer.status()));
    }
    let body = Limited::new(answer.into_body(), MAX_LENGTH).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|error| error.to_string())
}
