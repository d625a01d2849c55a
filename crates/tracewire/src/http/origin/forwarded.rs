//! The `Forwarded` field (RFC 7239), and lists of addresses as proxies write them.

use http::header::{self, HeaderMap, HeaderName};

/// Elements read at most; proxies append, so a longer list is no honest one.
const MAX_ELEMENTS: usize = 64;

/// What one proxy says about the request that it received.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Element {
    /// Who sent it, without port and brackets: an address or an obfuscated name.
    pub(super) node: Option<String>,
    pub(super) proto: Option<String>,
    pub(super) host: Option<String>,
}

/// All `Forwarded` fields as one list; `None` when there is none or it is malformed.
pub(super) fn standard(headers: &HeaderMap) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    for value in headers.get_all(header::FORWARDED) {
        let mut rest = value.to_str().ok()?;
        loop {
            let (element, left) = element(rest)?;
            elements.extend(element);
            match left.strip_prefix(',') {
                Some(left) if elements.len() < MAX_ELEMENTS => rest = left,
                Some(_) => return None,
                None => break,
            }
        }
    }
    (!elements.is_empty()).then_some(elements)
}

/// Reads `[ forwarded-pair ] *( ";" [ forwarded-pair ] )` and returns what follows it. An element
/// without pairs is none (RFC 9110 §5.6.1).
fn element(text: &str) -> Option<(Option<Element>, &str)> {
    let (mut found, mut any, mut rest) = (Element::default(), false, text.trim_start());
    loop {
        if !rest.starts_with([';', ',']) && !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = value(after)?;
            any = true;
            match name.trim() {
                name if name.eq_ignore_ascii_case("for") => found.node = node(&value),
                name if name.eq_ignore_ascii_case("proto") => found.proto = Some(value),
                name if name.eq_ignore_ascii_case("host") => found.host = Some(value),
                "" => return None,
                _ => {}
            }
            rest = after.trim_start();
        }
        match rest.strip_prefix(';') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() || rest.starts_with(',') => {
                return Some((any.then_some(found), rest));
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
    let bare = match text.strip_prefix('[') {
        Some(literal) => literal.split_once(']')?.0,
        // One colon is followed by a port, several are an IPv6 address without brackets.
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => host,
            _ => text,
        },
    };
    if let Ok(address) = bare.parse::<std::net::IpAddr>() {
        return Some(address.to_canonical().to_string());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let valid = !bare.is_empty() && bare.len() <= LONGEST && bare.bytes().all(allowed);
    (valid && !bare.eq_ignore_ascii_case("unknown")).then(|| bare.to_owned())
}

/// The entries of a comma-separated list over several fields; empty when one of them is no text.
pub(super) fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let mut entries = Vec::new();
    for value in headers.get_all(name) {
        let Ok(text) = value.to_str() else {
            return Vec::new();
        };
        entries.extend(text.split(',').map(str::trim));
        if entries.len() > MAX_ELEMENTS {
            return Vec::new();
        }
    }
    entries
}
