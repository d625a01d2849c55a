//! The README's first screen as a newcomer uses it: a new package, the dependencies and the program
//! pasted in, run, and asked with curl.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tracewire_cli::{Listen, Receiver, Store, Trace};

#[test]
fn the_first_screen_works_by_copy_and_paste() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let port = free_port();
    let program = block(&readme, "rust").replace("127.0.0.1:3000", &format!("127.0.0.1:{port}"));
    let binary = build(&root, &block(&readme, "toml"), &program);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collector = runtime.block_on(Receiver::bind(Listen::any_port(), Store::default())).unwrap();
    let service = Command::new(binary)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http_endpoint())
        .env("OTEL_SERVICE_NAME", "orders")
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .spawn();
    let _service = Stopped(service.unwrap());

    let answer = get(port, "/orders/7");
    assert!(answer.ends_with("the warehouse says 404 Not Found"), "{answer}");
    let whole = |store: &Store| store.traces().into_iter().find(|trace| trace.len() == 4);
    let trace = runtime.block_on(collector.store().wait_for(whole, Duration::from_secs(20)));
    let trace =
        trace.unwrap_or_else(|| panic!("the trace is not whole: {:?}", collector.store().traces()));
    // What the README says that there is to see.
    assert_eq!(outline(&trace), ["0 GET /orders/{id}", "1 order", "2 GET", "3 GET"]);
    assert_eq!(trace.services(), ["orders"]);
}

fn outline(trace: &Trace) -> Vec<String> {
    trace.walk().map(|step| format!("{} {}", step.depth, step.node.span().name)).collect()
}

/// The first fenced block of a language.
fn block(text: &str, language: &str) -> String {
    let start = text.lines().skip_while(|line| !line.starts_with(&format!("```{language}")));
    let lines: Vec<&str> = start.skip(1).take_while(|line| *line != "```").collect();
    assert!(!lines.is_empty(), "the README has no block of {language}");
    lines.join("\n")
}

/// Makes a package of it. The library of this checkout stands in for the published one, and its lock
/// file for a new one, so that what the workspace has built already is used again.
fn build(root: &Path, dependencies: &str, program: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-screen");
    fs::create_dir_all(folder.join("src")).unwrap();
    let library = root.join("crates/tracewire");
    let manifest = format!(
        "[package]\nname = \"first-screen\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{dependencies}\n\n\
         [patch.crates-io]\ntracewire = {{ path = {library:?} }}\n\n[profile.dev]\ndebug = false\n\n[workspace]\n",
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/main.rs"), program).unwrap();
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let target = folder.join("target");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg("build").current_dir(&folder).env("CARGO_TARGET_DIR", &target).stdin(Stdio::null());
    let built = command.status().unwrap();
    assert!(built.success(), "the README's program does not compile");
    target.join("debug/first-screen")
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks until the service listens.
fn get(port: u16, path: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(error) if Instant::now() > deadline => panic!("nobody listens: {error}"),
            Err(_) => std::thread::yield_now(),
        }
    };
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A child that does not outlive the test.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
