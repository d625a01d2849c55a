//! Methods: which one a request calls, and which ones the server is known to have.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

/// A service has few methods; should a server answer for any name, those beyond are not remembered.
const MAX_LEARNED: usize = 1024;

/// The methods that a server has: those listed, or those that it has answered for.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    listed: Option<Arc<[Box<str>]>>,
    learned: Arc<RwLock<HashSet<Box<str>>>>,
}

/// What is known about a method before the server has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The server has it.
    Present,
    /// The answer will tell.
    Unproven,
    /// The server does not have it.
    Absent,
}

impl Known {
    /// `package.Service/Method`, or `package.Service/*` for the methods of a service that answers
    /// will tell.
    pub(super) fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let name = |name: T| Box::from(name.as_ref().trim().trim_start_matches('/'));
        Self { listed: Some(names.into_iter().map(name).collect()), learned: Arc::default() }
    }

    pub(super) fn standing(&self, name: &str) -> Standing {
        let is_service = |entry: &str| {
            entry.strip_suffix('*').is_some_and(|service| name.strip_prefix(service).is_some())
        };
        match &self.listed {
            Some(listed) if listed.iter().any(|entry| **entry == *name) => Standing::Present,
            Some(listed) if !listed.iter().any(|entry| is_service(entry)) => Standing::Absent,
            _ if self.learned.read().unwrap_or_else(PoisonError::into_inner).contains(name) => {
                Standing::Present
            }
            _ => Standing::Unproven,
        }
    }

    /// Remembers a method that the server has.
    pub(super) fn learn(&self, name: &str) {
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        if learned.len() < MAX_LEARNED {
            learned.insert(name.into());
        }
    }
}

/// The fully qualified method that a server is asked for. `None` for a path that is no method's.
pub(super) fn of_path(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let (service, method) = name.split_once('/')?;
    let valid = !service.is_empty() && !method.is_empty() && !method.contains('/');
    valid.then_some(name)
}

/// The fully qualified method that a client asks for. Proxies may want something in front of it.
pub(super) fn at_end_of_path(path: &str) -> Option<&str> {
    let (front, method) = path.rsplit_once('/')?;
    let start = front.rfind('/')?;
    if method.is_empty() { None } else { of_path(path.get(start..)?) }
}

/// Whether a path is that of a method of this service.
pub(super) fn is_of_service(path: &str, service: &str) -> bool {
    let name = at_end_of_path(path).and_then(|name| name.strip_prefix(service));
    name.is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::{Known, Standing, at_end_of_path, is_of_service, of_path};

    #[test]
    fn a_method_is_two_segments() {
        let cases = [
            ("/shop.Orders/Get", Some("shop.Orders/Get"), Some("shop.Orders/Get")),
            ("/Orders/Get", Some("Orders/Get"), Some("Orders/Get")),
            ("/api/shop.Orders/Get", None, Some("shop.Orders/Get")),
            ("/a/b/shop.Orders/Get", None, Some("shop.Orders/Get")),
            ("/shop.Orders", None, None),
            ("/shop.Orders/", None, None),
            ("//Get", None, None),
            ("/", None, None),
            ("", None, None),
            ("*", None, None),
            ("shop.Orders/Get", None, None),
        ];
        for (path, asked, asks) in cases {
            assert_eq!(of_path(path), asked, "{path}, server");
            assert_eq!(at_end_of_path(path), asks, "{path}, client");
        }
    }

    #[test]
    fn services_are_whole_names() {
        let path = "/grpc.health.v1.Health/Check";
        assert!(is_of_service(path, "grpc.health.v1.Health"));
        assert!(!is_of_service(path, "grpc.health.v1.Heal"));
        assert!(!is_of_service(path, "grpc.health.v1.Health/Check"));
    }

    #[test]
    fn what_is_not_listed_is_absent_and_the_rest_is_learned() {
        let (get, put) = ("shop.Orders/Get", "shop.Orders/Put");
        let known = Known::listed(["/shop.Orders/Get", " shop.Carts/* "]);
        assert_eq!(known.standing(get), Standing::Present);
        assert_eq!(known.standing(put), Standing::Absent);
        assert_eq!(known.standing("shop.Carts/Add"), Standing::Unproven);
        known.learn("shop.Carts/Add");
        assert_eq!(known.standing("shop.Carts/Add"), Standing::Present);

        let known = Known::default();
        assert_eq!(known.standing(put), Standing::Unproven);
        known.clone().learn(put);
        assert_eq!(known.standing(put), Standing::Present);
        assert_eq!(Known::listed([""; 0]).standing(put), Standing::Absent);
    }

    #[test]
    fn no_more_is_learned_than_a_server_can_have() {
        let known = Known::default();
        (0..3000).for_each(|n| known.learn(&format!("a.B/C{n}")));
        assert_eq!(known.standing("a.B/C1023"), Standing::Present);
        assert_eq!(known.standing("a.B/C1024"), Standing::Unproven);
    }
}
