//! A connection that answers from memory and notes what is current while it works.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Task, Poll};

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value};
use tracewire::otel::Context;
use tracewire::otel::trace::{SpanId, TraceContextExt as _};

/// A connection to nothing. Clones share their replies and notes.
#[derive(Clone, Debug, Default)]
pub struct Fake {
    database: i64,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    replies: VecDeque<Reply>,
    notes: Vec<(Moment, SpanId)>,
}

/// What the connection does when it is asked.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answers; a pipeline with the items of the array.
    Value(Value),
    /// Fails.
    Error(RedisError),
    /// Never answers.
    Silence,
    /// Panics.
    Panic,
}

/// When something was current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The driver was called.
    Call,
    /// Its future was polled.
    Poll,
    /// Its future was dropped.
    Drop,
}

impl Fake {
    /// Gives these replies one after another, then `OK` for ever.
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let fake = Self::default();
        fake.lock().replies.extend(replies);
        fake
    }

    /// Claims to be connected to this database.
    pub fn database(mut self, database: i64) -> Self {
        self.database = database;
        self
    }

    /// Which span was current when.
    pub fn notes(&self) -> Vec<(Moment, SpanId)> {
        self.lock().notes.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, moment: Moment) {
        let span = Context::map_current(|context| context.span().span_context().span_id());
        self.lock().notes.push((moment, span));
    }

    fn next(&self) -> Reply {
        let next = self.lock().replies.pop_front();
        next.unwrap_or(Reply::Value(Value::Okay))
    }

    fn answer(&self) -> Answer {
        self.note(Moment::Call);
        Answer { fake: self.clone(), reply: self.next(), polled: false }
    }

    fn answer_now(&self) -> RedisResult<Value> {
        self.note(Moment::Call);
        match self.next() {
            Reply::Value(value) => Ok(value),
            Reply::Error(error) => Err(error),
            Reply::Silence => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
            Reply::Panic => fail(),
        }
    }
}

impl ConnectionLike for Fake {
    fn req_packed_command<'a>(&'a mut self, _: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(self.answer())
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        _: &'a Pipeline,
        _: usize,
        _: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let answer = self.answer();
        Box::pin(async { answer.await.map(items) })
    }

    fn get_db(&self) -> i64 {
        self.database
    }
}

impl redis::ConnectionLike for Fake {
    fn req_packed_command(&mut self, _: &[u8]) -> RedisResult<Value> {
        self.answer_now()
    }

    fn req_packed_commands(&mut self, _: &[u8], _: usize, _: usize) -> RedisResult<Vec<Value>> {
        self.answer_now().map(items)
    }

    fn get_db(&self) -> i64 {
        self.database
    }

    fn check_connection(&mut self) -> bool {
        true
    }

    fn is_open(&self) -> bool {
        true
    }
}

/// Answers when it is polled for the second time.
struct Answer {
    fake: Fake,
    reply: Reply,
    polled: bool,
}

impl Future for Answer {
    type Output = RedisResult<Value>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<RedisResult<Value>> {
        self.fake.note(Moment::Poll);
        if !std::mem::replace(&mut self.polled, true) {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        match &self.reply {
            Reply::Value(value) => Poll::Ready(Ok(value.clone())),
            Reply::Error(error) => Poll::Ready(Err(error.clone())),
            Reply::Silence => Poll::Pending,
            Reply::Panic => fail(),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.fake.note(Moment::Drop);
    }
}

fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => vec![other],
    }
}

#[allow(clippy::panic, reason = "a driver that panics is what is tested")]
fn fail<T>() -> T {
    panic!("the driver panics")
}
