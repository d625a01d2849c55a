//! The command line.

use crate::Error;
use crate::services::Service;

pub(crate) const HELP: &str = "\
Six services handle a checkout; see where the time goes.

Usage: cargo run -p checkout -- [options]

Options:
  --slow-bank               the bank takes 3.65 s to answer
  --fail-payment            the bank is out of order
  --drop-headers <service>  this service loses the trace headers: see how a broken trace looks
  --keep                    leave the services running, and print what to call
  --metrics                 the same, with metrics for Prometheus that lead to traces
  --help                    print this

Services: gateway, checkout, inventory, pricing, payment, bank-api

Environment:
  OTEL_EXPORTER_OTLP_ENDPOINT  send the spans to this Collector instead of showing them here
  DATABASE_URL                 the database to use instead of a SQLite file; postgres:// or mysql://
  REDIS_URL                    the cache to use instead of one inside this program
  BROKER_URL                   the broker that takes orders to fulfilment; amqp:// or nats://. Without
                               one, fulfilment is a task in the process of checkout
  NO_COLOR                     draw without colours
  COLUMNS                      the width to draw in";

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) slow_bank: bool,
    pub(crate) fail_payment: bool,
    pub(crate) drop_headers: Option<Service>,
    pub(crate) keep: bool,
    pub(crate) metrics: bool,
    /// Where the spans go instead.
    pub(crate) collector: Option<String>,
}

impl Options {
    /// Reads the command line; `None` when help was asked for.
    pub(crate) fn parse() -> Result<Option<Self>, Error> {
        use lexopt::prelude::*;

        let collector = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok();
        let mut options = Self {
            collector: collector.filter(|endpoint| !endpoint.is_empty()),
            ..Self::default()
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("slow-bank") => options.slow_bank = true,
                Long("fail-payment") => options.fail_payment = true,
                Long("drop-headers") => {
                    let name = arguments.value()?.string()?;
                    let service = Service::named(&name);
                    let service = service.ok_or_else(|| format!("there is no service `{name}`"))?;
                    options.drop_headers = Some(service);
                }
                Long("keep") => options.keep = true,
                Long("metrics") => (options.keep, options.metrics) = (true, true),
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Some(options))
    }
}
