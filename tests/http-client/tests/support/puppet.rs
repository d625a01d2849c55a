//! A server that says exactly what it is told to, right or wrong.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Answers each connection with the same bytes. It keeps the heads of the requests that came.
pub(crate) struct Puppet {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

/// What a puppet does once it has answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    Close,
    Reset,
    Hang,
    /// Sends back whatever comes.
    Echo,
}

/// The first byte of a TLS connection, on which no head with an empty line will follow.
const TLS_HANDSHAKE: u8 = 0x16;

impl Puppet {
    pub(crate) async fn new(answer: impl Into<Vec<u8>>, then: Then) -> Self {
        Self::in_turn([answer.into()], then).await
    }

    /// Answers the first connection with the first answer and so on; the last one stays.
    pub(crate) async fn in_turn<T: Into<Vec<u8>>>(
        answers: impl IntoIterator<Item = T>,
        then: Then,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let mut answers: Vec<Vec<u8>> = answers.into_iter().map(Into::into).collect();
        answers.reverse();
        let kept = heads.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer =
                    if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() };
                tokio::spawn(converse(stream, answer, then, kept.clone()));
            }
        });
        Self { address, heads, task }
    }

    /// One that says `HTTP/1.1 200 OK` and nothing else, to each of its connections once.
    pub(crate) async fn ok() -> Self {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
        Self::new(answer, Then::Close).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The values of a field in the one request that came.
    pub(crate) fn field(&self, name: &str) -> Vec<String> {
        let heads = self.heads();
        assert_eq!(heads.len(), 1, "{heads:?}");
        values(&heads[0], name)
    }
}

/// The values of a field in the head of a request, in order.
pub(crate) fn values(head: &str, name: &str) -> Vec<String> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let named = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.trim().to_owned()).collect()
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(
    mut stream: TcpStream,
    answer: Vec<u8>,
    then: Then,
    heads: Arc<Mutex<Vec<String>>>,
) {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
        if read[0] == TLS_HANDSHAKE {
            break read.len();
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    heads.lock().unwrap().push(head);
    stream.write_all(&answer).await.ok();
    match then {
        Then::Close => {
            stream.shutdown().await.ok();
            // What is left unread would turn the end of the connection into a reset.
            while stream.read_buf(&mut read).await.unwrap_or(0) > 0 {}
        }
        Then::Reset => stream.set_zero_linger().unwrap(),
        Then::Hang => std::future::pending().await,
        Then::Echo => {
            let (mut from, mut to) = stream.split();
            tokio::io::copy(&mut from, &mut to).await.ok();
        }
    }
}
