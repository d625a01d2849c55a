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
        let written = std::str::from_utf8(authority).ok().filter(|written| written.is_ascii())?;
        let (host, port) = host_and_port(written)?;
        Some((Arc::from(host), port))
    };
    if authority.len() > LONGEST {
        return read();
    }
    let keep = |hosts: &RefCell<Recent<Known>>| {
        let mut hosts = hosts.borrow_mut();
        // A password stays in no table.
        let make = || {
            if authority.contains(&b'@') { None } else { Some((authority.into(), read()?)) }
        };
        let known = hosts.find(authority, |(written, _)| **written == *authority, make);
        known.map(|(_, host)| host.clone())
    };
    HOSTS.try_with(keep).ok().flatten().or_else(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written, and what it says.
    type Case<'a> = (&'a [u8], Option<(&'a str, Option<u16>)>);

    #[test]
    fn an_authority_says_the_same_whenever_it_comes() {
        let (long, too_long) = ("a".repeat(255), "a".repeat(256));
        let with_user = format!("{}@api.test:8080", "u".repeat(255));
        let table: [Case<'_>; _] = [
            (b"api.test", Some(("api.test", None))),
            (b"API.test", Some(("API.test", None))),
            (b"api.test:", Some(("api.test", None))),
            (b"api.test:8080", Some(("api.test", Some(8080)))),
            (b"api.test:8081", Some(("api.test", Some(8081)))),
            (b"api.test:65536", None),
            (b"api.test:+80", None),
            (b"127.0.0.1:80", Some(("127.0.0.1", Some(80)))),
            (b"[::1]", Some(("::1", None))),
            (b"[::1]:8080", Some(("::1", Some(8080)))),
            (b"[::1", None),
            (b"[nowhere]:80", None),
            (b"user:password@api.test:80", Some(("api.test", Some(80)))),
            (b"user:password@[::1]:80", Some(("::1", Some(80)))),
            (b"a@b@api.test", Some(("api.test", None))),
            (b"api.test@", None),
            (b"@", None),
            (b":80", None),
            (b"", None),
            (b" ", None),
            (b"a b", None),
            (b"api.test/path", None),
            (b"api\xff.test", None),
            (b"\xff@api.test", None),
            ("\u{e4}@api.test".as_bytes(), None),
            ("api.test\u{a0}".as_bytes(), None),
            (long.as_bytes(), Some((&long, None))),
            (too_long.as_bytes(), None),
            (with_user.as_bytes(), Some(("api.test", Some(8080)))),
        ];
        for round in 0..3 {
            for (authority, expected) in table {
                let host = host_of(authority);
                let host = host.as_ref().map(|(host, port)| (&**host, *port));
                assert_eq!(host, expected, "{round}: {}", authority.escape_ascii());
            }
        }
    }

    #[test]
    fn hosts_that_come_again_are_shared_and_passwords_are_not_kept() {
        let host = |authority: &[u8]| host_of(authority).unwrap().0;
        assert!(Arc::ptr_eq(&host(b"shared.test"), &host(b"shared.test")));
        let (first, second) = (host(b"a:secret@shared.test"), host(b"a:secret@shared.test"));
        assert!(!Arc::ptr_eq(&first, &second));
    }
}
