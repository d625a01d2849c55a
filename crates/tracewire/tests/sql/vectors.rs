//! The semantic conventions' own test vectors, read from their file.

use serde_json::Value;
use tracewire::sqlx::sql::{Dialect, analyze};

const FILE: &str = include_str!("../vectors/db-sql-test-cases.json");

#[test]
fn all_vectors_pass() {
    let cases: Value = serde_json::from_str(FILE).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 24);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let system = case["input"]["db.system.name"].as_str().unwrap();
        let analysis =
            analyze(case["input"]["query"].as_str().unwrap(), Dialect::of_system(system));
        let texts = case["expected"]["db.query.text"].as_array().unwrap();
        assert!(
            texts.iter().any(|text| text == &**analysis.sanitized()),
            "{name}: {}",
            analysis.sanitized()
        );
        assert_eq!(case["expected"]["db.query.summary"], **analysis.summary(), "{name}");
    }
}

/// None of the vectors needs a dialect of its own.
#[test]
fn all_vectors_pass_in_every_dialect() {
    let cases: Value = serde_json::from_str(FILE).unwrap();
    for case in cases.as_array().unwrap() {
        for dialect in crate::DIALECTS {
            let analysis = analyze(case["input"]["query"].as_str().unwrap(), dialect);
            let texts = case["expected"]["db.query.text"].as_array().unwrap();
            assert!(texts.iter().any(|text| text == &**analysis.sanitized()), "{dialect:?} {case}");
            assert_eq!(
                case["expected"]["db.query.summary"],
                **analysis.summary(),
                "{dialect:?} {case}"
            );
        }
    }
}
