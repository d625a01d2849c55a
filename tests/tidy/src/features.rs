//! The library's features: where they switch, and that the README tells of them.

use crate::checks::Found;
use crate::tree::Tree;

const MANIFEST: &str = "crates/tracewire/Cargo.toml";
const LIB: &str = "crates/tracewire/src/lib.rs";
const README: &str = "README.md";

/// What a line may begin with after an attribute that asks for a feature.
const GATED: &[&str] = &["mod ", "pub mod ", "pub(crate) mod ", "pub use "];

/// Attributes in lib.rs that ask for a feature and stand on something else than a module.
pub(crate) fn gates_in_lib(tree: &Tree) -> Vec<Found> {
    let Some(file) = tree.file(LIB) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut asking = None;
    for (index, line) in file.library_code().lines().enumerate() {
        let line = line.trim();
        let is_inner = line.starts_with("#![");
        if line.contains("feature = \"") && !is_inner {
            asking.get_or_insert(index + 1);
        }
        // Attributes may take several lines; the item is the first line that belongs to none of them.
        let is_attribute = line.starts_with('#') || line.ends_with(")]") || line.ends_with(',');
        if let Some(at) = asking
            && !line.is_empty()
            && !is_attribute
            && !line.contains("feature = \"")
        {
            if !GATED.iter().any(|start| line.starts_with(start)) {
                found.push((LIB.to_owned(), at, format!("a feature switches `{line}`")));
            }
            asking = None;
        }
    }
    found
}

/// Features of the library without a row in the README's table.
pub(crate) fn missing_in_readme(tree: &Tree) -> Vec<Found> {
    let Some(manifest) = tree.file(MANIFEST) else {
        return Vec::new();
    };
    let readme = tree.file(README).map_or("", |file| file.text.as_str());
    let cells: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix('|')?.split('|').next())
        .collect();
    declared(&manifest.text)
        .filter(|(_, feature)| {
            let name = format!("`{feature}`");
            !cells.iter().any(|cell| cell.contains(&name))
        })
        .map(|(line, feature)| {
            let what = format!("feature `{feature}` is not in {README}");
            (MANIFEST.to_owned(), line, what)
        })
        .collect()
}

/// The public features of a manifest: all but `default` and those that begin with an underscore.
fn declared(manifest: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = manifest.lines().enumerate();
    lines
        .skip_while(|(_, line)| line.trim() != "[features]")
        .skip(1)
        .take_while(|(_, line)| !line.starts_with('['))
        .filter_map(|(index, line)| {
            let name = line.split_once('=')?.0.trim().trim_matches('"');
            let is_name = name.starts_with(|it: char| it.is_alphanumeric());
            (is_name && name != "default").then_some((index + 1, name))
        })
}

#[cfg(test)]
mod tests {
    use super::declared;

    #[test]
    fn features_are_the_keys_of_their_section() {
        let manifest = "[package]\nname = \"x\"\n\n[features]\ndefault = [\"a\"]\n# b = no\na = []\n\"b\" = [\n  \
                        \"dep:c\",\n]\n_d = []\n\n[dependencies]\ne = \"1\"\n";
        let features: Vec<_> = declared(manifest).collect();
        assert_eq!(features, [(7, "a"), (8, "b")]);
    }
}
