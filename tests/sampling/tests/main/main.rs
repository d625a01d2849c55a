//! What samplers see, and what they decide.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

mod adapters;
mod composition;
mod consistent;
mod hints;
mod parents;
mod rules;
mod support;
