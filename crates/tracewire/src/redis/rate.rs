//! A guard against loops: so many spans per second below one parent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use opentelemetry::trace::SpanId;

/// How many parents are remembered at once.
const PLACES: usize = 64;

/// Counts spans below parents, without locks and in a fixed amount of memory.
///
/// Each place holds one parent's count for one second: 32 bits that tell the parent, 16 bits of
/// the second, 16 bits of the count. A new second or another parent begins anew.
#[derive(Debug)]
pub(super) struct Rate {
    limit: u16,
    since: Instant,
    places: [AtomicU64; PLACES],
}

/// Whether there is room for a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    /// For this one and no more.
    Last,
    None,
}

impl Rate {
    pub(super) fn new(limit: u16) -> Self {
        Self { limit, since: Instant::now(), places: [const { AtomicU64::new(0) }; PLACES] }
    }

    pub(super) fn take(&self, parent: SpanId) -> Room {
        self.take_in(parent, self.since.elapsed().as_secs())
    }

    fn take_in(&self, parent: SpanId, second: u64) -> Room {
        let id = u64::from_be_bytes(parent.to_bytes());
        let window = (id ^ (id >> 32)) << 32 | (second & 0xffff) << 16;
        let Some(place) = self.places.get((id % PLACES as u64) as usize) else {
            return Room::Enough;
        };
        let limit = u64::from(self.limit);
        let count_up = |held: u64| {
            let count = if held & !0xffff == window { held & 0xffff } else { 0 };
            (count < limit).then_some(window | (count + 1))
        };
        match place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count_up) {
            Err(_) => Room::None,
            Ok(held) if count_up(held) == Some(window | limit) => Room::Last,
            Ok(_) => Room::Enough,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(rate: &Rate, parent: u64, second: u64, count: usize) -> Vec<Room> {
        let take = |_| rate.take_in(SpanId::from(parent), second);
        (0..count).map(take).collect()
    }

    #[test]
    fn each_parent_has_its_own_count_every_second() {
        use Room::{Enough, Last, None};
        let rate = Rate::new(3);
        let all = [Enough, Enough, Last, None, None];
        assert_eq!(rooms(&rate, 1, 0, 5), all);
        assert_eq!(rooms(&rate, 2, 0, 5), all, "another parent");
        assert_eq!(rooms(&rate, 1, 0, 1), [None], "the first one again");
        assert_eq!(rooms(&rate, 1, 1, 5), all, "a second later");
        assert_eq!(rooms(&rate, 0, 7, 5), all, "no parent");
    }

    #[test]
    fn a_limit_of_none_leaves_no_room_and_the_largest_is_reached() {
        assert_eq!(rooms(&Rate::new(0), 1, 0, 2), [Room::None, Room::None]);
        let rooms = rooms(&Rate::new(u16::MAX), 1, 0, usize::from(u16::MAX) + 1);
        assert_eq!(rooms[rooms.len() - 3..], [Room::Enough, Room::Last, Room::None]);
    }

    #[test]
    fn parents_that_share_a_place_begin_anew() {
        let rate = Rate::new(1);
        let (one, other) = (5, 5 + PLACES as u64);
        assert_eq!(rooms(&rate, one, 0, 2), [Room::Last, Room::None]);
        assert_eq!(rooms(&rate, other, 0, 2), [Room::Last, Room::None]);
        assert_eq!(rooms(&rate, one, 0, 1), [Room::Last]);
    }
}
