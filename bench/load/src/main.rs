//! What tracing costs a whole process under load: a gateway, and who calls it.
//!
//! Without arguments it starts itself as the gateway, once for each mode and round, calls it for some seconds, and prints
//! what came of it. Whom the gateway calls and where its spans go is in the process that calls it.

use std::time::Duration;

mod caller;
mod gateway;
mod process;
mod upstream;

use process::Gateway;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The mode, and what the environment of the gateway says of it.
const MODES: [(&str, &[(&str, &str)]); 6] = [
    ("no tracing", &[(gateway::BARE, "true")]),
    ("SDK off", &[("OTEL_SDK_DISABLED", "true")]),
    ("not sampled", &[("OTEL_TRACES_SAMPLER", "parentbased_always_off")]),
    (
        "10 % sampled",
        &[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.1")],
    ),
    ("all sampled", &[]),
    (
        "all sampled, metrics on",
        &[("OTEL_METRICS_EXPORTER", "otlp"), ("OTEL_METRIC_EXPORT_INTERVAL", "1000")],
    ),
];

const ROUNDS: usize = 7;
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(2);

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("gateway") => gateway::run(arguments.get(1).ok_or("gateway URL-OF-UPSTREAM")?),
        None => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(compare())
        }
        Some(_) => Err("it takes no arguments".into()),
    }
}

/// One line for each mode and round, its fields separated by tabs: the mode; requests per second; the time in
/// microseconds within which 99 % of them were answered; microseconds of processor time for each; the most memory that
/// was resident, in KiB; of its spans, how many parts in a million did not fit the queue.
async fn compare() -> Result<(), Error> {
    let upstream = upstream::start().await?;
    for _ in 0..ROUNDS {
        for (mode, environment) in MODES {
            let gateway = Gateway::start(&upstream, environment).await?;
            caller::call(gateway.port, WARM_UP).await?;
            let before = gateway.processor_time()?;
            let calls = caller::call(gateway.port, MEASURED).await?;
            let processor_time = gateway.processor_time()? - before;
            let memory = gateway.most_memory()?;
            let lost = gateway.stop().await?;
            println!(
                "{mode}\t{:.0}\t{}\t{:.2}\t{memory}\t{lost}",
                calls.per_second(),
                calls.slow().as_micros(),
                processor_time.as_secs_f64() * 1e6 / calls.count() as f64,
            );
        }
    }
    Ok(())
}
