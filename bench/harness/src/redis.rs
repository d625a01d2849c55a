//! A connection to Redis that answers at once.

use std::hint::black_box;

use futures_executor::block_on;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value, cmd};

use crate::{Operation, parent};

/// Answers at the price that a driver pays: the box.
#[derive(Clone, Debug)]
pub struct Instant;

impl ConnectionLike for Instant {
    fn req_packed_command<'a>(&'a mut self, _: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(std::future::ready(Ok(Value::Okay)))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        _: &'a Pipeline,
        _: usize,
        _: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn get_db(&self) -> i64 {
        0
    }
}

/// One `GET` on this connection below a caller with a `tracestate` of as many members.
pub fn get(
    mut connection: impl ConnectionLike + 'static,
    sampled: bool,
    members: usize,
) -> Operation {
    let mut get = cmd("GET");
    get.arg("user:7");
    let parent = parent::context(sampled, members);
    Box::new(move || {
        let _parent = parent.clone().attach();
        let reply = block_on(connection.req_packed_command(&get));
        assert!(black_box(reply).is_ok());
    })
}
