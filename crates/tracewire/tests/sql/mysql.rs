//! MySQL's and MariaDB's own strings, names, comments and statements.

use tracewire::sqlx::sql::Dialect;

use super::{SAME, check};

#[test]
fn lexical() {
    check(
        &[Dialect::MySql],
        &[
            ("SELECT `a``b`, `it's` FROM `my db`.`my table`", SAME, "SELECT `my db`.`my table`"),
            (r#"SELECT "it's", "a""b", "c\"d" FROM t"#, "SELECT ?, ?, ? FROM t", "SELECT t"),
            (r"SELECT 'it\'s', 'a''b', 'c\\' FROM t", "SELECT ?, ?, ? FROM t", "SELECT t"),
            ("SELECT a # 'comment\nFROM t", "SELECT a \nFROM t", "SELECT t"),
            ("SELECT a -- 'comment\nFROM t", "SELECT a \nFROM t", "SELECT t"),
            ("SELECT a FROM t --", "SELECT a FROM t ", "SELECT t"),
            ("SELECT 5--1, a--1 FROM t", "SELECT ?-?, a-? FROM t", "SELECT t"),
            (
                "SELECT 0x4D7953, X'4D79', x'4d', 0b01, b'01' FROM t",
                "SELECT ?, ?, ?, ?, ? FROM t",
                "SELECT t",
            ),
            (
                "SELECT _utf8mb4'x' COLLATE utf8mb4_bin, N'y' FROM t",
                "SELECT _utf8mb4? COLLATE utf8mb4_bin, ? FROM t",
                "SELECT t",
            ),
            ("SELECT a /* x /* y */ FROM t", "SELECT a  FROM t", "SELECT t"),
            ("CREATE /*!32302 TEMPORARY */ TABLE t (a INT)", SAME, "CREATE TABLE t"),
            (
                "SELECT /*!40001 SQL_NO_CACHE */ a FROM t WHERE b = /*! 'x' */ /*M!100100 5*/",
                "SELECT /*!40001 SQL_NO_CACHE */ a FROM t WHERE b = /*! ? */ /*M!100100 ?*/",
                "SELECT t",
            ),
            ("SELECT /*+ MAX_EXECUTION_TIME(1000) */ a FROM t", "SELECT  a FROM t", "SELECT t"),
            (
                "SELECT @total, @@session.sql_mode, @`my var`, @'x' FROM t",
                "SELECT @total, @@session.sql_mode, @`my var`, @? FROM t",
                "SELECT t",
            ),
            (
                "SELECT a FROM 2fa_tokens WHERE 1e5 < b AND c = 1",
                "SELECT a FROM 2fa_tokens WHERE ? < b AND c = ?",
                "SELECT 2fa_tokens",
            ),
            ("SELECT $a, b$c FROM $t", SAME, "SELECT $t"),
            (r#"SELECT a FROM "t""#, "SELECT a FROM ?", r#"SELECT "t""#),
            (r"SELECT \N, a FROM t", SAME, "SELECT t"),
            (
                "SELECT a->'$.k', a->>'$.k' FROM t WHERE b = ? AND c MEMBER OF ('[1]')",
                "SELECT a->?, a->>? FROM t WHERE b = ? AND c MEMBER OF (?)",
                "SELECT t",
            ),
            ("SELECT 'never \\' closed FROM t", "SELECT ?", "SELECT"),
        ],
    );
}

#[test]
fn statements() {
    check(
        &[Dialect::MySql],
        &[
            (
                "INSERT IGNORE INTO t SET a = 1, b = 'x'",
                "INSERT IGNORE INTO t SET a = ?, b = ?",
                "INSERT t",
            ),
            ("INSERT LOW_PRIORITY t VALUES (1)", "INSERT LOW_PRIORITY t VALUES (?)", "INSERT t"),
            (
                "INSERT INTO t (a) VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES(a), b = b + 1",
                "INSERT INTO t (a) VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES(a), b = b + ?",
                "INSERT t",
            ),
            ("REPLACE INTO t VALUES (1, 2)", "REPLACE INTO t VALUES (?, ?)", "REPLACE t"),
            (
                "SELECT REPLACE(a, 'x', 'y') FROM t WHERE (REPLACE(b, 'x', 'y') = ?)",
                "SELECT REPLACE(a, ?, ?) FROM t WHERE (REPLACE(b, ?, ?) = ?)",
                "SELECT t",
            ),
            (
                "UPDATE LOW_PRIORITY IGNORE t SET a = 1 ORDER BY b LIMIT 5",
                "UPDATE LOW_PRIORITY IGNORE t SET a = ? ORDER BY b LIMIT ?",
                "UPDATE t",
            ),
            ("DELETE t1.*, t2.* FROM t1 INNER JOIN t2 ON a", SAME, "DELETE t1 t2"),
            ("DELETE FROM t1 USING t1 JOIN t2 ON a", SAME, "DELETE t1 t1 t2"),
            ("SELECT STRAIGHT_JOIN a FROM t1 STRAIGHT_JOIN t2", SAME, "SELECT t1 t2"),
            ("SELECT a FROM t USE INDEX FOR JOIN (i) JOIN u ON b", SAME, "SELECT t u"),
            ("SELECT a FROM t PARTITION (p0, p1), u", SAME, "SELECT t u"),
            ("SELECT a INTO @x FROM t", SAME, "SELECT t"),
            ("SELECT a FROM t LIMIT 5, 10", "SELECT a FROM t LIMIT ?, ?", "SELECT t"),
            ("SELECT a FROM t LOCK IN SHARE MODE", SAME, "SELECT t"),
            ("SHOW FULL TABLES FROM d LIKE 'x%'", "SHOW FULL TABLES FROM d LIKE ?", "SHOW TABLES"),
            ("SHOW VARIABLES LIKE 'x'", "SHOW VARIABLES LIKE ?", "SHOW VARIABLES"),
            ("SET @a = 1, @b = 'x'", "SET @a = ?, @b = ?", "SET"),
            ("SET NAMES utf8mb4", SAME, "SET NAMES"),
            ("LOCK TABLES a READ, b WRITE", SAME, "LOCK TABLES a b"),
            ("UNLOCK TABLES", SAME, "UNLOCK TABLES"),
            ("OPTIMIZE TABLE a, b", SAME, "OPTIMIZE TABLE a b"),
            ("DESCRIBE t", SAME, "DESCRIBE t"),
            ("EXPLAIN FORMAT=JSON SELECT a FROM t", SAME, "EXPLAIN SELECT t"),
            ("KILL 42", "KILL ?", "KILL"),
            (
                "CREATE DEFINER=`root`@`localhost` PROCEDURE p() BEGIN SELECT a FROM t; END",
                SAME,
                "CREATE PROCEDURE p",
            ),
            ("GRANT ALL ON d.* TO 'bob'@'10.0.0.1'", "GRANT ALL ON d.* TO ?@?", "GRANT"),
            ("ALTER TABLE `t` ENGINE=InnoDB, ADD INDEX (a)", SAME, "ALTER TABLE `t`"),
        ],
    );
}
