//! Which of the library's modules may name which.

use crate::checks::Found;
use crate::paths;
use crate::tree::Tree;

/// The core, each with its level: it may use its own and those below. A `Telemetry` starts operations, and an operation
/// takes its spans from a `Telemetry`, so these two share one.
const CORE: &[(&str, u8)] =
    &[("context", 0), ("propagate", 1), ("telemetry", 2), ("span", 2), ("measure", 2)];

/// One for each framework, driver or protocol.
const ADAPTERS: &[&str] = &[
    "http",
    "axum",
    "hyper",
    "reqwest",
    "tonic",
    "sqlx",
    "redis",
    "messaging",
    "amqp",
    "nats",
    "kafka",
];

/// Adapters that build on another one, and may use it.
const SKINS: &[(&str, &[&str])] =
    &[("http", &["axum", "hyper", "reqwest", "tonic"]), ("messaging", &["amqp", "nats", "kafka"])];

/// What stands above the core besides the adapters.
const ABOVE: &[&str] = &["metrics", "logs", "sdk", "doctor", "test"];

pub(crate) fn between_adapters(tree: &Tree) -> Vec<Found> {
    imports(tree, |from, to| {
        let below = SKINS.iter().any(|(base, skins)| *base == to && skins.contains(&from));
        ADAPTERS.contains(&from) && ADAPTERS.contains(&to) && from != to && !below
    })
}

pub(crate) fn upwards(tree: &Tree) -> Vec<Found> {
    let level = |module: &str| CORE.iter().find(|it| it.0 == module).map(|it| it.1);
    imports(tree, |from, to| match (level(from), level(to)) {
        (Some(from), Some(to)) => from < to,
        (Some(_), None) => ADAPTERS.contains(&to) || ABOVE.contains(&to),
        _ => false,
    })
}

/// Where a module of the library names another one that it must not.
fn imports(tree: &Tree, forbidden: impl Fn(&str, &str) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    for file in tree.within(&["crates/tracewire/src"]) {
        let module = paths::module_of(&file.path);
        let Some(from) = module.first() else { continue };
        for (line, path) in paths::named_in(file) {
            let mut names = path.split("::");
            if let (Some("crate"), Some(to)) = (names.next(), names.next())
                && forbidden(from, to)
            {
                found.push((file.path.clone(), line, format!("`{path}`")));
            }
        }
    }
    found
}
