//! What a sampler goes by: a hint that lets spans below unsampled parents be left out has to be true.

use opentelemetry::KeyValue;
use tracewire::Sampling::{self, FollowsParent, ReadsAttributes};
use tracewire::sdk::{Consistent, JaegerRemote, ParentBased, Rules, Sampler, When};

use crate::support::Question;

#[test]
fn hints_are_right() {
    let (on, off) = (Sampler::always_on, Sampler::always_off);
    let follow = || Sampler::parent_based(on());
    let cases: Vec<(&str, Sampler, Sampling)> = vec![
        ("on", on(), ReadsAttributes),
        ("off", off(), FollowsParent),
        ("ratio", Sampler::ratio(0.5), ReadsAttributes),
        ("followed", follow(), FollowsParent),
        ("limited", Sampler::rate_limited(1e9), ReadsAttributes),
        ("followed, limited", follow().at_most(1e9), FollowsParent),
        ("consistent", Sampler::consistent(1.0), FollowsParent),
        ("probability", Consistent::probability(1.0).into(), ReadsAttributes),
        ("composed off", Consistent::always_off().into(), FollowsParent),
        (
            "annotated",
            Consistent::parent_threshold(Consistent::always_on())
                .annotating([KeyValue::new("a", 1)])
                .into(),
            FollowsParent,
        ),
        (
            "composed rules",
            Consistent::from(Rules::new().otherwise(Consistent::always_on())).into(),
            ReadsAttributes,
        ),
        (
            "composed rules for roots",
            Consistent::parent_threshold(Rules::new().otherwise(Consistent::always_on())).into(),
            FollowsParent,
        ),
        (
            "rules",
            Rules::new().when(When::method("GET"), on()).otherwise(follow()).into(),
            ReadsAttributes,
        ),
        (
            "rules that follow",
            Rules::new().when(When::root(), off()).otherwise(follow()).into(),
            FollowsParent,
        ),
        ("rules for roots", Sampler::parent_based(Rules::new().otherwise(on())), FollowsParent),
        ("without health checks", follow().without_health_checks(), FollowsParent),
        ("on without health checks", on().without_health_checks(), ReadsAttributes),
        ("remote", JaegerRemote::new().into(), ReadsAttributes),
        ("remote, followed", Sampler::parent_based(JaegerRemote::new()), FollowsParent),
        ("refused", ParentBased::new(on()).remote_parent_sampled(off()).into(), FollowsParent),
        (
            "overruled",
            ParentBased::new(on()).remote_parent_not_sampled(on()).into(),
            ReadsAttributes,
        ),
        (
            "overruled here",
            ParentBased::new(on()).local_parent_not_sampled(on()).into(),
            ReadsAttributes,
        ),
    ];
    for (name, sampler, sampling) in cases {
        assert_eq!(sampler.sampling(), sampling, "{name}");
        if sampling == FollowsParent {
            for id in [1, u128::MAX] {
                for state in ["", "ot=th:0", "ot=th:8", "ot=rv:ffffffffffffff"] {
                    let method = KeyValue::new("http.request.method", "GET");
                    let question = Question::below(id, false, state).with([method]);
                    assert!(!question.is_kept(&sampler), "{name} {state}");
                }
            }
        }
    }
}
