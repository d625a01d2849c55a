//! Probabilities on which all services agree.

use opentelemetry::KeyValue;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::trace::SamplingDecision;
use tracewire::sdk::{Consistent, Rules, Sampler, When};

use crate::support::{Question, ids};

const LOW: u128 = 1 << 100 | 0x10_0000_0000_0000;
const HIGH: u128 = 1 << 100 | 0xf0_0000_0000_0000;

/// What is kept, and what `tracestate` becomes.
#[test]
fn thresholds_are_written_and_followed() {
    let half = || Sampler::from(Consistent::probability(0.5));
    let parent = || Sampler::consistent(0.5);
    let on = || Sampler::from(Consistent::always_on());
    let off = || Sampler::from(Consistent::always_off());
    let root = Question::root;
    let below = Question::below;
    let cases = [
        ("a high root", half(), root(HIGH), Some("ot=th:8")),
        ("a low root", half(), root(LOW), None),
        ("everything", on(), root(LOW), Some("ot=th:0")),
        ("nothing", off(), root(HIGH), None),
        ("other vendors stay", half(), below(HIGH, true, "a=1,b=2"), Some("ot=th:8,a=1,b=2")),
        ("an earlier threshold goes", half(), below(HIGH, true, "ot=th:c"), Some("ot=th:8")),
        ("whatever the parent says", half(), below(HIGH, false, ""), Some("ot=th:8")),
        (
            "randomness of its own",
            half(),
            below(LOW, true, "ot=rv:ffffffffffffff"),
            Some("ot=rv:ffffffffffffff;th:8"),
        ),
        ("low randomness of its own", half(), below(HIGH, true, "ot=rv:0123456789abcd;th:0"), None),
        (
            "randomness that is none",
            half(),
            below(HIGH, true, "ot=rv:0123"),
            Some("ot=rv:0123;th:8"),
        ),
        ("a root that follows", parent(), root(HIGH), Some("ot=th:8")),
        ("a low root that follows", parent(), root(LOW), None),
        ("a sampled parent", parent(), below(LOW, true, "ot=th:1"), Some("ot=th:1")),
        ("a parent that keeps less", parent(), below(HIGH, true, "ot=th:f"), Some("ot=th:f")),
        ("a parent without threshold", parent(), below(LOW, true, ""), Some("")),
        ("a parent that contradicts itself", parent(), below(LOW, true, "ot=th:8"), Some("")),
        ("a parent of few words", parent(), below(LOW, true, "ot=x:y"), Some("ot=x:y")),
        ("an unsampled parent", parent(), below(HIGH, false, ""), None),
        ("an unsampled parent with threshold", parent(), below(LOW, false, "ot=th:8"), None),
        ("unsampled and contradictory", parent(), below(HIGH, false, "ot=th:8"), None),
        ("thresholds twice", parent(), below(HIGH, true, "ot=th:8;th:c"), Some("")),
    ];
    for (name, sampler, question, expected) in cases {
        let result = question.ask(&sampler);
        let kept = result.decision == SamplingDecision::RecordAndSample;
        assert_eq!(kept, expected.is_some(), "{name}");
        let state = result.trace_state.header();
        match expected {
            Some(expected) => assert_eq!(state, expected, "{name}"),
            None => assert!(!state.contains("th:"), "{name}: {state}"),
        }
        let given = question.parent.span().span_context().trace_state().header();
        assert_eq!(state.contains("rv:"), given.contains("rv:"), "{name}");
    }
}

#[test]
fn samplers_compose() {
    let rules = Rules::<Consistent>::new()
        .when(When::health_check(), Consistent::always_off())
        .when(When::method("POST"), Consistent::always_on().annotating([KeyValue::new("by", 1)]))
        .when(When::method("GET"), Consistent::parent_threshold(Consistent::probability(0.25)));
    let sampler = Sampler::from(Consistent::from(rules).annotating([KeyValue::new("kept", true)]));
    let ask = |id, key: &'static str, value: &'static str| {
        let result = Question::root(id).with([KeyValue::new(key, value)]).ask(&sampler);
        let keys: Vec<_> = result.attributes.iter().map(|it| it.key.to_string()).collect();
        (result.trace_state.header(), keys.join(","))
    };
    let found = |state: &str, keys: &str| (state.to_owned(), keys.to_owned());
    assert_eq!(ask(HIGH, "url.path", "/healthz"), found("", ""));
    assert_eq!(ask(LOW, "http.request.method", "POST"), found("ot=th:0", "by,kept"));
    assert_eq!(ask(HIGH, "http.request.method", "GET"), found("ot=th:c", "kept"));
    assert_eq!(ask(LOW, "http.request.method", "GET"), found("", ""));
    assert_eq!(ask(HIGH, "http.request.method", "PUT"), found("", ""));
}

/// Within four standard deviations, and what one service keeps the others keep too.
#[test]
fn shares_are_kept_and_agree() {
    let probabilities = [0.001, 0.01, 0.1, 1.0 / 3.0, 0.5, 0.9, 1.0];
    let samplers = probabilities.map(|share| Sampler::from(Consistent::probability(share)));
    let count = 100_000;
    let mut kept = [0_u32; 7];
    for id in ids(count) {
        let kept_by = samplers.each_ref().map(|sampler| Question::root(id).is_kept(sampler));
        assert!(kept_by.is_sorted(), "{id:x}");
        for (kept, is_kept) in kept.iter_mut().zip(kept_by) {
            *kept += u32::from(is_kept);
        }
    }
    for (share, kept) in probabilities.into_iter().zip(kept) {
        let deviation = (count as f64 * share * (1.0 - share)).sqrt();
        let off = (f64::from(kept) - count as f64 * share).abs();
        assert!(off <= 4.0 * deviation, "{kept} of {count} for {share}");
    }
}
