//! Where things are in this repository.

use std::path::{Path, PathBuf};

use crate::failure::{Context, Result};

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    // cargo sets the variable when it runs us; the built-in value serves a binary started by hand.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().and_then(Path::parent).map_or_else(|| package.clone(), Path::to_path_buf)
}

/// `target/NAME` of this checkout, whatever `CARGO_TARGET_DIR` says: what lies there belongs to one checkout.
pub(crate) fn scratch(name: &str) -> PathBuf {
    root().join("target").join(name)
}

/// The oldest Rust that the workspace promises to build with, as `rust-version` gives it (`1.95`).
pub(crate) fn minimum_rust() -> Result<String> {
    let path = root().join("Cargo.toml");
    let manifest = std::fs::read_to_string(&path).context(path.display())?;
    rust_version(&manifest)
        .map(str::to_owned)
        .ok_or_else(|| format!("{} has no rust-version", path.display()).into())
}

fn rust_version(manifest: &str) -> Option<&str> {
    let value = manifest
        .lines()
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == "rust-version")?
        .1;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::{minimum_rust, root, rust_version};

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().join("crates/xtask/Cargo.toml").is_file());
        assert!(minimum_rust().expect("a rust-version").starts_with("1."));
    }

    #[test]
    fn the_rust_version_is_read_from_a_manifest() {
        let manifest = "[workspace.package]\nversion = \"0.1.0\"\nrust-version = \"1.95\"\n";
        assert_eq!(rust_version(manifest), Some("1.95"));
        assert_eq!(rust_version("[package]\nname = \"x\"\n"), None);
    }
}
