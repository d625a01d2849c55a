//! A way to a server that can be cut.
#![allow(clippy::expect_used, reason = "tests fail by panicking")]

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Hands bytes on in both directions until it is cut.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    cut: watch::Sender<bool>,
}

impl Proxy {
    /// A way to `server`, a host with a port.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (cut, is_cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), is_cut.clone()));
            }
        });
        Self { address, cut }
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection, those to come too.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }
}

async fn carry(mut client: TcpStream, server: String, mut is_cut: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = is_cut.wait_for(|is_cut| *is_cut) => {}
    }
}
