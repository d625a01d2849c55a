//! Waiting for what other tasks, threads and processes do.

use std::time::{Duration, Instant};

/// Longer than anything takes that works, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often is asked whether it has come.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits for something that should come soon.
///
/// # Panics
/// When it does not.
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it does not come")
}

/// Waits until a condition holds.
///
/// # Panics
/// When it does not before long.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what} does not come");
        tokio::time::sleep(PAUSE).await;
    }
}
