//! One running server: its process, found again by another run of this program, and its folder.

use std::fs::{self, DirBuilder, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::failure::{Context, Result};
use crate::process;

/// How often a waiting loop looks.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a server may take over stopping by itself.
const STOP: Duration = Duration::from_secs(10);

/// A process that another run of this program can find again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// When it started, in the kernel's ticks: process ids are used again, so the id alone proves nothing.
    pub(crate) started: u64,
}

impl Identity {
    /// The process that has this id now; `None` when there is none or it only waits to be buried.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let started = start_of(&stat)?;
        Some(Self { pid, started })
    }

    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Asks the process to stop, and ends its whole group if it does not.
    pub(crate) fn stop(self, request: &str) -> Result<()> {
        let attempts = [(request, String::new()), ("KILL", "-".to_owned())];
        for (signal, group) in attempts {
            if !self.is_alive() {
                return Ok(());
            }
            // The shell's own `kill`, as the program of that name is not on every machine.
            let kill = format!("kill -s {signal} -- {group}{}", self.pid);
            let _ = process::output(Command::new("sh").args(["-c", &kill]));
            if wait_for(STOP, || !self.is_alive()) {
                return Ok(());
            }
        }
        Err(format!("process {} does not stop", self.pid).into())
    }
}

/// Starts a server that outlives us, with its output in `log`.
pub(crate) fn spawn(command: &mut Command, log: &Path) -> Result<Child> {
    let output = File::create(log).context(log.display())?;
    let errors = output.try_clone().context(log.display())?;
    command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        // A group of its own, so that Ctrl-C in our terminal does not reach it.
        .process_group(0)
        .spawn()
        .context(process::shown(command))
}

/// A new folder that nobody else can look into.
pub(crate) fn new_folder(name: &str) -> Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_nanos());
    // Not below the checkout, whose folders the servers' account may not pass; and sockets need a short path.
    let path = PathBuf::from(format!("/tmp/tracewire-{name}-{now:x}"));
    DirBuilder::new().mode(0o700).create(&path).context(path.display())?;
    Ok(path)
}

/// Ports that are free now. Another program may take one before the server does, so starting is tried again.
pub(crate) fn free_ports(count: usize) -> Result<Vec<u16>> {
    // All are held until the last is found, so that none is given out twice.
    let listeners: std::io::Result<Vec<_>> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let ports = listeners
        .and_then(|all| all.iter().map(|listener| Ok(listener.local_addr()?.port())).collect());
    ports.context("free ports")
}

/// A connection with time limits, for asking whether a server is ready.
pub(crate) fn connect(address: SocketAddr) -> Option<TcpStream> {
    let limit = Duration::from_secs(2);
    let stream = TcpStream::connect_timeout(&address, limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.set_write_timeout(Some(limit)).ok()?;
    Some(stream)
}

/// Whether a server answers a GET over HTTP with 200.
pub(crate) fn answers_http(address: SocketAddr, path: &str) -> bool {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = [0; 12];
    connect(address).is_some_and(|mut server| {
        server.write_all(request.as_bytes()).is_ok()
            && server.read_exact(&mut answer).is_ok()
            && answer == *b"HTTP/1.1 200"
    })
}

/// A file as a program's input.
pub(crate) fn open(path: &Path) -> Result<File> {
    File::open(path).context(path.display())
}

/// Looks again and again until the condition holds or the time is over; says whether it held.
pub(crate) fn wait_for(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        sleep(PAUSE);
    }
}

/// The start time in a line of `/proc/PID/stat`; `None` for a zombie. See proc(5), fields 2, 3 and 22.
fn start_of(stat: &str) -> Option<u64> {
    // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    if matches!(fields.first(), Some(&("Z" | "X"))) {
        return None;
    }
    fields.get(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Identity, start_of};

    #[test]
    fn the_start_time_is_read_past_a_hostile_name() {
        let tail = "1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        assert_eq!(start_of(&format!("7 (a) b (c) S {tail}")), Some(4711));
        assert_eq!(start_of(&format!("7 (a) Z {tail}")), None);
        assert_eq!(start_of("7 (a"), None);
        assert_eq!(start_of(""), None);
    }

    #[test]
    fn a_process_is_known_by_its_start_too() {
        let me = Identity::of(std::process::id()).expect("we run");
        assert!(me.is_alive());
        let other = Identity { started: me.started + 1, ..me };
        assert!(!other.is_alive());
        assert!(other.stop("KILL").is_ok(), "it must not be signalled");
    }

    #[test]
    fn a_dead_child_that_nobody_waited_for_is_not_alive() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
        let identity = Identity::of(child.id()).expect("it runs");
        identity.stop("TERM").expect("it stops");
        assert!(!identity.is_alive());
        child.wait().expect("it ended");
    }
}
