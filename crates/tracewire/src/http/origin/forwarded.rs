//! The `Forwarded` field (RFC 7239), and lists of addresses as proxies write them.

use std::net::{IpAddr, Ipv6Addr};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Elements kept at most. Proxies append, so these are the last ones.
const MAX_ELEMENTS: usize = 64;
/// A `Forwarded` field longer than this is no honest one.
const MAX_LENGTH: usize = 8192;

/// What one proxy says about the request that it received.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Element {
    /// Who sent it, without port and brackets: an address or an obfuscated name.
    pub(super) node: Option<String>,
    pub(super) proto: Option<String>,
    pub(super) host: Option<String>,
}

/// All `Forwarded` fields as one list; `None` when there is none to go by.
///
/// A malformed field is ignored, and so are those before it: proxies append, so what stands after it
/// is still theirs, while the client itself may have written it.
pub(super) fn standard(headers: &HeaderMap) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    for value in headers.get_all(header::FORWARDED) {
        if read(value, &mut elements).is_none() {
            elements.clear();
        }
    }
    (!elements.is_empty()).then_some(elements)
}

/// Adds the elements of one field, of which the last [`MAX_ELEMENTS`] are kept.
fn read(value: &HeaderValue, elements: &mut Vec<Element>) -> Option<()> {
    let mut rest = value.to_str().ok().filter(|text| text.len() <= MAX_LENGTH)?;
    loop {
        let (element, left) = element(rest)?;
        elements.extend(element);
        if elements.len() > MAX_ELEMENTS {
            elements.remove(0);
        }
        match left.strip_prefix(',') {
            Some(left) => rest = left,
            None => return Some(()),
        }
    }
}

/// Reads `[ forwarded-pair ] *( ";" [ forwarded-pair ] )` and returns what follows it. An element
/// without pairs is none (RFC 9110 §5.6.1); no parameter may stand twice (RFC 7239 §4).
fn element(text: &str) -> Option<(Option<Element>, &str)> {
    let (mut known, mut any, mut rest) = ([None, None, None], false, text.trim_start());
    loop {
        if !rest.starts_with([';', ',']) && !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = value(after)?;
            any = true;
            let name = name.trim_end();
            let allowed =
                |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(allowed) {
                return None;
            }
            let is_named = |parameter: &&str| name.eq_ignore_ascii_case(parameter);
            if let Some(index) = ["for", "proto", "host"].iter().position(is_named)
                && known[index].replace(value).is_some()
            {
                return None;
            }
            rest = after.trim_start();
        }
        match rest.strip_prefix(';') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() || rest.starts_with(',') => {
                let [sender, proto, host] = known;
                let node = sender.as_deref().and_then(node);
                let element = Element { node, proto, host };
                return Some((any.then_some(element), rest));
            }
            None => return None,
        }
    }
}

/// Reads a `token` or a `quoted-string` and returns what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',', ' ', '\t', '"']).unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return (!token.is_empty()).then(|| (token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// The address or the obfuscated name of a node, without port; `None` for `unknown`.
pub(super) fn node(text: &str) -> Option<String> {
    const LONGEST: usize = 255;
    let text = text.trim();
    if let Some(literal) = text.strip_prefix('[') {
        let (address, port) = literal.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        let is_whole = port.is_empty() || port.starts_with(':');
        return is_whole.then(|| address.to_canonical().to_string());
    }
    // One colon is followed by a port, several are an IPv6 address without brackets.
    let bare = match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => text,
    };
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(address.to_canonical().to_string());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let valid = !bare.is_empty() && bare.len() <= LONGEST && bare.bytes().all(allowed);
    (valid && !bare.eq_ignore_ascii_case("unknown")).then(|| bare.to_owned())
}

/// The last [`MAX_ELEMENTS`] entries of a comma-separated list over several fields. An entry that is
/// no text is empty.
pub(super) fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let fields = headers.get_all(name).iter().rev();
    let entries = fields.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    let text = |entry| std::str::from_utf8(entry).unwrap_or_default().trim();
    let mut last: Vec<&str> = entries.take(MAX_ELEMENTS).map(text).collect();
    last.reverse();
    last
}
