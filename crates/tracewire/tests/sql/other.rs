//! What is read where the database is not known: SQL Server's, Oracle's and others' ways together.

use tracewire::sqlx::sql::Dialect;

use super::{SAME, check};

#[test]
fn lexical() {
    check(
        &[Dialect::Other],
        &[
            ("SELECT [a b] FROM [dbo].[Order Details] d", SAME, "SELECT [dbo].[Order Details]"),
            ("SELECT a FROM db..t", SAME, "SELECT db..t"),
            ("SELECT a FROM #temp JOIN ##global ON b", SAME, "SELECT #temp ##global"),
            ("SELECT a FROM t WHERE b = @p1 AND c = @@ROWCOUNT AND d = :name", SAME, "SELECT t"),
            (
                "SELECT a[1], [1, 2], ['x', 'y'], ARRAY[3] FROM t",
                "SELECT a[?], [?, ?], [?, ?], ARRAY[?] FROM t",
                "SELECT t",
            ),
            ("SELECT {'k': 5, 'l':6} FROM t", "SELECT {?: ?, ?:?} FROM t", "SELECT t"),
            (
                "SELECT q'[it's]', Q'{a'b}', nq'!x'y!' FROM dual",
                "SELECT ?, ?, ? FROM dual",
                "SELECT dual",
            ),
            ("SELECT N'ünïcode', $$it's$$, E'a\\'b' FROM t", "SELECT ?, ?, ? FROM t", "SELECT t"),
            (
                "SELECT * FROM \"song list\", 'artists'",
                "SELECT * FROM \"song list\", ?",
                "SELECT \"song list\" 'artists'",
            ),
            ("SELECT a FROM users@remote", SAME, "SELECT users@remote"),
            ("SELECT a FROM `p.d.t`", SAME, "SELECT `p.d.t`"),
            ("SELECT a::int FROM t WHERE b = $1", SAME, "SELECT t"),
        ],
    );
}

#[test]
fn statements() {
    check(
        &[Dialect::Other],
        &[
            (
                "EXEC dbo.do_work @a = 1, @b = 'x'",
                "EXEC dbo.do_work @a = ?, @b = ?",
                "EXEC dbo.do_work",
            ),
            ("EXECUTE do_work", SAME, "EXECUTE do_work"),
            ("SELECT a FROM t WITH (NOLOCK), u", SAME, "SELECT t u"),
            (
                "SELECT a FROM t CROSS APPLY f(t.b) x OUTER APPLY (SELECT c FROM u) y",
                SAME,
                "SELECT t f SELECT u",
            ),
            ("SELECT a FROM t MINUS SELECT b FROM u", SAME, "SELECT t SELECT u"),
            ("DELETE FROM t OUTPUT deleted.a, deleted.b WHERE c", SAME, "DELETE t"),
            (
                "DECLARE @x INT = 5; SELECT @x FROM t",
                "DECLARE @x INT = ?; SELECT @x FROM t",
                "DECLARE SELECT t",
            ),
            (
                "INSERT INTO t OUTPUT inserted.a VALUES (1)",
                "INSERT INTO t OUTPUT inserted.a VALUES (?)",
                "INSERT t",
            ),
            ("CREATE CLUSTERED INDEX i ON t (a)", SAME, "CREATE INDEX i"),
            ("DENY SELECT ON t TO bob", SAME, "DENY"),
            ("UPSERT INTO t VALUES (1)", "UPSERT INTO t VALUES (?)", "UPSERT t"),
        ],
    );
}
