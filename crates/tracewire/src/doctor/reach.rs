//! Whether somebody listens where spans are sent to.

use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Finding, Kind};
use crate::sdk::setup::{Destination, Setup};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// An attempt to connect.
pub(super) struct Knock {
    destination: Destination,
    until: Instant,
    answer: Receiver<Result<(), String>>,
}

/// Begins to connect to everybody who is sent spans, each on a thread of its own: looking a name up
/// may take as long as it likes.
pub(super) fn knock(setup: &Setup) -> Vec<Knock> {
    let destinations = setup.traces.iter().flat_map(|traces| traces.destinations.clone());
    destinations.filter_map(Knock::at).collect()
}

impl Knock {
    fn at(destination: Destination) -> Option<Self> {
        let until = Instant::now() + PATIENCE;
        let (tell, answer) = channel();
        let (host, port) = (destination.host.clone(), destination.port);
        let thread = thread::Builder::new().name("tracewire-doctor".to_owned());
        let started = thread.spawn(move || {
            // Nobody may be waiting any more.
            let _ = tell.send(connect(&host, port, until));
        });
        started.ok()?;
        Some(Self { destination, until, answer })
    }

    /// Waits until there is an answer, or time is up.
    pub(super) fn finding(self) -> Option<Finding> {
        let left = self.until.saturating_duration_since(Instant::now());
        let why = match self.answer.recv_timeout(left) {
            Ok(Ok(())) => return None,
            Ok(Err(why)) => why,
            Err(_) => late(),
        };
        let Destination { url, setting, .. } = self.destination;
        let problem = format!("Spans do not get to {url}: {why}.");
        Some(Finding::new(Kind::EndpointUnreachable, problem, setting))
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
