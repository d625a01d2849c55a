//! PostgreSQL's own strings, names, parameters and statements.

use tracewire::sqlx::sql::Dialect;

use super::{SAME, check};

#[test]
fn lexical() {
    check(
        &[Dialect::Postgres],
        &[
            ("SELECT $$it's$$, $a$x $b$ y$a$ FROM t", "SELECT ?, ? FROM t", "SELECT t"),
            ("SELECT $tag$never closed FROM t", "SELECT ?", "SELECT"),
            ("SELECT a$b$c FROM t$1$t", SAME, "SELECT t$1$t"),
            (
                "SELECT $1::int, $2 ::text, '5'::int[] FROM t WHERE a = ANY($3)",
                "SELECT $1::int, $2 ::text, ?::int[] FROM t WHERE a = ANY($3)",
                "SELECT t",
            ),
            (r"SELECT E'it\'s', e'\\', 'c:\', a FROM t", "SELECT ?, ?, ?, a FROM t", "SELECT t"),
            (
                r#"SELECT U&'d\0061t', U&"d\0061t" FROM U&"t\0061b""#,
                r#"SELECT ?, U&"d\0061t" FROM U&"t\0061b""#,
                r#"SELECT U&"t\0061b""#,
            ),
            ("SELECT B'01', X'1f', N'x', 1 & 2", "SELECT ?, ?, ?, ? & ?", "SELECT"),
            ("SELECT a /* x /* 'y' */ z */ FROM t", "SELECT a  FROM t", "SELECT t"),
            (
                r#"SELECT "a""b", "it's" FROM "My Schema"."My Table""#,
                SAME,
                r#"SELECT "My Schema"."My Table""#,
            ),
            (
                r#"SELECT a FROM t WHERE b = "never closed"#,
                "SELECT a FROM t WHERE b = ?",
                "SELECT t",
            ),
            (
                "SELECT a->'k', a->>'k', a #> '{x,1}', a ? 'k', a @> '{}' FROM t",
                "SELECT a->?, a->>?, a #> ?, a ? ?, a @> ? FROM t",
                "SELECT t",
            ),
            (
                "SELECT a[1], a[1:2], ARRAY[1, 2] FROM t",
                "SELECT a[?], a[?:?], ARRAY[?, ?] FROM t",
                "SELECT t",
            ),
            ("SELECT 5--1\n+ 2", "SELECT ?\n+ ?", "SELECT"),
            ("SELECT a # b, 5 # 3 FROM t", "SELECT a # b, ? # ? FROM t", "SELECT t"),
            ("SELECT 'a'\n'b' FROM t", "SELECT ?\n? FROM t", "SELECT t"),
            ("SELECT f(a => 1, b := 2) FROM t", "SELECT f(a => ?, b := ?) FROM t", "SELECT t"),
            (
                "SELECT 0o17, 0b11, 0xfF_fF, 1_000.000_1 FROM t",
                "SELECT ?, ?, ?, ? FROM t",
                "SELECT t",
            ),
            (
                "SELECT TIMESTAMP '2020-01-01' AT TIME ZONE 'UTC'",
                "SELECT TIMESTAMP ? AT TIME ZONE ?",
                "SELECT",
            ),
        ],
    );
}

#[test]
fn statements() {
    check(
        &[Dialect::Postgres],
        &[
            ("SELECT a FROM ONLY t, LATERAL (SELECT b FROM u) x", SAME, "SELECT t SELECT u"),
            ("SELECT a FROM t CROSS JOIN LATERAL unnest(t.b) AS u(c)", SAME, "SELECT t unnest"),
            (
                "SELECT a FROM generate_series(1, 10) g",
                "SELECT a FROM generate_series(?, ?) g",
                "SELECT generate_series",
            ),
            (
                "SELECT a FROM t TABLESAMPLE BERNOULLI (10), u",
                "SELECT a FROM t TABLESAMPLE BERNOULLI (?), u",
                "SELECT t u",
            ),
            ("SELECT DISTINCT ON (a, b) c FROM t", SAME, "SELECT t"),
            (
                "SELECT count(*) FILTER (WHERE a > 1) FROM t",
                "SELECT count(*) FILTER (WHERE a > ?) FROM t",
                "SELECT t",
            ),
            (
                "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING id, c",
                SAME,
                "INSERT t",
            ),
            ("INSERT INTO t AS x (a) VALUES ($1)", SAME, "INSERT t"),
            ("DELETE FROM ONLY t WHERE a = $1", SAME, "DELETE t"),
            ("WITH x AS MATERIALIZED (SELECT a FROM t) SELECT * FROM x", SAME, "SELECT t SELECT"),
            (
                "WITH x AS NOT MATERIALIZED (UPDATE t SET a = $1 RETURNING *) SELECT * FROM x JOIN u ON b",
                SAME,
                "UPDATE t SELECT u",
            ),
            (
                r#"WITH "B" AS (SELECT a FROM t) SELECT * FROM b JOIN "b".c ON d, "b""#,
                SAME,
                r#"SELECT t SELECT "b".c"#,
            ),
            ("TABLE users", SAME, "TABLE users"),
            ("COPY s.t (a, b) FROM STDIN WITH (FORMAT csv)", SAME, "COPY s.t"),
            ("COPY (SELECT a FROM t) TO '/tmp/x'", "COPY (SELECT a FROM t) TO ?", "COPY SELECT t"),
            ("LISTEN jobs", SAME, "LISTEN jobs"),
            (r#"LISTEN "jobs""#, SAME, r#"LISTEN "jobs""#),
            ("NOTIFY jobs, 'payload'", "NOTIFY jobs, ?", "NOTIFY jobs"),
            ("UNLISTEN *", SAME, "UNLISTEN"),
            ("VACUUM (FULL, ANALYZE) s.t", SAME, "VACUUM s.t"),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", SAME, "REFRESH MATERIALIZED VIEW v"),
            ("REINDEX TABLE CONCURRENTLY t", SAME, "REINDEX TABLE t"),
            ("LOCK TABLE t IN EXCLUSIVE MODE", SAME, "LOCK TABLE t"),
            ("EXPLAIN (ANALYZE, FORMAT json) SELECT a FROM t", SAME, "EXPLAIN SELECT t"),
            ("PREPARE p (int) AS SELECT a FROM t WHERE b = $1", SAME, "PREPARE SELECT t"),
            ("EXECUTE p(1, 'x')", "EXECUTE p(?, ?)", "EXECUTE p"),
            ("DEALLOCATE ALL", SAME, "DEALLOCATE"),
            ("DECLARE c CURSOR FOR SELECT a FROM t", SAME, "DECLARE SELECT t"),
            ("FETCH 10 FROM c", "FETCH ? FROM c", "FETCH"),
            (
                "SET LOCAL statement_timeout = '5s'",
                "SET LOCAL statement_timeout = ?",
                "SET statement_timeout",
            ),
            ("SHOW search_path", SAME, "SHOW search_path"),
            ("COMMENT ON TABLE t IS 'x'", "COMMENT ON TABLE t IS ?", "COMMENT"),
            ("CREATE INDEX CONCURRENTLY ON s.t USING gin (a)", SAME, "CREATE INDEX s.t"),
            (
                "CREATE TABLE p PARTITION OF t FOR VALUES FROM (1) TO (10)",
                "CREATE TABLE p PARTITION OF t FOR VALUES FROM (?) TO (?)",
                "CREATE TABLE p",
            ),
            ("CREATE EXTENSION IF NOT EXISTS pgcrypto", SAME, "CREATE EXTENSION pgcrypto"),
            ("ALTER SYSTEM SET x = 1", "ALTER SYSTEM SET x = ?", "ALTER SYSTEM"),
            (
                "CREATE POLICY p ON t FOR SELECT USING (a = 1)",
                "CREATE POLICY p ON t FOR SELECT USING (a = ?)",
                "CREATE POLICY p",
            ),
            ("COMMIT PREPARED 'x'", "COMMIT PREPARED ?", "COMMIT PREPARED"),
        ],
    );
}
