//! The cache analyses a text once, stays in bound, and forgets secrets.

use std::sync::Arc;
use std::thread;

use tracewire::sqlx::sql::{AnalysisCache, Dialect, analyze};

#[test]
fn a_text_is_analysed_once() {
    let cache = AnalysisCache::new();
    assert!(cache.is_empty());
    let text = "SELECT a FROM t WHERE b = 5";
    let first = cache.get(text, Dialect::Postgres);
    assert_eq!(*first, analyze(text, Dialect::Postgres));
    let copy = text.to_owned();
    assert!(Arc::ptr_eq(&first, &cache.get(&copy, Dialect::Postgres)));
    assert_eq!(cache.len(), 1);
}

#[test]
fn dialects_are_kept_apart() {
    let cache = AnalysisCache::new();
    let text = r#"SELECT "a" FROM t"#;
    assert_eq!(&**cache.get(text, Dialect::MySql).sanitized(), "SELECT ? FROM t");
    assert_eq!(&**cache.get(text, Dialect::Postgres).sanitized(), text);
    assert_eq!(cache.len(), 2);
}

#[test]
fn ever_new_texts_stay_in_bound_and_leave_what_is_used() {
    let cache = AnalysisCache::new();
    let used = cache.get("SELECT a FROM used", Dialect::Sqlite);
    for number in 0..1_000_000 {
        let _ = cache.get(&format!("SELECT {number}"), Dialect::Sqlite);
        if number % 64 == 0 {
            assert!(
                Arc::ptr_eq(&used, &cache.get("SELECT a FROM used", Dialect::Sqlite)),
                "after {number}"
            );
        }
    }
    assert_eq!(cache.len(), AnalysisCache::CAPACITY);
}

#[test]
fn long_texts_and_secrets_are_not_kept() {
    let cache = AnalysisCache::new();
    let long = format!("SELECT {}", "a".repeat(10 * 1024));
    assert_eq!(&**cache.get(&long, Dialect::MySql).summary(), "SELECT");
    assert_eq!(&**cache.get("SET PASSWORD = 'x'", Dialect::MySql).query_text(), "SET PASSWORD = ?");
    assert!(cache.is_empty());
    let longest = &long[..10 * 1024];
    assert!(Arc::ptr_eq(&cache.get(longest, Dialect::MySql), &cache.get(longest, Dialect::MySql)));
}

#[test]
fn threads_share_one_analysis() {
    let cache = AnalysisCache::new();
    let texts: Vec<String> = (0..100).map(|number| format!("SELECT a FROM t{number}")).collect();
    let read = || texts.iter().map(|text| cache.get(text, Dialect::MySql)).collect::<Vec<_>>();
    let all: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(read)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for found in &all {
        assert!(found.iter().zip(&all[0]).all(|(a, b)| Arc::ptr_eq(a, b)));
    }
    assert_eq!(cache.len(), texts.len());
}
