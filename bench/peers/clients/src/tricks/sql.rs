//! A statement. What it is called is written where it is.

use std::borrow::Cow;
use std::hint::black_box;

use bench_by_hand::{Described, InFlight, Tracing};
use bench_harness::sql::{self, Answering};
use bench_harness::{Mode, Operation, parent};
use futures_util::FutureExt as _;
use opentelemetry::{KeyValue, StringValue};

const STATEMENT: &str = "SELECT 7 WHERE 7 = ?";
/// What its span has.
pub(crate) const ATTRIBUTES: [&str; 4] =
    ["db.namespace", "db.query.summary", "db.query.text", "db.system.name"];
/// The same where no database is named.
pub(crate) const UNNAMED: [&str; 3] = ["db.query.summary", "db.query.text", "db.system.name"];
/// Those and a failure's.
const MOST: usize = 5;

/// The statement of the harness for a database that answers at once.
pub(crate) fn execute(mode: Mode, members: usize) -> Operation {
    let tracing = Tracing::of(mode);
    sql::answered(mode != Mode::Unsampled, members, move || {
        let query = || sqlx::query(sql::UPDATE).bind(7_i64).execute(&Answering);
        let span = tracing.call(|| describe("UPDATE users", sql::UPDATE, None));
        let done = InFlight::new(span, error_of, query).now_or_never();
        assert!(black_box(done).is_some_and(|it| it.is_ok()));
    })
}

/// The statement of the harness, below such a caller.
pub(crate) fn select(mode: Mode, members: usize) -> Operation {
    let (pool, tracing) = (sql::pool(), Tracing::of(mode));
    let parent = parent::context(mode != Mode::Unsampled, members);
    sql::repeat(async move || {
        let _parent = parent.clone().attach();
        let query = || sqlx::query(STATEMENT).bind(7_i64).fetch_one(&pool);
        let span = tracing.call(|| describe("SELECT", STATEMENT, Some(":memory:")));
        let row = InFlight::new(span, error_of, query).await;
        black_box(row.expect("a row"));
    })
}

fn describe(
    summary: &'static str,
    text: &'static str,
    database: Option<&'static str>,
) -> Described {
    let mut attributes = Vec::with_capacity(MOST);
    attributes.push(KeyValue::new("db.system.name", "sqlite"));
    attributes.extend(database.map(|it| KeyValue::new("db.namespace", it)));
    attributes.push(KeyValue::new("db.query.summary", summary));
    attributes.push(KeyValue::new("db.query.text", text));
    (Cow::Borrowed(summary), attributes)
}

fn error_of<T>(result: &Result<T, sqlx::Error>) -> Option<StringValue> {
    let error = result.as_ref().err()?;
    let code = error.as_database_error().and_then(|it| it.code().map(Cow::into_owned));
    Some(code.unwrap_or_else(|| String::from("_OTHER")).into())
}
