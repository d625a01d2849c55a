//! Limits and ratios, alone and around others.

use opentelemetry::KeyValue;
use tracewire::sdk::{Consistent, Rules, Sampler, When};

use crate::support::{Question, ids};

#[test]
fn ratios_are_kept() {
    for ratio in [0.0, 0.01, 0.25, 1.0] {
        let sampler = Sampler::parent_based(Sampler::ratio(ratio));
        let count = 20_000;
        let kept = ids(count).filter(|id| Question::root(*id).is_kept(&sampler)).count();
        let deviation = (count as f64 * ratio * (1.0 - ratio)).sqrt();
        let off = (kept as f64 - count as f64 * ratio).abs();
        assert!(off <= 4.0 * deviation, "{kept} of {count} for {ratio}");
    }
}

/// Rates are so low that no token arrives while the test runs.
#[test]
fn a_limit_counts_only_what_would_be_kept() {
    let limited = Sampler::parent_based(Sampler::always_off()).at_most(1e-9);
    assert!(!Question::root(1).is_kept(&limited));
    let sampled = Question::below(1, true, "ot=th:0,a=1");
    // By which probability it has been kept is not known any more.
    assert_eq!(sampled.ask(&limited).trace_state.header(), "a=1");
    assert!(!sampled.is_kept(&limited));
    // A clone shares the tokens.
    assert!(!sampled.is_kept(&limited.clone()));
}

#[test]
fn limits_can_be_part_of_rules() {
    let sampler = Sampler::from(
        Rules::new()
            .when(When::path("/a"), Sampler::rate_limited(1e-9))
            .when(When::path("/b"), Sampler::rate_limited(2.0))
            .otherwise(Consistent::always_on()),
    );
    let ask = |path: &'static str| {
        Question::root(1).with([KeyValue::new("url.path", path)]).is_kept(&sampler)
    };
    assert_eq!(
        [ask("/a"), ask("/a"), ask("/b"), ask("/b"), ask("/c")],
        [true, false, true, true, true]
    );
}

#[test]
fn health_checks_can_be_left_out_of_any_sampler() {
    let sampler = Sampler::parent_based(Sampler::always_on().without_health_checks());
    let ask = |question: Question| {
        question.with([KeyValue::new("url.path", "/healthz")]).is_kept(&sampler)
    };
    assert!(Question::root(1).is_kept(&sampler));
    assert!(!ask(Question::root(1)));
    // A caller that has sampled it wants to see it.
    assert!(ask(Question::below(1, true, "")));
}
