//! A statement. What it is called is written where it is.

use std::borrow::Cow;
use std::hint::black_box;

use bench_by_hand::{Described, InFlight, Tracing};
use bench_harness::{Mode, Operation, parent, sql};
use opentelemetry::{KeyValue, StringValue};

const STATEMENT: &str = "SELECT 7 WHERE 7 = ?";
/// What its span has.
pub(crate) const ATTRIBUTES: [&str; 4] =
    ["db.namespace", "db.query.summary", "db.query.text", "db.system.name"];

/// The statement of the harness, below such a caller.
pub(crate) fn select(mode: Mode, members: usize) -> Operation {
    let (pool, tracing) = (sql::pool(), Tracing::of(mode));
    let parent = parent::context(mode != Mode::Unsampled, members);
    sql::repeat(async move || {
        let _parent = parent.clone().attach();
        let query = || sqlx::query(STATEMENT).bind(7_i64).fetch_one(&pool);
        let span = tracing.call(|| describe("SELECT", STATEMENT));
        let row = InFlight::new(span, error_of, query).await;
        black_box(row.expect("a row"));
    })
}

fn describe(summary: &'static str, text: &'static str) -> Described {
    let mut attributes = Vec::with_capacity(5);
    attributes.push(KeyValue::new("db.system.name", "sqlite"));
    attributes.push(KeyValue::new("db.namespace", ":memory:"));
    attributes.push(KeyValue::new("db.query.summary", summary));
    attributes.push(KeyValue::new("db.query.text", text));
    (Cow::Borrowed(summary), attributes)
}

fn error_of<T>(result: &Result<T, sqlx::Error>) -> Option<StringValue> {
    let error = result.as_ref().err()?;
    let code = error.as_database_error().and_then(|it| it.code().map(Cow::into_owned));
    Some(code.unwrap_or_else(|| String::from("_OTHER")).into())
}
