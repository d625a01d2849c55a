//! How a configuration is brought together with what is said in code.

use std::path::{Path, PathBuf};

use super::super::config::{Destination, Mark, Settings, Situated, To};
use super::super::env::Env;
use super::super::exporter::{OtlpSpans, Route, ZipkinSpans};
use super::super::{Config, Otlp, Signal, setup};
use super::Builder;
use super::start::{Sinks, zipkin};
use crate::Error;

/// Where a configuration comes from.
#[derive(Debug)]
pub(super) enum Source {
    File(PathBuf),
    Parsed(Box<Config>),
}

/// Where one signal goes, and the name of the configuration that says so.
#[derive(Debug)]
pub(super) struct Destinations<D = Destination> {
    name: String,
    all: Vec<D>,
}

/// A place in a configuration.
#[derive(Debug)]
pub(super) struct Place {
    name: String,
    at: Mark,
}

impl<D: Situated> Destinations<D> {
    fn new(name: &str, all: Vec<D>) -> Self {
        Self { name: name.to_owned(), all }
    }

    /// Each of them, and where it is said.
    pub(super) fn each(self) -> impl Iterator<Item = (Place, D)> {
        let Self { name, all } = self;
        all.into_iter().map(move |it| (Place { name: name.clone(), at: it.at() }, it))
    }
}

impl Place {
    /// What is wrong here.
    pub(super) fn of(&self, error: Error) -> Error {
        let Self { name, at } = self;
        Error::configuration(format!("{name}:{at}: {error}")).because(error)
    }
}

impl Builder {
    /// Takes a file's settings for what is not said in code; then no `OTEL_…` variable has a say.
    /// [`Config`] tells what may be in it. Variables: `OTEL_CONFIG_FILE`,
    /// `OTEL_EXPERIMENTAL_CONFIG_FILE`.
    pub fn config_file(mut self, file: impl AsRef<Path>) -> Self {
        self.config = Some(Source::File(file.as_ref().to_owned()));
        self
    }

    /// As [`config_file`](Self::config_file), with a configuration that has been read.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(Source::Parsed(Box::new(config)));
        self
    }

    /// With the configuration, if there is one; and the variables that then have a say.
    pub(super) fn configured(mut self, mut env: Env) -> Result<(Self, Env), Error> {
        let config = match self.config.take() {
            Some(Source::Parsed(config)) => *config,
            Some(Source::File(file)) => Config::read(file)?,
            None => match env.config_file() {
                Some(file) => Config::read(file)?,
                None => return Ok((self, env)),
            },
        };
        setup::from_file();
        let (name, settings, warnings) = config.into_parts();
        Ok((self.over(&name, settings), env.with_config(warnings)))
    }

    /// What code says, and else what the configuration says.
    fn over(mut self, name: &str, settings: Settings) -> Self {
        self.own_level = self.own_level.or(settings.own_level);
        self.propagator = self.propagator.or(Some(settings.propagator));
        let identity = settings.identity;
        let code = std::mem::replace(&mut self.attributes, identity.attributes);
        self.attributes.extend(code);
        if self.detectors.is_none() {
            self.detectors = Some(identity.detectors);
            self.detected = identity.wanted;
        }
        self.disabled |= settings.disabled;
        // What is not in the configuration is not there.
        let records = settings.records.unwrap_or_default();
        self.records.limits = self.records.limits.or(records.limits);
        if self.records.exporters.is_none() {
            self.records.destinations = Some(Destinations::new(name, records.destinations));
        }
        let metrics = settings.metrics.unwrap_or_default();
        self.meters.filter = self.meters.filter.or(metrics.exemplars);
        if self.meters.exporters.is_none() {
            self.metric_destinations = Some(Destinations::new(name, metrics.destinations));
        }
        match settings.traces {
            Some(traces) => {
                self.limits = self.limits.or(traces.limits);
                self.sampler = self.sampler.or(traces.sampler);
                if self.exporters.is_none() {
                    self.destinations = Some(Destinations::new(name, traces.destinations));
                }
            }
            None => self.spans = self.exporters.is_some(),
        }
        self
    }

    /// Everything that spans are sent to by a configuration.
    pub(super) fn configured_sinks(
        &self,
        destinations: Destinations,
        env: &mut Env,
        sinks: &mut Sinks,
    ) -> Result<(), Error> {
        for (place, destination) in destinations.each() {
            let batch = env.batch_of(Signal::Traces, self.batch, destination.batch);
            match destination.to {
                To::Console => sinks.console(),
                To::OtlpStdout => sinks.stdout(&batch),
                To::Otlp(way) => {
                    let route = self.configured_route(Signal::Traces, *way, env);
                    let route = route.map_err(|error| place.of(error))?;
                    sinks.destinations.push(setup::Destination::of(&route));
                    sinks.network(route, &batch, OtlpSpans::new)?;
                }
                To::Zipkin { endpoint, timeout } => {
                    let endpoint = self.zipkin_endpoint.clone().or(endpoint);
                    let timeout = self.zipkin_timeout.or(timeout);
                    let route = zipkin(endpoint.as_deref(), timeout);
                    let route = route.map_err(|error| place.of(error))?;
                    sinks.destinations.push(setup::Destination::zipkin(&route));
                    sinks.network(route, &batch, ZipkinSpans::new)?;
                }
            }
        }
        Ok(())
    }

    /// As [`route`](Self::route), with what the configuration says behind what code says. Its address
    /// is one for this signal alone, and yet one in code for all signals counts for more.
    pub(super) fn configured_route(
        &self,
        signal: Signal,
        way: Otlp,
        env: &mut Env,
    ) -> Result<Route, Error> {
        let special = self.special(signal);
        let in_general = special.endpoint.is_none() && self.otlp.endpoint.is_some();
        let mut said = special.or(self.otlp.clone()).or(way);
        if in_general {
            said.endpoint = None;
        }
        Route::find(signal, &said, &self.otlp, env)
    }
}
