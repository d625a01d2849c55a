//! `cargo xtask soak`: spans without pause for minutes, while the Collector comes and goes.

use crate::Command;
use crate::failure::Result;
use crate::process::{cargo, run};

pub(crate) const COMMAND: Command = Command {
    name: "soak",
    arguments: "[--seconds N] [--protocol grpc|http/protobuf|http/json]",
    about: "spans for ten minutes while the Collector flaps: nothing leaks, every span is accounted for",
    run: start,
};

fn start(arguments: &[String]) -> Result<()> {
    // Its program; each soak starts Collectors of its own.
    (crate::services::COMMAND.run)(&["up".to_owned(), "collector".to_owned()])?;
    run(cargo("run --quiet --package collector-tests --bin soak --").args(arguments))
}
