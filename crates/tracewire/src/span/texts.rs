//! Texts that come again with nearly every operation: hosts, user agents, addresses of peers.
//!
//! Each thread keeps the last of them in a table of fixed size, so that a text which comes again is
//! shared with the spans before it and not copied. One that does not costs no more than its copy.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

use opentelemetry::StringValue;

/// How many texts, and how many addresses, a thread keeps.
const KEPT: usize = 64;
/// A longer text is copied, so that nobody can fill the memory with it.
const LONGEST: usize = 256;

struct Texts {
    texts: [Option<Arc<str>>; KEPT],
    addresses: [Option<(IpAddr, Arc<str>)>; KEPT],
}

thread_local! {
    static TEXTS: RefCell<Texts> = const {
        RefCell::new(Texts { texts: [const { None }; KEPT], addresses: [const { None }; KEPT] })
    };
}

/// A text that will probably come again.
pub(crate) fn kept(text: &str) -> StringValue {
    if text.len() > LONGEST {
        return text.to_owned().into();
    }
    let keep = |texts: &RefCell<Texts>| {
        let slot = &mut texts.borrow_mut().texts[slot_of(text.as_bytes())];
        match slot {
            Some(known) if **known == *text => known.clone(),
            slot => slot.insert(Arc::from(text)).clone(),
        }
    };
    TEXTS.try_with(keep).map_or_else(|_| text.to_owned().into(), StringValue::from)
}

/// The text of an address; of an IPv4 address mapped to IPv6, that of the former.
pub(crate) fn kept_address(address: IpAddr) -> StringValue {
    let address = address.to_canonical();
    let keep = |texts: &RefCell<Texts>| {
        let slot = match address {
            IpAddr::V4(address) => slot_of(&address.octets()),
            IpAddr::V6(address) => slot_of(&address.octets()),
        };
        let slot = &mut texts.borrow_mut().addresses[slot];
        match slot {
            Some((known, text)) if *known == address => text.clone(),
            slot => slot.insert((address, Arc::from(address.to_string()))).1.clone(),
        }
    };
    TEXTS.try_with(keep).map_or_else(|_| address.to_string().into(), StringValue::from)
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
    (mixed >> 16) as usize % KEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(value: &StringValue) -> *const u8 {
        value.as_str().as_ptr()
    }

    #[test]
    fn what_comes_again_is_shared() {
        let (first, second) = (kept("api.example.com"), kept("api.example.com"));
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
                assert_eq!(kept(&text).as_str(), text, "{round}");
                let short = &text[..number as usize % 8];
                assert_eq!(kept(short).as_str(), short);
                let address = IpAddr::from(number.to_be_bytes());
                assert_eq!(kept_address(address).as_str(), address.to_string());
                let address = IpAddr::from(u128::from(number).rotate_right(32).to_be_bytes());
                assert_eq!(kept_address(address).as_str(), address.to_string());
            }
        }
    }

    #[test]
    fn a_long_text_is_not_kept() {
        let text = "x".repeat(LONGEST + 1);
        let (first, second) = (kept(&text), kept(&text));
        assert_eq!(first.as_str(), text);
        assert_ne!(shared(&first), shared(&second));
    }
}
