//! This repository is as its rules say.

use std::path::Path;

use tidy::{Tree, violations};

#[test]
fn the_house_is_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tree = Tree::tracked(&root).expect("Git lists the files");
    assert!(tree.file("Cargo.toml").is_some(), "the tree is this one");
    let found = violations(&tree);
    let report: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(
        found.is_empty(),
        "{} places break a rule (tests/tidy/src):\n{}",
        found.len(),
        report.join("\n")
    );
}
