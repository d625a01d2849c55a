//! The fields of a driver's connect options.
//!
//! Drivers have getters of their own, which no trait offers; what all options offer is `Debug`. Its
//! derived form is read here, with strings respected, so that nothing inside a password is taken for
//! a field. What has another form has no fields.

/// A value of the form `Name { field: value, .. }`.
pub(super) struct Fields<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(debug: &'a str) -> Self {
        let mut fields = Vec::new();
        let body = debug.split_once(" { ").map_or("", |(_, body)| body);
        let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
        let mut start = 0;
        for (at, byte) in body.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'(' | b'[' => depth += 1,
                b'}' | b')' | b']' if depth > 0 => depth -= 1,
                b',' | b'}' if depth == 0 => {
                    let field = body.get(start..at).unwrap_or_default();
                    fields.extend(field.split_once(':').map(|(name, it)| (name.trim(), it.trim())));
                    start = at + 1;
                }
                _ => {}
            }
        }
        Self { fields }
    }

    /// The value of a field as it stands.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
    }

    /// The value of a field that is a string, or `Some` of one.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.raw(name)?;
        let inner = value.strip_prefix("Some(").and_then(|value| value.strip_suffix(')'));
        let quoted = inner.unwrap_or(value).strip_prefix('"')?.strip_suffix('"')?;
        unescaped(quoted)
    }
}

/// Undoes the escapes of `str`'s `Debug`; `None` for one that is not known.
fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        if char != '\\' {
            plain.push(char);
            continue;
        }
        match rest.next()? {
            'n' => plain.push('\n'),
            'r' => plain.push('\r'),
            't' => plain.push('\t'),
            '0' => plain.push('\0'),
            'u' => {
                let (code, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
                plain.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
                rest = after.chars();
            }
            same => plain.push(same),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[derive(Debug)]
    #[allow(dead_code, reason = "read through Debug")]
    struct Options {
        host: String,
        password: Option<String>,
        nested: Option<Nested>,
        port: u16,
        database: Option<String>,
    }

    #[derive(Debug)]
    #[allow(dead_code, reason = "read through Debug")]
    struct Nested {
        host: &'static str,
        list: Vec<&'static str>,
    }

    #[test]
    fn fields_are_found_whatever_stands_in_the_strings() {
        for odd in ["", "plain", "a\", host: \"evil", "{[(", "}])", "\\", "\n\t\u{7f}é\"'", "Some("]
        {
            let options = Options {
                host: odd.to_owned(),
                password: Some(odd.to_owned()),
                nested: Some(Nested { host: "inner", list: vec!["a", "}"] }),
                port: 5432,
                database: Some(odd.to_owned()),
            };
            let text = format!("{options:?}");
            let fields = Fields::of(&text);
            assert_eq!(fields.text("host").as_deref(), Some(odd), "{text}");
            assert_eq!(fields.text("database").as_deref(), Some(odd), "{text}");
            assert_eq!(fields.raw("port"), Some("5432"), "{text}");
            assert_eq!(fields.text("port"), None);
            assert_eq!(fields.raw("list"), None);
        }
    }

    #[test]
    fn other_forms_have_no_fields() {
        for text in ["", "Unit", "Tuple(1, 2)", "X { ", "X { a", "X { a: \"", "é { ü: 1 }"] {
            assert_eq!(Fields::of(text).text("a"), None, "{text}");
        }
    }
}
