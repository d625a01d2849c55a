//! What comes again with nearly every request, worked out once: hosts, user agents, names of routes.

use std::sync::OnceLock;

const SLOTS: usize = 64;

/// First come, first kept for as long as the process lives, so that a look-up takes no lock, counts no reference and
/// asks for nothing of the thread. What finds its place taken has to be worked out again.
#[derive(Debug)]
pub struct Kept<T> {
    slots: [OnceLock<(Box<[u8]>, T)>; SLOTS],
}

impl<T: Copy> Kept<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { slots: [const { OnceLock::new() }; SLOTS] }
    }

    /// What was made of these bytes; of new ones, what `make` makes if their place is free.
    #[inline]
    pub fn get(&self, bytes: &[u8], make: fn(&[u8]) -> Option<T>) -> Option<T> {
        let slot = &self.slots[place_of(bytes)];
        match slot.get() {
            Some((known, made)) => (**known == *bytes).then_some(*made),
            None => keep(slot, bytes, make),
        }
    }
}

impl<T: Copy> Default for Kept<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cold]
fn keep<T: Copy>(
    slot: &OnceLock<(Box<[u8]>, T)>,
    bytes: &[u8],
    make: fn(&[u8]) -> Option<T>,
) -> Option<T> {
    const LONGEST: usize = 256;
    let made = make(bytes).filter(|_| bytes.len() <= LONGEST)?;
    let (known, made) = slot.get_or_init(|| (bytes.into(), made));
    (**known == *bytes).then_some(*made)
}

/// By the length and two bytes, which differ where texts of a kind do.
fn place_of(bytes: &[u8]) -> usize {
    let byte = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
    let (middle, last) = (byte(bytes.len() / 2), byte(bytes.len().wrapping_sub(1)));
    (bytes.len() ^ (middle << 2) ^ (last << 1)) % SLOTS
}
