//! Rules: what they look at, and which one counts.

use opentelemetry::trace::SpanKind;
use opentelemetry::{Array, KeyValue, Value};
use tracewire::sdk::{Rules, Sampler, When};

use crate::support::Question;

fn matches(when: When, attributes: &[KeyValue]) -> bool {
    let rules = Rules::new().when(when, Sampler::always_on());
    Question::root(1).with(attributes.to_vec()).is_kept(&rules.into())
}

fn list(items: &[&'static str]) -> Value {
    Value::Array(Array::String(items.iter().map(|item| (*item).into()).collect()))
}

#[test]
fn conditions_look_at_what_is_known_at_the_start() {
    let of = |key: &'static str, value: Value| vec![KeyValue::new(key, value)];
    let tenant = "http.request.header.x-tenant";
    let cases = [
        (When::always(), vec![], true),
        (When::root(), vec![], true),
        (When::kind(SpanKind::Server), vec![], true),
        (When::kind(SpanKind::Client), vec![], false),
        (When::name("GET *"), vec![], true),
        (When::name("POST *"), vec![], false),
        (When::route("/orders/{id}"), of("http.route", "/orders/{id}".into()), true),
        (When::route("/orders"), of("http.route", "/orders/{id}".into()), false),
        (When::route("/orders*"), of("http.route", "/orders/{id}".into()), true),
        (When::route("*"), vec![], false),
        (When::path("/a/*/c"), of("url.path", "/a/b/b/c".into()), true),
        (When::path("/a/*/c"), of("url.path", "/a/c".into()), false),
        (When::path("/aa*aa"), of("url.path", "/aaa".into()), false),
        (When::path("*é*"), of("url.path", "/caf\u{e9}".into()), true),
        (When::path(""), of("url.path", "".into()), true),
        (When::path("**"), of("url.path", "".into()), true),
        (When::method("GET"), of("http.request.method", "GET".into()), true),
        (When::method("GET"), of("http.request.method", "get".into()), false),
        (When::method("shop.Orders/*"), of("rpc.method", "shop.Orders/Place".into()), true),
        (When::header("X-Tenant", "north"), of(tenant, list(&["south", "north"])), true),
        (When::header("x-tenant", "*"), of(tenant, list(&["south"])), true),
        (When::header("x-tenant", "east"), of(tenant, list(&["south"])), false),
        (When::header("x-tenant", "*"), vec![], false),
        (When::header("k", "v"), of("rpc.request.metadata.k", list(&["v"])), true),
        (When::attribute("a", 7), of("a", 7.into()), true),
        (When::attribute("a", 7), of("a", "7".into()), false),
        (When::attribute("a", true), of("a", true.into()), true),
        (When::attribute("a", "b"), of("a", list(&["b", "c"])), true),
        (When::attribute_like("a", "7*"), of("a", 77.into()), true),
        (When::matching(|span| span.name() == "GET /"), vec![], true),
        (When::matching(|span| span.parent().is_some()), vec![], false),
        (!When::always(), vec![], false),
        (When::always().and(!When::root()), vec![], false),
        (When::always().and(When::root()).and(When::name("GET /")), vec![], true),
        ((!When::always()).or(!When::root()).or(When::name("GET /")), vec![], true),
    ];
    for (when, attributes, expected) in cases {
        let what = format!("{when:?} {attributes:?}");
        assert_eq!(matches(when, &attributes), expected, "{what}");
    }
}

#[test]
fn health_checks_are_known() {
    let yes = [
        ("url.path", "/healthz"),
        ("url.path", "/health"),
        ("url.path", "/health/"),
        ("url.path", "/livez"),
        ("url.path", "/readyz"),
        ("url.path", "/actuator/health"),
        ("url.path", "/-/ready"),
        ("url.path", "/up"),
        ("http.route", "/ping"),
        ("rpc.method", "grpc.health.v1.Health/Check"),
        ("rpc.method", "grpc.health.v1.Health/Watch"),
        ("user_agent.original", "kube-probe/1.31"),
        ("user_agent.original", "ELB-HealthChecker/2.0"),
        ("user_agent.original", "GoogleHC/1.0"),
    ];
    let no = [
        ("url.path", "/"),
        ("url.path", "/healthy-food"),
        ("url.path", "/orders/health"),
        ("url.full", "/healthz"),
        ("rpc.method", "shop.Health/Check"),
        ("user_agent.original", "curl/8 kube-probe/1"),
    ];
    for (key, value) in yes {
        assert!(matches(When::health_check(), &[KeyValue::new(key, value)]), "{value}");
    }
    for (key, value) in no {
        assert!(!matches(When::health_check(), &[KeyValue::new(key, value)]), "{value}");
    }
}

#[test]
fn the_first_rule_that_matches_counts() {
    let sampler = Sampler::from(
        Rules::new()
            .when(When::method("DELETE"), Sampler::always_on())
            .when(When::path("/admin/*"), Sampler::always_off())
            .when(When::method("GET"), Sampler::always_on()),
    );
    let cases = [
        ("DELETE", "/admin/x", true),
        ("GET", "/admin/x", false),
        ("GET", "/x", true),
        // What matches nothing is dropped.
        ("POST", "/x", false),
    ];
    for (method, path, kept) in cases {
        let attributes =
            [KeyValue::new("http.request.method", method), KeyValue::new("url.path", path)];
        assert_eq!(Question::root(1).with(attributes).is_kept(&sampler), kept, "{method} {path}");
    }
    assert!(!Question::root(1).is_kept(&Rules::<Sampler>::new().into()));
}
