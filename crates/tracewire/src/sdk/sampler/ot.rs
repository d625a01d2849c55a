//! The `ot` member of `tracestate`: `th:…;rv:…` and whatever else OpenTelemetry keeps there.
//!
//! The specification is OpenTelemetry's "TraceState Handling".

use opentelemetry::trace::{SpanContext, TraceId, TraceState};

use super::threshold::{Randomness, Threshold};

const OT: &str = "ot";
const THRESHOLD: &str = "th";
const RANDOMNESS: &str = "rv";
/// The longest `ot` value.
const MAX_LENGTH: usize = 256;

/// What `ot` says of a trace.
///
/// A sub-key that cannot be read counts as missing, and so does one that is there twice, for nobody
/// knows which of the two others go by.
#[derive(Clone, Copy, Debug)]
pub(in crate::sdk) struct Ot<'a> {
    state: &'a TraceState,
    /// The value as it came, empty when there is none.
    text: &'a str,
    /// By which the trace was kept so far.
    pub(in crate::sdk) threshold: Option<Threshold>,
    randomness: Option<Randomness>,
}

impl<'a> Ot<'a> {
    /// What `state` says.
    pub(in crate::sdk) fn read(state: &'a TraceState) -> Self {
        let text = state.get(OT).filter(|text| text.len() <= MAX_LENGTH).unwrap_or_default();
        let threshold = only(text, THRESHOLD).and_then(Threshold::parse);
        let randomness = only(text, RANDOMNESS).and_then(Randomness::parse);
        Self { state, text, threshold, randomness }
    }

    /// What the trace is decided by: `rv` if there is one, otherwise its id, which is presumed to
    /// be random.
    pub(in crate::sdk) fn randomness(&self, id: TraceId) -> Randomness {
        self.randomness.unwrap_or_else(|| id.into())
    }

    /// The threshold by which `parent`, whose state this is, was decided: `None` when it does not
    /// say, or says something that its sampled flag contradicts.
    pub(in crate::sdk) fn threshold_of(&self, parent: &SpanContext) -> Option<Threshold> {
        let randomness = self.randomness(parent.trace_id());
        self.threshold.filter(|threshold| threshold.keeps(randomness) == parent.is_sampled())
    }

    /// The same state with this threshold, or with none. All else is preserved; `th` is left out
    /// where there is no room for it.
    pub(in crate::sdk) fn with_threshold(&self, threshold: Option<Threshold>) -> TraceState {
        let count = values(self.text, THRESHOLD).count();
        if self.threshold == threshold && count == usize::from(threshold.is_some()) {
            return self.state.clone();
        }
        let mut value = String::with_capacity(self.text.len() + 20);
        for member in members(self.text).filter(|member| key(member) != THRESHOLD) {
            join(&mut value, member);
        }
        if let Some(threshold) = threshold {
            let member = format!("{THRESHOLD}:{threshold}");
            if value.len() + 1 + member.len() <= MAX_LENGTH {
                join(&mut value, &member);
            }
        }
        let changed =
            if value.is_empty() { self.state.delete(OT) } else { self.state.insert(OT, value) };
        changed.or_else(|_| self.state.delete(OT)).unwrap_or_default()
    }
}

fn members(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').filter(|member| !member.is_empty())
}

fn key(member: &str) -> &str {
    member.split(':').next().unwrap_or(member)
}

fn values<'a>(text: &'a str, wanted: &str) -> impl Iterator<Item = &'a str> {
    members(text).filter(move |member| key(member) == wanted).map(|member| {
        let (_, value) = member.split_once(':').unwrap_or_default();
        value
    })
}

fn only<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    let mut values = values(text, wanted);
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

fn join(list: &mut String, member: &str) {
    if !list.is_empty() {
        list.push(';');
    }
    list.push_str(member);
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags};
    use proptest::prelude::*;

    use super::*;

    fn state(ot: &str) -> TraceState {
        TraceState::from_key_value([("a", "1"), (OT, ot), ("z", "2")]).expect("a valid state")
    }

    #[test]
    fn sub_keys_are_read_and_written() {
        let half = Threshold::of_probability(0.5);
        // What is in `ot`, its threshold, whether it has randomness, and what becomes of the whole
        // state when the threshold is removed and when it is set to one half.
        let cases = [
            ("th:8", Some("8"), false, "a=1,z=2", "a=1,ot=th:8,z=2"),
            ("th:c", Some("c"), false, "a=1,z=2", "ot=th:8,a=1,z=2"),
            ("th:80", Some("8"), false, "a=1,z=2", "a=1,ot=th:80,z=2"),
            ("p:8;r:62", None, false, "a=1,ot=p:8;r:62,z=2", "ot=p:8;r:62;th:8,a=1,z=2"),
            (
                "rv:1234567890abcd;th:c;x:y",
                Some("c"),
                true,
                "ot=rv:1234567890abcd;x:y,a=1,z=2",
                "ot=rv:1234567890abcd;x:y;th:8,a=1,z=2",
            ),
            ("rv:1234", None, false, "a=1,ot=rv:1234,z=2", "ot=rv:1234;th:8,a=1,z=2"),
            ("th:0;th:8", None, false, "a=1,z=2", "ot=th:8,a=1,z=2"),
            ("th:8;th:8", None, false, "a=1,z=2", "ot=th:8,a=1,z=2"),
            ("th:x", None, false, "a=1,z=2", "ot=th:8,a=1,z=2"),
            ("th", None, false, "a=1,z=2", "ot=th:8,a=1,z=2"),
            ("th:8:8", None, false, "a=1,z=2", "ot=th:8,a=1,z=2"),
            (";;", None, false, "a=1,ot=;;,z=2", "ot=th:8,a=1,z=2"),
            ("#", None, false, "a=1,ot=#,z=2", "ot=#;th:8,a=1,z=2"),
        ];
        for (text, threshold, randomness, without, with_half) in cases {
            let state = state(text);
            let ot = Ot::read(&state);
            let found = ot.threshold.map(|threshold| threshold.to_string());
            assert_eq!(found.as_deref(), threshold, "{text}");
            assert_eq!(ot.randomness.is_some(), randomness, "{text}");
            assert_eq!(ot.with_threshold(None).header(), without, "{text}");
            assert_eq!(ot.with_threshold(half).header(), with_half, "{text}");
        }
    }

    #[test]
    fn a_state_without_ot_gets_one() {
        let half = Threshold::of_probability(0.5);
        let ot = Ot::read(&TraceState::NONE);
        assert_eq!(ot.with_threshold(half).header(), "ot=th:8");
        assert_eq!(ot.with_threshold(None), TraceState::NONE);
    }

    #[test]
    fn a_threshold_that_has_no_room_is_left_out() {
        let half = Threshold::of_probability(0.5);
        for (length, fits) in [(251, true), (252, false), (256, false)] {
            let long = format!("x:{}", "y".repeat(length - 2));
            let state = state(&long);
            let changed = Ot::read(&state).with_threshold(half);
            let expected = if fits { format!("{long};th:8") } else { long };
            assert_eq!(changed.get(OT), Some(expected.as_str()));
        }
    }

    #[test]
    fn a_threshold_has_to_agree_with_the_sampled_flag() {
        let high = "rv:ffffffffffffff;th:8";
        let low = "rv:00000000000000;th:8";
        let cases = [
            (high, TraceFlags::SAMPLED, true),
            (high, TraceFlags::NOT_SAMPLED, false),
            (low, TraceFlags::SAMPLED, false),
            (low, TraceFlags::NOT_SAMPLED, true),
            ("rv:ffffffffffffff", TraceFlags::SAMPLED, false),
            // By the trace id, whose last seven bytes are 1.
            ("th:8", TraceFlags::SAMPLED, false),
            ("th:0", TraceFlags::SAMPLED, true),
        ];
        for (text, flags, known) in cases {
            let (id, span) = (TraceId::from(1), SpanId::from(1));
            let parent = SpanContext::new(id, span, flags, true, state(text));
            let found = Ot::read(parent.trace_state()).threshold_of(&parent);
            assert_eq!(found.is_some(), known, "{text} {flags:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_says_other_keys_are_kept(
            text in "([a-z]{1,3}:[0-9a-z.]{0,20};?|th:|rv:|;|:|[ -+.-<>-~]){0,30}",
            probability in 0.0..=1.0_f64,
        ) {
            let Ok(state) = TraceState::from_key_value([("a", "1"), (OT, text.trim_end())]) else {
                return Ok(());
            };
            let before: Vec<_> = members(text.trim_end())
                .filter(|member| key(member) != THRESHOLD).collect();
            let threshold = Threshold::of_probability(probability);
            let changed = Ot::read(&state).with_threshold(threshold);
            prop_assert_eq!(changed.get("a"), Some("1"));
            let value = changed.get(OT).unwrap_or_default();
            prop_assert!(value.len() <= MAX_LENGTH);
            let after: Vec<_> = members(value).filter(|member| key(member) != THRESHOLD).collect();
            if text.len() <= MAX_LENGTH {
                prop_assert_eq!(before, after);
            }
            let read = Ot::read(&changed).threshold;
            prop_assert!(read == threshold || (read.is_none() && value.len() > MAX_LENGTH - 20));
        }
    }
}
