//! What decides about a trace: rules in the order in which they were said, then a share.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Value;
use opentelemetry_sdk::trace::SpanData;

use super::LocalTrace;
use super::part::{Origin, Part};
use crate::sdk::sampler::threshold::Threshold;
use crate::span::attributes::HTTP_ROUTE;

pub(super) type Predicate = Arc<dyn Fn(&LocalTrace<'_>) -> bool + Send + Sync>;

/// Every rule; the first that matches decides.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    slow: Slow,
    /// For a trace that no rule matches.
    otherwise: Share,
}

/// How many traces are kept; `None` for none.
type Share = Option<Threshold>;

#[derive(Clone, Debug)]
struct Rule {
    policy: Policy,
    test: Test,
    share: Share,
}

#[derive(Clone)]
enum Test {
    Error,
    Slow,
    Trace(Predicate),
}

/// How long a local root may take.
#[derive(Clone, Debug, Default)]
struct Slow {
    all: Option<Duration>,
    routes: Vec<(Cow<'static, str>, Duration)>,
}

/// Why a trace was kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Policy {
    Error,
    Slow,
    Rule(Arc<str>),
    Probability,
    /// What came before of the trace was kept.
    EarlierPart,
}

/// What is written on the spans of a trace that is kept.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) policy: Policy,
    /// For `th`; `None` leaves it as it is.
    pub(super) threshold: Option<Threshold>,
    pub(super) adjusted_count: f64,
}

/// How far rules get without code of others.
pub(super) enum Answer {
    /// What to write, or `None` to drop.
    Decided(Option<Mark>),
    /// A predicate has to be asked, which must not happen under a lock.
    Ask,
}

impl Rules {
    pub(super) fn new() -> Self {
        let otherwise = Some(Threshold::ALWAYS);
        Self { rules: Vec::new(), slow: Slow::default(), otherwise }
    }

    pub(super) fn keep_errors(&mut self) {
        self.push(Policy::Error, Test::Error, Some(Threshold::ALWAYS));
    }

    pub(super) fn slow(&mut self, threshold: Duration) {
        self.slow.all = Some(threshold);
        self.push_slow();
    }

    pub(super) fn slow_route(&mut self, route: Cow<'static, str>, threshold: Duration) {
        self.slow.routes.push((route, threshold));
        self.push_slow();
    }

    /// All thresholds together are one rule, so that a route's own can be longer than the others'.
    fn push_slow(&mut self) {
        if !self.rules.iter().any(|rule| matches!(rule.test, Test::Slow)) {
            self.push(Policy::Slow, Test::Slow, Some(Threshold::ALWAYS));
        }
    }

    pub(super) fn predicate(&mut self, name: Arc<str>, share: f64, predicate: Predicate) {
        let share = Threshold::of_probability(share);
        self.push(Policy::Rule(name), Test::Trace(predicate), share);
    }

    pub(super) fn otherwise(&mut self, share: f64) {
        self.otherwise = Threshold::of_probability(share);
    }

    fn push(&mut self, policy: Policy, test: Test, share: Share) {
        self.rules.push(Rule { policy, test, share });
    }

    /// Whether a local root that has ended took too long.
    pub(super) fn is_slow(&self, root: &SpanData) -> bool {
        let Ok(took) = root.end_time.duration_since(root.start_time) else {
            return false;
        };
        self.slow.threshold(root).is_some_and(|threshold| took >= threshold)
    }

    /// Whether one that has not ended takes too long already, whatever it will be called.
    pub(super) fn is_slow_already(&self, so_far: Duration) -> bool {
        let routes = self.slow.routes.iter().map(|(_, threshold)| *threshold);
        let longest = self.slow.all.into_iter().chain(routes).max();
        self.slow.all.is_some() && longest.is_some_and(|threshold| so_far >= threshold)
    }

    /// Decides, if that needs no predicate.
    pub(super) fn answer(&self, part: &Part) -> Answer {
        for rule in &self.rules {
            let matches = match rule.test {
                Test::Error => part.has_error,
                Test::Slow => part.is_slow,
                Test::Trace(_) => return Answer::Ask,
            };
            if matches {
                return Answer::Decided(rule.mark(part));
            }
        }
        Answer::Decided(self.rest(part))
    }

    /// Decides with the predicates. One that panics does not match.
    pub(super) fn ask(&self, part: &Part) -> Option<Mark> {
        let trace = part.view();
        let matching = self.rules.iter().find(|rule| match &rule.test {
            Test::Error => part.has_error,
            Test::Slow => part.is_slow,
            Test::Trace(predicate) => {
                catch_unwind(AssertUnwindSafe(|| predicate(&trace))).unwrap_or(false)
            }
        });
        matching.map_or_else(|| self.rest(part), |rule| rule.mark(part))
    }

    fn rest(&self, part: &Part) -> Option<Mark> {
        self.by_chance(part.origin).or_else(|| part.follows_kept.then(|| earlier(part.origin)))
    }

    /// For what nothing else is known of.
    pub(super) fn by_chance(&self, origin: Origin) -> Option<Mark> {
        mark(Policy::Probability, self.otherwise, origin)
    }
}

impl Rule {
    fn mark(&self, part: &Part) -> Option<Mark> {
        let mark = mark(self.policy.clone(), self.share, part.origin);
        mark.or_else(|| part.follows_kept.then(|| earlier(part.origin)))
    }
}

/// Keeps this share of traces, in addition to what was decided when the trace began.
fn mark(policy: Policy, share: Share, origin: Origin) -> Option<Mark> {
    let share = share.filter(|share| share.keeps(origin.randomness))?;
    let head = origin.threshold;
    let both = head.map_or(share, |head| head.max(share));
    // Where everything is kept and nobody said how many traces there were, that stays unknown.
    let says_nothing = head.is_none() && share == Threshold::ALWAYS;
    Some(Mark {
        policy,
        threshold: (!says_nothing).then_some(both),
        adjusted_count: both.adjusted_count(),
    })
}

fn earlier(origin: Origin) -> Mark {
    let adjusted_count = origin.threshold.unwrap_or(Threshold::ALWAYS).adjusted_count();
    Mark { policy: Policy::EarlierPart, threshold: None, adjusted_count }
}

impl Slow {
    fn threshold(&self, root: &SpanData) -> Option<Duration> {
        let own = self.routes.iter().find(|(route, _)| is_route(root, route));
        own.map(|(_, threshold)| *threshold).or(self.all)
    }
}

/// Whether a span is named so, as `GET /users/{id}` or `shop.Cart/Add`, or has this `http.route`.
fn is_route(span: &SpanData, route: &str) -> bool {
    let is_attribute = || {
        let mut found = span.attributes.iter().filter(|it| it.key.as_str() == HTTP_ROUTE);
        found.any(|it| matches!(&it.value, Value::String(text) if text.as_str() == route))
    };
    span.name == route || (route.starts_with('/') && is_attribute())
}

impl Policy {
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Error => "error".into(),
            Self::Slow => "slow".into(),
            Self::Rule(name) => Value::String(name.clone().into()),
            Self::Probability => "probability".into(),
            Self::EarlierPart => "earlier_part".into(),
        }
    }
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "Error",
            Self::Slow => "Slow",
            Self::Trace(_) => "Trace",
        })
    }
}
