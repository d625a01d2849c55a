//! Comments in statements that tell the database who asks (SQLCommenter).

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::settings::CommentContext;
use super::sql::Dialect;
use crate::Telemetry;
use crate::context::CarrierMut;

/// What keys and values are encoded with: all but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What to append to statements.
#[derive(Clone, Debug, Default)]
pub(super) struct Comment {
    /// Encoded, sorted by key.
    tags: Vec<(String, String)>,
    /// The tags as a comment, with a space before it; empty without tags.
    fixed: String,
    pub(super) context: Option<CommentContext>,
}

impl Comment {
    /// Adds tags; one that was there already is replaced.
    pub(super) fn tag<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        tags: impl IntoIterator<Item = (K, V)>,
    ) {
        for (key, value) in tags {
            put(&mut self.tags, key.as_ref(), value.as_ref());
        }
        self.fixed = written(&self.tags);
    }

    /// Whether the context is wanted in a statement of this kind.
    pub(super) fn wants_context(&self, kept: bool, sampled: bool) -> bool {
        match self.context {
            None => false,
            Some(CommentContext::Unprepared) => !kept,
            Some(CommentContext::Sampled) => sampled,
        }
    }

    /// `text` with the comment at its end, before a closing semicolon, or `None` if there is nothing
    /// to append, or a comment is there already.
    pub(super) fn append(
        &self,
        text: &str,
        dialect: Dialect,
        context: Option<(&Telemetry, &Context)>,
    ) -> Option<String> {
        let own: String;
        let comment = match context.filter(|(_, context)| context.span().span_context().is_valid())
        {
            None => &self.fixed,
            Some((telemetry, context)) => {
                let mut tags = Tags(self.tags.clone());
                telemetry.inject_filtered(context, |_| false, &mut tags);
                own = written(&tags.0);
                &own
            }
        };
        if comment.is_empty() || has_comment(text, dialect) {
            return None;
        }
        let end = text.trim_end_matches(|char: char| char.is_whitespace() || char == ';').len();
        let (statement, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        if statement.is_empty() {
            return None;
        }
        Some([statement, comment, rest].concat())
    }
}

/// Whether something in a text looks like a comment. It may stand in a string; then the statement
/// goes without ours.
fn has_comment(text: &str, dialect: Dialect) -> bool {
    let hash = dialect == Dialect::MySql && text.contains('#');
    hash || text.contains("/*") || text.contains("--")
}

fn put(tags: &mut Vec<(String, String)>, key: &str, value: &str) {
    let encoded = |text| utf8_percent_encode(text, RESERVED).to_string();
    let (key, value) = (encoded(key), encoded(value));
    if key.is_empty() {
        return;
    }
    match tags.binary_search_by(|(known, _)| known.cmp(&key)) {
        Ok(at) => tags.iter_mut().skip(at).take(1).for_each(|tag| tag.1.clone_from(&value)),
        Err(at) => tags.insert(at, (key, value)),
    }
}

fn written(tags: &[(String, String)]) -> String {
    if tags.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("{key}='{value}'")).collect();
    format!(" /*{}*/", pairs.join(","))
}

/// Headers as tags.
struct Tags(Vec<(String, String)>);

impl CarrierMut for Tags {
    fn set(&mut self, name: &HeaderName, value: &str) {
        put(&mut self.0, name.as_str(), value);
    }

    fn remove(&mut self, name: &HeaderName) {
        self.0.retain(|(key, _)| key != name.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::Comment;
    use crate::sqlx::sql::Dialect;

    fn comment(tags: &[(&str, &str)]) -> Comment {
        let mut comment = Comment::default();
        comment.tag(tags.iter().copied());
        comment
    }

    #[test]
    fn comments_stand_at_the_end() {
        let comment = comment(&[("route", "/orders/{id}"), ("app", "shop's */ 100%")]);
        let tags = "/*app='shop%27s%20%2A%2F%20100%25',route='%2Forders%2F%7Bid%7D'*/";
        for (text, expected) in [
            ("SELECT 1", Some(format!("SELECT 1 {tags}"))),
            ("SELECT 1;", Some(format!("SELECT 1 {tags};"))),
            ("SELECT 1 ; \n", Some(format!("SELECT 1 {tags} ; \n"))),
            ("SELECT 'é'", Some(format!("SELECT 'é' {tags}"))),
            ("SELECT 1 /* mine */", None),
            ("SELECT 1 -- mine", None),
            ("SELECT 1 # mine", None),
            ("SELECT a #> '{b}'", None),
            ("", None),
            (" ;", None),
        ] {
            assert_eq!(comment.append(text, Dialect::MySql, None), expected, "{text}");
        }
        let path = comment.append("SELECT a #> '{b}'", Dialect::Postgres, None);
        assert_eq!(path, Some(format!("SELECT a #> '{{b}}' {tags}")));
    }

    #[test]
    fn a_tag_named_again_is_replaced() {
        let mut comment = comment(&[("b", "1"), ("a", "2"), ("b", "3"), ("", "4")]);
        comment.tag([("a", "5")]);
        assert_eq!(comment.append("X", Dialect::Other, None).as_deref(), Some("X /*a='5',b='3'*/"));
    }

    #[test]
    fn without_tags_there_is_no_comment() {
        assert_eq!(comment(&[]).append("SELECT 1", Dialect::Other, None), None);
    }
}
