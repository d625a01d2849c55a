//! When it is time to end.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Completes when the process is asked to end: at SIGTERM, as orchestrators send it, or at Ctrl-C.
///
/// A process that has not asked for these signals is killed by them at once, with its last spans
/// unsent. A server that ends on its own comes back to `main`, where the [`Guard`](super::Guard) is
/// dropped:
///
/// ```no_run
/// # async fn serve(listener: tokio::net::TcpListener, app: axum::Router) -> std::io::Result<()> {
/// axum::serve(listener, app).with_graceful_shutdown(tracewire::sdk::shutdown_signal()).await
/// # }
/// ```
///
/// Needs a Tokio runtime with its I/O enabled. From then on the process no longer ends at these
/// signals by itself.
pub async fn shutdown_signal() {
    let (mut asked, mut interrupted) = (pin!(terminate()), pin!(interrupt()));
    poll_fn(|task| {
        let over =
            asked.as_mut().poll(task).is_ready() || interrupted.as_mut().poll(task).is_ready();
        if over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Where a signal cannot be listened for, it never comes.
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminate() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => pending().await,
    }
}

#[cfg(not(unix))]
async fn terminate() {
    pending().await
}
