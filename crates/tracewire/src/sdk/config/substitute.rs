//! `${NAME}` in scalars.
//!
//! Specification: "Configuration Data Model", "Environment variable substitution".

/// A variable's value, if it is set.
pub(crate) type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// How long a text may become, in bytes.
const MOST: usize = 1 << 20;

/// `text` with references replaced: `${NAME}`, `${env:NAME}`, `${NAME:-default}`; `$$` is a `$`. What
/// is put in is not looked at again. `None` when there is nothing to replace.
///
/// # Errors
/// What is wrong with a reference, in words.
pub(crate) fn substitute(text: &str, lookup: &Lookup<'_>) -> Result<Option<String>, String> {
    if !text.contains('$') {
        return Ok(None);
    }
    // A reference does not reach across an escaped `$`.
    let parts: Result<Vec<_>, _> = text.split("$$").map(|part| references(part, lookup)).collect();
    Ok(Some(parts?.join("$")).filter(|result| result != text))
}

fn references(mut text: &str, lookup: &Lookup<'_>) -> Result<String, String> {
    let mut result = String::new();
    while let Some((before, rest)) = text.split_once("${") {
        result.push_str(before);
        match rest.split_once('}') {
            Some((reference, after)) if !reference.contains(['\n', '\r']) => {
                result.push_str(&value(reference, lookup)?);
                if result.len() > MOST {
                    return Err("the text is too large with what is put in".to_owned());
                }
                text = after;
            }
            _ => {
                result.push_str("${");
                text = rest;
            }
        }
    }
    result.push_str(text);
    Ok(result)
}

fn value(reference: &str, lookup: &Lookup<'_>) -> Result<String, String> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, default),
        None => (reference, ""),
    };
    let name = name.strip_prefix("env:").unwrap_or(name);
    if let Some((prefix, _)) = name.split_once(':').filter(|(prefix, _)| is_name(prefix)) {
        return Err(format!(
            "`${{{reference}}}` is not understood: before a `:` only `env` can stand, not \
             `{prefix}`, and after the name only `:-` and a default"
        ));
    }
    if !is_name(name) {
        return Err(format!(
            "`${{{reference}}}` is not understood: the name of a variable has letters, digits and \
             `_`, and begins with no digit; write `$$` for a `$` that is just one"
        ));
    }
    let value = lookup(name).filter(|value| !value.is_empty());
    Ok(value.unwrap_or_else(|| default.to_owned()))
}

fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "STRING_VALUE" => "value",
            "INVALID_MAP_VALUE" => "value\nkey:value",
            "REPLACE_ME" => "${DO_NOT_REPLACE_ME}",
            "VALUE_WITH_ESCAPE" => "value$$",
            "EMPTY" => "",
            "_1" => "one",
            "DO_NOT_REPLACE_ME" => "never",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn references_are_replaced_once() {
        let cases = [
            ("plain", "plain"),
            ("${STRING_VALUE}", "value"),
            ("${env:STRING_VALUE}", "value"),
            ("${_1}", "one"),
            ("foo ${STRING_VALUE} ${_1}", "foo value one"),
            ("${INVALID_MAP_VALUE}", "value\nkey:value"),
            ("${UNDEFINED}", ""),
            ("${EMPTY}", ""),
            ("${EMPTY:-fallback}", "fallback"),
            ("${UNDEFINED:-fallback}", "fallback"),
            ("${UNDEFINED:-}", ""),
            ("${UNDEFINED:-a:-b c}", "a:-b c"),
            ("${UNDEFINED:-ä}", "ä"),
            ("${REPLACE_ME}", "${DO_NOT_REPLACE_ME}"),
            ("${UNDEFINED:-${STRING_VALUE}}", "${STRING_VALUE}"),
            ("$${STRING_VALUE}", "${STRING_VALUE}"),
            ("$$${STRING_VALUE}", "$value"),
            ("$$$${STRING_VALUE}", "$${STRING_VALUE}"),
            ("$${STRING_VALUE:-fallback}", "${STRING_VALUE:-fallback}"),
            ("$${STRING_VALUE:-${STRING_VALUE}}", "${STRING_VALUE:-value}"),
            ("${UNDEFINED:-$${UNDEFINED}}", "${UNDEFINED:-${UNDEFINED}}"),
            ("${VALUE_WITH_ESCAPE}", "value$$"),
            ("a $$ b", "a $ b"),
            ("a $ b", "a $ b"),
            ("$", "$"),
            ("${", "${"),
            ("${STRING_VALUE", "${STRING_VALUE"),
            ("${A\n}${STRING_VALUE}", "${A\n}value"),
            ("$STRING_VALUE", "$STRING_VALUE"),
        ];
        for (text, expected) in cases {
            let found = substitute(text, &lookup);
            let found = found.map(|found| found.unwrap_or_else(|| text.to_owned()));
            assert_eq!(found.as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_reference_is_an_error() {
        let cases = [
            ("${STRING_VALUE:?error}", ":-"),
            ("${1API_KEY}", "begins with no digit"),
            ("${API_$KEY}", "just one"),
            ("${}", "just one"),
            ("${env:}", "just one"),
            ("${sys:STRING_VALUE}", "not `sys`"),
            ("${ STRING_VALUE }", "just one"),
            ("ok ${STRING_VALUE} ${a b}", "`${a b}`"),
        ];
        for (text, expected) in cases {
            let found = substitute(text, &lookup);
            assert!(found.as_ref().is_err_and(|why| why.contains(expected)), "{text}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_survived(text in "[${}:a_\\-\n1?é]{0,40}") {
            let _ = substitute(&text, &lookup);
        }

        #[test]
        fn what_is_escaped_comes_back(text in any::<String>()) {
            let escaped = text.replace('$', "$$");
            let found = substitute(&escaped, &lookup);
            prop_assert_eq!(found.map(|found| found.unwrap_or_else(|| escaped.clone())), Ok(text));
        }
    }
}
