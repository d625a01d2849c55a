//! What the tests share: databases to talk to.

#![allow(clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]

use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use sqlx::pool::PoolOptions;
use sqlx::{MySql, Postgres, Sqlite};
use test_support::service;
use tracewire::span::Outcome;
use tracewire::sqlx::{Pool, Settings, Step};
use tracewire::test::Capture;

/// Runs something below a span of its own, so that what it makes is one trace.
pub async fn below_a_span<F: Future>(capture: &Capture, work: F) -> F::Output {
    let operation = capture.telemetry().start(SpanKind::Internal, &Context::new(), |span| {
        span.name("work");
    });
    let output = operation.run(work).await;
    operation.finish(Outcome::Success);
    output
}

/// Settings whose spans go to this capture. Connections are taken without spans, as these depend on
/// how long it takes.
pub fn settings(capture: &Capture) -> Settings {
    Settings::new().telemetry(&capture.telemetry()).omit(Step::Acquire)
}

/// A database of its own, in memory and behind one connection.
pub async fn sqlite(settings: &Settings) -> Pool<Sqlite> {
    let options = PoolOptions::new().max_connections(1);
    let pool = options.connect("sqlite::memory:").await.expect("a database in memory");
    let table = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)";
    sqlx::raw_sql(table).execute(&pool).await.expect("a table");
    Pool::new(pool, settings)
}

/// The PostgreSQL server, behind so many connections.
pub async fn postgres(settings: &Settings, connections: u32) -> Pool<Postgres> {
    let options = PoolOptions::new().max_connections(connections);
    let url = service("TRACEWIRE_POSTGRES_URL");
    Pool::new(options.connect(&url).await.expect("PostgreSQL"), settings)
}

/// The MariaDB server, behind so many connections.
pub async fn mariadb(settings: &Settings, connections: u32) -> Pool<MySql> {
    let options = PoolOptions::new().max_connections(connections);
    let url = service("TRACEWIRE_MYSQL_URL");
    Pool::new(options.connect(&url).await.expect("MariaDB"), settings)
}
