//! Knows what is in stock: a table in SQLite, or in whatever `DATABASE_URL` names.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use sqlx::any::Any;
use tracewire::sqlx::Pool;
use tracing::instrument;

use crate::Error;

/// More than a demo ever sells.
const PLENTY: i64 = 1_000_000;

#[derive(Clone, Debug)]
struct Stock {
    database: Pool<Any>,
    take: &'static str,
    note: &'static str,
}

pub(super) async fn app() -> Result<Router, Error> {
    sqlx::any::install_default_drivers();
    let url = std::env::var(super::DATABASE_URL)?;
    let plain = sqlx::AnyPool::connect(&url).await?;
    set_up(&plain).await?;
    // PostgreSQL numbers its parameters, the others do not.
    let (take, note) = if url.starts_with("postgres") {
        (
            "UPDATE stock SET count = count - 1 WHERE item = $1 AND count > 0",
            "INSERT INTO reservations (item) VALUES ($1)",
        )
    } else {
        (
            "UPDATE stock SET count = count - 1 WHERE item = ? AND count > 0",
            "INSERT INTO reservations (item) VALUES (?)",
        )
    };
    let stock = Stock { database: Pool::from(plain), take, note };
    Ok(Router::new().route("/reservations", post(reserve)).with_state(stock))
}

async fn reserve(
    State(stock): State<Stock>,
    Json(items): Json<Vec<String>>,
) -> Result<StatusCode, StatusCode> {
    match stock.reserve(&items).await {
        Ok(true) => Ok(StatusCode::CREATED),
        Ok(false) => Err(StatusCode::CONFLICT),
        Err(error) => {
            tracing::error!(%error, "the database failed");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

impl Stock {
    /// Takes one of each, or nothing when something is sold out.
    #[instrument(skip_all, fields(items = items.len() as i64))]
    async fn reserve(&self, items: &[String]) -> Result<bool, sqlx::Error> {
        let mut transaction = self.database.begin().await?;
        for item in items {
            let taken = sqlx::query(self.take).bind(item).execute(&mut *transaction).await?;
            if taken.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(self.note).bind(item).execute(&mut *transaction).await?;
        }
        super::work(20).await;
        transaction.commit().await?;
        Ok(true)
    }
}

/// What a migration does elsewhere. Nobody waits for it, so it is not traced.
async fn set_up(database: &sqlx::AnyPool) -> Result<(), sqlx::Error> {
    for statement in [
        "CREATE TABLE IF NOT EXISTS stock (item VARCHAR(64) PRIMARY KEY, count INTEGER NOT NULL)",
        "CREATE TABLE IF NOT EXISTS reservations (item VARCHAR(64) NOT NULL)",
    ] {
        sqlx::query(statement).execute(database).await?;
    }
    for item in ["kettle", "teapot", "cup"] {
        let (count,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT COUNT(*) FROM stock WHERE item = '{item}'"
        )))
        .fetch_one(database)
        .await?;
        if count == 0 {
            let insert = format!("INSERT INTO stock (item, count) VALUES ('{item}', {PLENTY})");
            sqlx::query(sqlx::AssertSqlSafe(insert)).execute(database).await?;
        }
    }
    Ok(())
}
