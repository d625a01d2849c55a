//! How to tell that somebody only asks whether a service lives.

use opentelemetry::Value;

use super::Candidate;
use crate::span::attributes as names;

/// Paths at which services are asked whether they live.
const PATHS: [&str; 18] = [
    "/-/healthy",
    "/-/ready",
    "/actuator/health",
    "/health",
    "/health/live",
    "/health/ready",
    "/healthcheck",
    "/healthz",
    "/live",
    "/liveness",
    "/livez",
    "/ping",
    "/readiness",
    "/ready",
    "/readyz",
    "/startup",
    "/startupz",
    "/up",
];

/// How those who ask call themselves.
const AGENTS: [&str; 5] = [
    "Amazon-Route53-Health-Check-Service",
    "Consul Health Check",
    "ELB-HealthChecker/",
    "GoogleHC/",
    "kube-probe/",
];

/// The service of gRPC's health checking protocol.
const RPC: &str = "grpc.health.v1.Health/";

pub(super) fn is_check(candidate: &Candidate<'_>) -> bool {
    let text = |key| match candidate.attribute(key) {
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let is_path = |path: &str| {
        let path = path.strip_suffix('/').unwrap_or(path);
        PATHS.binary_search(&path).is_ok()
    };
    text(names::URL_PATH).is_some_and(is_path)
        || text(names::HTTP_ROUTE).is_some_and(is_path)
        || text(names::RPC_METHOD).is_some_and(|method| method.starts_with(RPC))
        || text(names::USER_AGENT_ORIGINAL)
            .is_some_and(|agent| AGENTS.iter().any(|known| agent.starts_with(known)))
}
