//! Environment variables: what they say, and what is wrong with it.
//!
//! The rules are those of the OpenTelemetry specification, "Environment Variable Specification":
//! an empty value counts as unset; a number or a name that is not understood is told of once and
//! then counts as unset too.

use std::ops::RangeInclusive;
use std::time::Duration;

use percent_encoding::percent_decode_str;

mod batch;
mod entities;
mod limits;
mod meters;
mod otlp;
mod variables;

pub(super) use otlp::header;
pub(super) use variables::attribute;

type Lookup = dyn Fn(&str) -> Option<String>;

/// The variables of a process, and what was found wrong with those that were asked for.
pub(super) struct Env {
    lookup: Box<Lookup>,
    complaints: Vec<String>,
}

/// A day; nobody means a longer one.
const MILLISECONDS: RangeInclusive<u64> = 1..=86_400_000;

impl Env {
    /// What `lookup` finds.
    pub(super) fn new(lookup: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self { lookup: Box::new(lookup), complaints: Vec::new() }
    }

    /// Without the variables of OpenTelemetry, for which a configuration file stands.
    pub(super) fn with_config(self, warnings: Vec<String>) -> Self {
        let lookup = self.lookup;
        let others = move |name: &str| lookup(name).filter(|_| !name.starts_with("OTEL_"));
        let complaints = self.complaints.into_iter().chain(warnings).collect();
        Self { lookup: Box::new(others), complaints }
    }

    /// One sentence for everything that was ignored.
    pub(super) fn into_complaints(self) -> Vec<String> {
        self.complaints
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = (self.lookup)(name)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The first of these variables that is set to something understood.
    fn choice<T>(
        &mut self,
        names: &[&str],
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        for name in names {
            let Some(text) = self.text(name) else {
                continue;
            };
            match parse(&text) {
                Some(value) => return Some(value),
                None => self.complain(name, &text, wanted),
            }
        }
        None
    }

    /// Every name of a list that is understood; `none` alone is the empty list. `None` when nothing
    /// is left, so that a misspelt name does not switch off what is on by default.
    fn list<T>(
        &mut self,
        name: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let text = self.text(name)?;
        if text.eq_ignore_ascii_case("none") {
            return Some(Vec::new());
        }
        let mut list = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match parse(item) {
                Some(value) => list.push(value),
                None => self.complain(name, item, wanted),
            }
        }
        (!list.is_empty()).then_some(list)
    }

    fn number(&mut self, names: &[&str], range: RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = range.clone().into_inner();
        let wanted = format!("a whole number from {least} to {most}");
        let in_range = |text: &str| text.parse().ok().filter(|number| range.contains(number));
        self.choice(names, &wanted, in_range)
    }

    fn milliseconds(&mut self, names: &[&str]) -> Option<Duration> {
        self.number(names, MILLISECONDS).map(Duration::from_millis)
    }

    /// How long something may take; 0 is as long as it likes, which here is a day.
    fn timeout(&mut self, names: &[&str]) -> Option<Duration> {
        let (_, longest) = MILLISECONDS.into_inner();
        let number = self.number(names, 0..=longest)?;
        Some(Duration::from_millis(if number == 0 { longest } else { number }))
    }

    /// Only `true` is true, in any case.
    fn flag(&mut self, names: &[&str]) -> bool {
        let flag =
            self.choice(names, "true or false", |text| match text.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            });
        flag.unwrap_or(false)
    }

    /// [`flag`](Self::flag) of one variable, which may be unset.
    fn maybe(&mut self, name: &str) -> Option<bool> {
        self.text(name)?;
        Some(self.flag(&[name]))
    }

    fn complain(&mut self, name: &str, value: &str, wanted: &str) {
        self.complain_of(format!("{name}={value} is ignored: it should be {wanted}"));
    }

    /// Once, however often the variable is asked for.
    fn complain_of(&mut self, complaint: String) {
        if !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
    }
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
pub(in crate::sdk) mod tests {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};
    use std::rc::Rc;

    use super::Env;
    use crate::sdk::Signal;

    /// Asks an environment of these variables; tells what was wrong with it too.
    pub(crate) fn ask<T>(
        variables: &[(&str, &str)],
        question: impl FnOnce(&mut Env) -> T,
    ) -> (T, usize) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: BTreeMap<String, String> = variables.iter().map(own).collect();
        let mut env = Env::new(move |name| variables.get(name).cloned());
        let answer = question(&mut env);
        (answer, env.into_complaints().len())
    }

    /// The names in the first column of the table in the documentation of `sdk`.
    fn documented() -> BTreeSet<String> {
        let lines = include_str!("mod.rs").lines();
        let rows = lines.filter_map(|line| line.strip_prefix("//! | `"));
        let names = rows.filter_map(|row| row.split(" | ").next());
        names
            .flat_map(|names| names.split(", "))
            .map(|it| it.trim_matches('`').to_owned())
            .collect()
    }

    /// The names that are asked for, with those of OTLP for one signal under that for all.
    fn asked() -> BTreeSet<String> {
        let names = Rc::new(RefCell::new(BTreeSet::new()));
        let seen = names.clone();
        let mut env = Env::new(move |name| {
            seen.borrow_mut().insert(name.replace("_OTLP_TRACES_", "_OTLP_"));
            (name == "OTEL_TRACES_SAMPLER").then(|| "traceidratio".to_owned())
        });
        env.config_file();
        env.stability();
        env.exception_events();
        env.entities();
        env.disabled();
        env.service_name();
        env.resource_attributes();
        env.detectors();
        env.propagator();
        env.sampler();
        env.exporters();
        env.log_exporters();
        let _ = env.otlp();
        let _ = env.otlp_for(Signal::Traces);
        env.zipkin_endpoint();
        env.zipkin_timeout();
        let _ = env.batch(Signal::Traces);
        let _ = env.batch(Signal::Logs);
        let _ = env.limits(Signal::Traces);
        let _ = env.limits(Signal::Logs);
        env.metric_exporters();
        env.metric_interval();
        env.metric_timeout();
        env.temporality();
        env.histograms();
        env.exemplar_filter();
        env.prometheus_host();
        env.prometheus_port();
        env.own_log_level();
        env.log_filter();
        env.no_color();
        names.take()
    }

    #[test]
    fn the_documentation_names_every_variable_and_no_other() {
        assert_eq!(documented(), asked());
    }

    #[test]
    fn every_variable_has_an_equivalent_in_code() {
        let lines = include_str!("mod.rs").lines();
        for row in lines.filter_map(|line| line.strip_prefix("//! | `")) {
            let code = row.split(" | ").nth(1);
            assert!(code.is_some_and(|code| !code.trim().is_empty()), "{row}");
        }
    }
}
