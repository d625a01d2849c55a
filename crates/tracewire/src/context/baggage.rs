//! W3C Baggage: the `baggage` field.

use http::HeaderName;
use opentelemetry::baggage::{Baggage, BaggageMetadata};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use super::traceparent::trim;
use super::{Carrier, CarrierMut};

pub(super) static BAGGAGE: HeaderName = HeaderName::from_static("baggage");
pub(crate) static FIELDS: &[&HeaderName] = &[&BAGGAGE];

/// Limits over all `baggage` fields of a message together (W3C Baggage §3.3.2).
const MAX_MEMBERS: usize = 64;
const MAX_BYTES: usize = 8192;

/// What a value may not hold as it is: everything but `baggage-octet`, and `%` itself (§3.3.1.1).
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

/// Reads every `baggage` field in order; `None` when they hold nothing valid, so that baggage which
/// a context already has is not lost to a broken header.
///
/// A malformed member is left out and the others stay. Once 64 members or 8192 bytes are reached
/// further members are left out whole.
#[inline]
pub(crate) fn extract(carrier: &(impl Carrier + ?Sized)) -> Option<Baggage> {
    if carrier.has(&BAGGAGE) { read(carrier) } else { None }
}

#[inline(never)]
fn read(carrier: &(impl Carrier + ?Sized)) -> Option<Baggage> {
    let fields = carrier.get_all(&BAGGAGE);
    let mut baggage = Baggage::new();
    let (mut members, mut bytes) = (0, 0);
    let listed = fields
        .flat_map(|field| field.split(|byte| *byte == b','))
        .map(trim)
        .filter(|member| !member.is_empty());
    for member in listed {
        bytes += member.len() + usize::from(bytes > 0);
        if members == MAX_MEMBERS || bytes > MAX_BYTES {
            break;
        }
        members += usize::from(read_member(member, &mut baggage).is_some());
    }
    (!baggage.is_empty()).then_some(baggage)
}

/// `key OWS "=" OWS value *( OWS ";" OWS property )` (§3.3.1).
fn read_member(member: &[u8], baggage: &mut Baggage) -> Option<()> {
    let end = member.iter().position(|byte| *byte == b';').unwrap_or(member.len());
    let (pair, properties) = member.split_at(end);
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (trim(&pair[..equals]), trim(&pair[equals + 1..]));
    let properties = trim(properties.strip_prefix(b";").unwrap_or_default());
    let valid =
        is_token(key) && value.iter().copied().all(is_octet) && properties.iter().all(is_visible);
    if !valid {
        return None;
    }
    let key = std::str::from_utf8(key).ok()?.to_owned();
    let value = percent_decode(value).decode_utf8_lossy().into_owned();
    let properties = BaggageMetadata::from(std::str::from_utf8(properties).ok()?);
    baggage.insert_with_metadata(key, value, properties);
    Some(())
}

/// Writes the members that `keep` allows, in the order of their keys. Members beyond the limits are
/// left out whole; nothing left to write removes the field.
pub(crate) fn inject(baggage: &Baggage, keep: impl Fn(&str) -> bool, carrier: &mut dyn CarrierMut) {
    if let Some(stale) = write(baggage, keep, carrier) {
        carrier.remove(stale);
    }
}

/// The same but for the field to be taken out, if there is nothing to write, which is returned.
#[inline]
pub(crate) fn write<C: CarrierMut + ?Sized>(
    baggage: &Baggage,
    keep: impl Fn(&str) -> bool,
    carrier: &mut C,
) -> Option<&'static HeaderName> {
    if baggage.is_empty() {
        return Some(&BAGGAGE);
    }
    let list = list(baggage, keep);
    if list.is_empty() {
        return Some(&BAGGAGE);
    }
    carrier.set(&BAGGAGE, &list);
    None
}

fn list(baggage: &Baggage, keep: impl Fn(&str) -> bool) -> String {
    let mut members: Vec<_> = baggage.iter().filter(|(key, _)| keep(key.as_str())).collect();
    members.sort_unstable_by_key(|(key, _)| key.as_str());
    let mut list = String::new();
    let mut written = 0;
    for (key, (value, properties)) in members {
        let before = list.len();
        if written > 0 {
            list.push(',');
        }
        list.push_str(key.as_str());
        list.push('=');
        list.extend(utf8_percent_encode(value.as_str(), ENCODED));
        let properties = properties.as_str();
        if !properties.is_empty()
            && properties.bytes().all(|byte| is_visible(&byte) && byte != b',')
        {
            list.push(';');
            list.push_str(properties);
        }
        if list.len() > MAX_BYTES || written == MAX_MEMBERS {
            list.truncate(before);
        } else {
            written += 1;
        }
    }
    list
}

/// `token` (RFC 9110 §5.6.2).
fn is_token(key: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !key.is_empty() && key.iter().all(allowed)
}

/// `baggage-octet` (§3.3.1.1). A `=` may stand in a value.
fn is_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

fn is_visible(byte: &u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~')
}
