//! Soaks tracewire: `soak [--seconds N] [--protocol grpc|http/protobuf|http/json]`.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::process::ExitCode;
use std::time::Duration;

use collector_tests::soak;
use sdk_tests::Wire;

const USAGE: &str = "soak takes --seconds N and --protocol grpc|http/protobuf|http/json";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["role=load"] {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).enable_all().build().unwrap().block_on(soak::work());
        return ExitCode::SUCCESS;
    }
    let Some((length, wire)) = parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let program = std::env::current_exe().unwrap();
    let report = soak::run(program.to_str().unwrap(), length, wire);
    println!("{report}");
    let complaints = report.complaints();
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    match complaints.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// How long, and which way.
fn parse(arguments: &[String]) -> Option<(Duration, Wire)> {
    let mut length = Duration::from_secs(600);
    let mut wire = Wire::Grpc;
    for pair in arguments.chunks(2) {
        match pair {
            [key, value] if key == "--seconds" => {
                length = Duration::from_secs(value.parse().ok().filter(|it| *it > 0)?);
            }
            [key, value] if key == "--protocol" => {
                let all = [Wire::Grpc, Wire::Http, Wire::Json];
                wire = all.into_iter().find(|wire| wire.protocol() == value)?;
            }
            _ => return None,
        }
    }
    Some((length, wire))
}
