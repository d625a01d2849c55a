//! Who sends the spans.

mod detect;

pub use detect::Detector;
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};

use crate::span::attributes::SCHEMA_URL;

pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SERVICE_NAMESPACE: &str = "service.namespace";
pub(super) const SERVICE_INSTANCE_ID: &str = "service.instance.id";
pub(super) const SERVICE_VERSION: &str = "service.version";
pub(super) const DEPLOYMENT_ENVIRONMENT_NAME: &str = "deployment.environment.name";

/// The resource of this process: what is always known, overridden by `attributes`, of which later
/// ones override earlier ones.
pub(super) fn resource(attributes: Vec<KeyValue>) -> Resource {
    let always = [
        KeyValue::new(SERVICE_NAME, unknown_service()),
        KeyValue::new(SERVICE_INSTANCE_ID, random_uuid()),
        KeyValue::new("telemetry.distro.name", "tracewire"),
        KeyValue::new("telemetry.distro.version", env!("CARGO_PKG_VERSION")),
    ];
    // An empty name or namespace is as good as none.
    let given = attributes.into_iter().filter(|KeyValue { key, value, .. }| {
        ![SERVICE_NAME, SERVICE_NAMESPACE].contains(&key.as_str()) || *value != Value::from("")
    });
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_schema_url(always.into_iter().chain(given), SCHEMA_URL)
        .build()
}

/// `unknown_service:` and the name of the executable.
fn unknown_service() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    match path.file_name() {
        Some(name) => format!("unknown_service:{}", name.to_string_lossy()),
        None => "unknown_service".to_owned(),
    }
}

/// A UUID of version 4 (RFC 9562 §5.4).
fn random_uuid() -> String {
    let random = u128::from_be_bytes(RandomIdGenerator::default().new_trace_id().to_bytes());
    let version = 0x4 << 76;
    let variant = 0b10 << 62;
    let uuid = random & !(0xf << 76) & !(0b11 << 62) | version | variant;
    let hex = format!("{uuid:032x}");
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    format!("{a}-{b}-{c}-{d}-{e}")
}
