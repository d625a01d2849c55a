//! What the process has set up, for whoever examines it.

use std::sync::{Arc, PoisonError, RwLock};

use super::Protocol;
use super::exporter::Route;
use super::sampler::Keeps;

/// How far `init` has come.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// It has not been called.
    Never,
    /// A guard lives.
    Live(Arc<Setup>),
    /// The guard has been dropped.
    Ended,
}

/// What was set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// What was said in code, where it counts for more than anywhere else.
    pub(crate) in_code: InCode,
    /// Whether the rest was said in a configuration file, and not in variables.
    pub(crate) from_file: bool,
    /// Whether the subscriber of the process is the one that was set up; `None` before that.
    pub(crate) own_subscriber: Option<bool>,
    /// `None` when the SDK is disabled.
    pub(crate) traces: Option<Traces>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InCode {
    pub(crate) disabled: bool,
    pub(crate) sampler: bool,
    pub(crate) exporters: bool,
    pub(crate) propagator: bool,
    pub(crate) endpoint: bool,
    pub(crate) zipkin_endpoint: bool,
}

/// Where something was said, or has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Code,
    File,
    Environment,
}

/// What becomes of spans.
#[derive(Clone, Debug)]
pub(crate) struct Traces {
    pub(crate) service: String,
    pub(crate) keeps: Keeps,
    /// Whether they go anywhere.
    pub(crate) sent: bool,
    /// Where they go over the network.
    pub(crate) destinations: Vec<Destination>,
}

/// Who should be listening.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    /// The URL, without secrets.
    pub(crate) url: String,
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) speaks: Speaks,
}

/// What is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Grpc,
    Http,
    Zipkin,
}

impl Setup {
    /// Where something was said that was or was not said in code.
    pub(crate) fn place(&self, in_code: bool) -> Place {
        match (in_code, self.from_file) {
            (true, _) => Place::Code,
            (false, true) => Place::File,
            (false, false) => Place::Environment,
        }
    }
}

static STATE: RwLock<State> = RwLock::new(State::Never);

/// Where the process stands.
pub(crate) fn state() -> State {
    STATE.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Notes that `init` has begun.
pub(super) fn begin(in_code: InCode) {
    let setup = Setup { in_code, ..Setup::default() };
    *STATE.write().unwrap_or_else(PoisonError::into_inner) = State::Live(Arc::new(setup));
}

/// Notes that there is a configuration file.
pub(super) fn from_file() {
    change(|setup| setup.from_file = true);
}

/// Notes what becomes of spans.
pub(super) fn traces(traces: Traces) {
    change(|setup| setup.traces = Some(traces));
}

/// Notes that `init` has come to its end, and whether the subscriber is its own.
pub(super) fn ready(own_subscriber: bool) {
    change(|setup| setup.own_subscriber = Some(own_subscriber));
}

/// Notes that the guard has gone, or that there will be none.
pub(super) fn end() {
    let mut state = STATE.write().unwrap_or_else(PoisonError::into_inner);
    *state = match &*state {
        State::Live(setup) if setup.own_subscriber.is_some() => State::Ended,
        _ => State::Never,
    };
}

fn change(change: impl FnOnce(&mut Setup)) {
    if let State::Live(setup) = &mut *STATE.write().unwrap_or_else(PoisonError::into_inner) {
        change(Arc::make_mut(setup));
    }
}

impl Destination {
    /// Where a way to a Collector leads.
    pub(super) fn of(route: &Route) -> Self {
        let grpc = route.protocol == Protocol::Grpc;
        Self::speaking(if grpc { Speaks::Grpc } else { Speaks::Http }, route)
    }

    /// Where a way to Zipkin leads.
    pub(super) fn zipkin(route: &Route) -> Self {
        Self::speaking(Speaks::Zipkin, route)
    }

    fn speaking(speaks: Speaks, route: &Route) -> Self {
        let uri = route.endpoint.uri();
        let host = uri.host().unwrap_or_default();
        Self {
            url: route.endpoint.to_string(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if route.endpoint.is_encrypted() { 443 } else { 80 }),
            speaks,
        }
    }
}
