//! What the statements that run say: those that this thread asked for last, and those that any did.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use super::sql::{Analysis, AnalysisCache, Dialect};
use crate::span::Recent;

/// The texts that were seen lately.
static ANALYSES: LazyLock<AnalysisCache> = LazyLock::new(AnalysisCache::default);

/// The longest text that a thread keeps for itself, in bytes.
const LONGEST: usize = 1024;

thread_local! {
    /// Found without a lock, and by a few bytes of the text in place of a hash of all.
    static LAST: RefCell<Recent<Arc<Analysis>>> = const { RefCell::new(Recent::new()) };
}

/// What a text says by the rules of this dialect.
pub(super) fn analysis(text: &str, dialect: Dialect) -> Arc<Analysis> {
    if text.len() > LONGEST {
        return ANALYSES.get(text, dialect);
    }
    let mut passing = None;
    let find = |last: &RefCell<Recent<Arc<Analysis>>>| {
        let mut last = last.borrow_mut();
        let is = |known: &Arc<Analysis>| known.is_of(text, dialect);
        let make = || {
            let analysis = ANALYSES.get(text, dialect);
            if !analysis.has_secrets() {
                return Some(analysis);
            }
            passing = Some(analysis);
            None
        };
        last.find(text.as_bytes(), is, make).cloned()
    };
    let found = LAST.try_with(find).ok().flatten();
    found.or(passing).unwrap_or_else(|| ANALYSES.get(text, dialect))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasts(text: &str, dialect: Dialect) -> bool {
        Arc::ptr_eq(&analysis(text, dialect), &analysis(text, dialect))
    }

    #[test]
    fn a_text_says_the_same_whenever_it_comes_and_wherever() {
        let texts: Vec<_> = (0..300).map(|it| format!("SELECT a{it} FROM t{}", it % 7)).collect();
        for round in 0..2 {
            for text in &texts {
                for dialect in [Dialect::Postgres, Dialect::MySql] {
                    let known = analysis(text, dialect);
                    assert!(known.is_of(text, dialect), "{round}");
                    assert!(lasts(text, dialect));
                }
            }
        }
        let text = &texts[0];
        let here = analysis(text, Dialect::Postgres);
        let there = std::thread::scope(|scope| {
            scope.spawn(|| analysis(text, Dialect::Postgres)).join().unwrap()
        });
        assert_eq!(here, there);
    }

    #[test]
    fn no_text_is_kept_that_shows_a_secret() {
        let text = "ALTER USER shop PASSWORD 'hunter2'";
        assert!(analysis(text, Dialect::Postgres).has_secrets());
        assert!(!lasts(text, Dialect::Postgres));
    }
}
