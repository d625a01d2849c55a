//! How a configuration is brought together with what is said in code.

use std::path::{Path, PathBuf};

use super::super::config::{Destination, Mark, Settings, To};
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

/// Where spans go, and the name of the configuration that says so.
#[derive(Debug)]
pub(super) struct Destinations {
    name: String,
    all: Vec<Destination>,
}

impl Builder {
    /// Takes a file's settings for what is not said in code; then no `OTEL_…` variable has a say.
    /// [`Config`] tells what may be in it. Variable: `OTEL_CONFIG_FILE`.
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
    pub(super) fn configured(mut self, env: Env) -> Result<(Self, Env), Error> {
        let config = match (self.config.take(), env.config_file()) {
            (Some(Source::Parsed(config)), _) => *config,
            (Some(Source::File(file)), _) => Config::read(file)?,
            (None, Some(file)) => Config::read(file)?,
            (None, None) => return Ok((self, env)),
        };
        setup::from_file();
        let (name, settings, warnings) = config.into_parts();
        Ok((self.over(name, settings), env.with_config(warnings)))
    }

    /// What code says, and else what the configuration says.
    fn over(mut self, name: String, settings: Settings) -> Self {
        self.own_level = self.own_level.or(settings.own_level);
        self.propagator = self.propagator.or(Some(settings.propagator));
        // What is not in the configuration is not there, and metrics cannot be.
        self.meters.nowhere_else();
        let identity = settings.identity;
        let code = std::mem::replace(&mut self.attributes, identity.attributes);
        self.attributes.extend(code);
        if self.detectors.is_none() {
            self.detectors = Some(identity.detectors);
            self.detected = identity.wanted;
        }
        self.disabled |= settings.disabled;
        match settings.traces {
            Some(traces) => {
                self.limits = self.limits.or(traces.limits);
                self.sampler = self.sampler.or(traces.sampler);
                if self.exporters.is_none() {
                    self.destinations = Some(Destinations { name, all: traces.destinations });
                }
            }
            None => self.disabled |= self.exporters.is_none(),
        }
        self
    }

    /// Everything that spans are sent to by a configuration.
    pub(super) fn configured_sinks(
        &self,
        destinations: Destinations,
        env: &mut Env,
    ) -> Result<Sinks, Error> {
        let Destinations { name, all } = destinations;
        let at = |at: Mark| {
            let name = &name;
            move |error: Error| Error::configuration(format!("{name}:{at}: {error}")).because(error)
        };
        let mut sinks = Sinks::default();
        for destination in all {
            let batch = self.batch.or(destination.batch);
            match destination.to {
                To::Console => sinks.console(),
                To::Otlp(way) => {
                    let route = self.configured_route(*way, env).map_err(at(destination.at))?;
                    sinks.destinations.push(setup::Destination::of(&route));
                    sinks.add(route, &batch, OtlpSpans::new)?;
                }
                To::Zipkin { endpoint, timeout } => {
                    let endpoint = self.zipkin_endpoint.clone().or(endpoint);
                    let timeout = self.zipkin_timeout.or(timeout);
                    let route = zipkin(endpoint.as_deref(), timeout).map_err(at(destination.at))?;
                    sinks.destinations.push(setup::Destination::zipkin(&route));
                    sinks.add(route, &batch, ZipkinSpans::new)?;
                }
            }
        }
        Ok(sinks)
    }

    /// As [`route`](Self::route), with what the configuration says behind what code says. Its address
    /// is one for spans alone, and yet one in code for all signals counts for more.
    fn configured_route(&self, way: Otlp, env: &mut Env) -> Result<Route, Error> {
        let special = self.special(Signal::Traces);
        let in_general = special.endpoint.is_none() && self.otlp.endpoint.is_some();
        let mut said = special.or(self.otlp.clone()).or(way);
        if in_general {
            said.endpoint = None;
        }
        Route::find(Signal::Traces, &said, &self.otlp, env)
    }
}
