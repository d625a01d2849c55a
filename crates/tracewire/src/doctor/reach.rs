//! Whether somebody listens where spans are sent to.

use std::env;
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Finding, Kind};
use crate::sdk::setup::{Destination, Place, Setup, Speaks};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// An attempt to connect.
pub(super) struct Knock {
    remedy: &'static str,
    destination: Destination,
    until: Instant,
    answer: Receiver<Result<(), String>>,
}

/// Begins to connect to everybody who is sent spans, each on a thread of its own: looking a name up
/// may take as long as it likes.
pub(super) fn knock(setup: &Setup) -> Vec<Knock> {
    let destinations = setup.traces.iter().flat_map(|traces| traces.destinations.clone());
    destinations.filter_map(|it| Knock::at(remedy(setup, it.speaks), it)).collect()
}

impl Knock {
    fn at(remedy: &'static str, destination: Destination) -> Option<Self> {
        let until = Instant::now() + PATIENCE;
        let (tell, answer) = channel();
        let (host, port) = (destination.host.clone(), destination.port);
        let thread = thread::Builder::new().name("tracewire-doctor".to_owned());
        let started = thread.spawn(move || {
            // Nobody may be waiting any more.
            let _ = tell.send(connect(&host, port, until));
        });
        started.ok()?;
        Some(Self { remedy, destination, until, answer })
    }

    /// Waits until there is an answer, or time is up.
    pub(super) fn finding(self) -> Option<Finding> {
        let left = self.until.saturating_duration_since(Instant::now());
        let why = match self.answer.recv_timeout(left) {
            Ok(Ok(())) => return None,
            Ok(Err(why)) => why,
            Err(_) => late(),
        };
        let problem = format!("Spans do not get to {}: {why}.", self.destination.url);
        Some(Finding::new(Kind::EndpointUnreachable, problem, self.remedy))
    }
}

/// The line that names another address, where it counts.
fn remedy(setup: &Setup, speaks: Speaks) -> &'static str {
    let zipkin = speaks == Speaks::Zipkin;
    let in_code = if zipkin { setup.in_code.zipkin_endpoint } else { setup.in_code.endpoint };
    let special = env::var("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").is_ok_and(|it| !it.is_empty());
    match (setup.place(in_code), speaks) {
        (Place::Code, Speaks::Grpc) => ".endpoint(\"http://collector:4317\")",
        (Place::Code, Speaks::Http) => ".endpoint(\"http://collector:4318\")",
        (Place::Code, Speaks::Zipkin) => ".zipkin_endpoint(\"http://zipkin:9411/api/v2/spans\")",
        (Place::File, Speaks::Grpc) => "endpoint: http://collector:4317",
        (Place::File, Speaks::Http) => "endpoint: http://collector:4318/v1/traces",
        (Place::File, Speaks::Zipkin) => "endpoint: http://zipkin:9411/api/v2/spans",
        (Place::Environment, Speaks::Zipkin) => {
            "OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://zipkin:9411/api/v2/spans"
        }
        (Place::Environment, Speaks::Grpc) if special => {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4317"
        }
        (Place::Environment, Speaks::Http) if special => {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4318/v1/traces"
        }
        (Place::Environment, Speaks::Grpc) => "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317",
        (Place::Environment, Speaks::Http) => "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318",
    }
}

fn late() -> String {
    "there is no answer within a second".to_owned()
}

fn connect(host: &str, port: u16, until: Instant) -> Result<(), String> {
    let unknown = || format!("there is no address for the name {host}");
    let addresses = (host, port).to_socket_addrs().map_err(|_| unknown())?;
    let mut why = unknown();
    for address in addresses {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(late());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(_) => return Ok(()),
            Err(error) => why = reason(&error),
        }
    }
    Err(why)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            "the connection is refused, nobody listens there".to_owned()
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => late(),
        _ => error.to_string(),
    }
}
