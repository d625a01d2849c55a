//! Datadog's headers, `x-datadog-trace-id` and its kin.
//!
//! What they say beyond ids and a sampled flag is kept in the `dd` member of the tracestate, in the
//! form that Datadog's own tracers give it next to a `traceparent`: `s:` the sampling priority,
//! `o:` the origin, `t.{name}:` the tag `_dd.p.{name}`. So it survives a hop in either format.

use std::str::FromStr;

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt as _, TraceId, TraceState};

use super::carrier::{first, set_or_remove};
use super::sampling::Sampling;
use super::traceparent::trim;
use super::{Carrier, CarrierMut, TraceContext, hex};

static TRACE_ID: HeaderName = HeaderName::from_static("x-datadog-trace-id");
static PARENT_ID: HeaderName = HeaderName::from_static("x-datadog-parent-id");
static PRIORITY: HeaderName = HeaderName::from_static("x-datadog-sampling-priority");
static ORIGIN: HeaderName = HeaderName::from_static("x-datadog-origin");
static TAGS: HeaderName = HeaderName::from_static("x-datadog-tags");

pub(crate) static FIELDS: &[&HeaderName] = &[&TRACE_ID, &PARENT_ID, &PRIORITY, &ORIGIN, &TAGS];

/// A longer `x-datadog-tags` is ignored, as Datadog's tracers do.
const MAX_TAGS: usize = 512;
/// The longest `dd` member that Datadog's tracers read is 256 characters with its `dd=`.
const MAX_MEMBER: usize = 256 - "dd=".len();

/// What the names of tags that travel begin with.
const TAG_PREFIX: &str = "_dd.p.";
/// The tag with the upper half of the trace id, which is not for the `dd` member.
const UPPER_HALF: &[u8] = b"tid";
/// The tag that says who made the sampling decision.
const DECISION_MAKER: &str = "dm";

/// Reads the ids (decimal, 64 bits), and what else is well-formed.
pub(crate) fn extract(carrier: &(impl Carrier + ?Sized)) -> Option<TraceContext> {
    let lower: u64 = decimal(first(carrier, &TRACE_ID)?)?;
    let span_id: u64 = decimal(first(carrier, &PARENT_ID)?)?;
    let priority: Option<i32> = first(carrier, &PRIORITY).and_then(decimal);
    let sampling = match priority {
        Some(1..) => Sampling::Accept,
        Some(_) => Sampling::Deny,
        None => Sampling::Deferred,
    };
    let tags = first(carrier, &TAGS).filter(|tags| tags.len() <= MAX_TAGS);
    let mut upper = 0;
    let mut member = Member::default();
    if let Some(priority) = priority {
        member.push("s", "", priority.to_string().as_bytes());
    }
    member.push("o", "", first(carrier, &ORIGIN).unwrap_or_default());
    for (name, value) in tags.into_iter().flat_map(propagating_tags) {
        if name.as_bytes() == UPPER_HALF {
            upper = hex::lower(value).map_or(0, u64::from_be_bytes);
        } else {
            member.push("t.", name, value);
        }
    }
    let trace_id = TraceId::from(u128::from(upper) << 64 | u128::from(lower));
    let span_id = SpanId::from(span_id);
    TraceContext::new(trace_id, span_id, sampling, member.into_state())
}

/// Writes the ids, and what the `dd` member keeps.
///
/// Where a sampler of this process decided otherwise than the priority kept, its decision is sent
/// as 0 or 1 and the tag about the former decision stays behind.
pub(crate) fn inject(context: &Context, carrier: &mut dyn CarrierMut) {
    let span = context.span();
    let span = span.span_context();
    let member = span.trace_state().get("dd").filter(|dd| is_printable(dd));
    let member = member.unwrap_or_default();
    let find = |key| fields(member).find_map(|(known, value)| (known == key).then_some(value));

    let id = u128::from_be_bytes(span.trace_id().to_bytes());
    let (upper, lower) = ((id >> 64) as u64, id as u64);
    let span_id = u64::from_be_bytes(span.span_id().to_bytes());
    carrier.set(&TRACE_ID, &lower.to_string());
    carrier.set(&PARENT_ID, &span_id.to_string());

    let sampling = Sampling::of(context, span);
    let kept: Option<i32> = find("s").and_then(|priority| decimal(priority.as_bytes()));
    let overruled = kept.is_some_and(|kept| (kept > 0) != sampling.is_sampled());
    let decided = i32::from(sampling.is_sampled());
    let priority = kept.filter(|_| !overruled).unwrap_or(decided).to_string();
    let deferred = sampling == Sampling::Deferred;
    set_or_remove(carrier, &PRIORITY, (!deferred).then_some(&priority));

    let origin = find("o").unwrap_or_default().replace('~', "=");
    set_or_remove(carrier, &ORIGIN, Some(&origin).filter(|o| !o.is_empty()));

    let tags = format_tags(member, overruled, upper);
    set_or_remove(carrier, &TAGS, Some(&tags).filter(|tags| !tags.is_empty()));
}

/// OpenTelemetry's type promises less about a value than the tracestate it was made from.
fn is_printable(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The fields of a `dd` member.
fn fields(member: &str) -> impl Iterator<Item = (&str, &str)> {
    let fields = member.split(';').filter_map(|field| field.split_once(':'));
    fields.map(|(key, value)| (key, value.trim_matches(' ')))
}

/// The value of `x-datadog-tags`. A member of 256 characters cannot make it longer than 512.
fn format_tags(member: &str, overruled: bool, upper: u64) -> String {
    let mut list = String::new();
    for (key, value) in fields(member) {
        let name = key.strip_prefix("t.").unwrap_or_default();
        let stays_behind = name.as_bytes() == UPPER_HALF || (overruled && name == DECISION_MAKER);
        if is_name(name.as_bytes()) && !value.is_empty() && !stays_behind {
            list.extend([TAG_PREFIX, name, "=", &value.replace('~', "="), ","]);
        }
    }
    if upper != 0 {
        list.push_str(&format!("{TAG_PREFIX}tid={upper:016x}"));
    } else {
        list.pop();
    }
    list
}

/// The `_dd.p.` tags of an `x-datadog-tags` header, without that prefix.
fn propagating_tags(header: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    header.split(|byte| *byte == b',').filter_map(|tag| {
        let equals = tag.iter().position(|byte| *byte == b'=')?;
        let name = trim(&tag[..equals]).strip_prefix(TAG_PREFIX.as_bytes())?;
        let name = std::str::from_utf8(name).ok()?;
        is_name(name.as_bytes()).then_some((name, trim(&tag[equals + 1..])))
    })
}

/// Visible ASCII without what separates tags, here or in a `dd` member.
fn is_name(name: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_graphic() && !b",;:=".contains(byte);
    !name.is_empty() && name.iter().all(allowed)
}

/// A number in decimal digits, with a `-` where the type allows it.
fn decimal<T: FromStr>(value: &[u8]) -> Option<T> {
    let digits = std::str::from_utf8(value).ok()?;
    if digits.starts_with('+') {
        return None;
    }
    digits.parse().ok()
}

/// A `dd` member in the making.
#[derive(Default)]
struct Member(String);

impl Member {
    /// Adds a field, unless it has no value or does not fit. A `=` may not stand in a tracestate
    /// and turns into `~`; whatever else may not turns into `_`.
    fn push(&mut self, key: &str, name: &str, value: &[u8]) {
        let separator = if self.0.is_empty() { "" } else { ";" };
        let length = separator.len() + key.len() + name.len() + 1 + value.len();
        if value.is_empty() || self.0.len() + length > MAX_MEMBER {
            return;
        }
        self.0.extend([separator, key, name, ":"]);
        self.0.extend(value.iter().map(|byte| match byte {
            b'=' => '~',
            b'~' | b';' | b',' => '_',
            b' '..=b'~' => char::from(*byte),
            _ => '_',
        }));
    }

    fn into_state(self) -> TraceState {
        if self.0.is_empty() {
            return TraceState::NONE;
        }
        TraceState::from_key_value([("dd", self.0)]).unwrap_or_default()
    }
}
