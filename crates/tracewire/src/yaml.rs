//! One YAML document, read into a tree in which every value knows its place.
//!
//! The tree is bounded, whatever the document says: an alias is a copy, and copies count.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::sdk::{Content, Fault, Key, Lookup, Mark, Node, Scalar, substitute};

/// How deep lists and maps may be in each other.
const DEPTH: usize = 48;
/// How many values there may be, with copies.
const NODES: usize = 50_000;
/// How long all texts together may be, after substitution and with copies.
const BYTES: usize = 4 << 20;

/// Braces have a meaning of their own there.
const HINT: &str = "; inside of `{ }` and `[ ]`, a `${…}` needs quotes around it";

/// The document's value; nothing at all is null. Variables are substituted in scalars, not in keys.
///
/// # Errors
/// What is wrong with the document, and where.
pub(crate) fn parse(text: &str, lookup: &Lookup<'_>) -> Result<Node, Fault> {
    let mut tree = Tree { lookup, open: Vec::new(), anchors: HashMap::new(), left: ROOM };
    let mut root = None;
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let at = mark(error.marker());
            let line = text.lines().nth(at.line.saturating_sub(1)).unwrap_or_default();
            let hint = if line.contains("${") { HINT } else { "" };
            Fault::at(at, format!("this is not YAML: {}{hint}", error.info()))
        })?;
        let at = mark(&span.start);
        match event {
            Event::DocumentStart(_) if root.is_some() => {
                return Err(Fault::at(at, "a second document begins here; there can be only one"));
            }
            event => root = tree.take(event, at)?.or(root),
        }
    }
    Ok(root.unwrap_or_else(|| {
        let nothing = Scalar { text: String::new(), plain: true, written: None };
        Node { at: Mark { line: 1, column: 1 }, content: Content::Scalar(nothing) }
    }))
}

/// What has been read so far.
struct Tree<'a> {
    lookup: &'a Lookup<'a>,
    /// The lists and maps around the present place, the innermost last.
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Size)>,
    left: Size,
}

struct Open {
    at: Mark,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    /// With the key whose value comes next.
    Map(Vec<(Key, Node)>, Option<Key>),
}

/// What a value takes up.
#[derive(Clone, Copy)]
struct Size {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

const ROOM: Size = Size { nodes: NODES, bytes: BYTES, depth: DEPTH };

impl Tree<'_> {
    /// The whole value, when this is its end.
    fn take(&mut self, event: Event<'_>, at: Mark) -> Result<Option<Node>, Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = is_plain(style, tag.as_deref(), at)?;
                if self.wants_key() {
                    return self.key(at, &text);
                }
                let written = text.into_owned();
                let substituted = substitute(&written, self.lookup);
                let scalar = match substituted.map_err(|why| Fault::at(at, why))? {
                    Some(text) => Scalar { text, plain, written: Some(written) },
                    None => Scalar { text: written, plain, written: None },
                };
                let node = Node { at, content: Content::Scalar(scalar) };
                self.spend(size(&node), at)?;
                self.add(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                known(tag.as_deref(), "seq", at)?;
                self.begin(at, anchor, Inside::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                known(tag.as_deref(), "map", at)?;
                self.begin(at, anchor, Inside::Map(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { at, anchor, inside }) = self.open.pop() else {
                    return Ok(None);
                };
                let content = match inside {
                    Inside::List(list) => Content::List(list),
                    Inside::Map(entries, _) => Content::Map(merged(entries)?),
                };
                self.add(Node { at, content }, anchor)
            }
            Event::Alias(anchor) => {
                if self.wants_key() {
                    return Err(Fault::at(at, "an alias cannot be a key"));
                }
                let Some((node, size)) = self.anchors.get(&anchor) else {
                    return Err(Fault::at(at, "this alias stands inside of what it stands for"));
                };
                let (node, size) = (node.clone(), *size);
                self.spend(size, at)?;
                self.add(node, 0)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(None),
        }
    }

    fn begin(&mut self, at: Mark, anchor: usize, inside: Inside) -> Result<Option<Node>, Fault> {
        if self.wants_key() {
            return Err(Fault::at(at, "a key should be a text"));
        }
        self.spend(Size { nodes: 1, bytes: 0, depth: 1 }, at)?;
        self.open.push(Open { at, anchor, inside });
        Ok(None)
    }

    /// Whether a map waits for its next key.
    fn wants_key(&self) -> bool {
        let innermost = self.open.last().map(|open| &open.inside);
        matches!(innermost, Some(Inside::Map(_, None)))
    }

    fn key(&mut self, at: Mark, name: &str) -> Result<Option<Node>, Fault> {
        self.spend(Size { nodes: 1, bytes: name.len(), depth: 0 }, at)?;
        if let Some(Open { inside: Inside::Map(_, key), .. }) = self.open.last_mut() {
            *key = Some(Key { at, name: name.to_owned() });
        }
        Ok(None)
    }

    /// Puts a whole value into what is around it.
    fn add(&mut self, node: Node, anchor: usize) -> Result<Option<Node>, Fault> {
        // Zero means that it has no anchor.
        if anchor != 0 {
            let size = size(&node);
            self.spend(size, node.at)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut().map(|open| &mut open.inside) {
            Some(Inside::List(list)) => list.push(node),
            Some(Inside::Map(entries, key)) => entries.extend(key.take().map(|key| (key, node))),
            None => return Ok(Some(node)),
        }
        Ok(None)
    }

    fn spend(&mut self, size: Size, at: Mark) -> Result<(), Fault> {
        let too = |what| Fault::at(at, format!("the configuration is too {what}"));
        if self.open.len() + size.depth > DEPTH {
            return Err(too("deep"));
        }
        let nodes = self.left.nodes.checked_sub(size.nodes).ok_or_else(|| too("large"))?;
        let bytes = self.left.bytes.checked_sub(size.bytes).ok_or_else(|| too("large"))?;
        self.left = Size { nodes, bytes, ..self.left };
        Ok(())
    }
}

/// Only of whole values, which are not deeper than they may be.
fn size(node: &Node) -> Size {
    let (mut sum, inside) = match &node.content {
        Content::Scalar(Scalar { text, written, .. }) => {
            let bytes = text.len() + written.as_ref().map_or(0, String::len);
            (Size { nodes: 1, bytes, depth: 0 }, Vec::new())
        }
        Content::List(list) => (Size { nodes: 1, bytes: 0, depth: 1 }, list.iter().collect()),
        Content::Map(entries) => {
            let bytes = entries.iter().map(|(key, _)| key.name.len()).sum();
            let nodes = 1 + entries.len();
            (Size { nodes, bytes, depth: 1 }, entries.iter().map(|(_, node)| node).collect())
        }
    };
    for part in inside.into_iter().map(size) {
        sum.nodes += part.nodes;
        sum.bytes += part.bytes;
        sum.depth = sum.depth.max(1 + part.depth);
    }
    sum
}

/// The entries of a map, with those that `<<` brings in, which count for less.
fn merged(entries: Vec<(Key, Node)>) -> Result<Vec<(Key, Node)>, Fault> {
    let (merges, mut entries): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|(key, _)| key.name == "<<");
    let mut places = HashMap::new();
    for (key, _) in &entries {
        if let Some(before) = places.insert(key.name.clone(), key.at) {
            let why = format!("`{}` is there already, at {before}", key.name);
            return Err(Fault::at(key.at, why));
        }
    }
    for (key, node) in merges {
        let maps = match node.content {
            Content::List(list) => list,
            content => vec![Node { at: node.at, content }],
        };
        for map in maps {
            let Content::Map(more) = map.content else {
                return Err(Fault::at(key.at, "`<<` should be followed by a mapping"));
            };
            for (key, node) in more {
                if places.insert(key.name.clone(), key.at).is_none() {
                    entries.push((key, node));
                }
            }
        }
    }
    Ok(entries)
}

/// Whether a scalar can be something else than a text.
fn is_plain(style: ScalarStyle, tag: Option<&Tag>, at: Mark) -> Result<bool, Fault> {
    match tag {
        None => Ok(style == ScalarStyle::Plain),
        Some(tag) if tag.is_yaml_core_schema() => match &*tag.suffix {
            "str" => Ok(false),
            "null" | "bool" | "int" | "float" => Ok(true),
            _ => Err(unknown(tag, at)),
        },
        Some(tag) => Err(unknown(tag, at)),
    }
}

fn known(tag: Option<&Tag>, suffix: &str, at: Mark) -> Result<(), Fault> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() || tag.suffix != suffix => Err(unknown(tag, at)),
        _ => Ok(()),
    }
}

fn unknown(tag: &Tag, at: Mark) -> Fault {
    let tag = format!("{}{}", tag.handle, tag.suffix);
    Fault::at(at, format!("the tag `{}` is not known here", tag.escape_debug()))
}

fn mark(marker: &Marker) -> Mark {
    Mark { line: marker.line(), column: marker.col() + 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tree as JSON-like text, with the place of every scalar.
    fn outline(node: &Node) -> String {
        let join = |parts: Vec<String>| parts.join(", ");
        match &node.content {
            Content::Scalar(scalar) => format!("{:?}@{}", scalar.value(), node.at),
            Content::List(list) => format!("[{}]", join(list.iter().map(outline).collect())),
            Content::Map(entries) => {
                let entry = |(key, node): &(Key, Node)| {
                    format!("{}@{}: {}", key.name, key.at, outline(node))
                };
                format!("{{{}}}", join(entries.iter().map(entry).collect()))
            }
        }
    }

    fn read(text: &str) -> Result<String, Fault> {
        let lookup = |name: &str| (name == "TWO").then(|| "2".to_owned());
        parse(text, &lookup).map(|node| outline(&node))
    }

    #[test]
    fn every_value_has_its_place() {
        let cases = [
            ("", "Null@1:1"),
            (
                "a: 1\nb:\n  - x\n  - 'y'\n",
                "{a@1:1: Int(1)@1:4, b@2:1: [Text(\"x\")@3:5, Text(\"y\")@4:5]}",
            ),
            ("a:\n", "{a@1:1: Null@1:2}"),
            ("{\"a\": [true, 1.5]}", "{a@1:2: [Bool(true)@1:8, Float(1.5)@1:14]}"),
            ("a: ${TWO}\n${TWO}: \"${TWO}\"", "{a@1:1: Int(2)@1:4, ${TWO}@2:1: Text(\"2\")@2:9}"),
            ("a: !!str 1\nb: !!int '1'", "{a@1:1: Text(\"1\")@1:4, b@2:1: Int(1)@2:4}"),
            ("a: &x 1\nb: *x", "{a@1:1: Int(1)@1:4, b@2:1: Int(1)@1:4}"),
            (
                "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3",
                "{a@1:1: {p@1:8: Int(1)@1:11, q@1:14: Int(2)@1:17}, \
                 b@2:1: {q@4:3: Int(3)@4:6, p@1:8: Int(1)@1:11}}",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn faults_have_a_place_and_a_reason() {
        let deep = format!("a: {}", "[".repeat(60));
        let blocks = format!("{}x", "- ".repeat(60));
        let cases = [
            ("a: 1\na: 2", 2, "`a` is there already, at 1:1"),
            ("a: [1", 2, "not YAML"),
            ("a: 1\n  b: 2", 2, "not YAML"),
            ("a: 1\n---\nb: 2", 2, "second document"),
            ("a: !mine 1", 1, "`!mine`"),
            ("a: !!set {x}", 1, "tag"),
            ("? [a]\n: 1", 1, "a key should be a text"),
            ("a: &x [*x]", 1, "inside of what it stands for"),
            ("a: &x 1\n*x : 2", 2, "cannot be a key"),
            ("a: *x", 1, "not YAML"),
            ("b:\n  <<: 1", 2, "followed by a mapping"),
            ("a:\n  - ${1}", 2, "is not understood"),
            (&deep, 1, "too deep"),
            (&blocks, 1, "too deep"),
        ];
        for (text, line, expected) in cases {
            let found = read(text);
            let is = found.as_ref().is_err_and(|fault| {
                fault.at.is_some_and(|at| at.line == line) && fault.why.contains(expected)
            });
            assert!(is, "{text}: {found:?}");
        }
    }

    #[test]
    fn copies_are_bounded() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        let mut chain = "a0: &a0 [x]\n".to_owned();
        for n in 1..60 {
            let last = format!("*a{}", n - 1);
            laughs += &format!("a{n}: &a{n} [{}]\n", [&*last; 10].join(", "));
            chain += &format!("a{n}: &a{n} [{last}]\n");
        }
        let large = format!("a: &a {}\nb: [{}]", "x".repeat(100_000), ["*a"; 100].join(", "));
        for (text, expected) in [(laughs, "large"), (chain, "deep"), (large, "large")] {
            let found = parse(&text, &|_| None);
            let expected = format!("too {expected}");
            assert!(found.is_err_and(|fault| fault.why.contains(&expected)), "{expected}");
        }
        let long = |_: &str| Some("x".repeat(100_000));
        let found = parse(&format!("a: [{}]", ["'${A}'"; 100].join(", ")), &long);
        assert!(found.is_err_and(|fault| fault.why.contains("too large")));
    }

    /// Pieces of YAML that mean something to somebody.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a", "b: ", ": ", "- ", "? ", "\n", "\n  ", "\n\t", "[", "]", "{", "}", ", ", "&a ",
            "*a", "<<: ", "!!str ", "!", "|\n", ">-\n", "'", "\"", "\\", "#", "---", "...",
            "%YAML", "${A}", "${A:-b}", "$$", "${", "~", "1", "é", "\u{feff}", "\0", "\r",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn anything_is_survived(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn anything_like_yaml_is_survived(text in pieces()) {
            let _ = read(&text);
        }
    }
}
