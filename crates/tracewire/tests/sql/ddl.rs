//! Statements that make, change and remove objects.

use tracewire::sqlx::sql::Dialect;

use super::{DIALECTS, SAME, check};

#[test]
fn objects() {
    check(
        &DIALECTS,
        &[
            (
                "CREATE TABLE IF NOT EXISTS s.t (a INT DEFAULT 5, b TEXT)",
                "CREATE TABLE IF NOT EXISTS s.t (a INT DEFAULT ?, b TEXT)",
                "CREATE TABLE s.t",
            ),
            ("create temporary table t (a int references u (b))", SAME, "create table t"),
            ("CREATE TABLE t AS SELECT a FROM u", SAME, "CREATE TABLE t SELECT u"),
            (
                "CREATE TABLE t AS WITH c AS (SELECT a FROM u) SELECT * FROM c",
                SAME,
                "CREATE TABLE t SELECT u SELECT",
            ),
            (
                "CREATE OR REPLACE VIEW v (a, b) AS SELECT c, d FROM t",
                SAME,
                "CREATE VIEW v SELECT t",
            ),
            (
                "CREATE MATERIALIZED VIEW v AS SELECT a FROM t",
                SAME,
                "CREATE MATERIALIZED VIEW v SELECT t",
            ),
            ("CREATE UNIQUE INDEX i ON t (a, b)", SAME, "CREATE INDEX i"),
            (
                "CREATE SEQUENCE s START WITH 5",
                "CREATE SEQUENCE s START WITH ?",
                "CREATE SEQUENCE s",
            ),
            ("CREATE SCHEMA s", SAME, "CREATE SCHEMA s"),
            ("CREATE DATABASE d", SAME, "CREATE DATABASE d"),
            ("ALTER TABLE t DROP COLUMN a, ADD COLUMN b INT", SAME, "ALTER TABLE t"),
            ("ALTER TABLE IF EXISTS s.t RENAME TO u", SAME, "ALTER TABLE s.t"),
            (
                "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (b)",
                SAME,
                "ALTER TABLE t",
            ),
            ("DROP TABLE IF EXISTS a, s.b CASCADE", SAME, "DROP TABLE a s.b"),
            ("DROP INDEX i", SAME, "DROP INDEX i"),
            ("DROP FUNCTION f(int, text)", SAME, "DROP FUNCTION f"),
            (
                "DROP VIEW v; CREATE TABLE t (a INT); INSERT INTO t VALUES (1)",
                "DROP VIEW v; CREATE TABLE t (a INT); INSERT INTO t VALUES (?)",
                "DROP VIEW v CREATE TABLE t INSERT t",
            ),
            ("RENAME TABLE a TO b, c TO d", SAME, "RENAME TABLE a c"),
        ],
    );
}

/// The body of a routine is no list of statements for its caller.
#[test]
fn routines() {
    check(
        &[Dialect::MySql, Dialect::Sqlite, Dialect::Other],
        &[
            (
                "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE u SET a = 1; DELETE FROM v; END",
                "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE u SET a = ?; DELETE FROM v; END",
                "CREATE TRIGGER g",
            ),
            ("DROP TRIGGER g; SELECT a FROM t", SAME, "DROP TRIGGER g SELECT t"),
        ],
    );
    check(
        &[Dialect::Postgres],
        &[
            (
                "CREATE OR REPLACE FUNCTION f(a int) RETURNS int AS $$ SELECT secret FROM t; $$ LANGUAGE sql; SELECT b FROM u",
                "CREATE OR REPLACE FUNCTION f(a int) RETURNS int AS ? LANGUAGE sql; SELECT b FROM u",
                "CREATE FUNCTION f SELECT u",
            ),
            (
                "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT a FROM t; SELECT b FROM u; END",
                SAME,
                "CREATE FUNCTION f",
            ),
            (
                "CREATE TRIGGER g AFTER UPDATE ON t EXECUTE FUNCTION f(); DROP TABLE u",
                SAME,
                "CREATE TRIGGER g DROP TABLE u",
            ),
            ("DO $do$ BEGIN PERFORM 1; END $do$", "DO ?", "DO"),
        ],
    );
}
