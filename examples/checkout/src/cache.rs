//! A cache for those who have no Redis: it knows `GET` and `SET`.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt as _, StreamExt as _};
use redis_protocol::codec::Resp2;
use redis_protocol::resp2::types::{BytesFrame as Frame, Resp2Frame as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;

use crate::Error;

type Entries = Arc<Mutex<HashMap<Vec<u8>, Frame>>>;

/// Serves on any free port as long as this program runs, and returns the URL.
pub(crate) async fn serve() -> Result<String, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("redis://{}", listener.local_addr()?);
    let entries = Entries::default();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, entries.clone()));
        }
    });
    Ok(url)
}

async fn answer(stream: TcpStream, entries: Entries) {
    let mut frames = Framed::new(stream, Resp2::default());
    while let Some(Ok(Frame::Array(words))) = frames.next().await {
        if frames.send(reply(&words, &entries)).await.is_err() {
            return;
        }
    }
}

fn reply(words: &[Frame], entries: &Entries) -> Frame {
    let words: Vec<&[u8]> = words.iter().filter_map(Frame::as_bytes).collect();
    let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
    match words[..] {
        [command, key] if command.eq_ignore_ascii_case(b"GET") => {
            entries.get(key).cloned().unwrap_or(Frame::Null)
        }
        [command, key, value] if command.eq_ignore_ascii_case(b"SET") => {
            entries.insert(key.to_vec(), Frame::BulkString(value.to_vec().into()));
            Frame::SimpleString("OK".into())
        }
        _ => Frame::Error("ERR this cache knows GET and SET".into()),
    }
}
