//! A statement. No wrapper is written by hand for this, but a span around each.

use std::hint::black_box;

use bench_harness::{Operation, parent, sql};
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{KeyValue, global};

use super::start;

const STATEMENT: &str = "SELECT 7 WHERE 7 = ?";

/// The statement of the harness, below such a caller.
pub(crate) fn select(sampled: bool, members: usize) -> Operation {
    let (pool, tracer) = (sql::pool(), global::tracer("by hand"));
    let parent = parent::context(sampled, members);
    sql::repeat(async move || {
        let _parent = parent.clone().attach();
        let attributes = vec![
            KeyValue::new("db.system.name", "sqlite"),
            KeyValue::new("db.query.text", STATEMENT),
            KeyValue::new("db.operation.name", "SELECT"),
        ];
        let context = start(&tracer, String::from("SELECT"), attributes);
        let query = sqlx::query(STATEMENT).bind(7_i64);
        let row = query.fetch_one(&pool).with_context(context.clone()).await;
        let span = context.span();
        if let Err(error) = &row {
            span.set_status(Status::error(error.to_string()));
        }
        span.end();
        black_box(row.expect("a row"));
    })
}
