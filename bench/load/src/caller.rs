//! Calls the gateway on some connections at once, each as soon as it has the answer to its last call.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Error;

const CONNECTIONS: usize = 16;

/// How long every call took.
pub(crate) struct Calls {
    /// Sorted.
    times: Vec<Duration>,
    elapsed: Duration,
}

impl Calls {
    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64()
    }

    /// 99 % of the calls took no longer.
    pub(crate) fn slow(&self) -> Duration {
        let fast = (self.count() * 99).div_ceil(100);
        self.times.get(fast.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// Calls for so long.
pub(crate) async fn call(port: u16, duration: Duration) -> Result<Calls, Error> {
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        connections.push(sender);
    }
    let start = Instant::now();
    let tasks: Vec<_> =
        connections.into_iter().map(|it| tokio::spawn(repeat(it, start + duration))).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let elapsed = start.elapsed();
    times.sort_unstable();
    Ok(Calls { times, elapsed })
}

async fn repeat(
    mut connection: SendRequest<Empty<Bytes>>,
    until: Instant,
) -> Result<Vec<Duration>, Error> {
    let mut times = Vec::with_capacity(8192);
    loop {
        let start = Instant::now();
        if start >= until {
            return Ok(times);
        }
        let request = Request::get("/users/42")
            .header("host", "api.example.com")
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")
            .header("accept", "application/json")
            .body(Empty::new())?;
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(format!("the gateway answered {}", response.status()).into());
        }
        response.into_body().collect().await?;
        times.push(start.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, Duration};

    #[test]
    fn one_call_of_a_hundred_may_be_slower() {
        for (count, expected) in [(0, 0), (1, 1), (99, 99), (100, 99), (200, 198), (201, 199)] {
            let times = (1..=count).map(Duration::from_millis).collect();
            let calls = Calls { times, elapsed: Duration::from_secs(2) };
            assert_eq!(calls.slow(), Duration::from_millis(expected), "{count}");
            assert_eq!(calls.per_second(), count as f64 / 2.0);
        }
    }
}
