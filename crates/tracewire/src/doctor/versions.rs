//! Whether the program has two versions of OpenTelemetry, found by the paths of source files in its
//! executable, such as `…/opentelemetry-0.33.1/src/global/trace.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Finding, Kind};

/// How long it may take.
const PATIENCE: Duration = Duration::from_millis(1400);

/// How much of the executable is in memory.
const CHUNK: usize = 256 * 1024;

/// How much of it is looked at twice, so that no path is cut in two: a path's interesting part is
/// shorter than that.
const OVERLAP: usize = 128;

const LONGEST_VERSION: usize = 64;

/// Which versions there are of which crates.
type Versions = BTreeMap<&'static str, BTreeSet<String>>;

/// A search that goes on.
pub(super) struct Search {
    until: Instant,
    versions: Option<Receiver<Versions>>,
}

/// Begins to search.
pub(super) fn search() -> Search {
    let until = Instant::now() + PATIENCE;
    let (tell, versions) = channel();
    let thread = thread::Builder::new().name("tracewire-doctor".to_owned());
    let started = thread.spawn(move || {
        // Nobody may be waiting any more.
        let _ = tell.send(in_executable(until));
    });
    Search { until, versions: started.is_ok().then_some(versions) }
}

impl Search {
    /// Waits until the search has ended, or time is up.
    pub(super) fn findings(self) -> Vec<Finding> {
        let left = self.until.saturating_duration_since(Instant::now());
        // What has been found by then is told at the end of a chunk.
        let left = left + Duration::from_millis(50);
        let versions = self.versions.and_then(|versions| versions.recv_timeout(left).ok());
        let several = versions.unwrap_or_default().into_iter().filter(|(_, them)| them.len() > 1);
        several.map(|(name, versions)| finding(name, &versions)).collect()
    }
}

fn finding(name: &str, versions: &BTreeSet<String>) -> Finding {
    let all: Vec<&str> = versions.iter().map(String::as_str).collect();
    let problem = format!(
        "This program has {name} in {} versions, {}. What is set or made with one of them the other \
         does not know: spans are missing, or in traces of their own. Use one version; `cargo tree` \
         tells who brings the older one.",
        all.len(),
        all.join(" and ")
    );
    let numbers = |version: &&&str| {
        version.split('.').map(|it| it.parse().unwrap_or(0)).collect::<Vec<u64>>()
    };
    let oldest = all.iter().min_by_key(numbers).copied().unwrap_or_default();
    Finding::new(Kind::TwoVersions, problem, format!("cargo tree -i {name}@{oldest}"))
}

/// Nothing where the executable cannot be read.
fn in_executable(until: Instant) -> Versions {
    let mut versions = Versions::new();
    let file = std::env::current_exe().and_then(File::open);
    let Ok(mut file) = file else {
        return versions;
    };
    let mut chunk = vec![0; CHUNK];
    let mut kept = 0;
    while Instant::now() < until {
        match file.read(&mut chunk[kept..]) {
            Ok(0) | Err(_) => break,
            Ok(read) => {
                let end = kept + read;
                note(&chunk[..end], &mut versions);
                let again = end.saturating_sub(OVERLAP);
                chunk.copy_within(again..end, 0);
                kept = end - again;
            }
        }
    }
    versions
}

const NEEDLE: &[u8; 13] = b"opentelemetry";

/// How far the search may go on when a window ends with a byte (Horspool's algorithm).
const STEPS: [u8; 256] = {
    let mut steps = [NEEDLE.len() as u8; 256];
    let mut at = 0;
    while at + 1 < NEEDLE.len() {
        steps[NEEDLE[at] as usize] = (NEEDLE.len() - 1 - at) as u8;
        at += 1;
    }
    steps
};

/// Notes every version of which there is a path in these bytes.
fn note(bytes: &[u8], versions: &mut Versions) {
    let mut at = 0;
    while let Some(window) = bytes.get(at..at + NEEDLE.len()) {
        if window == NEEDLE
            && let Some((name, version)) = named(&bytes[..at], &bytes[at + NEEDLE.len()..])
        {
            let known = versions.entry(name).or_default();
            if !known.contains(version) {
                known.insert(version.to_owned());
            }
        }
        at += usize::from(STEPS[usize::from(window[NEEDLE.len() - 1])]);
    }
}

/// The crate and the version that a path names which has `opentelemetry` between these.
fn named<'a>(before: &[u8], after: &'a [u8]) -> Option<(&'static str, &'a str)> {
    let is_separator = |byte: &u8| matches!(byte, b'/' | b'\\');
    let begins = |before: &[u8]| before.last().is_some_and(is_separator);
    let (name, after) = match (before.strip_suffix(b"tracing-"), after.strip_prefix(b"_sdk-")) {
        (None, Some(after)) if begins(before) => ("opentelemetry_sdk", after),
        (None, None) if begins(before) => ("opentelemetry", after.strip_prefix(b"-")?),
        (Some(before), None) if begins(before) => {
            ("tracing-opentelemetry", after.strip_prefix(b"-")?)
        }
        _ => return None,
    };
    let end = after.iter().take(LONGEST_VERSION).position(is_separator)?;
    let (version, rest) = after.split_at_checked(end)?;
    let is_version = version.first().is_some_and(u8::is_ascii_digit)
        && version.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(byte));
    (is_version && rest.get(1..)?.starts_with(b"src"))
        .then(|| Some((name, str::from_utf8(version).ok()?)))?
}

#[cfg(test)]
mod tests {
    use super::{Versions, note};

    #[test]
    fn paths_tell_versions() {
        let cases = [
            ("/a/opentelemetry-9.8.7/src/lib.rs", "opentelemetry 9.8.7"),
            ("C:\\a\\opentelemetry-9.8.7\\src\\lib.rs", "opentelemetry 9.8.7"),
            ("/opentelemetry_sdk-9.8.7-rc.1/src", "opentelemetry_sdk 9.8.7-rc.1"),
            ("/tracing-opentelemetry-9.8.7/src", "tracing-opentelemetry 9.8.7"),
            ("opentelemetryopentelemetry/opentelemetry-9.8.7/src", "opentelemetry 9.8.7"),
            ("/opentelemetry-9.8.7/src/opentelemetry-9.8.6/src", "opentelemetry 9.8.6,9.8.7"),
            ("/opentelemetry-9.8.7/sr", ""),
            ("/opentelemetry-9.8.7/tests", ""),
            ("opentelemetry-9.8.7/src", ""),
            ("/opentelemetry-otlp-9.8.7/src", ""),
            ("/init-tracing-opentelemetry-9.8.7/src", ""),
            ("/opentelemetry/src", ""),
            ("/opentelemetry-v9/src", ""),
            ("/opentelemetry-9 8/src", ""),
            ("opentelemetry", ""),
            ("", ""),
        ];
        for (bytes, expected) in cases {
            let mut versions = Versions::new();
            note(bytes.as_bytes(), &mut versions);
            let found: Vec<String> = versions
                .into_iter()
                .map(|(name, them)| format!("{name} {}", Vec::from_iter(them).join(",")))
                .collect();
            assert_eq!(found.join(" "), expected, "{bytes}");
        }
    }
}
