//! The rules that need more than a pattern, each a function over the tree.

use crate::tree::Tree;
use crate::{direction, features, links};

/// A rule as a function.
#[derive(Debug)]
pub(crate) struct Check {
    /// A short name for messages.
    pub(crate) name: &'static str,
    /// Finds every place that breaks it: file, line from 1, and what is there.
    pub(crate) find: fn(&Tree) -> Vec<Found>,
    /// Why, for whoever is stopped by it.
    pub(crate) why: &'static str,
}

/// File, line from 1, and what is there.
pub(crate) type Found = (String, usize, String);

/// How many lines a file may have, tests not counted.
const LONGEST: usize = 400;

/// Every check.
pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "adapters-apart",
        find: direction::between_adapters,
        why: "adapters know nothing of one another; only axum, hyper, reqwest and tonic build on `http/`, and brokers on `messaging/`",
    },
    Check {
        name: "imports-point-down",
        find: direction::upwards,
        why: "context <- propagate <- telemetry and span <- adapters: the core knows nothing above it",
    },
    Check {
        name: "features-gate-modules",
        find: features::gates_in_lib,
        why: "in lib.rs a feature switches a `mod` or `pub use` line and nothing else",
    },
    Check {
        name: "features-in-readme",
        find: features::missing_in_readme,
        why: "every feature has a row in README.md's table, its name in backticks in the first cell",
    },
    Check {
        name: "short-files",
        find: long_files,
        why: "past 400 lines without tests a file holds more than one idea: split it by concept",
    },
    Check {
        name: "links-lead-somewhere",
        find: links::broken,
        why: "a local link names a file or folder of this repository",
    },
];

fn long_files(tree: &Tree) -> Vec<Found> {
    let sources = tree.within(&["crates/*/src"]).filter(|file| file.is_rust());
    sources
        .map(|file| (file, file.library_lines()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(file, lines)| (file.path.clone(), 1, format!("{lines} lines")))
        .collect()
}
