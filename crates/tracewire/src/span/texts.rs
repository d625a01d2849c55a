//! Texts that come again with nearly every operation: hosts, user agents, addresses of peers.
//!
//! Each thread keeps the last of them in a table of fixed size, so that a text which comes again is
//! shared with the spans before it and not copied. One that does not costs no more than its copy.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::StringValue;

/// A longer text is copied, so that nobody can fill the memory with it.
const LONGEST: usize = 255;

/// With so many texts that last, no more of those that peers have a say in do.
const MOST_LASTING: usize = 8192;

/// A table of what came last, found by bytes that stand for it.
pub(crate) struct Recent<T>([Option<T>; SLOTS]);

const SLOTS: usize = 64;

thread_local! {
    static TEXTS: RefCell<Recent<Arc<str>>> = const { RefCell::new(Recent::new()) };
    static ADDRESSES: RefCell<Recent<(IpAddr, Arc<str>)>> = const { RefCell::new(Recent::new()) };
}

impl<T> Recent<T> {
    pub(crate) const fn new() -> Self {
        Self([const { None }; SLOTS])
    }

    /// What stands in the place of these bytes, after putting there what `make` makes unless what
    /// stands there already `is` it.
    pub(crate) fn find(
        &mut self,
        bytes: &[u8],
        is: impl FnOnce(&T) -> bool,
        make: impl FnOnce() -> Option<T>,
    ) -> Option<&T> {
        let slot = &mut self.0[slot_of(bytes)];
        if !slot.as_ref().is_some_and(is) {
            *slot = Some(make()?);
        }
        slot.as_ref()
    }
}

/// A text that will probably come again. What is not UTF-8 is replaced.
pub(crate) fn kept(text: &[u8]) -> StringValue {
    let copied = || String::from_utf8_lossy(text).into_owned().into();
    if text.len() > LONGEST {
        return copied();
    }
    let keep = |texts: &RefCell<Recent<Arc<str>>>| {
        let mut texts = texts.borrow_mut();
        let make = || std::str::from_utf8(text).ok().map(Arc::from);
        texts.find(text, |known| known.as_bytes() == text, make).cloned()
    };
    TEXTS.try_with(keep).ok().flatten().map_or_else(copied, StringValue::from)
}

type Lasting = BTreeSet<&'static str>;

static LASTING: RwLock<Lasting> = RwLock::new(Lasting::new());

/// A text that lasts as long as the process, the same one however often it is asked for. Only for
/// what a program is made of, never for what a peer sends.
pub(crate) fn lasting(text: &str) -> &'static str {
    let mut texts = LASTING.write().unwrap_or_else(PoisonError::into_inner);
    texts.get(text).copied().unwrap_or_else(|| leak(&mut texts, text))
}

/// The same for what a peer has a say in: `None` for a long text, and once there are many.
pub(crate) fn lasting_while_few(text: &str) -> Option<&'static str> {
    let known = LASTING.read().unwrap_or_else(PoisonError::into_inner).get(text).copied();
    known.or_else(|| {
        lasting_among(&mut LASTING.write().unwrap_or_else(PoisonError::into_inner), text)
    })
}

fn lasting_among(texts: &mut Lasting, text: &str) -> Option<&'static str> {
    let has_room = texts.len() < MOST_LASTING && text.len() <= LONGEST;
    texts.get(text).copied().or_else(|| has_room.then(|| leak(texts, text)))
}

fn leak(texts: &mut Lasting, text: &str) -> &'static str {
    let text: &'static str = Box::leak(text.into());
    texts.insert(text);
    text
}

/// The text of an address; of an IPv4 address mapped to IPv6, that of the former.
pub(crate) fn kept_address(address: IpAddr) -> StringValue {
    let address = address.to_canonical();
    let keep = |addresses: &RefCell<Recent<(IpAddr, Arc<str>)>>| {
        let mut addresses = addresses.borrow_mut();
        let is = |(known, _): &(IpAddr, Arc<str>)| *known == address;
        let make = || Some((address, Arc::from(address.to_string())));
        let found = match address {
            IpAddr::V4(address) => addresses.find(&address.octets(), is, make),
            IpAddr::V6(address) => addresses.find(&address.octets(), is, make),
        };
        found.map(|(_, text)| text.clone())
    };
    let text = ADDRESSES.try_with(keep).ok().flatten();
    text.map_or_else(|| address.to_string().into(), StringValue::from)
}

/// A place in the table by the length and three samples, which differ where texts of a kind do.
fn slot_of(bytes: &[u8]) -> usize {
    let sample = |at: usize| {
        let sample = bytes.get(at..).and_then(<[u8]>::first_chunk);
        sample.map_or(0, |sample| u32::from_le_bytes(*sample))
    };
    let end = bytes.len().saturating_sub(4);
    let mixed = sample(0) ^ sample(end / 2).rotate_left(11) ^ sample(end).rotate_left(22);
    let mixed = (mixed ^ bytes.len() as u32).wrapping_mul(0x9e37_79b9);
    (mixed >> 16) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(value: &StringValue) -> *const u8 {
        value.as_str().as_ptr()
    }

    #[test]
    fn what_comes_again_is_shared() {
        let (first, second) = (kept(b"api.example.com"), kept(b"api.example.com"));
        assert_eq!(first.as_str(), "api.example.com");
        assert_eq!(shared(&first), shared(&second));
        let address = "::ffff:192.0.2.7".parse().unwrap();
        let (first, second) = (kept_address(address), kept_address(address));
        assert_eq!(first.as_str(), "192.0.2.7");
        assert_eq!(shared(&first), shared(&second));
    }

    #[test]
    fn every_text_is_itself_however_many_there_are() {
        for round in 0..2 {
            for number in 0..1000_u32 {
                let text = format!("host-{number}.example.com");
                assert_eq!(kept(text.as_bytes()).as_str(), text, "{round}");
                let short = &text[..number as usize % 8];
                assert_eq!(kept(short.as_bytes()).as_str(), short);
                let address = IpAddr::from(number.to_be_bytes());
                assert_eq!(kept_address(address).as_str(), address.to_string());
                let address = IpAddr::from(u128::from(number).rotate_right(32).to_be_bytes());
                assert_eq!(kept_address(address).as_str(), address.to_string());
            }
        }
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        for _ in 0..2 {
            assert_eq!(kept(b"Lynx\xff/2").as_str(), "Lynx\u{fffd}/2");
        }
    }

    #[test]
    fn a_long_text_is_not_kept() {
        let text = "x".repeat(LONGEST + 1);
        let (first, second) = (kept(text.as_bytes()), kept(text.as_bytes()));
        assert_eq!(first.as_str(), text);
        assert_ne!(shared(&first), shared(&second));
    }

    #[test]
    fn peers_make_no_more_last_than_a_few() {
        let mut texts = Lasting::new();
        assert_eq!(lasting_among(&mut texts, &"x".repeat(LONGEST + 1)), None);
        let kept =
            |number| lasting_among(&mut texts, &format!("shop.Orders/Get{number}")).is_some();
        assert_eq!((0..2 * MOST_LASTING).map(kept).filter(|kept| *kept).count(), MOST_LASTING);
        assert_eq!(lasting_among(&mut texts, "shop.Orders/Get7"), Some("shop.Orders/Get7"));
        assert_eq!(texts.len(), MOST_LASTING);
    }
}
