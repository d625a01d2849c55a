//! Text from outside, made safe to print: one line, no control over the terminal, a known width.

use unicode_width::UnicodeWidthChar;

/// The most columns of a text that are ever wanted.
const ALL: usize = 500;

/// How many marks may stand on one character; the rest are left out.
const MARKS: usize = 3;

const REPLACEMENT: char = '\u{FFFD}';

/// The text without what could steer a terminal, cut to about five hundred columns.
///
/// ASCII controls become their pictures (`␛`), other controls, direction overrides and line separators become `�`, what is invisible is left out.
/// Text that runs from right to left is isolated, so that it cannot reorder what stands beside it. Cleaning twice changes
/// nothing.
pub(crate) fn clean(text: &str) -> String {
    fit(text, ALL)
}

/// Like [`clean`], cut to `columns`, with `…` where something was cut off.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let (mut used, mut marks) = (0, 0);
    // Where the ellipsis would have to go.
    let mut cut = 0;
    for c in text.chars().filter_map(printable) {
        let width = c.width().unwrap_or(0);
        if width == 0 {
            marks += 1;
            if marks > MARKS || out.is_empty() {
                continue;
            }
        } else {
            marks = 0;
        }
        if used + width > columns {
            out.truncate(cut);
            if columns > 0 {
                out.push('…');
            }
            break;
        }
        out.push(c);
        used += width;
        if used < columns {
            cut = out.len();
        }
    }
    if out.contains(runs_right_to_left) { format!("\u{2068}{out}\u{2069}") } else { out }
}

/// How many columns a cleaned text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

fn printable(c: char) -> Option<char> {
    match c {
        '\0'..='\u{1F}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7F}' => Some('\u{2421}'),
        '\u{80}'..='\u{9F}' => Some(REPLACEMENT),
        // Line and paragraph separators; direction marks, embeddings and overrides.
        '\u{2028}'..='\u{202E}' => Some(REPLACEMENT),
        '\u{200E}' | '\u{200F}' | '\u{61C}' => Some(REPLACEMENT),
        // Invisible: soft hyphen, joiners, isolates, fillers, annotations, and the selectors that change a character's width.
        '\u{AD}' | '\u{34F}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200D}' => None,
        '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' => None,
        '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{3164}' | '\u{FFA0}' => None,
        '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' => None,
        '\u{E0000}'..='\u{E0FFF}' => None,
        _ => Some(c),
    }
}

fn runs_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}'
        | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn what_could_steer_a_terminal_is_shown_instead() {
        for (text, shown) in [
            ("GET /orders/{id}", "GET /orders/{id}"),
            ("", ""),
            ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
            ("\x1b]0;title\x07", "␛]0;title␇"),
            ("one\ntwo\r\n\tthree", "one␊two␍␊␉three"),
            ("\u{9b}31m\u{85}", "�31m�"),
            ("\u{7f}\0", "␡␀"),
            ("safe\u{202e}gpj.exe", "safe�gpj.exe"),
            ("a\u{200b}b\u{feff}c\u{ad}d\u{2028}", "abcd�"),
            ("\u{301}lonely", "lonely"),
            ("e\u{301}\u{302}\u{303}\u{304}\u{305}!", "e\u{301}\u{302}\u{303}!"),
            ("注文 ☕", "注文 ☕"),
            ("שלום", "\u{2068}שלום\u{2069}"),
        ] {
            assert_eq!(clean(text), shown, "{text:?}");
        }
    }

    #[test]
    fn cutting_leaves_an_ellipsis_inside_the_columns() {
        for (text, columns, shown) in [
            ("checkout", 8, "checkout"),
            ("checkout", 7, "checko…"),
            ("checkout", 1, "…"),
            ("checkout", 0, ""),
            ("注文を作る", 10, "注文を作る"),
            ("注文を作る", 9, "注文を作…"),
            ("注文を作る", 8, "注文を…"),
            ("注文", 1, "…"),
            ("ab\u{301}c", 2, "a…"),
            ("ab\u{301}c", 3, "ab\u{301}c"),
        ] {
            assert_eq!(fit(text, columns), shown, "{text:?} in {columns}");
        }
    }

    proptest! {
        #[test]
        fn any_text_fits_and_is_printable(text in "\\PC*|(?s).*", columns in 0..40_usize) {
            let shown = fit(&text, columns);
            prop_assert!(shown.width() <= columns, "{shown:?}");
            prop_assert!(width(&shown) <= columns, "{shown:?}");
            prop_assert!(!shown.contains(char::is_control), "{shown:?}");
            prop_assert_eq!(fit(&shown, columns), shown);
        }
    }
}
