//! Every rule finds what it is for, and nothing in what looks like it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use tidy::{Tree, names, violations};

const LIB: &str = "crates/tracewire/src/lib.rs";
const MANIFEST: &str = "crates/tracewire/Cargo.toml";

/// What breaks a rule: the rule, the line it is found on, a file and its text.
const PLANTED: &[(&str, usize, &str, &str)] = &[
    ("adapters-apart", 1, "crates/tracewire/src/redis.rs", "use crate::http::Config;\n"),
    (
        "adapters-apart",
        3,
        "crates/tracewire/src/axum.rs",
        "use crate::{\n    http,\n    hyper,\n};\n",
    ),
    ("adapters-apart", 1, "crates/tracewire/src/amqp/channel.rs", "use crate::nats;\n"),
    ("adapters-apart", 1, "crates/tracewire/src/messaging/client.rs", "use crate::amqp;\n"),
    ("adapters-apart", 1, "crates/tracewire/src/http/server.rs", "use super::super::sqlx;\n"),
    (
        "adapters-apart",
        2,
        "crates/tracewire/src/sqlx/mod.rs",
        "fn f() {\n    crate::messaging::g();\n}\n",
    ),
    (
        "imports-point-down",
        1,
        "crates/tracewire/src/context/b3.rs",
        "use crate::propagate::Propagator;\n",
    ),
    ("imports-point-down", 1, "crates/tracewire/src/span/mod.rs", "use crate::http;\n"),
    (
        "imports-point-down",
        1,
        "crates/tracewire/src/telemetry.rs",
        "use crate::{context, sdk::Guard};\n",
    ),
    (
        "sdk-only-at-process-start",
        1,
        "crates/tracewire/src/span/source.rs",
        "use opentelemetry_sdk::trace::Span;\n",
    ),
    ("what-travels-is-pure", 1, "crates/tracewire/src/context/carrier.rs", "use std::{env, fs};\n"),
    ("what-travels-is-pure", 2, "crates/tracewire/src/propagate.rs", "\nuse std::time::Instant;\n"),
    (
        "what-travels-is-pure",
        1,
        "crates/tracewire/src/propagate/otel.rs",
        "fn f() { tokio::spawn(g()); }\n",
    ),
    (
        "features-in-one-place",
        1,
        "crates/tracewire/src/http/mod.rs",
        "#[cfg(feature = \"axum\")]\nmod late;\n",
    ),
    (
        "features-in-one-place",
        2,
        "crates/tracewire/src/http/mod.rs",
        "#[cfg(any(\n    feature = \"axum\",\n))]\nmod x;\n",
    ),
    (
        "features-in-one-place",
        1,
        "crates/tracewire/src/redis.rs",
        "fn f() { if cfg!(feature = \"logs\") {} }\n",
    ),
    ("features-gate-modules", 1, LIB, "#[cfg(feature = \"axum\")]\nfn f() {}\n"),
    ("features-in-readme", 3, MANIFEST, "[features]\ndefault = []\naxum = []\n"),
    ("no-panics", 1, "crates/tracewire/src/http/body.rs", "fn f() { x.unwrap(); }\n"),
    ("no-panics", 1, "crates/tracewire-cli/src/lib.rs", "fn f() { x.expect(\"y\"); }\n"),
    ("no-panics", 3, LIB, "#[cfg(test)]\nmod tests {}\nfn f() { panic!(\"x\") }\n"),
    ("spans-have-one-owner", 1, "crates/tracewire/src/http/server.rs", "fn f() { span.end(); }\n"),
    (
        "spans-have-one-owner",
        1,
        "crates/tracewire/src/redis.rs",
        "fn f() { t.build_with_context(b, &cx); }\n",
    ),
    (
        "spans-have-one-owner",
        1,
        "crates/tracewire/src/sqlx/pool.rs",
        "fn f() { tracing::info_span!(\"x\"); }\n",
    ),
    ("no-ignored-tests", 2, "tests/w3c/tests/raw.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n"),
    (
        "no-ignored-tests",
        3,
        "crates/tracewire/src/lib.rs",
        "#[cfg(test)]\nmod t {\n#[ignore]\nfn f() {}\n}\n",
    ),
    ("no-ignored-examples", 1, LIB, "//! ```ignore\n//! ```\n"),
    ("no-machine-paths", 1, "deploy/compose.yaml", concat!("volume: /", "work/data\n")),
    ("no-machine-paths", 1, "README.md", concat!("cd /", "root/tracewire\n")),
    ("links-lead-somewhere", 1, "README.md", "[house](ARCHITECTURE.md)\n"),
    ("links-lead-somewhere", 2, "docs/a.md", "\n[up](../missing/)\n"),
];

/// What breaks no rule.
const INNOCENT: &[(&str, &str)] = &[
    (
        "crates/tracewire/src/axum.rs",
        "use axum::Router;\nuse crate::http::{self, Config};\nuse crate::axum::X;\n",
    ),
    (
        "crates/tracewire/src/redis.rs",
        "use crate::{span::Operation, metrics};\n#[cfg(test)]\nuse crate::http;\n",
    ),
    (
        "crates/tracewire/src/span/mod.rs",
        "use super::telemetry;\nfn f() { s.end(); t.build_with_context(b, c); }\n",
    ),
    ("crates/tracewire/src/telemetry.rs", "use crate::span::Operation;\n"),
    (
        "crates/tracewire/src/sdk/mod.rs",
        "use opentelemetry_sdk::Resource;\nuse std::time::Duration;\n",
    ),
    ("crates/tracewire-cli/src/main.rs", "use opentelemetry_sdk::Resource;\n"),
    (
        "crates/tracewire/src/context/b3.rs",
        "//! Not `tokio::time`.\nconst A: &str = \"std::fs\";\nuse std::fmt;\n",
    ),
    (
        "crates/tracewire/src/context/hex.rs",
        "#[cfg(test)]\nmod tests {\n    use std::time::Instant;\n}\n",
    ),
    (
        "crates/tracewire/src/http/body.rs",
        "/// `x.unwrap()`\nfn f() { x.unwrap_or(0); \"panic!()\"; }\n",
    ),
    (
        "crates/tracewire/src/http/late.rs",
        "#[cfg(all(test, feature = \"axum\"))]\nmod tests { fn f() { x.unwrap() } }\n",
    ),
    ("crates/tracewire/src/test/expect.rs", "fn f() { panic!(\"{}\", diff); }\n"),
    (
        LIB,
        "#![cfg_attr(docsrs, feature(doc_cfg))]\n#[cfg(feature = \"axum\")]\npub mod axum;\n#[cfg(any(\n    feature = \"axum\",\n    feature = \"hyper\",\n))]\n#[path = \"x\"]\nmod http;\n",
    ),
    (MANIFEST, "[features]\ndefault = []\naxum = [\"dep:axum\"]\n_private = []\n"),
    (
        "README.md",
        "| feature | what |\n|---|---|\n| `axum` | [the layer](crates/tracewire/src/axum.rs) |\n",
    ),
    (
        "docs/a.md",
        "[up](../README.md#x) [crates](../crates) [web](https://example.com)\n```text\n[no](link)\n```\n",
    ),
];

#[test]
fn every_planted_violation_is_found_where_it_is() {
    for (rule, line, path, text) in PLANTED {
        let found = violations(&Tree::of(&[(path, text)]));
        let places: Vec<_> = found.iter().map(|it| (it.rule, it.line, &*it.path)).collect();
        assert!(
            places.contains(&(*rule, *line, *path)),
            "{rule} in {path}:\n{text}\nfound only {places:?}"
        );
    }
}

#[test]
fn every_rule_has_a_planted_violation() {
    let planted: BTreeSet<_> = PLANTED.iter().map(|(rule, ..)| *rule).collect();
    let mut all: BTreeSet<_> = names().collect();
    // It has a test of its own, as its text is long.
    assert!(all.remove("short-files"));
    assert_eq!(planted, all);
}

#[test]
fn what_only_looks_like_a_violation_is_left_alone() {
    let found = violations(&Tree::of(INNOCENT));
    assert_eq!(found, []);
}

#[test]
fn files_are_measured_without_their_tests() {
    let path = "crates/tracewire/src/http/server.rs";
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "\n// x\n".repeat(300));
    let short = "//! x\n".repeat(400) + &tests;
    assert_eq!(violations(&Tree::of(&[(path, &short)])), []);
    let long = "//! x\n".repeat(401) + &tests;
    let found = violations(&Tree::of(&[(path, &long)]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].rule, &*found[0].what), ("short-files", "401 lines"));
}

#[test]
fn a_message_says_where_what_and_why() {
    let found = violations(&Tree::of(&[(LIB, "\nfn f() { todo!() }\n")]));
    let message = found[0].to_string();
    assert!(
        message.starts_with("crates/tracewire/src/lib.rs:2: [no-panics] `todo!(`: library code"),
        "{message}"
    );
}

#[test]
fn the_tree_is_what_git_keeps_or_would_keep() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tidy-tree");
    // What an earlier run left, if anything.
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("target")).expect("a folder");
    let git = |arguments: &[&str]| {
        let status = Command::new("git").args(arguments).current_dir(&root).status();
        assert!(status.expect("git").success(), "git {arguments:?}");
    };
    git(&["init", "--quiet"]);
    let files = [
        (".gitignore", &b"/target\n"[..]),
        ("target/out.md", b"[no](where)\n"),
        ("kept.md", b"[new](new.png)\n"),
        ("gone.md", b"[no](where)\n"),
        ("new.png", b"\x89PNG\xff"),
    ];
    for (name, content) in files {
        fs::write(root.join(name), content).expect("a file");
    }
    git(&["add", "kept.md", "gone.md"]);
    fs::remove_file(root.join("gone.md")).expect("it was there");

    let tree = Tree::tracked(&root).expect("Git lists the files");
    let mut paths: Vec<_> = tree.files().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, [".gitignore", "kept.md", "new.png"]);
    assert_eq!(violations(&tree), []);
    fs::write(root.join("kept.md"), "[no](where)\n").expect("a file");
    let tree = Tree::tracked(&root).expect("Git lists the files");
    assert_eq!(violations(&tree).len(), 1);
    fs::remove_dir_all(&root).expect("it can be removed");
}
