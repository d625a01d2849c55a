//! `OTEL_ENTITIES`.
//!
//! Specification: Entity Propagation.

use http::Uri;

use super::{Env, decode};
use crate::sdk::Entity;

const NAME: &str = "OTEL_ENTITIES";
const WANTED: &str = "type{key=value,…}[key=value,…]@schema_url, percent-encoded";

impl Env {
    /// `type{key=value,…}[key=value,…]@schema_url;…`, of which the part in brackets and the URL may be
    /// missing. An entity that is not understood is left out.
    pub(in crate::sdk) fn entities(&mut self) -> Vec<Entity> {
        let text = self.text(NAME).unwrap_or_default();
        let mut entities = Vec::new();
        for item in text.split(';').map(str::trim).filter(|item| !item.is_empty()) {
            let Some((entity, url)) = entity(item) else {
                self.complain_of(format!("a part of {NAME} is ignored: it should be {WANTED}"));
                continue;
            };
            let entity = match url {
                None => entity,
                Some(url) if is_url(url) => entity.schema_url(url),
                Some(_) => {
                    self.complain_of(format!("a URL in {NAME} is ignored: it should be whole"));
                    entity
                }
            };
            for lost in entity.join(&mut entities) {
                self.complain_of(format!("{NAME}: {lost}"));
            }
        }
        entities
    }
}

/// One entity, and the URL of its schema.
fn entity(text: &str) -> Option<(Entity, Option<&str>)> {
    let (kind, rest) = text.split_once('{')?;
    let (id, rest) = rest.split_once('}')?;
    let (description, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let url = match rest.strip_prefix('@') {
        Some(url) => Some(url),
        None if rest.is_empty() => None,
        None => return None,
    };
    let mut id = pairs(id)?.into_iter();
    let (key, value) = id.next()?;
    let entity = Entity::new(name(kind)?, key, value);
    let entity = id.fold(entity, |entity, (key, value)| entity.id(key, value));
    let description = pairs(description)?.into_iter();
    Some((description.fold(entity, |entity, (key, value)| entity.describe(key, value)), url))
}

fn pairs(text: &str) -> Option<Vec<(&str, String)>> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    pairs.map(pair).collect()
}

fn pair(text: &str) -> Option<(&str, String)> {
    let (key, value) = text.split_once('=')?;
    let reserved = |char: char| "{}[]@=".contains(char);
    Some((name(key)?, decode(value).filter(|_| !value.contains(reserved))?))
}

/// Of a type or a key.
fn name(text: &str) -> Option<&str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    (begins && text.bytes().all(allowed)).then_some(text)
}

fn is_url(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|url| url.scheme().is_some() && url.authority().is_some())
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    fn service(name: &str) -> Entity {
        Entity::new("service", "service.name", name)
    }

    #[test]
    fn lists_of_entities() {
        let host = || Entity::new("host", "host.id", "123");
        let schema = "https://opentelemetry.io/schemas/1.21.0";
        let cases = [
            ("", vec![], 0),
            ("service{service.name=a}", vec![service("a")], 0),
            (";service{service.name=a};; host{host.id=123};", vec![service("a"), host()], 0),
            (
                &format!(
                    "service{{service.name=a,service.instance.id=1}}[service.version=2]@{schema}"
                ),
                vec![
                    service("a")
                        .id("service.instance.id", "1")
                        .describe("service.version", "2")
                        .schema_url(schema),
                ],
                0,
            ),
            (
                "service{service.name=my%2Capp}[config=key%3Dvalue%5Bprod%5D]",
                vec![service("my,app").describe("config", "key=value[prod]")],
                0,
            ),
            ("service{service.name=}[]", vec![service("")], 0),
            // What cannot be read costs nothing else.
            (
                "service{service.name=a};invalid{syntax;host{host.id=123}",
                vec![service("a"), host()],
                1,
            ),
            ("service{};host{host.id=123}", vec![host()], 1),
            ("{a=b};9{a=b};a b{a=b};a{b};a{=b};a{b=%zz};a{b=c=d};a{b=c}x;a{b=c}[d", vec![], 1),
            ("service{service.name=a}@invalid-url", vec![service("a")], 1),
            // The last one counts.
            (
                "service{service.name=a}[version=1];service{service.name=a}[version=2]",
                vec![service("a").describe("version", "2")],
                1,
            ),
            ("service{service.name=a};service{service.name=b}", vec![service("b")], 1),
            (
                "service{service.name=a}[version=1];host{host.id=123}[version=2]",
                vec![service("a"), host().describe("version", "2")],
                1,
            ),
        ];
        for (text, expected, complaints) in cases {
            let found = ask(&[(NAME, text)], Env::entities);
            assert_eq!(found, (expected, complaints), "{text}");
        }
    }
}
