//! The whole story on one machine: six services handle a checkout, and their spans arrive here as
//! one trace.
//!
//! `gateway -> checkout -> inventory, pricing, payment -> bank-api`, each a process of its own with
//! an axum server, a reqwest client and `tracewire::sdk::init()`. Payment speaks gRPC, and checkout
//! sends word of the order to fulfilment, which is a task beside it or a process behind a broker. This
//! program starts itself once for each service, sends a checkout, receives the spans over OTLP and
//! draws the waterfall.

mod cache;
mod fleet;
mod options;
mod report;
mod services;
mod stores;

use std::process::ExitCode;

use options::Options;
use services::Service;

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Service::of_this_process() {
        Some(service) => services::run(service).await.map(|()| ExitCode::SUCCESS),
        None => match Options::parse() {
            Ok(Some(options)) => report::run(&options).await,
            Ok(None) => {
                println!("{}", options::HELP);
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                eprintln!("checkout: {error}\n\n{}", options::HELP);
                return ExitCode::from(2);
            }
        },
    };
    result.unwrap_or_else(|error| {
        eprintln!("checkout: {error}");
        ExitCode::FAILURE
    })
}

/// What can go wrong in a demo: anything.
type Error = Box<dyn std::error::Error + Send + Sync>;
