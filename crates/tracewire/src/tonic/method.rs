//! Methods: which one a request calls, and which ones the server is known to have.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::span::{Recent, lasting, lasting_while_few};

/// A service has few methods; should a server answer for any name, those beyond are not remembered.
const MAX_LEARNED: usize = 1024;

/// The methods that a server has: those listed, or those that it has answered for.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// By which it is told apart from others.
    id: usize,
    listed: Option<Arc<[&'static str]>>,
    learned: Arc<RwLock<BTreeSet<&'static str>>>,
}

/// What is known about a method before the server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The server has it.
    Present(Cow<'static, str>),
    /// The answer will tell.
    Unproven,
    /// The server does not have it.
    Absent,
}

thread_local! {
    /// What this thread has found to be present, and by whose list.
    static PRESENT: RefCell<Recent<(usize, &'static str)>> = const { RefCell::new(Recent::new()) };
}

impl Known {
    /// `package.Service/Method`, or `package.Service/*` for the methods of a service that answers
    /// will tell.
    pub(super) fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let name = |name: T| lasting(name.as_ref().trim().trim_start_matches('/'));
        Self { listed: Some(names.into_iter().map(name).collect()), ..Self::default() }
    }

    pub(super) fn standing(&self, name: &str) -> Standing {
        let present = |present: &RefCell<Recent<(usize, &'static str)>>| {
            let is = |(id, known): &(usize, &'static str)| *id == self.id && *known == name;
            let mut present = present.borrow_mut();
            let found = present.find(name.as_bytes(), is, || Some((self.id, self.find(name)?)));
            found.map(|(_, known)| *known)
        };
        let is_service = |entry: &&str| {
            entry.strip_suffix('*').is_some_and(|service| name.strip_prefix(service).is_some())
        };
        match (PRESENT.try_with(present).unwrap_or_else(|_| self.find(name)), &self.listed) {
            (Some(known), _) => Standing::Present(Cow::Borrowed(known)),
            (None, Some(listed)) if !listed.iter().any(is_service) => Standing::Absent,
            _ => Standing::Unproven,
        }
    }

    fn find(&self, name: &str) -> Option<&'static str> {
        let listed = self.listed.iter().flat_map(|listed| listed.iter()).copied();
        let learned =
            || self.learned.read().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        listed.into_iter().find(|listed| *listed == name).or_else(learned)
    }

    /// Remembers a method that the server has, unless there is no room for its name.
    pub(super) fn learn(&self, name: &str) {
        let mut learned = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        if learned.len() < MAX_LEARNED {
            learned.extend(lasting_while_few(name));
        }
    }
}

impl Default for Known {
    fn default() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { id, listed: None, learned: Arc::default() }
    }
}

/// A method that a client calls. Programs call few; where they call whatever they are asked to, those
/// beyond are copied.
pub(super) fn called(name: &str) -> Cow<'static, str> {
    thread_local! {
        static RECENT: RefCell<Recent<&'static str>> = const { RefCell::new(Recent::new()) };
    }
    let find = |recent: &RefCell<Recent<&'static str>>| {
        let mut recent = recent.borrow_mut();
        let keep = || lasting_while_few(name);
        recent.find(name.as_bytes(), |known| *known == name, keep).copied()
    };
    match RECENT.try_with(find) {
        Ok(Some(known)) => Cow::Borrowed(known),
        _ => Cow::Owned(name.to_owned()),
    }
}

/// The fully qualified method that a server is asked for. `None` for a path that is no method's.
pub(super) fn of_path(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let (service, method) = name.split_at(name.bytes().position(|byte| byte == b'/')?);
    let valid = !service.is_empty() && method.len() > 1 && !method.as_bytes()[1..].contains(&b'/');
    valid.then_some(name)
}

/// The fully qualified method that a client asks for. Proxies may want something in front of it.
pub(super) fn at_end_of_path(path: &str) -> Option<&str> {
    of_path(path).or_else(|| behind_prefix(path))
}

fn behind_prefix(path: &str) -> Option<&str> {
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
    use std::borrow::Cow;

    use super::{Known, Standing, at_end_of_path, called, is_of_service, of_path};

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
        assert_eq!(known.standing(get), Standing::Present(get.into()));
        assert_eq!(known.standing(put), Standing::Absent);
        assert_eq!(known.standing("shop.Carts/Add"), Standing::Unproven);
        known.learn("shop.Carts/Add");
        assert_eq!(known.standing("shop.Carts/Add"), Standing::Present("shop.Carts/Add".into()));

        let known = Known::default();
        assert_eq!(known.standing(put), Standing::Unproven);
        known.clone().learn(put);
        assert_eq!(known.standing(put), Standing::Present(put.into()));
        assert_eq!(Known::listed([""; 0]).standing(put), Standing::Absent);
    }

    #[test]
    fn no_more_is_learned_than_a_server_can_have() {
        let known = Known::default();
        (0..3000).for_each(|n| known.learn(&format!("a.B/C{n}")));
        assert_eq!(known.standing("a.B/C1023"), Standing::Present("a.B/C1023".into()));
        assert_eq!(known.standing("a.B/C1024"), Standing::Unproven);
    }

    #[test]
    fn what_one_server_has_is_not_what_another_has() {
        let (here, there, name) = (Known::default(), Known::default(), "shop.Orders/Here");
        here.learn(name);
        for _ in 0..3 {
            assert_eq!(here.standing(name), Standing::Present(name.into()));
            assert_eq!(there.standing(name), Standing::Unproven);
            assert_eq!(Known::listed(["shop.Orders/*"]).standing(name), Standing::Unproven);
            assert_eq!(Known::listed(["shop.Orders/Get"]).standing(name), Standing::Absent);
        }
    }

    #[test]
    fn methods_that_are_called_are_shared_unless_they_are_long() {
        let long = format!("shop.Orders/{}", "x".repeat(255));
        for _ in 0..2 {
            assert!(matches!(called("shop.Orders/Get"), Cow::Borrowed("shop.Orders/Get")));
            assert_eq!(called(&long), Cow::<str>::Owned(long.clone()));
            assert!(matches!(called(&long), Cow::Owned(_)));
        }
    }
}
