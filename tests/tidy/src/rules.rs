//! The rules that a pattern can say: where, what must not be there, and why.

/// Something that must not stand somewhere.
#[derive(Debug)]
pub(crate) struct Rule {
    /// A short name for messages.
    pub(crate) name: &'static str,
    /// Where it holds; see [`crate::File::is_within`].
    pub(crate) within: &'static [&'static str],
    /// Where it does not, although that lies within.
    pub(crate) except: &'static [&'static str],
    /// What must not be there.
    pub(crate) forbids: Forbids,
    /// Why, for whoever is stopped by it.
    pub(crate) why: &'static str,
}

/// What a rule looks for. Patterns that begin or end with a word match whole words only.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Forbids {
    /// Paths that begin with one of these, in code that is no test, also inside the groups of a `use`.
    Paths(&'static [&'static str]),
    /// Text in code that is no test, outside comments and literals.
    InLibrary(&'static [&'static str]),
    /// Text in any code, outside comments and literals.
    InCode(&'static [&'static str]),
    /// Text anywhere in any file.
    Anywhere(&'static [&'static str]),
}

const LIBRARY: &str = "crates/tracewire/src";

/// Files of the library, other than `lib.rs`, that may ask for a feature. It is empty, and should stay so.
const MAY_ASK_FOR_FEATURES: &[&str] = &["crates/tracewire/src/lib.rs"];

/// Every rule.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "sdk-only-at-process-start",
        within: &["crates/*/src"],
        except: &["crates/tracewire/src/sdk", "crates/tracewire/src/test", "crates/tracewire-cli"],
        forbids: Forbids::Paths(&["opentelemetry_sdk"]),
        why: "only `sdk/`, `test/` and the command line name the SDK; the rest works with any provider",
    },
    Rule {
        name: "what-travels-is-pure",
        within: &["crates/tracewire/src/context", "crates/tracewire/src/propagate"],
        except: &[],
        forbids: Forbids::Paths(&["std::fs", "std::net", "std::time", "tokio"]),
        why: "what travels is parsed and written without files, network, clock or runtime",
    },
    Rule {
        name: "features-in-one-place",
        within: &[LIBRARY],
        except: MAY_ASK_FOR_FEATURES,
        forbids: Forbids::InLibrary(&["feature = \""]),
        why: "one feature is one `mod` line in lib.rs, and never changes what other items do",
    },
    Rule {
        name: "no-panics",
        within: &["crates/*/src"],
        except: &["crates/tracewire/src/test"],
        forbids: Forbids::InLibrary(&[
            ".unwrap()",
            ".unwrap_err()",
            ".expect(",
            ".expect_err(",
            "panic!(",
            "todo!(",
            "unimplemented!(",
        ]),
        why: "library code does not panic; a fallback keeps the request going, an error is only for set-up",
    },
    Rule {
        name: "spans-have-one-owner",
        within: &[LIBRARY],
        // A tracer for other people's spans is none of ours.
        except: &[
            "crates/tracewire/src/span",
            "crates/tracewire/src/sdk/provider.rs",
            "crates/tracewire/src/sdk/tracer.rs",
            // A word of SQL has an end, too.
            "crates/tracewire/src/sqlx/sql",
        ],
        forbids: Forbids::InLibrary(&[
            "build_with_context",
            "start_with_context",
            "span_builder",
            "in_span",
            ".end()",
            "end_with_timestamp",
            "span!(",
            "trace_span!(",
            "debug_span!(",
            "info_span!(",
            "warn_span!(",
            "error_span!(",
        ]),
        why: "only `span/` opens or ends a span; start an `Operation` and finish it",
    },
    Rule {
        name: "no-ignored-tests",
        within: &[""],
        except: &[],
        forbids: Forbids::InCode(&["#[ignore", ", ignore)]", ", ignore = "]),
        why: "a test that does not run holds nothing: mend it, or remove it",
    },
    Rule {
        name: "no-ignored-examples",
        within: &[""],
        except: &["tests/tidy"],
        forbids: Forbids::Anywhere(&["```ignore", "```rust,ignore", "```rust, ignore"]),
        why: "examples are compiled; `no_run` is for those that need a socket, `text` for what is not Rust",
    },
    Rule {
        name: "no-machine-paths",
        within: &[""],
        except: &[],
        // Put together from parts, so that this file passes.
        forbids: Forbids::Anywhere(&[
            concat!("/", "work/"),
            concat!("/", "root/"),
            concat!("/", "tmp/h"),
        ]),
        why: "paths of one machine mean nothing on another",
    },
];
