//! Sends one checkout and shows what the spans say about it.

use std::process::ExitCode;
use std::time::Duration;

use tracewire_cli::{Finding, Listen, Receiver, Store, Trace, Waterfall, diagnose};

use crate::Error;
use crate::fleet::Fleet;
use crate::options::Options;
use crate::services::Service;

const CART: &str = r#"{"items":["kettle","teapot"]}"#;

/// Longer than the services wait before they send their spans.
const QUIET: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts the services, sends a checkout, reports, and stops them again.
pub(crate) async fn run(options: &Options) -> Result<ExitCode, Error> {
    let receiver = match options.collector {
        None => Some(Receiver::bind(Listen::any_port(), Store::default()).await?),
        Some(_) => None,
    };
    let own = receiver.as_ref().map(Receiver::grpc_endpoint);
    let collector = options.collector.clone().or(own).unwrap_or_default();
    let fleet = Fleet::start(options, &collector).await?;
    let trace_id = check_out(&fleet).await?;

    let Some(receiver) = receiver else {
        println!("The spans are at {collector}; look for trace {trace_id}.");
        wait_and_stop(fleet, options).await?;
        return Ok(ExitCode::SUCCESS);
    };
    let store = receiver.store().clone();
    let code = if options.keep {
        store.settled(QUIET, PATIENCE).await;
        let code = show(store.traces(), options);
        wait_and_stop(fleet, options).await?;
        code
    } else {
        // Each service sends what it has left before it ends, so nothing is missing afterwards.
        fleet.stop().await?;
        show(store.traces(), options)
    };
    receiver.shutdown().await;
    Ok(code)
}

async fn wait_and_stop(fleet: Fleet, options: &Options) -> Result<(), Error> {
    if options.keep {
        let url = fleet.url(Service::Gateway);
        println!("\nThe services go on. Try\n");
        println!("  curl -i {url}/checkout -d '{CART}'\n");
        if options.metrics {
            println!("Prometheus can scrape, and finds exemplars there:\n");
            for url in fleet.urls() {
                println!("  {url}/metrics");
            }
            println!();
        }
        println!("and press Ctrl-C when done.");
        tokio::signal::ctrl_c().await?;
    }
    fleet.stop().await
}

/// Sends the request, and returns the trace id that the gateway answers with.
async fn check_out(fleet: &Fleet) -> Result<String, Error> {
    let url = format!("{}/checkout", fleet.url(Service::Gateway));
    let start = std::time::Instant::now();
    let response = reqwest::Client::new().post(&url).body(CART).send().await?;
    let status = response.status();
    let trace = response.headers().get("traceresponse").and_then(|value| value.to_str().ok());
    let trace_id = trace.and_then(|trace| trace.split('-').nth(1)).unwrap_or("unknown").to_owned();
    let text = response.text().await?;
    let seconds = start.elapsed().as_secs_f64();
    let text = if text.is_empty() { String::new() } else { format!(": {text}") };
    println!("POST /checkout -> {status}{text}, after {seconds:.2} s\n");
    Ok(trace_id)
}

/// Draws what arrived and says whether it is as it should be.
fn show(mut traces: Vec<Trace>, options: &Options) -> ExitCode {
    traces.sort_by_key(Trace::start);
    let waterfall = Waterfall::for_output(&std::io::stdout());
    for trace in &traces {
        // What links to another trace is drawn below that.
        if traces.iter().all(|other| other.linked(std::slice::from_ref(trace)).is_empty()) {
            println!("{}", waterfall.render_linked(trace, &traces));
        }
    }
    let findings = diagnose(&traces);
    for finding in &findings {
        println!("{finding}");
    }
    match options.drop_headers {
        None => expect_one(&traces),
        Some(service) => expect_break(&findings, service),
    }
}

fn expect_one(traces: &[Trace]) -> ExitCode {
    // A broker may have kept orders of another time, whose traces are here as well.
    let of_gateway = |trace: &&Trace| trace.services().contains(&Service::Gateway.name());
    let all = Service::CALLEES_FIRST.len();
    match traces.iter().find(of_gateway) {
        Some(trace) if trace.is_connected() && trace.services().len() == all => {
            let is_linked = |other: &&Trace| !trace.linked(std::slice::from_ref(*other)).is_empty();
            let linked = match traces.iter().filter(is_linked).count() {
                0 => String::new(),
                1 => "; one more trace is linked to it".to_owned(),
                count => format!("; {count} more traces are linked to it"),
            };
            println!("One trace, {all} services, every hop connected{linked}.");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("checkout: expected one connected trace over all services");
            ExitCode::FAILURE
        }
    }
}

fn expect_break(findings: &[Finding], service: Service) -> ExitCode {
    if service == Service::Gateway {
        println!("Nobody calls the gateway with a trace, so it had none to lose.");
        return ExitCode::SUCCESS;
    }
    let broke = |finding: &Finding| {
        finding.is_break() && finding.downstream.service_name() == service.name()
    };
    if findings.iter().any(broke) {
        return ExitCode::SUCCESS;
    }
    eprintln!("checkout: {service} dropped the headers, and the spans do not show it");
    ExitCode::FAILURE
}
