//! The files of a repository, each as text, as code, and as the part of the code that is no test.

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::code;

/// The text files of a repository.
#[derive(Debug)]
pub struct Tree {
    files: Vec<File>,
}

/// One text file.
#[derive(Debug)]
pub struct File {
    /// Where it is, from the repository's root, with `/` between folders.
    pub path: String,
    /// All of it.
    pub text: String,
    code: OnceLock<String>,
    library: OnceLock<String>,
}

impl Tree {
    /// The files that Git keeps or would keep: tracked ones, and new ones that it is not told to ignore.
    ///
    /// # Errors
    /// When Git cannot list them or one cannot be read.
    pub fn tracked(root: &Path) -> io::Result<Self> {
        let list = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others"])
            .args(["--exclude-standard", "--deduplicate"])
            .current_dir(root)
            .output()?;
        if !list.status.success() {
            let reason = String::from_utf8_lossy(&list.stderr).into_owned();
            return Err(io::Error::other(reason));
        }
        let names = String::from_utf8_lossy(&list.stdout);
        let mut files = Vec::new();
        for name in names.split_terminator('\0') {
            // A link is another name of a file that is listed as well.
            if root.join(name).is_symlink() {
                continue;
            }
            match std::fs::read(root.join(name)) {
                // What is not text has no lines to check, but links may lead to it.
                Ok(bytes) => files.push(File::new(name, &String::from_utf8_lossy(&bytes))),
                // Removed, but not yet for Git; or a folder that is a repository of its own.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { files })
    }

    /// A tree of these paths and texts.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File::new(path, text));
        Self { files: files.collect() }
    }

    /// Every file.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// The files in any of these places.
    pub fn within(&self, places: &[&str]) -> impl Iterator<Item = &File> {
        self.files().filter(|file| places.iter().any(|place| file.is_within(place)))
    }

    /// The file with exactly this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files().find(|file| file.path == path)
    }

    /// Whether there is a file or a folder with this path; the root's is empty.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        let below = |file: &File| {
            let rest = file.path.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        path.is_empty() || self.files().any(below)
    }
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: OnceLock::new(),
            library: OnceLock::new(),
        }
    }

    /// Whether the file lies in this place: a file, a folder, or a Rust module, `a/b` for `a/b.rs` and what is below
    /// `a/b/`. `*` stands for any one name, an empty place for everything.
    #[must_use]
    pub fn is_within(&self, place: &str) -> bool {
        let mut names = self.path.split('/');
        place.split('/').filter(|it| !it.is_empty()).all(|wanted| {
            names.next().is_some_and(|name| {
                wanted == "*" || wanted == name || Some(wanted) == name.strip_suffix(".rs")
            })
        })
    }

    /// Whether it is a Rust source.
    #[must_use]
    pub fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|it| it == "rs")
    }

    /// The source with comments and the insides of literals blanked, line by line.
    pub fn code(&self) -> &str {
        self.code.get_or_init(|| match self.is_rust() {
            true => code::without_comments_and_literals(&self.text),
            false => String::new(),
        })
    }

    /// The code with test items blanked too; nothing of it for a file that holds only tests.
    pub fn library_code(&self) -> &str {
        self.library.get_or_init(|| match self.is_test() {
            true => String::new(),
            false => code::without_tests(self.code()),
        })
    }

    /// How many lines it has, comments and blank ones too, but no tests.
    #[must_use]
    pub fn library_lines(&self) -> usize {
        let is_test = code::test_lines(self.code());
        match self.is_test() {
            true => 0,
            false => is_test.into_iter().filter(|is_test| !is_test).count(),
        }
    }

    /// Whether it is a file of tests: `tests.rs`, or something in a folder of tests or benchmarks.
    fn is_test(&self) -> bool {
        let mut names = self.path.split('/').rev();
        let name = names.next();
        name == Some("tests.rs") || names.any(|folder| matches!(folder, "tests" | "benches"))
    }
}

#[cfg(test)]
mod tests {
    use super::{File, Tree};

    #[test]
    fn a_place_is_a_file_a_folder_or_a_module() {
        let cases = [
            ("crates/tracewire/src/redis.rs", "crates/tracewire/src/redis", true),
            ("crates/tracewire/src/redis/mask.rs", "crates/tracewire/src/redis", true),
            ("crates/tracewire/src/redis2.rs", "crates/tracewire/src/redis", false),
            ("crates/tracewire/src/lib.rs", "crates/*/src", true),
            ("crates/tracewire/src/lib.rs", "crates/tracewire/src/lib.rs", true),
            ("crates/tracewire/tests/a.rs", "crates/*/src", false),
            ("crates", "crates/*/src", false),
            ("README.md", "", true),
        ];
        for (path, place, expected) in cases {
            assert_eq!(File::new(path, "").is_within(place), expected, "{path} in {place}");
        }
    }

    #[test]
    fn test_files_have_no_library_code() {
        let cases = [
            ("crates/tracewire/src/http/tests.rs", false),
            ("crates/tracewire/src/http/tests/body.rs", false),
            ("crates/tracewire/tests/w3c.rs", false),
            ("crates/tracewire/src/test/capture.rs", true),
            ("crates/tracewire/src/http/body.rs", true),
        ];
        for (path, expected) in cases {
            let file = File::new(path, "fn f() {}");
            assert_eq!(!file.library_code().is_empty(), expected, "{path}");
        }
    }

    #[test]
    fn folders_are_there_when_a_file_is_in_them() {
        let tree = Tree::of(&[("crates/tracewire/Cargo.toml", "")]);
        for path in ["", "crates", "crates/tracewire", "crates/tracewire/Cargo.toml"] {
            assert!(tree.has(path), "{path}");
        }
        assert!(!tree.has("crates/trace"));
    }
}
