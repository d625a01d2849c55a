//! Names and ports that no other test has.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// A name that begins with this and that no other test uses, in this run or in another.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("{prefix}-{}-{now}-{next}", std::process::id())
}

/// Ports of `127.0.0.1` on which nobody listens, for a program that cannot choose one itself. Somebody
/// else may take them in the meantime.
///
/// # Panics
/// When there are none.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let free = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let listeners: [_; N] = std::array::from_fn(free);
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{free_ports, unique};

    #[test]
    fn nothing_is_given_twice() {
        assert_eq!((0..100).map(|_| unique("name")).collect::<HashSet<_>>().len(), 100);
        assert_eq!(free_ports::<8>().into_iter().collect::<HashSet<_>>().len(), 8);
    }
}
