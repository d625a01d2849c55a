//! Which of many texts are meant: with `*` for any characters and `?` for one.

/// Texts that are in, but for those that are out.
#[derive(Clone, Debug, Default)]
pub(in crate::sdk) struct Patterns {
    /// `None` is everything.
    pub(super) included: Option<Vec<String>>,
    pub(super) excluded: Vec<String>,
}

impl Patterns {
    pub(in crate::sdk) fn matches(&self, text: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, text));
        self.included.as_deref().is_none_or(any) && !any(&self.excluded)
    }
}

/// In time proportional to both lengths at most: only the last `*` is ever tried again.
fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut last = None;
    loop {
        let mut rest = text.clone();
        match (pattern.next(), rest.next()) {
            (None, None) => return true,
            (Some('*'), _) => last = Some((pattern.clone(), text.clone())),
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => text = rest,
            _ => {
                // The last `*` takes one character more.
                let Some((after, from)) = &mut last else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), from.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        let cases = [
            ("process.*", "process.pid", true),
            ("process.*", "processor", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("?", "é", true),
            ("?", "", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*ab", "aab", true),
            ("4*", "404", true),
            ("**", "x", true),
            ("a?c*", "abcd", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        let stars = "a*".repeat(200);
        assert!(!matches(&format!("{stars}b"), &"a".repeat(5_000)));
    }

    #[test]
    fn what_is_out_is_out() {
        let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let patterns = Patterns { included: Some(own(&["a*"])), excluded: own(&["ab"]) };
        assert!(patterns.matches("aa") && !patterns.matches("ab") && !patterns.matches("b"));
        assert!(Patterns::default().matches("anything"));
    }
}
