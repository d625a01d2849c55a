//! Passwords and keys are masked whatever is known of a statement's parameters.

use tracewire::sqlx::sql::{Dialect, analyze};

use Dialect::{MySql, Other, Postgres, Sqlite};

const SECRET: &str = "hunter2";

#[test]
fn secrets_are_never_recorded() {
    for (dialect, text, expected) in [
        (MySql, "CREATE USER 'bob'@'%' IDENTIFIED BY 'hunter2'", "CREATE USER ?@? IDENTIFIED BY ?"),
        (
            MySql,
            "CREATE USER bob IDENTIFIED BY PASSWORD 'hunter2'",
            "CREATE USER bob IDENTIFIED BY PASSWORD ?",
        ),
        (
            MySql,
            "ALTER USER bob IDENTIFIED WITH caching_sha2_password BY 'hunter2' REPLACE 'hunter2'",
            "ALTER USER bob IDENTIFIED WITH caching_sha2_password BY ? REPLACE ?",
        ),
        (
            MySql,
            "CREATE USER bob IDENTIFIED WITH mysql_native_password AS 'hunter2'",
            "CREATE USER bob IDENTIFIED WITH mysql_native_password AS ?",
        ),
        (
            MySql,
            "ALTER USER bob IDENTIFIED VIA ed25519 USING PASSWORD('hunter2')",
            "ALTER USER bob IDENTIFIED VIA ed25519 USING PASSWORD(?)",
        ),
        (
            MySql,
            "GRANT ALL ON d.* TO bob IDENTIFIED BY \"hunter2\"",
            "GRANT ALL ON d.* TO bob IDENTIFIED BY ?",
        ),
        (MySql, "SET PASSWORD = 'hunter2'", "SET PASSWORD = ?"),
        (MySql, "SET PASSWORD FOR bob = PASSWORD('hunter2')", "SET PASSWORD FOR bob = PASSWORD(?)"),
        (MySql, "SET PASSWORD FOR 'bob'@'%' = 'hunter2'", "SET PASSWORD FOR ?@? = ?"),
        (
            MySql,
            "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='hunter2'",
            "CHANGE MASTER TO MASTER_HOST=?, MASTER_PASSWORD=?",
        ),
        (MySql, "START REPLICA USER='bob' PASSWORD='hunter2'", "START REPLICA USER=? PASSWORD=?"),
        (
            MySql,
            "SELECT AES_DECRYPT(a, 'hunter2') FROM t WHERE b = ?",
            "SELECT AES_DECRYPT(a, ?) FROM t WHERE b = ?",
        ),
        (
            Postgres,
            "CREATE ROLE bob LOGIN ENCRYPTED PASSWORD 'hunter2' VALID UNTIL '2030-01-01'",
            "CREATE ROLE bob LOGIN ENCRYPTED PASSWORD ? VALID UNTIL ?",
        ),
        (Postgres, "ALTER USER bob WITH PASSWORD $$hunter2$$", "ALTER USER bob WITH PASSWORD ?"),
        (
            Postgres,
            "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', password 'hunter2')",
            "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user ?, password ?)",
        ),
        (
            Postgres,
            "CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p",
            "CREATE SUBSCRIPTION s CONNECTION ? PUBLICATION p",
        ),
        (
            Postgres,
            "SELECT pgp_sym_decrypt(a, 'hunter2') FROM t WHERE b = $1",
            "SELECT pgp_sym_decrypt(a, ?) FROM t WHERE b = $1",
        ),
        (
            Postgres,
            "SELECT * FROM dblink('host=h password=hunter2', 'SELECT 1') WHERE a = $1",
            "SELECT * FROM dblink(?, ?) WHERE a = $1",
        ),
        (
            Postgres,
            "UPDATE users SET password = crypt('hunter2', gen_salt('bf')) WHERE id = $1",
            "UPDATE users SET password = crypt(?, gen_salt(?)) WHERE id = $1",
        ),
        (
            Postgres,
            "UPDATE users SET \"password\" = 'hunter2' WHERE id = $1",
            "UPDATE users SET \"password\" = ? WHERE id = $1",
        ),
        (
            Postgres,
            "SELECT a FROM t WHERE api_key = 'hunter2' AND id = $1",
            "SELECT a FROM t WHERE api_key = ? AND id = $1",
        ),
        (
            Postgres,
            "SELECT a FROM t WHERE t.access_token IN ('hunter2', $1)",
            "SELECT a FROM t WHERE t.access_token IN (?, $1)",
        ),
        (
            Postgres,
            "INSERT INTO users (name, password) VALUES ($1, 'hunter2')",
            "INSERT INTO users (name, password) VALUES ($1, ?)",
        ),
        (Sqlite, "PRAGMA key = 'hunter2'", "PRAGMA key = ?"),
        (Sqlite, "PRAGMA key = \"x'hunter2'\"", "PRAGMA key = ?"),
        (Sqlite, "PRAGMA rekey=hunter2", "PRAGMA rekey=?"),
        (Sqlite, "PRAGMA hexkey('hunter2')", "PRAGMA hexkey(?)"),
        (Sqlite, "ATTACH DATABASE ? AS e KEY \"hunter2\"", "ATTACH DATABASE ? AS e KEY ?"),
        (
            Sqlite,
            "UPDATE users SET password = \"hunter2\" WHERE id = ?1",
            "UPDATE users SET password = ? WHERE id = ?1",
        ),
        (
            Other,
            "CREATE LOGIN bob WITH PASSWORD = 'hunter2' MUST_CHANGE",
            "CREATE LOGIN bob WITH PASSWORD = ? MUST_CHANGE",
        ),
        (
            Other,
            "ALTER LOGIN bob WITH PASSWORD = N'hunter2' OLD_PASSWORD = 'hunter2'",
            "ALTER LOGIN bob WITH PASSWORD = ? OLD_PASSWORD = ?",
        ),
        (Other, "CREATE USER bob IDENTIFIED BY hunter2", "CREATE USER bob IDENTIFIED BY ?"),
        (
            Other,
            "CREATE USER bob IDENTIFIED BY \"hunter2\" ACCOUNT LOCK",
            "CREATE USER bob IDENTIFIED BY ? ACCOUNT LOCK",
        ),
        (
            Other,
            "CREATE USER bob IDENTIFIED BY x@hunter2!#1; SELECT a FROM t",
            "CREATE USER bob IDENTIFIED BY ?; SELECT a FROM t",
        ),
        (
            Other,
            "ALTER USER bob IDENTIFIED BY hunter2 REPLACE hunter2",
            "ALTER USER bob IDENTIFIED BY ? REPLACE ?",
        ),
        (
            Other,
            "SELECT 1; GRANT a TO bob IDENTIFIED BY hunter2",
            "SELECT ?; GRANT a TO bob IDENTIFIED BY ?",
        ),
        (Other, "CREATE USER password PASSWORD hunter2", "CREATE USER password PASSWORD ?"),
        (Other, "CONNECT bob PASSWORD hunter2", "CONNECT bob PASSWORD ?"),
        (
            Other,
            "CREATE SECRET s (TYPE s3, KEY_ID 'k', SECRET 'hunter2')",
            "CREATE SECRET s (TYPE s3, KEY_ID ?, SECRET ?)",
        ),
        (Other, "COPY t FROM 's3://b' CREDENTIALS 'hunter2'", "COPY t FROM ? CREDENTIALS ?"),
    ] {
        let analysis = analyze(text, dialect);
        assert_eq!(&**analysis.sanitized(), expected, "{text}");
        assert!(analysis.has_secrets(), "{text}");
        for recorded in [analysis.summary(), analysis.query_text(), analysis.parameterized()] {
            assert!(!recorded.contains(SECRET), "{text}: {recorded}");
        }
        assert!(!format!("{analysis:?}").contains(SECRET), "{text}");
    }
}

/// Columns and tables of such names are no secrets.
#[test]
fn names_are_no_secrets() {
    for text in [
        "SELECT password FROM users WHERE id = ?",
        "SELECT password AS p, identified AS q FROM users",
        "SELECT a FROM users WHERE password = ? AND n = m",
        "INSERT INTO users (name, password) VALUES (?, ?)",
        "UPDATE users SET password = ?, token = ? WHERE id = ?",
        "GRANT SELECT ON password TO admin",
        "CREATE TABLE password (password TEXT, token TEXT NOT NULL)",
        "ALTER TABLE users ADD COLUMN password TEXT",
        "DROP TABLE secret",
        "SELECT a FROM t WHERE identified BY b",
    ] {
        for dialect in crate::DIALECTS {
            let analysis = analyze(text, dialect);
            assert!(!analysis.has_secrets(), "{dialect:?} {text}");
            assert_eq!(&**analysis.sanitized(), text, "{dialect:?}");
        }
    }
}

/// Which text is recorded when nothing but the text is known.
#[test]
fn query_text_depends_on_parameters_and_literals() {
    for (dialect, text, parameters, literals, recorded) in [
        (Postgres, "SELECT a /* c */ FROM t", false, false, "SELECT a /* c */ FROM t"),
        (Postgres, "SELECT a FROM t WHERE b = 5", false, true, "SELECT a FROM t WHERE b = ?"),
        (Postgres, "SELECT a FROM t WHERE b = $1", true, false, "SELECT a FROM t WHERE b = $1"),
        (
            Postgres,
            "SELECT a /* c */ FROM t WHERE b = $1 LIMIT 5",
            true,
            true,
            "SELECT a /* c */ FROM t WHERE b = $1 LIMIT 5",
        ),
        (
            Postgres,
            "SELECT a ? b FROM t WHERE c = 'x'",
            false,
            true,
            "SELECT a ? b FROM t WHERE c = ?",
        ),
        (
            MySql,
            "SELECT a FROM t WHERE b = ? LIMIT 5",
            true,
            true,
            "SELECT a FROM t WHERE b = ? LIMIT 5",
        ),
        (MySql, "SELECT @a, 5", false, true, "SELECT @a, ?"),
        (
            Sqlite,
            "SELECT a FROM t WHERE b = :b AND c = TRUE",
            true,
            true,
            "SELECT a FROM t WHERE b = :b AND c = TRUE",
        ),
        (Sqlite, "SELECT a FROM t WHERE c = TRUE", false, true, "SELECT a FROM t WHERE c = ?"),
    ] {
        let analysis = analyze(text, dialect);
        assert_eq!(
            (analysis.has_parameters(), analysis.has_literals()),
            (parameters, literals),
            "{text}"
        );
        assert_eq!(&**analysis.query_text(), recorded);
        assert_eq!(&**analysis.parameterized(), text);
        assert!(!analysis.has_secrets());
    }
}
