//! Long, deep and odd texts cost no more than their length, and their summaries stay whole.

use tracewire::sqlx::sql::{Dialect, LIMIT, analyze};

#[test]
fn summary_ends_between_tokens() {
    let tables: Vec<String> = (0..50).map(|n| format!("quite_a_long_table_name_{n}")).collect();
    let text = format!("SELECT * FROM {}", tables.join(", "));
    let summary = analyze(&text, Dialect::Other).summary().clone();
    assert_eq!(*summary, format!("SELECT {}", tables[..9].join(" ")));
    assert!(summary.chars().count() <= 255);
}

#[test]
fn summary_counts_characters() {
    let fits = "é".repeat(255 - "SELECT ".len());
    let text = format!("SELECT * FROM {fits}");
    assert_eq!(**analyze(&text, Dialect::Postgres).summary(), format!("SELECT {fits}"));
    let long = format!("SELECT * FROM {fits}é, t");
    assert_eq!(&**analyze(&long, Dialect::Postgres).summary(), "SELECT");
    let long = format!("SELECT * FROM s.{}", &fits[..fits.len() - 2]);
    assert_eq!(&**analyze(&long, Dialect::Postgres).summary(), "SELECT");
}

#[test]
fn long_text_is_cut_between_tokens() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (tail, kept) in [
        ("'secret'", "SELECT"),
        ("abcdefgh", "SELECT"),
        ("12345678", "SELECT"),
        ("$1234567", "SELECT"),
        ("/*secret", "SELECT"),
        ("ßßßßßßßß", "SELECT"),
        ("+'secret", "SELECT +"),
    ] {
        let head = format!("SELECT {}", " ".repeat(LIMIT - "SELECT ".len() - 3));
        let text = format!("{head}{tail} FROM t WHERE password = 'secret'");
        let analysis = analyze(&text, Dialect::Postgres);
        assert!(analysis.is_truncated());
        assert_eq!(words(analysis.sanitized()), kept, "{tail}");
        assert_eq!(words(analysis.parameterized()), kept, "{tail}");
        assert_eq!(&**analysis.summary(), "SELECT");
    }
    let exact = format!("SELECT {}", "a".repeat(LIMIT - "SELECT ".len()));
    let analysis = analyze(&exact, Dialect::Postgres);
    assert!(!analysis.is_truncated());
    assert_eq!(**analysis.query_text(), exact);
}

#[test]
fn deep_texts_are_followed_to_a_depth() {
    for depth in [10, 63, 64, 65, 5_000] {
        let text = format!(
            "SELECT a FROM t1 WHERE {}(SELECT b FROM t2{}, c FROM t3; SELECT d FROM t4",
            "(".repeat(depth),
            ")".repeat(depth + 1)
        );
        let inner = if depth + 1 < 64 { "SELECT t2 " } else { "" };
        assert_eq!(
            **analyze(&text, Dialect::Postgres).summary(),
            format!("SELECT t1 {inner}SELECT t4"),
            "{depth}"
        );
    }
    for piece in [
        "(SELECT a FROM ",
        "WITH a AS (",
        "((",
        "))",
        "/*",
        "[",
        "$a$",
        "IN (",
        "a.",
        "CREATE TABLE (",
        "FROM (",
        ";",
    ] {
        for dialect in crate::DIALECTS {
            let text = piece.repeat(20_000);
            let analysis = analyze(&text, dialect);
            assert!(
                analysis.sanitized().len() <= LIMIT && analysis.summary().len() <= 255,
                "{piece}"
            );
        }
    }
}

#[test]
fn many_expressions_do_not_confuse_the_names() {
    let names: Vec<String> = (0..40).map(|n| format!("c{n} AS (SELECT a FROM t)")).collect();
    let text = format!("WITH {} SELECT * FROM c0, c31", names.join(", "));
    let summary = analyze(&text, Dialect::Postgres).summary().clone();
    assert!(summary.starts_with("SELECT t SELECT t ") && !summary.contains("c0"));
}

#[test]
fn dialects_of_systems() {
    for (system, dialect) in [
        ("postgresql", Dialect::Postgres),
        ("mysql", Dialect::MySql),
        ("mariadb", Dialect::MySql),
        ("sqlite", Dialect::Sqlite),
        ("other_sql", Dialect::Other),
        ("microsoft.sql_server", Dialect::Other),
    ] {
        assert_eq!(Dialect::of_system(system), dialect);
    }
}
