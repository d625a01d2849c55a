//! What a rule looks at.

use std::fmt;
use std::ops::Not;
use std::sync::Arc;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Array, Key, Value};

use super::{Candidate, health};
use crate::span::attributes as names;

/// When a rule matches.
///
/// Patterns are compared with the whole text; `*` in them stands for any number of characters.
///
/// ```
/// use tracewire::sdk::When;
///
/// let noise = When::health_check().or(When::route("/static/*"));
/// let orders = When::method("POST").and(When::route("/orders")) .and(!When::header("x-test", "*"));
/// # drop((noise, orders));
/// ```
#[derive(Clone, Debug)]
pub struct When(Test);

#[derive(Clone)]
enum Test {
    Always,
    Root,
    HealthCheck,
    Kind(SpanKind),
    Name(Pattern),
    Equals(Key, Value),
    Like(Key, Pattern),
    All(Vec<When>),
    Any(Vec<When>),
    Not(Box<When>),
    Custom(Arc<dyn Fn(&Candidate<'_>) -> bool + Send + Sync>),
}

/// Text with `*` for anything.
#[derive(Clone, Debug)]
struct Pattern(Box<str>);

impl When {
    /// Always.
    pub fn always() -> Self {
        Self(Test::Always)
    }

    /// There is no parent: a trace begins.
    pub fn root() -> Self {
        Self(Test::Root)
    }

    /// Somebody asks whether the service lives: a path that is usual for it, such as `/healthz`,
    /// `/livez`, `/readyz`, `/health`, `/ping` and their kin; `grpc.health.v1.Health`; or a user
    /// agent such as `kube-probe`, which is whatever a client claims to be.
    pub fn health_check() -> Self {
        Self(Test::HealthCheck)
    }

    /// The kind of the span.
    pub fn kind(kind: SpanKind) -> Self {
        Self(Test::Kind(kind))
    }

    /// The name of the span, by a pattern.
    pub fn name(pattern: &str) -> Self {
        Self(Test::Name(Pattern::new(pattern)))
    }

    /// The route, `http.route`, by a pattern. It is known at the start of a span when the layer is
    /// on the router.
    pub fn route(pattern: &str) -> Self {
        Self::attribute_like(names::HTTP_ROUTE, pattern)
    }

    /// The path of a request to a server, `url.path`, by a pattern.
    pub fn path(pattern: &str) -> Self {
        Self::attribute_like(names::URL_PATH, pattern)
    }

    /// The method of an HTTP request, in capitals, or of a gRPC call, as `package.Service/Method`,
    /// by a pattern.
    pub fn method(pattern: &str) -> Self {
        let pattern = Pattern::new(pattern);
        let of = |key| Self(Test::Like(Key::from_static_str(key), pattern.clone()));
        of(names::HTTP_REQUEST_METHOD).or(of(names::RPC_METHOD))
    }

    /// A header of an HTTP request, or a metadata key of a gRPC call, by its name in any case and a
    /// pattern for its value; `*` for any. The layer has to record it: `.request_headers([..])`,
    /// `.request_metadata([..])`.
    pub fn header(name: &str, pattern: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let of = |prefix| Self::attribute_like(format!("{prefix}{name}"), pattern);
        of(names::HTTP_REQUEST_HEADER).or(of(names::RPC_REQUEST_METADATA))
    }

    /// An attribute with this value, or with a list that has it.
    pub fn attribute(key: impl Into<Key>, value: impl Into<Value>) -> Self {
        Self(Test::Equals(key.into(), value.into()))
    }

    /// An attribute whose value as text, or one of whose values, matches a pattern.
    pub fn attribute_like(key: impl Into<Key>, pattern: &str) -> Self {
        Self(Test::Like(key.into(), Pattern::new(pattern)))
    }

    /// Whatever you write. It runs whenever a span may start, so it has to be quick.
    pub fn matching(test: impl Fn(&Candidate<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Test::Custom(Arc::new(test)))
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self.0 {
            Test::All(mut all) => {
                all.push(other);
                Self(Test::All(all))
            }
            _ => Self(Test::All(vec![self, other])),
        }
    }

    /// Either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self.0 {
            Test::Any(mut any) => {
                any.push(other);
                Self(Test::Any(any))
            }
            _ => Self(Test::Any(vec![self, other])),
        }
    }

    pub(super) fn matches(&self, candidate: &Candidate<'_>) -> bool {
        match &self.0 {
            Test::Always => true,
            Test::Root => candidate.parent().is_none(),
            Test::HealthCheck => health::is_check(candidate),
            Test::Kind(kind) => candidate.kind == kind,
            Test::Name(pattern) => pattern.matches(candidate.name),
            Test::Equals(key, value) => {
                candidate.attribute(key.as_str()).is_some_and(|found| equals(found, value))
            }
            Test::Like(key, pattern) => {
                candidate.attribute(key.as_str()).is_some_and(|found| like(found, pattern))
            }
            Test::All(all) => all.iter().all(|when| when.matches(candidate)),
            Test::Any(any) => any.iter().any(|when| when.matches(candidate)),
            Test::Not(when) => !when.matches(candidate),
            Test::Custom(test) => test(candidate),
        }
    }
}

/// When it does not match.
impl Not for When {
    type Output = Self;

    fn not(self) -> Self {
        Self(Test::Not(Box::new(self)))
    }
}

impl Pattern {
    fn new(pattern: &str) -> Self {
        Self(pattern.into())
    }

    /// Takes the first place for each piece between stars, which is the best one for those after.
    fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return *self.0 == *text;
        };
        let Some(mut text) = text.strip_prefix(first) else {
            return false;
        };
        let mut pieces = rest.split('*');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            match text.find(piece) {
                Some(at) => text = &text[at + piece.len()..],
                None => return false,
            }
        }
        text.ends_with(last)
    }
}

fn equals(found: &Value, wanted: &Value) -> bool {
    let in_list = match (found, wanted) {
        (Value::Array(Array::String(list)), Value::String(wanted)) => list.contains(wanted),
        (Value::Array(Array::I64(list)), Value::I64(wanted)) => list.contains(wanted),
        (Value::Array(Array::Bool(list)), Value::Bool(wanted)) => list.contains(wanted),
        (Value::Array(Array::F64(list)), Value::F64(wanted)) => list.contains(wanted),
        _ => false,
    };
    in_list || found == wanted
}

fn like(found: &Value, pattern: &Pattern) -> bool {
    match found {
        Value::Array(Array::String(list)) => list.iter().any(|text| pattern.matches(text.as_str())),
        other => pattern.matches(&other.as_str()),
    }
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("Always"),
            Self::Root => f.write_str("Root"),
            Self::HealthCheck => f.write_str("HealthCheck"),
            Self::Kind(kind) => f.debug_tuple("Kind").field(kind).finish(),
            Self::Name(pattern) => f.debug_tuple("Name").field(pattern).finish(),
            Self::Equals(key, value) => f.debug_tuple("Equals").field(key).field(value).finish(),
            Self::Like(key, pattern) => f.debug_tuple("Like").field(key).field(pattern).finish(),
            Self::All(all) => f.debug_tuple("All").field(all).finish(),
            Self::Any(any) => f.debug_tuple("Any").field(any).finish(),
            Self::Not(when) => f.debug_tuple("Not").field(when).finish(),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}
