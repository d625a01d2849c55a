//! What a sampling service answers, and what it means.

use std::collections::HashMap;

use opentelemetry::trace::TraceId;
use serde_json::Value;

use super::super::limit::Bucket;
use super::super::threshold::Threshold;

/// More span names than this are not remembered.
const MAX_OPERATIONS: usize = 2000;

/// An answer that has been understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan {
    /// This share.
    Share(f64),
    /// So many per second.
    Limit(f64),
    /// A share by span name, and so many per second of each whatever the share says.
    Operations {
        /// The share of names that are not listed.
        otherwise: f64,
        at_least: f64,
        /// Of all together.
        at_most: Option<f64>,
        shares: Vec<(String, f64)>,
    },
}

impl Plan {
    /// Reads an answer in JSON (`SamplingStrategyResponse` of jaeger.api_v2). `None` when it says
    /// nothing that could be followed; single operations that make no sense are left out.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(json).ok()?;
        if let Some(operations) = object(&answer, "operationSampling") {
            return Self::operations(operations);
        }
        // Its name, in older versions its number, which is missing when it is zero.
        let by_share = match answer.get("strategyType") {
            None => object(&answer, "rateLimitingSampling").is_none(),
            Some(Value::String(name)) if name == "PROBABILISTIC" => true,
            Some(Value::String(name)) if name == "RATE_LIMITING" => false,
            Some(Value::Number(number)) if number.as_u64() == Some(0) => true,
            Some(Value::Number(number)) if number.as_u64() == Some(1) => false,
            Some(_) => return None,
        };
        if by_share {
            let strategy = object(&answer, "probabilisticSampling")?;
            share(strategy, "samplingRate").map(Self::Share)
        } else {
            let strategy = object(&answer, "rateLimitingSampling")?;
            rate(strategy, "maxTracesPerSecond").map(Self::Limit)
        }
    }

    fn operations(strategy: &Value) -> Option<Self> {
        let otherwise = share(strategy, "defaultSamplingProbability")?;
        let at_least = rate(strategy, "defaultLowerBoundTracesPerSecond")?;
        let at_most = match strategy.get("defaultUpperBoundTracesPerSecond") {
            // JSON from Protobuf leaves zeros out, and zero stands for no bound.
            None | Some(Value::Null) => None,
            Some(_) => {
                rate(strategy, "defaultUpperBoundTracesPerSecond").filter(|upper| *upper > 0.0)
            }
        };
        let list = strategy.get("perOperationStrategies").and_then(Value::as_array);
        let shares = list.into_iter().flatten().filter_map(|operation| {
            let name = operation.get("operation")?.as_str()?;
            let share = share(object(operation, "probabilisticSampling")?, "samplingRate")?;
            Some((name.to_owned(), share))
        });
        let shares = shares.take(MAX_OPERATIONS).collect();
        Some(Self::Operations { otherwise, at_least, at_most, shares })
    }
}

fn object<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|found| found.is_object())
}

/// From 0 to 1; 0 when it is missing.
fn share(value: &Value, key: &str) -> Option<f64> {
    rate(value, key).filter(|share| *share <= 1.0)
}

/// Not negative; 0 when it is missing, as JSON from Protobuf has it.
fn rate(value: &Value, key: &str) -> Option<f64> {
    match value.get(key) {
        None | Some(Value::Null) => Some(0.0),
        Some(found) => found.as_f64().filter(|rate| rate.is_finite() && *rate >= 0.0),
    }
}

/// A plan with what it needs to be followed.
#[derive(Debug)]
pub(super) struct Strategy {
    pub(super) plan: Plan,
    means: Means,
}

#[derive(Debug)]
enum Means {
    Share(Option<Threshold>),
    Limit(Bucket),
    Operations { otherwise: Operation, listed: HashMap<String, Operation>, at_most: Option<Bucket> },
}

/// The share and the lower bound of one span name.
#[derive(Debug)]
struct Operation {
    threshold: Option<Threshold>,
    at_least: Bucket,
}

impl Strategy {
    pub(super) fn new(plan: Plan) -> Self {
        let means = match &plan {
            Plan::Share(share) => Means::Share(Threshold::of_probability(*share)),
            Plan::Limit(per_second) => Means::Limit(Bucket::new(*per_second)),
            Plan::Operations { otherwise, at_least, at_most, shares } => {
                let operation = |share: f64| Operation {
                    threshold: Threshold::of_probability(share),
                    at_least: Bucket::new(*at_least),
                };
                let listed =
                    shares.iter().map(|(name, share)| (name.clone(), operation(*share))).collect();
                let at_most = at_most.map(Bucket::new);
                Means::Operations { otherwise: operation(*otherwise), listed, at_most }
            }
        };
        Self { plan, means }
    }

    pub(super) fn keeps(&self, id: TraceId, name: &str) -> bool {
        match &self.means {
            Means::Share(threshold) => within(*threshold, id),
            Means::Limit(bucket) => bucket.take(),
            Means::Operations { otherwise, listed, at_most } => {
                let Operation { threshold, at_least } = listed.get(name).unwrap_or(otherwise);
                // What the share keeps uses up the lower bound too.
                let (chosen, guaranteed) = (within(*threshold, id), at_least.take());
                (chosen || guaranteed) && at_most.as_ref().is_none_or(Bucket::take)
            }
        }
    }
}

fn within(threshold: Option<Threshold>, id: TraceId) -> bool {
    threshold.is_some_and(|threshold| threshold.keeps(id.into()))
}

#[cfg(test)]
mod tests {
    use proptest::proptest;

    use super::*;

    #[test]
    fn answers_are_understood() {
        let operations = |at_most, shares: &[(&str, f64)]| {
            let shares = shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
            Some(Plan::Operations { otherwise: 0.5, at_least: 2.0, at_most, shares })
        };
        let cases = [
            (
                r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.8}}"#,
                Some(Plan::Share(0.8)),
            ),
            (
                r#"{"strategyType":0,"probabilisticSampling":{"samplingRate":1}}"#,
                Some(Plan::Share(1.0)),
            ),
            (r#"{"probabilisticSampling":{"samplingRate":0.1}}"#, Some(Plan::Share(0.1))),
            (r#"{"probabilisticSampling":{}}"#, Some(Plan::Share(0.0))),
            (
                r#"{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":5}}"#,
                Some(Plan::Limit(5.0)),
            ),
            (
                r#"{"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":5}}"#,
                Some(Plan::Limit(5.0)),
            ),
            (
                r#"{"strategyType":"PROBABILISTIC","operationSampling":{
                    "defaultSamplingProbability":0.5,"defaultLowerBoundTracesPerSecond":2,
                    "defaultUpperBoundTracesPerSecond":9,"perOperationStrategies":[
                    {"operation":"GET /","probabilisticSampling":{"samplingRate":0.1}},
                    {"operation":7,"probabilisticSampling":{"samplingRate":0.1}},
                    {"operation":"x","probabilisticSampling":{"samplingRate":3}},
                    null,{"operation":"y"}]}}"#,
                operations(Some(9.0), &[("GET /", 0.1)]),
            ),
            (
                r#"{"operationSampling":{"defaultSamplingProbability":0.5,
                    "defaultLowerBoundTracesPerSecond":2,"perOperationStrategies":{}}}"#,
                operations(None, &[]),
            ),
            ("", None),
            ("null", None),
            ("[]", None),
            ("{}", None),
            ("<html>", None),
            (r#"{"strategyType":"XRAY"}"#, None),
            (r#"{"strategyType":2}"#, None),
            (r#"{"strategyType":"RATE_LIMITING"}"#, None),
            (r#"{"probabilisticSampling":{"samplingRate":-1}}"#, None),
            (r#"{"probabilisticSampling":{"samplingRate":1.1}}"#, None),
            (r#"{"probabilisticSampling":{"samplingRate":"1"}}"#, None),
            (r#"{"probabilisticSampling":{"samplingRate":1e999}}"#, None),
            (r#"{"operationSampling":{"defaultSamplingProbability":7}}"#, None),
        ];
        for (json, expected) in cases {
            assert_eq!(Plan::parse(json.as_bytes()), expected, "{json}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(Plan::parse(deep.as_bytes()), None);
    }

    #[test]
    fn plans_are_followed() {
        let (first, last) = (TraceId::from(0), TraceId::from(u128::MAX));
        let keeps = |plan, asked: &[(TraceId, &str)]| -> Vec<bool> {
            let strategy = Strategy::new(plan);
            asked.iter().map(|(id, name)| strategy.keeps(*id, name)).collect()
        };
        assert_eq!(keeps(Plan::Share(0.5), &[(first, "a"), (last, "a")]), [false, true]);
        assert_eq!(keeps(Plan::Share(0.0), &[(last, "a")]), [false]);
        assert_eq!(keeps(Plan::Limit(1e-9), &[(last, "a"), (last, "a")]), [true, false]);
        let shares = vec![("all".to_owned(), 1.0), ("none".to_owned(), 0.0)];
        let plan = |at_least, at_most| {
            let shares = shares.clone();
            Plan::Operations { otherwise: 0.0, at_least, at_most, shares }
        };
        let asked = [(first, "all"), (last, "none"), (last, "other")];
        assert_eq!(keeps(plan(0.0, None), &asked), [true, false, false]);
        // A lower bound lets the first of each name through, an upper one the first of all.
        let twice = [asked, asked].concat();
        let expected = [true, true, true, true, false, false];
        assert_eq!(keeps(plan(1e-9, None), &twice), expected);
        assert_eq!(keeps(plan(0.0, Some(1e-9)), &twice), [true, false, false, false, false, false]);
    }

    proptest! {
        #[test]
        fn no_answer_does_harm(json in "(\\PC|[{}\\[\\]\":,0-9a-zA-Z]){0,60}") {
            if let Some(plan) = Plan::parse(json.as_bytes()) {
                Strategy::new(plan).keeps(TraceId::from(1), "name");
            }
        }
    }
}
