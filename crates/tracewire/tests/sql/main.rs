//! What the SQL analysis finds in statements, through its public door.
#![cfg(feature = "sqlx")]

mod cache;
mod common;
mod ddl;
mod limits;
mod mysql;
mod other;
mod postgres;
mod properties;
mod secrets;
mod sqlite;
mod vectors;

use tracewire::sqlx::sql::{Dialect, analyze};

/// All dialects.
const DIALECTS: [Dialect; 4] = [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite, Dialect::Other];

/// A text that sanitizing leaves alone.
const SAME: &str = "=";

/// One row: the text, what it is when sanitized (or [`SAME`]), and its summary.
type Case = (&'static str, &'static str, &'static str);

/// Checks a table for each of `dialects`.
#[track_caller]
fn check(dialects: &[Dialect], cases: &[Case]) {
    let mut wrong = Vec::new();
    for &dialect in dialects {
        for &(text, sanitized, summary) in cases {
            let sanitized = if sanitized == SAME { text } else { sanitized };
            let analysis = analyze(text, dialect);
            let found = (&**analysis.sanitized(), &**analysis.summary());
            if found != (sanitized, summary) {
                wrong.push(format!(
                    "{dialect:?}: {text}\n  found    {found:?}\n  expected {:?}",
                    (sanitized, summary)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
