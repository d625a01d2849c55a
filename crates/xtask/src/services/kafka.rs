//! Apache Kafka from Maven's repository: one node that is broker and controller, and makes topics when they are used.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::recipe::{self, Recipe};
use super::server::connect;
use super::service::{Place, Service, find};
use crate::failure::{Context, Result};
use crate::process;

#[derive(Debug)]
pub(crate) struct Kafka;

/// The jars of a broker.
const JARS: Recipe = Recipe { name: "kafka", text: include_str!("kafka.xml") };

/// Any cluster's id is 16 bytes in URL-safe Base64.
const CLUSTER: &str = "dHJhY2V3aXJlLXRlc3RzLg";

/// What does not depend on the ports: a node that is alone, and groups that need not wait for each other.
const SETTINGS: &str = "process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
auto.create.topics.enable=true
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
";

impl Service for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn variable(&self) -> &'static str {
        "TRACEWIRE_KAFKA_BROKERS"
    }

    fn packages(&self) -> &'static [&'static str] {
        match (find("java"), find("mvn")) {
            (Some(_), Some(_)) => &[],
            _ => &["default-jre-headless", "maven"],
        }
    }

    fn program(&self) -> Option<PathBuf> {
        JARS.made().and_then(|_| find("java"))
    }

    fn fetch(&self) -> Result<()> {
        JARS.make(|folder| {
            let recipe = folder.join("pom.xml");
            std::fs::write(&recipe, JARS.text).context(recipe.display())?;
            let mut maven = process::program("mvn");
            maven
                .args(["--batch-mode", "--quiet", "dependency:copy-dependencies"])
                .args(["-DincludeScope=runtime", "-DoutputDirectory=jars", "--file"])
                .arg(recipe);
            recipe::run(&mut maven)
        })
    }

    /// The jars are in `target`, which other accounts may not be able to read.
    fn account(&self) -> Result<Account> {
        Ok(Account::Own)
    }

    /// That of the controller.
    fn further_ports(&self) -> usize {
        1
    }

    fn prepare(&self, program: &Path, place: &Place) -> Result<()> {
        let broker = place.address();
        let controller = place.others.first().copied().unwrap_or_default();
        let settings = format!(
            "{SETTINGS}log.dirs={}
listeners=PLAINTEXT://{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{broker}
controller.quorum.voters=1@127.0.0.1:{controller}
",
            place.data.join("data").display()
        );
        place.write("server.properties", &settings)?;
        let mut format = java(program, place);
        format.args([
            "kafka.tools.StorageTool",
            "format",
            "-t",
            CLUSTER,
            "-c",
            "server.properties",
        ]);
        place.run(&mut format)
    }

    fn command(&self, program: &Path, place: &Place) -> Command {
        let mut command = java(program, place);
        command.args(["kafka.Kafka", "server.properties"]);
        command
    }

    fn is_ready(&self, place: &Place) -> bool {
        // A request for metadata (key 3) in version 0, correlation id 7, no client id, all topics. The answer carries
        // a length, the correlation id and the number of brokers that take clients.
        let request = b"\0\0\0\x0e\0\x03\0\0\0\0\0\x07\xff\xff\0\0\0\0";
        let mut answer = [0; 12];
        connect(place.address()).is_some_and(|mut server| {
            server.write_all(request).is_ok()
                && server.read_exact(&mut answer).is_ok()
                && answer[4..] == [0, 0, 0, 7, 0, 0, 0, 1]
        })
    }

    fn url(&self, place: &Place) -> String {
        place.address().to_string()
    }

    /// Asked kindly, it takes seconds.
    fn stop_signal(&self) -> &'static str {
        "KILL"
    }
}

/// A small Java machine that starts fast, with the broker's jars.
fn java(program: &Path, place: &Place) -> Command {
    let jars = JARS.made().unwrap_or_default().join("jars").join("*");
    let mut command = place.command(program);
    command
        .args(["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(["-XX:-UsePerfData", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"])
        .arg(jars);
    command
}
