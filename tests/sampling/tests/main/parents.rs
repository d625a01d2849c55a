//! Parents in all their kinds, and which of them are followed.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use tracewire::sdk::{ParentBased, Rules, Sampler, When};

use crate::support::{Question, span};

/// No parent, and remote, remote unsampled, local, local unsampled parents.
fn questions() -> [Question; 5] {
    let below = |sampled, remote| {
        let mut question = Question::root(7);
        let parent = span(7, sampled, remote, "vendor=1");
        question.parent = Context::new().with_remote_span_context(parent);
        question
    };
    [
        Question::root(7),
        below(true, true),
        below(false, true),
        below(true, false),
        below(false, false),
    ]
}

#[test]
fn each_kind_of_parent_has_its_sampler() {
    let (on, off) = (Sampler::always_on, Sampler::always_off);
    let cases = [
        ("on", on(), [true; 5]),
        ("off", off(), [false; 5]),
        ("followed, else on", Sampler::parent_based(on()), [true, true, false, true, false]),
        ("followed, else off", Sampler::parent_based(off()), [false, true, false, true, false]),
        (
            "remote ones refused",
            ParentBased::new(on()).remote_parent_sampled(off()).into(),
            [true, false, false, true, false],
        ),
        (
            "remote ones overruled",
            ParentBased::new(off()).remote_parent_not_sampled(on()).into(),
            [false, true, true, true, false],
        ),
        (
            "local ones refused",
            ParentBased::new(on()).local_parent_sampled(off()).into(),
            [true, true, false, false, false],
        ),
        (
            "local ones overruled",
            ParentBased::new(off()).local_parent_not_sampled(on()).into(),
            [false, true, false, true, true],
        ),
        (
            "rules for roots",
            Sampler::parent_based(Rules::new().when(When::root(), on())),
            [true, true, false, true, false],
        ),
        (
            "rules for all",
            Rules::new().when(When::root(), on()).into(),
            [true, false, false, false, false],
        ),
    ];
    for (name, sampler, expected) in cases {
        let found = questions().map(|question| question.is_kept(&sampler));
        assert_eq!(found, expected, "{name}");
        for question in questions() {
            let state = question.ask(&sampler).trace_state.header();
            assert_eq!(state, question.parent.span().span_context().trace_state().header());
        }
    }
}

/// A threshold says how a trace was sampled. Where the sampled flag says otherwise it goes.
#[test]
fn a_threshold_that_contradicts_its_flag_goes_no_further() {
    let sampler = Sampler::default();
    // The low 56 bits of the id are the randomness.
    let (low, high) = (1, 0xff_ffff_ffff_ffff);
    for (id, sampled, state, expected) in [
        (high, true, "ot=th:8,a=1", "ot=th:8,a=1"),
        (low, true, "ot=th:8,a=1", "a=1"),
        (low, true, "ot=th:8;rv:ffffffffffffff,a=1", "ot=th:8;rv:ffffffffffffff,a=1"),
        (high, true, "ot=th:8;rv:00000000000000,a=1", "ot=rv:00000000000000,a=1"),
        (high, true, "ot=th:xyz;k:v,a=1", "ot=k:v,a=1"),
        (low, true, "a=1", "a=1"),
        (low, false, "ot=th:8,a=1", "ot=th:8,a=1"),
    ] {
        let question = Question::below(id, sampled, state);
        assert_eq!(question.is_kept(&sampler), sampled, "{state}");
        // Unsampled, the caller's own context travels on, and nobody asks the sampler.
        if sampled {
            assert_eq!(question.ask(&sampler).trace_state.header(), expected, "{state}");
        }
    }
}
