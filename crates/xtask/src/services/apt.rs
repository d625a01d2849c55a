//! Installs what is missing from Debian's packages.

use super::account::is_root;
use super::service::{Service, find};
use crate::failure::{Context, Result};
use crate::process;

/// Installs the packages of these services.
pub(crate) fn install(missing: &[&dyn Service]) -> Result<()> {
    let packages: Vec<&str> =
        missing.iter().flat_map(|service| service.packages().iter().copied()).collect();
    if packages.is_empty() {
        return Ok(());
    }
    if !is_root() || find("apt-get").is_none() {
        return Err(by_hand(missing, &packages).into());
    }
    install_packages(&packages)
}

/// Installs these packages. It takes root, and `apt-get`.
pub(crate) fn install_packages(packages: &[&str]) -> Result<()> {
    if !is_root() || find("apt-get").is_none() {
        let packages = packages.join(" ");
        return Err(format!("not installed: run `sudo apt-get install {packages}`").into());
    }
    // Package lists may be missing or older than the packages they name, so a failure is worth one update.
    if apt_get("install", packages).is_err() {
        apt_get("update", &[])?;
        apt_get("install", packages)?;
    }
    Ok(())
}

fn apt_get(verb: &str, packages: &[&str]) -> Result<()> {
    let mut command = process::program("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-y", verb]);
    if verb == "install" {
        command.arg("--no-install-recommends").args(packages);
    }
    command.args(["-o", "Acquire::Retries=3"]);
    // It must not wait for an answer, nor mix its report with the addresses that we print.
    command.stdin(std::process::Stdio::null());
    eprintln!("$ {}", process::shown(&command));
    let output = command.output().context("apt-get")?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("`{}` failed:\n{errors}", process::shown(&command)).into())
}

fn by_hand(missing: &[&dyn Service], packages: &[&str]) -> String {
    let list = |text: fn(&dyn Service) -> &'static str, separator: &str| {
        let texts: Vec<_> = missing.iter().map(|it| text(*it)).collect();
        texts.join(separator)
    };
    format!(
        "not installed: {}. Only root can install from Debian's packages: run `sudo apt-get install {}`, or name \
         running servers that tests may write to in {}",
        list(|it| it.name(), ", "),
        packages.join(" "),
        list(|it| it.variable(), ", "),
    )
}

#[cfg(test)]
mod tests {
    use super::by_hand;
    use crate::services::SERVICES;

    #[test]
    fn without_the_right_to_install_both_ways_out_are_named() {
        let text = by_hand(&SERVICES[2..3], SERVICES[2].packages());
        assert!(text.contains("sudo apt-get install redis-server"), "{text}");
        assert!(text.contains("TRACEWIRE_REDIS_URL"), "{text}");
    }
}
