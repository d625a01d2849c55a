//! Hosts and ports of authorities, read once for those that come again.
//!
//! A program speaks to few hosts and is spoken to under few names, so each thread keeps the last of
//! them in a table of fixed size.

use std::cell::RefCell;
use std::sync::Arc;

use super::origin::host_and_port;
use crate::span::Recent;

/// A longer authority is read anew, so that nobody can fill the memory with them.
const LONGEST: usize = 255;

/// A host, without brackets, and the port if one is named.
pub(crate) type Host = (Arc<str>, Option<u16>);

/// An authority as it was written, and what it says.
type Known = (Box<[u8]>, Host);

thread_local! {
    static HOSTS: RefCell<Recent<Known>> = const { RefCell::new(Recent::new()) };
}

/// The host and the port of an authority; `None` for what is no host.
pub(crate) fn host_of(authority: &[u8]) -> Option<Host> {
    let read = || {
        let (host, port) = host_and_port(std::str::from_utf8(authority).ok()?)?;
        Some((Arc::from(host), port))
    };
    if authority.len() > LONGEST {
        return read();
    }
    let keep = |hosts: &RefCell<Recent<Known>>| {
        let mut hosts = hosts.borrow_mut();
        let make = || Some((authority.into(), read()?));
        let known = hosts.find(authority, |(written, _)| **written == *authority, make);
        known.map(|(_, host)| host.clone())
    };
    HOSTS.try_with(keep).unwrap_or_else(|_| read())
}
