//! SQLite's own names, parameters and statements.

use tracewire::sqlx::sql::Dialect;

use super::{SAME, check};

#[test]
fn lexical() {
    check(
        &[Dialect::Sqlite],
        &[
            ("SELECT [a b], `c`, \"d\" FROM [my table]", SAME, "SELECT [my table]"),
            ("SELECT [it's] FROM t WHERE a = 'x'", "SELECT [it's] FROM t WHERE a = ?", "SELECT t"),
            ("SELECT a FROM main.[t]", SAME, "SELECT main.[t]"),
            ("SELECT a FROM [never closed", "SELECT a FROM ?", "SELECT"),
            (
                "SELECT a FROM t WHERE b = ?1 AND c = :name AND d = @name AND e = $name AND f = ?",
                SAME,
                "SELECT t",
            ),
            ("SELECT a FROM t WHERE b = :1 AND c = $2", SAME, "SELECT t"),
            ("SELECT 'c:\\', 'x' FROM t", "SELECT ?, ? FROM t", "SELECT t"),
            ("SELECT x'53514C', X'00' FROM t", "SELECT ?, ? FROM t", "SELECT t"),
            ("SELECT a /* x /* y */ FROM t", "SELECT a  FROM t", "SELECT t"),
            ("SELECT a FROM 'my table'", "SELECT a FROM ?", "SELECT 'my table'"),
            (
                "SELECT a FROM t WHERE b GLOB '*x*' AND c == 'y'",
                "SELECT a FROM t WHERE b GLOB ? AND c == ?",
                "SELECT t",
            ),
            ("SELECT a ->> '$.k', 1e3 FROM t", "SELECT a ->> ?, ? FROM t", "SELECT t"),
        ],
    );
}

#[test]
fn statements() {
    check(
        &[Dialect::Sqlite],
        &[
            ("INSERT OR REPLACE INTO t VALUES (?1)", SAME, "INSERT t"),
            ("INSERT OR IGNORE INTO t (a) SELECT b FROM u", SAME, "INSERT t SELECT u"),
            ("UPDATE OR ROLLBACK t SET a = ?", SAME, "UPDATE t"),
            ("PRAGMA journal_mode = WAL", SAME, "PRAGMA journal_mode"),
            ("PRAGMA main.table_info(t)", SAME, "PRAGMA main.table_info"),
            ("PRAGMA busy_timeout = 5000; ", "PRAGMA busy_timeout = ?; ", "PRAGMA busy_timeout"),
            ("ATTACH DATABASE 'x.db' AS y", "ATTACH DATABASE ? AS y", "ATTACH"),
            ("DETACH y", SAME, "DETACH"),
            ("BEGIN IMMEDIATE", SAME, "BEGIN IMMEDIATE"),
            ("BEGIN EXCLUSIVE TRANSACTION", SAME, "BEGIN EXCLUSIVE"),
            ("EXPLAIN QUERY PLAN SELECT a FROM t", SAME, "EXPLAIN SELECT t"),
            ("VACUUM INTO 'x.db'", "VACUUM INTO ?", "VACUUM"),
            ("CREATE VIRTUAL TABLE t USING fts5(a, b)", SAME, "CREATE TABLE t"),
            (
                "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT DEFAULT 'x') STRICT",
                "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT DEFAULT ?) STRICT",
                "CREATE TABLE t",
            ),
            ("REINDEX i", SAME, "REINDEX i"),
            ("SELECT a FROM t INDEXED BY i, u", SAME, "SELECT t u"),
            ("SELECT a FROM json_each(?1), t", SAME, "SELECT json_each t"),
        ],
    );
}
