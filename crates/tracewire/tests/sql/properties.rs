//! What holds for any text: no panic, no leak, no growth.

use proptest::prelude::*;
use tracewire::sqlx::sql::{Analysis, Dialect, LIMIT, analyze};

/// Real statements, to be damaged.
const STATEMENTS: [&str; 16] = [
    "SELECT u.id, u.\"name\", count(*) FROM public.users u LEFT JOIN orders o ON o.user_id = u.id WHERE u.email = 'a@b.c' AND o.total > -12.5e3 GROUP BY 1, 2",
    "WITH RECURSIVE tree (id, depth) AS (SELECT id, 0 FROM nodes WHERE parent IS NULL UNION ALL SELECT n.id, t.depth + 1 FROM nodes n JOIN tree t ON n.parent = t.id) SELECT * FROM tree",
    "INSERT INTO shop.items (id, name, data) VALUES ($1, E'it\\'s', $tag$a $ b$tag$::jsonb), (2, U&'d\\0061', X'1F') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING *",
    "UPDATE `shop`.`items` i JOIN stock s USING (id) SET i.n = i.n - 1, i.note = \"it's\" # why\nWHERE s.n IN (1, 2, 3) /*!40101 AND s.x = 0x1F */ LIMIT 5",
    "DELETE a, b FROM a INNER JOIN b ON a.id = b.id WHERE a.x = 'it\\'s' -- end\n",
    "MERGE INTO t USING (SELECT 1 AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = 5 WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
    "CREATE TABLE IF NOT EXISTS [dbo].[Order Details] (id INT IDENTITY(1,1) PRIMARY KEY, name NVARCHAR(255) DEFAULT N'x')",
    "CREATE USER 'bob'@'%' IDENTIFIED WITH caching_sha2_password BY 'hunter2' REPLACE 'old'",
    "ALTER ROLE bob WITH ENCRYPTED PASSWORD 'hunter2' VALID UNTIL 'infinity'",
    "PRAGMA key = \"x'2DD29CA851E7B56E4697B0E1F08507293D761A05CE4D1B628663F411A8086D99'\"; SELECT * FROM [t] WHERE a = ?1 AND b = :b AND c = @c AND d = $d",
    "EXPLAIN (ANALYZE, BUFFERS) SELECT a[1:2], b->>'k', c::numeric(10,2) FROM t, LATERAL (SELECT 1) x /* a /* b */ c */",
    "CREATE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN a + 1; END $$; COMMENT ON FUNCTION f IS 'x'",
    "BEGIN; SAVEPOINT s; UPDATE t SET a = 1; ROLLBACK TO s; COMMIT",
    "SELECT q'[it's]', [a b], ['x'], @p, @@v, {d '2020-01-01'} FROM t CROSS APPLY f(t.x) y",
    "COPY (SELECT a FROM t WHERE b = 'x') TO STDOUT WITH (FORMAT csv, DELIMITER ';')",
    "DROP TABLE IF EXISTS a, b CASCADE; TRUNCATE TABLE c; VACUUM (FULL) d; SET search_path TO e, f",
];

fn dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(crate::DIALECTS.to_vec())
}

/// A piece of a text to take out, double or move.
type Cut = (u8, prop::sample::Index, prop::sample::Index, prop::sample::Index);

fn damaged(text: &str, cuts: &[Cut]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (kind, from, to, other) in cuts {
        let (from, to) = (from.index(chars.len() + 1), to.index(chars.len() + 1));
        let piece: Vec<char> = chars[from.min(to)..from.max(to)].iter().copied().take(20).collect();
        let at = other.index(chars.len() + 1);
        match kind % 4 {
            0 => drop(chars.drain(from.min(to)..from.min(to) + piece.len())),
            1 => drop(chars.splice(at..at, piece)),
            2 => chars.truncate(at),
            _ => drop(chars.splice(at..at, "'\"`$[(*/-#;.\\x".chars().skip(from % 14).take(2))),
        }
    }
    chars.into_iter().collect()
}

/// What must hold for any text.
fn check(text: &str, dialect: Dialect) -> Result<Analysis, TestCaseError> {
    let analysis = analyze(text, dialect);
    let summary = analysis.summary();
    prop_assert!(summary.chars().count() <= 255);
    for token in summary.split([' ', '.']) {
        prop_assert!(text.contains(token), "{token:?} is not in the text");
    }
    prop_assert!(analysis.sanitized().len() <= text.len().min(LIMIT));
    prop_assert!(analysis.parameterized().len() <= text.len().min(LIMIT));
    if !analysis.has_secrets() && !analysis.is_truncated() {
        prop_assert_eq!(&**analysis.parameterized(), text);
    }
    if !analysis.has_literals() && !text.contains(['#', '-', '/']) {
        prop_assert_eq!(&**analysis.sanitized(), text);
    }
    Ok(analysis)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn any_string(text in any::<String>(), dialect in dialect()) {
        check(&text, dialect)?;
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), dialect in dialect()) {
        check(&String::from_utf8_lossy(&bytes), dialect)?;
    }

    #[test]
    fn any_sql_characters(text in "[aeEqUXM&'\"`$\\[\\]()/*#;.:@?!\\\\x19 \n-]{0,60}", dialect in dialect()) {
        check(&text, dialect)?;
    }

    #[test]
    fn damaged_statements(
        first in prop::sample::select(STATEMENTS.to_vec()),
        second in prop::sample::select(STATEMENTS.to_vec()),
        cuts in prop::collection::vec(any::<Cut>(), 0..6),
        dialect in dialect(),
    ) {
        check(&damaged(&format!("{first} {second}"), &cuts), dialect)?;
    }

    #[test]
    fn literals_never_leak((dialect, parts) in statement()) {
        let text: String = parts.concat();
        let analysis = check(&text, dialect)?;
        for shown in [analysis.sanitized(), analysis.summary()] {
            prop_assert!(!shown.contains("zq"), "{} in {}", shown, text);
            prop_assert!(!shown.contains("9817"), "{} in {}", shown, text);
        }
        prop_assert!(analysis.has_literals());
    }
}

/// A statement of one dialect with the contents of its literals marked by `zq` and its numbers by `9817`.
fn statement() -> impl Strategy<Value = (Dialect, Vec<String>)> {
    dialect().prop_flat_map(|dialect| {
        let part = (context(), literal(dialect), space(dialect))
            .prop_map(|(before, literal, space)| format!("{before}{space}{literal}{space}"));
        let parts = prop::collection::vec(part, 1..6);
        (Just(dialect), parts).prop_map(|(dialect, mut parts)| {
            parts.insert(0, "SELECT a FROM t WHERE b =".to_owned());
            parts.push(" ORDER BY c".to_owned());
            (dialect, parts)
        })
    })
}

/// What stands before a literal: each is whole when a literal follows, and an operator or a bracket ends it.
fn context() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "1 =",
        " AND x = ",
        " OR f(x, ",
        " OR x IN (1, ",
        " AND (x) - ",
        " UNION SELECT ",
        "; INSERT INTO t (a) VALUES (",
        "; UPDATE t SET a=",
        "; DELETE FROM t WHERE a <> ",
        " HAVING count(*) > ",
        " LIMIT ",
        "; CREATE TABLE t (a INT DEFAULT ",
        "; SELECT a FROM f(",
        ", ",
        " || ",
        "; SELECT trim(both FROM ",
        "; SELECT extract(day FROM ",
        " AND a IS DISTINCT FROM ",
        " AND x BETWEEN 2 AND ",
        " THEN ",
        "; CALL p(",
        "; SET x = ",
        "; CREATE USER ",
        "; ALTER USER u IDENTIFIED BY ",
        "; COMMENT ON TABLE t IS ",
        "; (",
        "; SELECT a->",
    ])
}

/// A literal of the dialect, with quotes, comments and brackets of every kind inside.
fn literal(dialect: Dialect) -> BoxedStrategy<String> {
    let content = "zq([ a9'\"`$;/*\\]\\[(){}#é\n-]{0,12}zq)?";
    let quoted = content.prop_map(move |text| match dialect {
        Dialect::MySql => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
        _ => format!("'{}'", text.replace('\'', "''")),
    });
    let number = prop::sample::select(vec![
        "9817",
        "-9817",
        "+9817.9817",
        ".9817",
        "9817e-9817",
        "0x9817",
        "9_9817",
    ])
    .prop_map(str::to_owned);
    let own = match dialect {
        Dialect::Postgres => (content, 0..5)
            .prop_map(|(text, form)| match form {
                0 => format!("$${}$$", text.replace('$', "")),
                1 => format!("$zq${}$zq$", text.replace('$', "")),
                2 => format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
                3 => format!("U&'{}'", text.replace('\'', "''")),
                _ => format!("'{}'::text", text.replace('\'', "''")),
            })
            .boxed(),
        Dialect::MySql => (content, 0..4)
            .prop_map(|(text, form)| match form {
                0 => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\"")),
                1 => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
                2 => format!("_utf8'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
                _ => "0b1 /*!40101 + 9817 */".to_owned(),
            })
            .boxed(),
        Dialect::Other => (content, 0..3)
            .prop_map(|(text, form)| match form {
                0 => format!("q'[{}]'", text.replace(']', "")),
                1 => format!("N'{}'", text.replace('\'', "''")),
                _ => format!("[ '{}', 9817]", text.replace('\'', "''")),
            })
            .boxed(),
        _ => content.prop_map(|text| format!("x'{}'", text.replace('\'', "''"))).boxed(),
    };
    prop_oneof![quoted, number, own].boxed()
}

/// White space and comments between tokens.
fn space(dialect: Dialect) -> impl Strategy<Value = &'static str> {
    let line = if dialect == Dialect::MySql { "# it's\n" } else { "--it's\n" };
    prop::sample::select(vec![" ", "\n", "\t ", " /* it's */ ", " -- it's \"\n", line])
}
