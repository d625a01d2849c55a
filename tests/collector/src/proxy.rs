//! The network on the way to a Collector, which can turn bad at any time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They go through.
    Open,
    /// They disappear, and nothing is said about it. Connections of that time never recover, and are
    /// closed when it is over.
    BlackHole,
    /// They go through in small pieces with pauses between them, at 400 kB per second at most.
    Slow,
}

/// How many bytes are looked at together.
const PIECE: usize = 4096;
const PAUSE: Duration = Duration::from_millis(10);

/// Listens on one port for as long as the process lives.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    mode: Mode,
    target: SocketAddr,
}

impl Proxy {
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { mode: Mode::Open, target }));
        let shared = state.clone();
        thread::spawn(move || {
            for from in listener.incoming().map_while(Result::ok) {
                let target = shared.lock().unwrap().target;
                // Where nobody listens, the connection is closed at once.
                if let Ok(to) = TcpStream::connect(target) {
                    connect(&from, &to, &shared);
                    connect(&to, &from, &shared);
                }
            }
        });
        Self { address, state }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn turn(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
    }
}

fn connect(from: &TcpStream, to: &TcpStream, state: &Arc<Mutex<State>>) {
    let (from, to, state) = (from.try_clone().unwrap(), to.try_clone().unwrap(), state.clone());
    thread::spawn(move || {
        forward(&from, &to, || state.lock().unwrap().mode);
        for socket in [from, to] {
            let _ = socket.shutdown(Shutdown::Both);
        }
    });
}

fn forward(mut from: &TcpStream, mut to: &TcpStream, mode: impl Fn() -> Mode) {
    from.set_read_timeout(Some(PAUSE)).unwrap();
    let mut piece = [0; PIECE];
    let mut swallowed = false;
    loop {
        if mode() == Mode::BlackHole {
            swallowed = true;
            thread::sleep(PAUSE);
            continue;
        }
        if swallowed {
            return;
        }
        let count = match from.read(&mut piece) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                continue;
            }
            Err(_) => return,
        };
        match mode() {
            Mode::Open => {}
            Mode::Slow => thread::sleep(PAUSE),
            Mode::BlackHole => {
                swallowed = true;
                continue;
            }
        }
        if to.write_all(&piece[..count]).is_err() {
            return;
        }
    }
}
