//! `cargo xtask services up|down`: the real servers that tests talk to, on free ports, with data that is thrown away.

use crate::failure::Result;
use crate::{Command, workspace};
use collector::Collector;
use kafka::Kafka;
use mariadb::MariaDb;
use nats::Nats;
use postgres::Postgres;
use prometheus::Prometheus;
use rabbitmq::RabbitMq;
use redis::Redis;
use service::Service;
use supervisor::Supervisor;

mod account;
mod apt;
mod collector;
mod kafka;
mod mariadb;
mod nats;
mod postgres;
mod prometheus;
mod rabbitmq;
mod recipe;
mod redis;
mod server;
mod service;
mod state;
mod supervisor;

pub(crate) use apt::install_packages;

pub(crate) const COMMAND: Command = Command {
    name: "services",
    arguments: "up|down [NAME...]",
    about: "start or stop the servers that tests use; their addresses go to target/services/env",
    run: start,
};

/// Every server that can be started. A new one is a file and a line here.
const SERVICES: &[&dyn Service] =
    &[&Postgres, &MariaDb, &Redis, &RabbitMq, &Nats, &Kafka, &Collector, &Prometheus];

fn start(arguments: &[String]) -> Result<()> {
    let Some((verb, names)) = arguments.split_first() else {
        return Err("say `services up` or `services down`".into());
    };
    let chosen = choose(SERVICES, names)?;
    let supervisor = Supervisor::new(workspace::scratch("services"), SERVICES, |variable| {
        std::env::var(variable).ok().filter(|url| !url.is_empty())
    });
    let addresses = match verb.as_str() {
        "up" => supervisor.up(&chosen)?,
        "down" => supervisor.down(&chosen)?,
        _ => return Err(format!("services: up or down, not {verb:?}").into()),
    };
    for (variable, url) in addresses {
        println!("{variable}={url}");
    }
    Ok(())
}

/// The services with these names; all of them when none is named.
fn choose<'a>(services: &[&'a dyn Service], names: &[String]) -> Result<Vec<&'a dyn Service>> {
    if names.is_empty() {
        return Ok(services.to_vec());
    }
    let find = |name: &String| {
        let found = services.iter().find(|service| service.name() == name);
        found.copied().ok_or_else(|| {
            let known: Vec<_> = services.iter().map(|service| service.name()).collect();
            format!("there is no service {name:?}, only {}", known.join(", ")).into()
        })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::{SERVICES, choose};

    #[test]
    fn services_are_chosen_by_name_and_all_when_none_is_named() {
        let names = |chosen: &[&str]| {
            let chosen: Vec<String> = chosen.iter().map(|name| (*name).to_owned()).collect();
            let services = choose(SERVICES, &chosen)?;
            Ok(services.iter().map(|it| it.name()).collect::<Vec<_>>())
        };
        let all = names(&[]).map_err(|it: crate::failure::Failure| it.to_string());
        assert_eq!(all.map(|all| all.len()), Ok(SERVICES.len()));
        assert_eq!(names(&["redis"]).ok(), Some(vec!["redis"]));
        let failure = names(&["oracle"]).expect_err("no such service").to_string();
        assert!(failure.contains("postgres, mariadb, redis"), "{failure}");
    }

    #[test]
    fn no_two_services_share_a_name_or_a_variable() {
        for (index, service) in SERVICES.iter().enumerate() {
            for other in &SERVICES[..index] {
                assert_ne!(service.name(), other.name());
                assert_ne!(service.variable(), other.variable());
            }
        }
    }
}
