//! Each variable, and which values it can have.

use std::time::Duration;

use opentelemetry::KeyValue;
use percent_encoding::percent_decode_str;

use super::{Env, MILLISECONDS};
use crate::sdk::sampler::NamedArgument;
use crate::sdk::{Exporter, JaegerRemote, Protocol, Sampler};
use crate::{Format, Propagator};

/// Which of the two kinds of endpoint variable was set.
#[derive(Debug, PartialEq)]
pub(in crate::sdk) enum EndpointVariable {
    /// For traces alone: used as it is.
    Exact(String),
    /// For all signals: each appends its own path.
    Base(String),
}

const ENDPOINT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const INSECURE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE"];
const TIMEOUT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const COMPRESSION: [&str; 2] =
    ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];

/// The queue takes its memory at once, so its length has an end.
const SPANS: std::ops::RangeInclusive<u64> = 1..=1_000_000;

impl Env {
    pub(in crate::sdk) fn disabled(&mut self) -> bool {
        self.flag(&["OTEL_SDK_DISABLED"])
    }

    pub(in crate::sdk) fn service_name(&self) -> Option<String> {
        self.text("OTEL_SERVICE_NAME")
    }

    /// `key=value,…`, percent-encoded; one mistake discards them all, as the specification wants.
    pub(in crate::sdk) fn resource_attributes(&mut self) -> Vec<KeyValue> {
        const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
        let text = self.text(NAME).unwrap_or_default();
        let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
        pairs.map(attribute).collect::<Option<_>>().unwrap_or_else(|| {
            let complaint = format!("{NAME} is ignored: it should be key=value,…, percent-encoded");
            self.complaints.push(complaint);
            Vec::new()
        })
    }

    pub(in crate::sdk) fn exporters(&mut self) -> Option<Vec<Exporter>> {
        self.list("OTEL_TRACES_EXPORTER", "otlp, console or none", |name| {
            [Exporter::Otlp, Exporter::Console]
                .into_iter()
                .find(|exporter| exporter.name().eq_ignore_ascii_case(name))
        })
    }

    pub(in crate::sdk) fn protocol(&mut self) -> Option<Protocol> {
        self.choice(&PROTOCOL, "grpc or http/protobuf", |name| {
            [Protocol::Grpc, Protocol::HttpProtobuf]
                .into_iter()
                .find(|protocol| protocol.name().eq_ignore_ascii_case(name))
        })
    }

    pub(in crate::sdk) fn endpoint(&self) -> Option<EndpointVariable> {
        let exact = self.text(ENDPOINT[0]).map(EndpointVariable::Exact);
        exact.or_else(|| self.text(ENDPOINT[1]).map(EndpointVariable::Base))
    }

    /// Whether an endpoint that names no scheme is plain `http`.
    pub(in crate::sdk) fn insecure(&mut self) -> bool {
        self.flag(&INSECURE)
    }

    pub(in crate::sdk) fn timeout(&mut self) -> Option<Duration> {
        self.milliseconds(&TIMEOUT)
    }

    pub(in crate::sdk) fn gzip(&mut self) -> bool {
        let gzip = self.choice(&COMPRESSION, "gzip or none", |name| {
            match name.to_ascii_lowercase().as_str() {
                "gzip" => Some(true),
                "none" => Some(false),
                _ => None,
            }
        });
        gzip.unwrap_or(false)
    }

    pub(in crate::sdk) fn schedule_delay(&mut self) -> Option<Duration> {
        self.milliseconds(&["OTEL_BSP_SCHEDULE_DELAY"])
    }

    pub(in crate::sdk) fn export_timeout(&mut self) -> Option<Duration> {
        self.milliseconds(&["OTEL_BSP_EXPORT_TIMEOUT"])
    }

    pub(in crate::sdk) fn max_queue_size(&mut self) -> Option<usize> {
        let size = self.number(&["OTEL_BSP_MAX_QUEUE_SIZE"], SPANS);
        size.and_then(|size| size.try_into().ok())
    }

    pub(in crate::sdk) fn max_export_batch_size(&mut self) -> Option<usize> {
        let size = self.number(&["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"], SPANS);
        size.and_then(|size| size.try_into().ok())
    }

    pub(in crate::sdk) fn sampler(&mut self) -> Option<Sampler> {
        let wanted = format!("one of {}", Sampler::NAMES.join(", "));
        let name = self.choice(&["OTEL_TRACES_SAMPLER"], &wanted, |name| {
            let name = name.to_ascii_lowercase();
            Sampler::NAMES.into_iter().find(|known| *known == name)
        })?;
        Sampler::from_name(name, self)
    }

    pub(in crate::sdk) fn propagator(&mut self) -> Option<Propagator> {
        let wanted = "names such as tracecontext, baggage, b3, or none";
        let formats = self.list("OTEL_PROPAGATORS", wanted, Format::from_name)?;
        Some(Propagator::new(formats))
    }

    /// Which log lines are written, in the terms of `tracing_subscriber::EnvFilter`.
    pub(in crate::sdk) fn log_filter(&self) -> Option<String> {
        self.text("RUST_LOG")
    }

    pub(in crate::sdk) fn no_color(&self) -> bool {
        self.text("NO_COLOR").is_some()
    }
}

const SAMPLER_ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

impl NamedArgument for Env {
    fn ratio(&mut self) -> Option<f64> {
        self.choice(&[SAMPLER_ARGUMENT], "a number from 0 to 1", share)
    }

    fn jaeger_remote(&mut self) -> JaegerRemote {
        let text = self.text(SAMPLER_ARGUMENT).unwrap_or_default();
        let mut remote = JaegerRemote::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (before, value) = (remote.clone(), value.trim());
            let changed = match key.trim() {
                "endpoint" => before.endpoint(value).ok(),
                "pollingIntervalMs" => {
                    let number = value.parse().ok().filter(|number| MILLISECONDS.contains(number));
                    number.map(|number| before.polling_interval(Duration::from_millis(number)))
                }
                "initialSamplingRate" => {
                    share(value).map(|rate| before.initial_sampling_rate(rate))
                }
                _ => None,
            };
            match changed {
                Some(changed) => remote = changed,
                None => self.complain(
                    SAMPLER_ARGUMENT,
                    pair,
                    "endpoint=http://…,pollingIntervalMs=…,initialSamplingRate=0…1",
                ),
            }
        }
        remote
    }
}

fn share(text: &str) -> Option<f64> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share))
}

fn attribute(pair: &str) -> Option<KeyValue> {
    let (key, value) = pair.split_once('=')?;
    let (key, value) = (decode(key.trim())?, decode(value.trim())?);
    (!key.is_empty()).then(|| KeyValue::new(key, value))
}

/// Percent-decodes; `None` for a `%` without two hex digits and for what is not UTF-8 then.
fn decode(text: &str) -> Option<String> {
    let encoded = text.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit)
    });
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    encoded.then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Asks an environment of these variables; tells what was wrong with it too.
    fn ask<T>(variables: &[(&str, &str)], question: impl FnOnce(&mut Env) -> T) -> (T, usize) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: BTreeMap<String, String> = variables.iter().map(own).collect();
        let mut env = Env::new(move |name| variables.get(name).cloned());
        let answer = question(&mut env);
        (answer, env.into_complaints().len())
    }

    #[test]
    fn only_true_is_true() {
        let cases = [
            ("true", true, 0),
            ("TRUE", true, 0),
            ("false", false, 0),
            ("", false, 0),
            ("1", false, 1),
            ("yes", false, 1),
        ];
        for (text, expected, complaints) in cases {
            let found = ask(&[("OTEL_SDK_DISABLED", text)], Env::disabled);
            assert_eq!(found, (expected, complaints), "{text:?}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_ignored() {
        let cases = [
            ("1", Some(1), 0),
            ("2048", Some(2048), 0),
            (" 7 ", Some(7), 0),
            ("", None, 0),
            ("0", None, 1),
            ("-1", None, 1),
            ("1e3", None, 1),
            ("99999999999999999999", None, 1),
            ("1000000000", None, 1),
        ];
        for (text, expected, complaints) in cases {
            let found = ask(&[("OTEL_BSP_MAX_QUEUE_SIZE", text)], Env::max_queue_size);
            assert_eq!(found, (expected, complaints), "{text:?}");
        }
    }

    #[test]
    fn the_variable_for_traces_counts_for_more() {
        let generic = ("OTEL_EXPORTER_OTLP_TIMEOUT", "100");
        let cases = [("200", 200, 0), ("", 100, 0), ("soon", 100, 1)];
        for (text, expected, complaints) in cases {
            let traces = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", text);
            let found = ask(&[generic, traces], Env::timeout);
            let expected = Some(Duration::from_millis(expected));
            assert_eq!(found, (expected, complaints), "{text:?}");
        }
        let exact = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a/x");
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b");
        let both = ask(&[exact, base], |env| env.endpoint());
        assert_eq!(both.0, Some(EndpointVariable::Exact("http://a/x".to_owned())));
        let one = ask(&[base], |env| env.endpoint());
        assert_eq!(one.0, Some(EndpointVariable::Base("http://b".to_owned())));
    }

    #[test]
    fn resource_attributes_are_all_or_nothing() {
        let two = Some(vec![("a", "1, 2"), ("b", "é=")]);
        let cases = [
            ("a=1%2C%202,b=%C3%A9%3D", two, 0),
            (" a = 1 ,", Some(vec![("a", "1")]), 0),
            ("a=", Some(vec![("a", "")]), 0),
            ("", Some(vec![]), 0),
            ("a=1,b", None, 1),
            ("a=1,=2", None, 1),
            ("a=1,b=%zz", None, 1),
            ("a=1,b=%2", None, 1),
            ("a=1,b=%ff", None, 1),
        ];
        for (text, expected, complaints) in cases {
            let variable = ("OTEL_RESOURCE_ATTRIBUTES", text);
            let (found, complained) = ask(&[variable], Env::resource_attributes);
            let found: Vec<_> = found
                .iter()
                .map(|pair| (pair.key.as_str(), pair.value.as_str().into_owned()))
                .collect();
            let found: Vec<_> = found.iter().map(|(k, v)| (*k, v.as_str())).collect();
            assert_eq!((found, complained), (expected.unwrap_or_default(), complaints), "{text:?}");
        }
    }

    #[test]
    fn names_are_known_in_any_case() {
        let protocol = |text| ask(&[("OTEL_EXPORTER_OTLP_PROTOCOL", text)], Env::protocol);
        assert_eq!(protocol("grpc"), (Some(Protocol::Grpc), 0));
        assert_eq!(protocol("HTTP/protobuf"), (Some(Protocol::HttpProtobuf), 0));
        assert_eq!(protocol("http/json"), (None, 1));
        let gzip = |text| ask(&[("OTEL_EXPORTER_OTLP_COMPRESSION", text)], Env::gzip);
        assert_eq!(gzip("GZIP"), (true, 0));
        assert_eq!(gzip("none"), (false, 0));
        assert_eq!(gzip("zstd"), (false, 1));
        let exporters = |text| ask(&[("OTEL_TRACES_EXPORTER", text)], Env::exporters);
        let both = vec![Exporter::Otlp, Exporter::Console];
        assert_eq!(exporters("none"), (Some(vec![]), 0));
        assert_eq!(exporters("otlp, console"), (Some(both), 0));
        assert_eq!(exporters("zipkin"), (None, 1));
    }

    #[test]
    fn propagators_that_are_not_known_are_left_out() {
        let cases = [
            ("b3,tracecontext,b3", "[B3, TraceContext]", 0),
            ("B3Multi,ottrace", "[B3Multi]", 1),
            ("none", "[]", 0),
        ];
        for (text, expected, complaints) in cases {
            let (found, complained) = ask(&[("OTEL_PROPAGATORS", text)], Env::propagator);
            let expected = format!("Propagator {{ extract: {expected}, inject: {expected} }}");
            assert_eq!(found.map(|found| format!("{found:?}")), Some(expected), "{text:?}");
            assert_eq!(complained, complaints, "{text:?}");
        }
        let (found, complained) = ask(&[("OTEL_PROPAGATORS", "w3c")], Env::propagator);
        assert!(found.is_none() && complained == 1);
    }

    #[test]
    fn samplers_have_the_names_of_the_specification() {
        let cases = [
            ("always_on", "", Some("AlwaysOn"), 0),
            ("always_off", "", Some("AlwaysOff"), 0),
            ("traceidratio", "0.25", Some("TraceIdRatioBased(0.25)"), 0),
            ("traceidratio", "", Some("TraceIdRatioBased(1.0)"), 0),
            ("traceidratio", "2", Some("TraceIdRatioBased(1.0)"), 1),
            ("traceidratio", "NaN", Some("TraceIdRatioBased(1.0)"), 1),
            ("parentbased_always_off", "x", Some("root: AlwaysOff"), 0),
            ("ParentBased_TraceIdRatio", "0.5", Some("root: TraceIdRatioBased(0.5)"), 0),
            ("jaeger_remote", "", Some("endpoint: http://localhost:5778/sampling"), 0),
            (
                "jaeger_remote",
                "endpoint=http://j:1,pollingIntervalMs=2500",
                Some("http://j:1/sampling, interval: 2.5s"),
                0,
            ),
            ("parentbased_jaeger_remote", "initialSamplingRate=0.25", Some("initial: 0.25"), 0),
            (
                "jaeger_remote",
                "initialSamplingRate=2,pollingIntervalMs=x,a,endpoint=j:1",
                Some("interval: 60s, initial: 0.001"),
                4,
            ),
            ("xray", "", None, 1),
            ("", "", None, 0),
        ];
        for (name, argument, expected, complaints) in cases {
            let variables = [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)];
            let (found, complained) = ask(&variables, Env::sampler);
            let found = found.map(|found| format!("{found:?}"));
            match expected {
                Some(expected) => {
                    assert!(found.as_ref().is_some_and(|f| f.contains(expected)), "{found:?}");
                }
                None => assert_eq!(found, None),
            }
            assert_eq!(complained, complaints, "{name}={argument}");
        }
    }
}
