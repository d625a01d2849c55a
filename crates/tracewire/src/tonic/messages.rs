//! Messages on their way: how many pass, and the trailers that gRPC-Web sends as one of them.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context as Task, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::body::Body;

use crate::http::first;

/// Reads length-prefixed messages in whatever pieces they come.
#[derive(Debug)]
pub(super) struct Messages {
    wire: Wire,
    prefix: [u8; PREFIX],
    prefix_length: usize,
    /// What is still to come of the message whose prefix is complete.
    left: usize,
    /// The trailers of gRPC-Web, as far as they have come.
    trailers: Option<Vec<u8>>,
    passed: i64,
    /// The bytes were no messages, or not to be had in order. What follows is not looked at.
    is_lost: bool,
}

/// How messages are written.
#[derive(Debug)]
enum Wire {
    Plain,
    Base64 { quad: [u8; 4], length: usize },
}

/// A flag and a length of four bytes, the highest first.
const PREFIX: usize = 5;
/// The flag of trailers (gRPC-Web, "Protocol differences vs gRPC over HTTP2").
const TRAILERS: u8 = 0x80;
const MAX_TRAILERS: usize = 16 * 1024;

/// Whether a message is one of gRPC, or of gRPC-Web.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// Whether a message is one of gRPC-Web, whose trailers are in the body.
pub(super) fn is_web(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|kind| kind.starts_with(b"application/grpc-web"))
}

fn content_type(headers: &HeaderMap) -> Option<&[u8]> {
    first(headers, &CONTENT_TYPE).map(HeaderValue::as_bytes)
}

impl Messages {
    /// A reader of the body below these headers, if there is something to read it for: trailers may
    /// be in it, or somebody counts.
    pub(super) fn below(headers: &HeaderMap, counts: bool) -> Option<Box<Self>> {
        (counts || is_web(headers)).then(|| Box::new(Self::of(headers)))
    }

    fn of(headers: &HeaderMap) -> Self {
        let is_text = content_type(headers)
            .is_some_and(|kind| kind.starts_with(b"application/grpc-web-text"));
        let wire = if is_text { Wire::Base64 { quad: [0; 4], length: 0 } } else { Wire::Plain };
        Self {
            wire,
            prefix: [0; PREFIX],
            prefix_length: 0,
            left: 0,
            trailers: None,
            passed: 0,
            is_lost: false,
        }
    }

    /// How many whole messages have passed; `None` when that cannot be told.
    pub(super) fn passed(&self) -> Option<i64> {
        (!self.is_lost).then_some(self.passed)
    }

    /// The trailers in the body, which are the last of it.
    pub(super) fn trailers(&self) -> Option<HeaderMap> {
        let mut fields = HeaderMap::new();
        for line in self.trailers.as_deref()?.split(|byte| *byte == b'\n') {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = line.split_at(colon);
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            let name = HeaderName::from_bytes(name.trim_ascii());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
                // A full map takes no more, and needs no more.
                let _ = fields.try_append(name, value);
            }
        }
        Some(fields)
    }

    /// Reads the next piece of the body.
    pub(super) fn read<D: Buf>(&mut self, data: &D) {
        let piece = data.chunk();
        // What is not in one piece cannot be looked at without taking it from whoever it is for.
        self.is_lost |= piece.len() != data.remaining();
        self.read_piece(piece);
    }

    fn read_piece(&mut self, piece: &[u8]) {
        let Wire::Base64 { quad, length } = &mut self.wire else {
            return self.read_bytes(piece);
        };
        let (mut quad, mut length) = (*quad, *length);
        for byte in piece.iter().filter(|byte| !byte.is_ascii_whitespace()) {
            quad[length] = *byte;
            length += 1;
            if length == quad.len() {
                length = 0;
                match decode(quad) {
                    Some((bytes, count)) => self.read_bytes(&bytes[..count]),
                    None => self.is_lost = true,
                }
            }
        }
        self.wire = Wire::Base64 { quad, length };
    }

    fn read_bytes(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_lost {
            if self.prefix_length < PREFIX {
                let count = bytes.len().min(PREFIX - self.prefix_length);
                let (now, later) = bytes.split_at(count);
                self.prefix[self.prefix_length..][..count].copy_from_slice(now);
                self.prefix_length += count;
                bytes = later;
                if self.prefix_length == PREFIX {
                    self.begin();
                }
            } else {
                let (now, later) = bytes.split_at(bytes.len().min(self.left));
                if let Some(trailers) = &mut self.trailers {
                    let room = MAX_TRAILERS.saturating_sub(trailers.len());
                    trailers.extend(now.iter().take(room));
                }
                self.left -= now.len();
                bytes = later;
            }
            if self.prefix_length == PREFIX && self.left == 0 {
                self.prefix_length = 0;
                self.passed += i64::from(self.trailers.is_none());
            }
        }
    }

    fn begin(&mut self) {
        let [flag, length @ ..] = self.prefix;
        self.left = u32::from_be_bytes(length) as usize;
        // The lowest bit is compression; nothing else has a meaning.
        self.is_lost |= flag & !(TRAILERS | 1) != 0;
        self.trailers = (flag & TRAILERS != 0).then(Vec::new);
    }
}

/// Four characters of base64 as up to three bytes.
fn decode(quad: [u8; 4]) -> Option<([u8; 3], usize)> {
    let padding = quad.iter().rev().take_while(|byte| **byte == b'=').count();
    let mut bits = 0_u32;
    for byte in quad {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => 0,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
    }
    let [_, bytes @ ..] = bits.to_be_bytes();
    (padding <= 2).then_some((bytes, 3 - padding))
}

pin_project! {
    /// A request's body whose messages are counted as they pass.
    struct Counted {
        #[pin]
        inner: Body,
        messages: Messages,
        passed: Arc<AtomicI64>,
    }
}

/// Counts the messages of a request, if its body is tonic's own type.
pub(super) fn count<B: 'static>(request: &mut http::Request<B>) -> Option<Arc<AtomicI64>> {
    let messages = Messages::of(request.headers());
    let body: &mut dyn Any = request.body_mut();
    let body = body.downcast_mut::<Body>()?;
    let passed = Arc::new(AtomicI64::new(0));
    let inner = std::mem::take(body);
    *body = Body::new(Counted { inner, messages, passed: passed.clone() });
    Some(passed)
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let this = self.project();
        let polled = ready!(this.inner.poll_frame(task));
        if let Some(Ok(frame)) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.messages.read(data);
            this.passed.store(this.messages.passed().unwrap_or(-1), Ordering::Relaxed);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

    use super::Messages;

    const HELLO: &[u8] = b"\0\0\0\0\x05hello";
    const EMPTY: &[u8] = b"\x01\0\0\0\0";
    const END: &[u8] = b"\x80\0\0\0\x28grpc-status:5\r\ngrpc-message: not here\r\n";

    fn reader(kind: &'static str) -> Messages {
        Messages::of(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]))
    }

    /// Reads a body in two pieces, cut at every place, and compares count and `grpc-status`.
    fn check(kind: &'static str, body: &[u8], passed: Option<i64>, status: Option<&str>) {
        for cut in 0..=body.len() {
            let mut messages = reader(kind);
            messages.read(&&body[..cut]);
            messages.read(&&body[cut..]);
            assert_eq!(messages.passed(), passed, "cut at {cut}");
            let trailers = messages.trailers().unwrap_or_default();
            let found = trailers.get("grpc-status").map(|value| value.to_str().unwrap());
            assert_eq!(found, status, "cut at {cut}");
        }
    }

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let body = [HELLO, EMPTY, HELLO].concat();
        check("application/grpc", &body, Some(3), None);
        check("application/grpc", &body[..body.len() - 1], Some(2), None);
        check("application/grpc", b"", Some(0), None);
        check("application/grpc", b"<html>not found</html>", None, None);
    }

    #[test]
    fn trailers_of_grpc_web_are_found() {
        let body = [HELLO, END].concat();
        check("application/grpc-web+proto", &body, Some(1), Some("5"));
        // Two encoded pieces, each with its own padding.
        let text = "AAAAAAVoZWxsbw==gAAAAChncnBjLXN0YXR1czo1DQpncnBjLW1lc3NhZ2U6IG5vdCBoZXJlDQo=";
        check("application/grpc-web-text", text.as_bytes(), Some(1), Some("5"));
        check("application/grpc-web-text", b"AA=A????", None, None);
    }

    #[test]
    fn trailers_do_not_grow_without_end() {
        let mut messages = reader("application/grpc-web");
        messages.read(&&b"\x80\xff\xff\xff\xff"[..]);
        (0..1000).for_each(|_| messages.read(&&[b'a'; 1000][..]));
        assert_eq!(messages.trailers.unwrap().len(), super::MAX_TRAILERS);
    }
}
