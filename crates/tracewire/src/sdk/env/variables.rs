//! Each variable, and which values it can have.

use std::time::Duration;

use opentelemetry::KeyValue;
use tracing::level_filters::LevelFilter;

use super::{Env, MILLISECONDS, decode};
use crate::sdk::sampler::NamedArgument;
use crate::sdk::{Detector, Exporter, JaegerRemote, Sampler};
use crate::{Format, Propagator};

impl Env {
    /// The file that is there instead of the other variables.
    pub(in crate::sdk) fn config_file(&mut self) -> Option<String> {
        const EARLIER: &str = "OTEL_EXPERIMENTAL_CONFIG_FILE";
        let (file, earlier) = (self.text("OTEL_CONFIG_FILE"), self.text(EARLIER));
        if earlier.is_some() {
            let fate = if file.is_some() { "ignored beside" } else { "an earlier name of" };
            self.complain_of(format!("{EARLIER} is {fate} OTEL_CONFIG_FILE"));
        }
        file.or(earlier)
    }

    /// Tells of conventions that are asked for and not followed: earlier ones beside the stable ones.
    pub(in crate::sdk) fn stability(&mut self) {
        const NAME: &str = "OTEL_SEMCONV_STABILITY_OPT_IN";
        let text = self.text(NAME).unwrap_or_default();
        for item in text.split(',').map(str::trim).filter(|item| item.ends_with("/dup")) {
            self.complain(NAME, item, "without /dup: earlier conventions are not followed here");
        }
    }

    /// Whether exceptions are span events beside log records.
    pub(in crate::sdk) fn exception_events(&mut self) -> bool {
        let wanted = "logs or logs/dup";
        let list = self.list("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", wanted, |item| match item {
            "logs" => Some(false),
            "logs/dup" => Some(true),
            _ => None,
        });
        list.unwrap_or_default().contains(&true)
    }

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
            self.complain_of(complaint);
            Vec::new()
        })
    }

    /// A detector's name or `all`.
    pub(in crate::sdk) fn detectors(&mut self) -> Option<Vec<Detector>> {
        let names = Detector::ALL.map(Detector::name).join(", ");
        let wanted = format!("all, none, or names of {names}");
        let lists = self.list("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", &wanted, |name| {
            let is = |other: &str| other.eq_ignore_ascii_case(name);
            let one = Detector::ALL.into_iter().find(|detector| is(detector.name()));
            if is("all") { Some(Detector::ALL.to_vec()) } else { Some(vec![one?]) }
        })?;
        Some(lists.concat())
    }

    /// How much telemetry says about itself.
    pub(in crate::sdk) fn own_log_level(&mut self) -> Option<LevelFilter> {
        let wanted = "off, error, warn, info, debug or trace";
        self.choice(&["OTEL_LOG_LEVEL"], wanted, |name| {
            Some(match name.to_ascii_lowercase().as_str() {
                "off" | "none" => LevelFilter::OFF,
                "error" | "fatal" => LevelFilter::ERROR,
                "warn" | "warning" => LevelFilter::WARN,
                "info" => LevelFilter::INFO,
                "debug" => LevelFilter::DEBUG,
                "trace" | "verbose" | "all" => LevelFilter::TRACE,
                _ => return None,
            })
        })
    }

    pub(in crate::sdk) fn exporters(&mut self) -> Option<Vec<Exporter>> {
        let wanted = "otlp, console, zipkin, otlp/stdout or none";
        self.list("OTEL_TRACES_EXPORTER", wanted, Exporter::from_name)
    }

    pub(in crate::sdk) fn log_exporters(&mut self) -> Option<Vec<Exporter>> {
        self.list("OTEL_LOGS_EXPORTER", "otlp, console, otlp/stdout or none", |name| {
            Exporter::from_name(name).filter(|exporter| *exporter != Exporter::Zipkin)
        })
    }

    pub(in crate::sdk) fn zipkin_endpoint(&self) -> Option<String> {
        self.text("OTEL_EXPORTER_ZIPKIN_ENDPOINT")
    }

    pub(in crate::sdk) fn zipkin_timeout(&mut self) -> Option<Duration> {
        self.timeout(&["OTEL_EXPORTER_ZIPKIN_TIMEOUT"])
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

pub(in crate::sdk) fn attribute(pair: &str) -> Option<KeyValue> {
    let (key, value) = pair.split_once('=')?;
    let (key, value) = (decode(key.trim())?, decode(value.trim())?);
    (!key.is_empty()).then(|| KeyValue::new(key, value))
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

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
    fn the_earlier_name_of_the_file_is_told_of() {
        let (new, old) = ("OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE");
        let cases = [
            (vec![], None, 0),
            (vec![(new, "a.yaml"), (old, "")], Some("a.yaml"), 0),
            (vec![(old, "b.yaml")], Some("b.yaml"), 1),
            (vec![(new, "a.yaml"), (old, "b.yaml")], Some("a.yaml"), 1),
        ];
        for (variables, file, complaints) in cases {
            let (found, complained) = ask(&variables, Env::config_file);
            assert_eq!((found.as_deref(), complained), (file, complaints), "{variables:?}");
        }
    }

    #[test]
    fn conventions_are_chosen_by_lists() {
        let cases = [
            ("", false, 0),
            ("logs", false, 0),
            ("logs/dup", true, 0),
            ("logs, logs/dup", true, 0),
            ("span_events", false, 1),
            ("none", false, 0),
        ];
        for (text, expected, complaints) in cases {
            let variable = ("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", text);
            let found = ask(&[variable], Env::exception_events);
            assert_eq!(found, (expected, complaints), "{text}");
        }
        // What is asked for may be somebody else's.
        let cases =
            [("", 0), ("http,database,code", 0), ("http/dup", 1), ("rpc/dup,x,code/dup", 2)];
        for (text, complaints) in cases {
            let found = ask(&[("OTEL_SEMCONV_STABILITY_OPT_IN", text)], Env::stability);
            assert_eq!(found, ((), complaints), "{text}");
        }
    }

    #[test]
    fn a_timeout_of_zero_is_a_day() {
        let cases = [("0", Some(86_400), 0), ("2000", Some(2), 0), ("-1", None, 1)];
        for (text, seconds, complaints) in cases {
            let variable = ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", text);
            let expected = (seconds.map(Duration::from_secs), complaints);
            assert_eq!(ask(&[variable], Env::zipkin_timeout), expected, "{text}");
        }
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
        let exporters = |text| ask(&[("OTEL_TRACES_EXPORTER", text)], Env::exporters);
        let both = vec![Exporter::Otlp, Exporter::Console];
        assert_eq!(exporters("none"), (Some(vec![]), 0));
        assert_eq!(exporters("otlp, console"), (Some(both), 0));
        assert_eq!(exporters("Zipkin"), (Some(vec![Exporter::Zipkin]), 0));
        assert_eq!(exporters("OTLP/stdout"), (Some(vec![Exporter::OtlpStdout]), 0));
        assert_eq!(exporters("paper"), (None, 1));
        let exporters = |text| ask(&[("OTEL_LOGS_EXPORTER", text)], Env::log_exporters);
        assert_eq!(exporters("none"), (Some(vec![]), 0));
        assert_eq!(exporters("OTLP"), (Some(vec![Exporter::Otlp]), 0));
        assert_eq!(exporters("zipkin"), (None, 1));
    }

    #[test]
    fn levels_and_detectors_have_names() {
        let level = |text| ask(&[("OTEL_LOG_LEVEL", text)], Env::own_log_level);
        assert_eq!(level("Debug"), (Some(LevelFilter::DEBUG), 0));
        assert_eq!(level("none"), (Some(LevelFilter::OFF), 0));
        assert_eq!(level("loud"), (None, 1));
        assert_eq!(level(""), (None, 0));
        let found = |text| ask(&[("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", text)], Env::detectors);
        assert_eq!(found("all"), (Some(Detector::ALL.to_vec()), 0));
        assert_eq!(found("K8s,moon"), (Some(vec![Detector::Kubernetes]), 1));
        assert_eq!(found("none"), (Some(vec![]), 0));
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
