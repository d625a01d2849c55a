//! Networks that do not work as they should.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// An address where nobody listens.
pub fn refused() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A listener that takes connections and never answers, as long as it lives.
pub fn black_hole() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Answers everything with what is neither HTTP nor gRPC.
pub fn garbage() -> SocketAddr {
    let (listener, address) = black_hole();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let _ = connection.unwrap().write_all(b"\0\xffwhat?\r\n\r\n");
        }
    });
    address
}

/// Reads a little of everything that comes and then resets the connection.
pub fn slammed() -> SocketAddr {
    let (listener, address) = black_hole();
    thread::spawn(move || {
        for connection in listener.incoming() {
            // What is still unread when a connection is closed makes the system reset it.
            let _ = connection.unwrap().read(&mut [0; 1]);
        }
    });
    address
}

/// Answers everything with a page for people, as portals and misled proxies do.
pub fn page() -> SocketAddr {
    let (listener, address) = black_hole();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 65536]);
            let _ = connection.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nHello",
            );
        }
    });
    address
}

/// Swallows whatever comes until it is opened. Connections from before stay silent for ever.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    to: Arc<Mutex<Option<SocketAddr>>>,
}

impl Gate {
    pub fn closed() -> Self {
        let (listener, address) = black_hole();
        let to = Arc::new(Mutex::new(None));
        let target = to.clone();
        thread::spawn(move || {
            let mut swallowed = Vec::new();
            for connection in listener.incoming() {
                let connection = connection.unwrap();
                let target = *target.lock().unwrap();
                match target {
                    Some(target) => forward(connection, target),
                    None => swallowed.push(connection),
                }
            }
        });
        Self { address, to }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets new connections through to `target`.
    pub fn open(&self, target: SocketAddr) {
        *self.to.lock().unwrap() = Some(target);
    }
}

/// Forwards to `target` in very small pieces.
pub fn slow(target: SocketAddr) -> SocketAddr {
    let (listener, address) = black_hole();
    thread::spawn(move || {
        for connection in listener.incoming() {
            forward_by(connection.unwrap(), target, |read, write| {
                let mut piece = [0; 16];
                while let Ok(count @ 1..) = read.read(&mut piece) {
                    thread::sleep(Duration::from_millis(1));
                    if write.write_all(&piece[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

/// Forwards to `target`, but cuts the first connection in the middle of the first answer.
pub fn cut_once(target: SocketAddr) -> SocketAddr {
    let (listener, address) = black_hole();
    thread::spawn(move || {
        let mut connections = listener.incoming().map(Result::unwrap);
        let mut first = connections.next().unwrap();
        let mut to = TcpStream::connect(target).unwrap();
        let (mut read, mut write) = (first.try_clone().unwrap(), to.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut read, &mut write));
        let mut piece = [0; 5];
        to.read_exact(&mut piece).unwrap();
        first.write_all(&piece).unwrap();
        for socket in [first, to] {
            let _ = socket.shutdown(Shutdown::Both);
        }
        connections.for_each(|connection| forward(connection, target));
    });
    address
}

fn forward(from: TcpStream, target: SocketAddr) {
    forward_by(from, target, |read, write| {
        let _ = std::io::copy(read, write);
    });
}

fn forward_by(from: TcpStream, target: SocketAddr, copy: fn(&mut TcpStream, &mut TcpStream)) {
    let to = TcpStream::connect(target).unwrap();
    let ways = [(from.try_clone().unwrap(), to.try_clone().unwrap()), (to, from)];
    for (mut read, mut write) in ways {
        thread::spawn(move || {
            copy(&mut read, &mut write);
            let _ = write.shutdown(Shutdown::Write);
        });
    }
}
