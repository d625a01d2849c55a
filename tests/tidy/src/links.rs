//! Local links in Markdown files.

use crate::checks::Found;
use crate::tree::Tree;

/// Links to files or folders that are not in the tree.
pub(crate) fn broken(tree: &Tree) -> Vec<Found> {
    let mut found = Vec::new();
    for file in tree.files().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, target) in targets(&file.text) {
            let resolved = resolve(folder, target);
            if !resolved.is_some_and(|path| tree.has(&path)) {
                found.push((file.path.clone(), line, format!("`{target}`")));
            }
        }
    }
    found
}

/// The local targets of a Markdown text, without those in code, and the lines they are on.
fn targets(markdown: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fence = None;
    for (index, line) in markdown.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|it| start.starts_with(it));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(close)) if open == close => fence = None,
            (None, None) => {
                let targets = targets_in(line).into_iter().filter(|it| is_local(it));
                found.extend(targets.map(|target| (index + 1, target)));
            }
            _ => {}
        }
    }
    found
}

/// What `[text](target)` and `[name]: target` lead to, in one line.
fn targets_in(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    if let Some((name, target)) = line.trim_start().split_once("]: ")
        && name.starts_with('[')
    {
        found.push(destination(target));
    }
    // Code between backticks links to nothing: only every other piece is text.
    for (position, _) in line.match_indices("](") {
        let in_code = line[..position].matches('`').count() % 2 == 1;
        let rest = &line[position + 2..];
        if let (false, Some((target, _))) = (in_code, rest.split_once(')')) {
            found.push(destination(target));
        }
    }
    found
}

/// The destination without its title and angle brackets.
fn destination(target: &str) -> &str {
    let target = target.trim();
    match target.strip_prefix('<').and_then(|it| it.split_once('>')) {
        Some((inside, _)) => inside,
        None => target.split_whitespace().next().unwrap_or(""),
    }
}

fn is_local(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:") && !target.starts_with('#')
}

/// The path from the root, without a fragment; `None` when it leaves the repository.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let path = target.split('#').next().unwrap_or("");
    let start = if path.starts_with('/') { "" } else { folder };
    let mut names: Vec<&str> = start.split('/').filter(|it| !it.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{resolve, targets};

    #[test]
    fn targets_are_local_links_outside_code() {
        let text = "[a](b.md) and [c](d.md#e \"title\"), [f](<g h.md>)\n`[no](code)` [x](y)\n```\n[no](fence)\n```\n\
                    [w](https://example.com) [m](mailto:a@example.com) [top](#top)\n[ref]: z.md\n![i](i.svg)\n";
        let expected =
            [(1, "b.md"), (1, "d.md#e"), (1, "g h.md"), (2, "y"), (7, "z.md"), (8, "i.svg")];
        assert_eq!(targets(text), expected);
    }

    #[test]
    fn targets_are_resolved_from_the_folder_of_their_file() {
        let cases = [
            ("", "a.md", Some("a.md")),
            ("docs", "a.md#b", Some("docs/a.md")),
            ("docs", "../crates/", Some("crates")),
            ("docs", "/a.md", Some("a.md")),
            ("docs/x", "./../.", Some("docs")),
            ("docs", "../../a.md", None),
        ];
        for (folder, target, expected) in cases {
            assert_eq!(resolve(folder, target).as_deref(), expected, "{folder} {target}");
        }
    }
}
