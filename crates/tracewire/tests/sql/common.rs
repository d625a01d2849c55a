//! Statements that every dialect reads the same way.

use super::{DIALECTS, SAME, check};

#[test]
fn reading() {
    check(
        &DIALECTS,
        &[
            ("", SAME, ""),
            (" ;; ", SAME, ""),
            ("hello world", SAME, ""),
            ("SELECT 1", "SELECT ?", "SELECT"),
            ("select * from users", SAME, "select users"),
            ("SELECT * FROM users;", SAME, "SELECT users"),
            ("SELECT * FROM public.users u", SAME, "SELECT public.users"),
            ("SELECT * FROM a . b", SAME, "SELECT a.b"),
            ("SELECT * FROM db.s.t x", SAME, "SELECT db.s.t"),
            ("SELECT*FROM(users)", SAME, "SELECT users"),
            ("SELECT u.from, u.select FROM users u", SAME, "SELECT users"),
            ("SELECT a FROM t1, t2 x, t3 AS y WHERE a IN (b, c)", SAME, "SELECT t1 t2 t3"),
            (
                "SELECT a FROM t ORDER BY b, c LIMIT 5",
                "SELECT a FROM t ORDER BY b, c LIMIT ?",
                "SELECT t",
            ),
            ("SELECT a FROM t GROUP BY b, c HAVING d > e", SAME, "SELECT t"),
            (
                "SELECT a FROM t1 LEFT JOIN t2 USING (id) JOIN t3 ON f(x, y) = z, t4",
                SAME,
                "SELECT t1 t2 t3 t4",
            ),
            ("SELECT a FROM t1 NATURAL JOIN t2", SAME, "SELECT t1 t2"),
            ("SELECT a FROM (t1 JOIN t2 ON x = y) JOIN t3 ON z", SAME, "SELECT t1 t2 t3"),
            ("SELECT a FROM t1 JOIN (SELECT b FROM t2) q ON c", SAME, "SELECT t1 SELECT t2"),
            ("SELECT a FROM (SELECT b FROM t1) x, t2", SAME, "SELECT SELECT t1 t2"),
            ("SELECT a, (SELECT max(b) FROM t1) m FROM t2", SAME, "SELECT SELECT t1 t2"),
            (
                "SELECT a FROM t1 WHERE EXISTS (SELECT 1 FROM t2)",
                "SELECT a FROM t1 WHERE EXISTS (SELECT ? FROM t2)",
                "SELECT t1 SELECT t2",
            ),
            (
                "SELECT a FROM t1 UNION ALL SELECT b FROM t2 EXCEPT SELECT c FROM t3",
                SAME,
                "SELECT t1 SELECT t2 SELECT t3",
            ),
            (
                "(SELECT a FROM t1) UNION (SELECT b FROM t2) ORDER BY c, d",
                SAME,
                "SELECT t1 SELECT t2",
            ),
            (
                "SELECT a FROM ((SELECT b FROM t1) UNION (SELECT c FROM t2)) q",
                SAME,
                "SELECT SELECT t1 SELECT t2",
            ),
            ("SELECT extract(year FROM created) FROM t", SAME, "SELECT t"),
            (
                "SELECT trim(both 'x' FROM name) FROM t",
                "SELECT trim(both ? FROM name) FROM t",
                "SELECT t",
            ),
            ("SELECT a IS DISTINCT FROM b FROM t", SAME, "SELECT t"),
            ("SELECT a FROM t WHERE a IS NOT DISTINCT FROM b", SAME, "SELECT t"),
            (
                "SELECT count(*) OVER (PARTITION BY a ORDER BY b) FROM t WINDOW w AS (PARTITION BY c), v AS (w)",
                SAME,
                "SELECT t",
            ),
            ("SELECT a FROM t FOR UPDATE OF t, u SKIP LOCKED", SAME, "SELECT t"),
            (
                "SELECT a FROM f(1, (SELECT b FROM t1)) x",
                "SELECT a FROM f(?, (SELECT b FROM t1)) x",
                "SELECT f SELECT t1",
            ),
            (
                "SELECT a FROM (VALUES (1, 2), (3, 4)) v(x, y)",
                "SELECT a FROM (VALUES (?, ?), (?, ?)) v(x, y)",
                "SELECT",
            ),
            ("VALUES (1), (2)", "VALUES (?), (?)", "VALUES"),
            ("SELECT a FROM t1; SELECT b FROM t2", SAME, "SELECT t1 SELECT t2"),
            ("SELECT a INTO t2 FROM t1", SAME, "SELECT t2 t1"),
        ],
    );
}

#[test]
fn common_table_expressions() {
    check(
        &DIALECTS,
        &[
            ("WITH c AS (SELECT a FROM b) SELECT * FROM c", SAME, "SELECT b SELECT"),
            (
                "WITH a AS (SELECT 1 FROM t1), b (x, y) AS (SELECT * FROM a, t2) SELECT * FROM A JOIN b.c ON x, B",
                "WITH a AS (SELECT ? FROM t1), b (x, y) AS (SELECT * FROM a, t2) SELECT * FROM A JOIN b.c ON x, B",
                "SELECT t1 SELECT t2 SELECT b.c",
            ),
            (
                "WITH RECURSIVE r AS (SELECT a FROM t UNION ALL SELECT b FROM t JOIN r ON c) SELECT * FROM r",
                SAME,
                "SELECT t SELECT t SELECT",
            ),
            (
                "WITH users AS (SELECT * FROM users WHERE a) SELECT * FROM users",
                SAME,
                "SELECT users SELECT",
            ),
            (
                "WITH a AS (WITH b AS (SELECT * FROM t1) SELECT * FROM b) SELECT * FROM a, b",
                SAME,
                "SELECT t1 SELECT SELECT b",
            ),
            (
                "SELECT * FROM (WITH c AS (SELECT * FROM t) SELECT * FROM c) q, c",
                SAME,
                "SELECT SELECT t SELECT c",
            ),
            (
                "WITH c AS (SELECT * FROM t) SELECT 1; SELECT * FROM c",
                "WITH c AS (SELECT * FROM t) SELECT ?; SELECT * FROM c",
                "SELECT t SELECT SELECT c",
            ),
            (
                "WITH moved AS (DELETE FROM a RETURNING b, c) INSERT INTO d SELECT * FROM moved",
                SAME,
                "DELETE a INSERT d SELECT",
            ),
            (
                "WITH c AS (VALUES (1)) SELECT * FROM c",
                "WITH c AS (VALUES (?)) SELECT * FROM c",
                "VALUES SELECT",
            ),
            ("WITH c AS (SELECT a FROM b) UPDATE t SET x = y", SAME, "SELECT b UPDATE t"),
            (
                "INSERT INTO t WITH c AS (SELECT a FROM b) SELECT * FROM c",
                SAME,
                "INSERT t SELECT b SELECT",
            ),
        ],
    );
}

#[test]
fn writing() {
    check(
        &DIALECTS,
        &[
            ("INSERT INTO t (a, b) VALUES (?, ?), (?, ?)", SAME, "INSERT t"),
            ("insert into s.t values (1)", "insert into s.t values (?)", "insert s.t"),
            ("INSERT INTO t DEFAULT VALUES", SAME, "INSERT t"),
            ("INSERT INTO t SELECT a FROM u JOIN v ON w", SAME, "INSERT t SELECT u v"),
            (
                "INSERT INTO t (a) SELECT b FROM u ON CONFLICT (a) DO UPDATE SET c = d, e = f",
                SAME,
                "INSERT t SELECT u",
            ),
            (
                "INSERT INTO t (a) SELECT b FROM u ON DUPLICATE KEY UPDATE c = d, e = f",
                SAME,
                "INSERT t SELECT u",
            ),
            (
                "UPDATE t SET a = 1, b = (SELECT c FROM u)",
                "UPDATE t SET a = ?, b = (SELECT c FROM u)",
                "UPDATE t SELECT u",
            ),
            ("UPDATE t SET a = b FROM u, v WHERE c", SAME, "UPDATE t u v"),
            ("UPDATE t1 JOIN t2 ON a = b SET c = d", SAME, "UPDATE t1 t2"),
            ("DELETE FROM t WHERE a IN (SELECT b FROM u)", SAME, "DELETE t SELECT u"),
            ("DELETE FROM t USING u, v WHERE a", SAME, "DELETE t u v"),
            ("DELETE o FROM orders o JOIN items USING (id)", SAME, "DELETE orders items"),
            ("DELETE a, b FROM a JOIN b ON c", SAME, "DELETE a b"),
            ("DELETE t WHERE a = ?", SAME, "DELETE t"),
            (
                "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)",
                SAME,
                "MERGE t s",
            ),
            (
                "MERGE INTO t USING (SELECT a FROM u) s ON b WHEN MATCHED THEN DELETE",
                SAME,
                "MERGE t SELECT u",
            ),
            ("TRUNCATE t", SAME, "TRUNCATE t"),
            ("TRUNCATE TABLE s.t, u", SAME, "TRUNCATE TABLE s.t u"),
        ],
    );
}

#[test]
fn sessions_and_transactions() {
    check(
        &DIALECTS,
        &[
            ("BEGIN", SAME, "BEGIN"),
            ("begin transaction", SAME, "begin transaction"),
            ("START TRANSACTION READ ONLY", SAME, "START TRANSACTION"),
            ("COMMIT", SAME, "COMMIT"),
            ("COMMIT AND CHAIN", SAME, "COMMIT"),
            ("ROLLBACK", SAME, "ROLLBACK"),
            ("ROLLBACK TO SAVEPOINT _sqlx_savepoint_1", SAME, "ROLLBACK TO"),
            ("SAVEPOINT _sqlx_savepoint_1", SAME, "SAVEPOINT"),
            ("RELEASE SAVEPOINT _sqlx_savepoint_1", SAME, "RELEASE SAVEPOINT"),
            ("BEGIN; UPDATE t SET a = b; COMMIT", SAME, "BEGIN UPDATE t COMMIT"),
            ("SET search_path = a, b", SAME, "SET search_path"),
            ("SET SESSION x = 1", "SET SESSION x = ?", "SET x"),
            ("SHOW TABLES", SAME, "SHOW TABLES"),
            ("USE shop", SAME, "USE shop"),
            ("EXPLAIN SELECT a FROM t", SAME, "EXPLAIN SELECT t"),
            ("EXPLAIN ANALYZE VERBOSE DELETE FROM t", SAME, "EXPLAIN DELETE t"),
            ("GRANT SELECT ON users TO bob", SAME, "GRANT"),
            ("REVOKE SELECT ON users FROM bob", SAME, "REVOKE"),
            ("CALL refresh(1)", "CALL refresh(?)", "CALL refresh"),
            ("{call s.refresh(?)}", SAME, "call s.refresh"),
            ("ANALYZE users", SAME, "ANALYZE users"),
            ("VACUUM", SAME, "VACUUM"),
        ],
    );
}

#[test]
fn literals() {
    check(
        &DIALECTS,
        &[
            ("SELECT a-1, a - 1, a -1, (a)-1, -1", "SELECT a-?, a - ?, a ?, (a)-?, ?", "SELECT"),
            ("SELECT 1_000, 1e10, 1.e5, .5e-3, 0x1F, 0b101", "SELECT ?, ?, ?, ?, ?, ?", "SELECT"),
            (
                "SELECT TRUE, false FROM t WHERE a IS TRUE AND b IS NOT FALSE AND c = True",
                "SELECT ?, ? FROM t WHERE a IS TRUE AND b IS NOT FALSE AND c = ?",
                "SELECT t",
            ),
            ("SELECT a FROM t WHERE b IS NULL AND c = NULL", SAME, "SELECT t"),
            (
                "SELECT DATE '2020-01-01', INTERVAL '1 day', x'1F', b'01', N'a'",
                "SELECT DATE ?, INTERVAL ?, ?, ?, ?",
                "SELECT",
            ),
            ("SELECT 'it''s', '' FROM t", "SELECT ?, ? FROM t", "SELECT t"),
            ("SELECT 'never closed FROM t", "SELECT ?", "SELECT"),
            (
                "SELECT a FROM t WHERE b IN (1,2 , 'x') AND c IN ('y')",
                "SELECT a FROM t WHERE b IN (?) AND c IN (?)",
                "SELECT t",
            ),
            (
                "SELECT a FROM t WHERE b NOT IN (1, d, 2)",
                "SELECT a FROM t WHERE b NOT IN (?, d, ?)",
                "SELECT t",
            ),
            ("SELECT a FROM t WHERE b IN (?, ?)", SAME, "SELECT t"),
            (
                "SELECT 'naïve ☃', ünïcode7 FROM täble",
                "SELECT ?, ünïcode7 FROM täble",
                "SELECT täble",
            ),
            ("SELECT a/* x */FROM/**/t -- 'end", "SELECT a FROM t ", "SELECT t"),
            ("SELECT a, /* 'x' */ b FROM t", "SELECT a,  b FROM t", "SELECT t"),
            ("/* SELECT x FROM y */ DELETE FROM t", " DELETE FROM t", "DELETE t"),
            ("SELECT a /* never closed FROM t", "SELECT a ", "SELECT"),
        ],
    );
}
