//! Holds the house's structure over the source tree: what may stand where, and why.
//!
//! The rules are data, in `rules.rs`; what a pattern cannot say is a function, in `checks.rs`. A new rule also needs a
//! planted violation in `tests/planted.rs`.

mod checks;
mod code;
mod direction;
mod engine;
mod features;
mod links;
mod paths;
mod rules;
mod tree;

pub use engine::{Violation, names, violations};
pub use tree::{File, Tree};
