//! Brings servers up and down, remembering in files what runs, so that every run finds what an earlier one started.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::Duration;

use super::account::Account;
use super::apt;
use super::server::{self, Identity};
use super::service::{Address, Place, Service};
use super::state::{self, State};
use crate::failure::{Context, Result};

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(90);

/// How often a server that ends at once is started, each time on another port.
const ATTEMPTS: usize = 3;

pub(crate) struct Supervisor<'a> {
    folder: PathBuf,
    services: &'a [&'a dyn Service],
    given: fn(&str) -> Option<String>,
}

impl<'a> Supervisor<'a> {
    /// Keeps its files in `folder`; `given` tells the addresses of servers that somebody else runs.
    pub(crate) fn new(
        folder: PathBuf,
        services: &'a [&'a dyn Service],
        given: fn(&str) -> Option<String>,
    ) -> Self {
        Self { folder, services, given }
    }

    /// Makes sure that these services run, and returns the addresses of all that do.
    pub(crate) fn up(&self, chosen: &[&dyn Service]) -> Result<Vec<Address>> {
        let _lock = self.lock()?;
        let ours = |service: &&&dyn Service| (self.given)(service.variable()).is_none();
        let wanted: Vec<&dyn Service> = chosen.iter().filter(ours).copied().collect();
        let (running, stopped): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|it| self.running(*it).is_some());
        for service in running {
            eprintln!("{} is up", service.name());
        }
        let started = self.start_all(&stopped);
        let given: Vec<Address> = chosen
            .iter()
            .filter_map(|it| Some((it.variable(), (self.given)(it.variable())?)))
            .collect();
        // Also after a failure, so that the file never names a server that is gone.
        let addresses = self.publish(given)?;
        started.map(|()| addresses)
    }

    /// Stops these services and removes what they left; returns the addresses of those that still run.
    pub(crate) fn down(&self, chosen: &[&dyn Service]) -> Result<Vec<Address>> {
        let _lock = self.lock()?;
        for service in chosen {
            if self.clear(*service)? {
                eprintln!("{} was stopped", service.name());
            }
        }
        self.publish(Vec::new())
    }

    /// Where a service runs, if it does and answers.
    fn running(&self, service: &dyn Service) -> Option<Place> {
        let state = State::load(&self.state_of(service))?;
        let State { data, port, others, process } = state;
        let place = Place { data, port, others, account: Account::Own };
        let up = process?.is_alive() && service.is_ready(&place);
        up.then_some(place)
    }

    fn start_all(&self, services: &[&dyn Service]) -> Result<()> {
        if !services.is_empty() && Identity::of(std::process::id()).is_none() {
            return Err("servers are started on Linux only; elsewhere name running ones".into());
        }
        let (packaged, ready): (Vec<_>, Vec<_>) = services
            .iter()
            .copied()
            .partition(|it| it.program().is_none() && !it.packages().is_empty());
        // Side by side, as one that must be built takes minutes; what fails does not keep back the others.
        thread::scope(|scope| {
            let begin = |service| scope.spawn(move || self.install_and_start(service));
            let mut threads: Vec<_> = ready.into_iter().map(begin).collect();
            let installed = apt::install(&packaged);
            if installed.is_ok() {
                threads.extend(packaged.into_iter().map(begin));
            }
            let ended = threads.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err("starting a server panicked".into()))
            });
            let failures: Vec<_> = std::iter::once(installed)
                .chain(ended)
                .filter_map(|result| Some(result.err()?.to_string()))
                .collect();
            if failures.is_empty() { Ok(()) } else { Err(failures.join("\n\n").into()) }
        })
    }

    fn install_and_start(&self, service: &dyn Service) -> Result<()> {
        if service.program().is_none() {
            service.fetch().context(service.name())?;
        }
        self.clear(service)?;
        self.start(service)?;
        eprintln!("{} was started", service.name());
        Ok(())
    }

    fn start(&self, service: &dyn Service) -> Result<()> {
        let name = service.name();
        let program = service.program().ok_or_else(|| format!("{name} is not installed"))?;
        let account = service.account()?;
        let log = self.folder.join(format!("{name}.log"));
        for _ in 0..ATTEMPTS {
            let mut others = server::free_ports(1 + service.further_ports())?;
            let port = others.remove(0);
            let place = Place { data: server::new_folder(name)?, port, others, account };
            let mut state = State {
                data: place.data.clone(),
                port,
                others: place.others.clone(),
                process: None,
            };
            // Written before anything can fail, so that `down` always finds the folder.
            state.save(&self.state_of(service))?;
            account.own(&place.data)?;
            service.prepare(&program, &place)?;
            let child = server::spawn(&mut service.command(&program, &place), &log)?;
            state.process = Identity::of(child.id());
            state.save(&self.state_of(service))?;
            if wait_until_ready(service, &place, child) {
                return Ok(());
            }
            self.clear(service)?;
        }
        let said = fs::read_to_string(&log).unwrap_or_default();
        Err(format!("{name} does not start; it said ({}):\n{said}", log.display()).into())
    }

    /// Ends a service and removes its folder and state; says whether there was anything to end.
    fn clear(&self, service: &dyn Service) -> Result<bool> {
        let path = self.state_of(service);
        let Some(state) = State::load(&path) else {
            return Ok(false);
        };
        if let Some(process) = state.process {
            process.stop(service.stop_signal())?;
        }
        remove(&state.data)?;
        fs::remove_file(&path).context(path.display())?;
        Ok(true)
    }

    /// Writes the addresses of everything that runs to the file that tests read, and returns them.
    fn publish(&self, given: Vec<Address>) -> Result<Vec<Address>> {
        let mut addresses = given;
        for service in self.services {
            if let Some(place) = self.running(*service)
                && !addresses.iter().any(|(it, _)| *it == service.variable())
            {
                addresses.push((service.variable(), service.url(&place)));
                if let Some(program) = service.program() {
                    addresses.extend(service.more(&program, &place));
                }
            }
        }
        let path = self.folder.join("env");
        if addresses.is_empty() {
            if path.exists() {
                fs::remove_file(&path).context(path.display())?;
            }
        } else {
            let lines = addresses.iter().map(|(key, url)| format!("{key}={url}\n"));
            state::replace(&path, &lines.collect::<String>())?;
        }
        Ok(addresses)
    }

    /// Waits for its turn: two runs at once would start everything twice.
    fn lock(&self) -> Result<File> {
        fs::create_dir_all(&self.folder).context(self.folder.display())?;
        let path = self.folder.join("lock");
        let file = File::create(&path).context(path.display())?;
        file.lock().context(path.display())?;
        Ok(file)
    }

    fn state_of(&self, service: &dyn Service) -> PathBuf {
        self.folder.join(format!("{}.state", service.name()))
    }
}

/// Whether the server answers before it ends or the time is over.
fn wait_until_ready(service: &dyn Service, place: &Place, mut child: Child) -> bool {
    let mut ready = false;
    server::wait_for(START, || {
        let ended = !matches!(child.try_wait(), Ok(None));
        ready = !ended && service.is_ready(place);
        ready || ended
    });
    ready
}

fn remove(folder: &Path) -> Result<()> {
    // The children of a server that was killed may still be writing for a moment.
    server::wait_for(Duration::from_secs(5), || {
        fs::remove_dir_all(folder).is_ok() || !folder.exists()
    });
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context(folder.display())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::{Address, Result, Supervisor};
    use crate::services::server::{Identity, new_folder};
    use crate::services::service::{Place, Service, find};
    use crate::services::state::State;

    /// A service whose server is a shell script.
    struct Script {
        name: &'static str,
        script: &'static str,
    }

    const STEADY: Script = Script { name: "steady", script: "exec sleep 600" };
    const ABSENT: Script = Script { name: "absent", script: "" };
    const BROKEN: Script = Script { name: "broken", script: "echo no disk; exit 1" };

    impl Service for Script {
        fn name(&self) -> &'static str {
            self.name
        }
        fn variable(&self) -> &'static str {
            self.name
        }
        fn packages(&self) -> &'static [&'static str] {
            &[]
        }
        fn program(&self) -> Option<PathBuf> {
            if self.name == ABSENT.name { None } else { find("sh") }
        }
        fn fetch(&self) -> Result<()> {
            Err("no network".into())
        }
        fn command(&self, program: &Path, place: &Place) -> Command {
            let mut command = place.command(program);
            command.args(["-c", self.script]);
            command
        }
        fn is_ready(&self, _place: &Place) -> bool {
            self.name != BROKEN.name
        }
        fn url(&self, place: &Place) -> String {
            format!("script://{}", place.address())
        }
        fn further_ports(&self) -> usize {
            2
        }
        fn more(&self, _program: &Path, place: &Place) -> Vec<Address> {
            vec![("PORTS", place.ports().count().to_string())]
        }
    }

    /// Runs a test in a folder of its own.
    fn with_folder(test: impl FnOnce(&Path)) {
        let folder = new_folder("supervisor").expect("a folder");
        test(&folder);
        fs::remove_dir_all(&folder).expect("it can be removed");
    }

    fn state(folder: &Path, name: &str) -> Option<State> {
        State::load(&folder.join(format!("{name}.state")))
    }

    fn process(state: &State) -> Identity {
        state.process.expect("it was started")
    }

    #[test]
    fn up_and_down_may_be_repeated() {
        with_folder(|folder| {
            let services: &[&dyn Service] = &[&STEADY];
            let supervisor = Supervisor::new(folder.to_owned(), services, |_| None);
            let first = supervisor.up(services).expect("it starts");
            let before = state(folder, "steady").expect("a state");
            let env = fs::read_to_string(folder.join("env")).expect("an env file");
            assert_eq!(env, format!("steady={}\nPORTS=3\n", first[0].1));

            assert_eq!(supervisor.up(services).expect("again"), first);
            assert_eq!(state(folder, "steady").as_ref(), Some(&before));
            assert!(process(&before).is_alive() && before.data.is_dir());

            for _ in 0..2 {
                assert_eq!(supervisor.down(services).expect("down"), []);
                assert!(!process(&before).is_alive() && !before.data.exists());
                assert_eq!(state(folder, "steady"), None);
                assert!(!folder.join("env").exists());
            }
        });
    }

    #[test]
    fn a_server_that_was_killed_is_replaced() {
        with_folder(|folder| {
            let services: &[&dyn Service] = &[&STEADY];
            let supervisor = Supervisor::new(folder.to_owned(), services, |_| None);
            supervisor.up(services).expect("it starts");
            let before = state(folder, "steady").expect("a state");
            process(&before).stop("KILL").expect("it dies");

            supervisor.up(services).expect("it starts again");
            let after = state(folder, "steady").expect("a state");
            assert_ne!(process(&before), process(&after));
            assert!(process(&after).is_alive());
            assert!(!before.data.exists() && after.data.is_dir());
            supervisor.down(services).expect("down");
        });
    }

    #[test]
    fn a_given_address_is_used_instead_of_a_server() {
        with_folder(|folder| {
            let services: &[&dyn Service] = &[&BROKEN];
            let supervisor = Supervisor::new(folder.to_owned(), services, |variable| {
                Some(format!("given://{variable}"))
            });
            let addresses = supervisor.up(services).expect("nothing is started");
            assert_eq!(addresses, [("broken", "given://broken".to_owned())]);
            assert_eq!(state(folder, "broken"), None);
        });
    }

    #[test]
    fn what_failed_is_told_and_keeps_no_other_back() {
        with_folder(|folder| {
            let services: &[&dyn Service] = &[&BROKEN, &ABSENT, &STEADY];
            let supervisor = Supervisor::new(folder.to_owned(), services, |_| None);
            let failure = supervisor.up(services).expect_err("two are broken").to_string();
            assert!(failure.contains("no disk") && failure.contains("absent: no network"));
            assert_eq!(state(folder, "broken"), None);
            let steady = state(folder, "steady").expect("the other was started");
            supervisor.down(services).expect("down");
            assert!(!process(&steady).is_alive() && !steady.data.exists());
        });
    }
}
