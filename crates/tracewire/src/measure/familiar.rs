//! The series that are asked for again and again, found without a lock.

use std::array;
use std::sync::OnceLock;

use super::attributes::Spelling;

/// What came first, by its attributes as they were set. Nothing ever leaves it, so nobody waits for
/// anybody; what finds no room has to be looked for elsewhere.
pub(super) struct Familiar<T>(OnceLock<Box<Places<T>>>);

type Places<T> = [OnceLock<Box<(Spelling, T)>>; PLACES];

const BITS: u32 = 9;
const PLACES: usize = 1 << BITS;

/// How many places are looked at for one spelling.
const TRIED: usize = 4;

impl<T: Clone> Familiar<T> {
    #[inline]
    pub(super) fn find(&self, spelling: &Spelling) -> Option<&T> {
        let places = self.0.get()?;
        for place in tried(spelling) {
            let (known, found) = &**places[place].get()?;
            if known == spelling {
                return Some(found);
            }
        }
        None
    }

    /// Keeps it, if there is room.
    pub(super) fn keep(&self, spelling: &Spelling, value: &T) {
        let places = self.0.get_or_init(|| Box::new(array::from_fn(|_| OnceLock::new())));
        for place in tried(spelling) {
            let mut is_taken = true;
            let (known, _) = &**places[place].get_or_init(|| {
                is_taken = false;
                Box::new((spelling.clone(), value.clone()))
            });
            if !is_taken || known == spelling {
                return;
            }
        }
    }
}

#[inline]
fn tried(spelling: &Spelling) -> impl Iterator<Item = usize> {
    let first = (spelling.digest() >> (u64::BITS - BITS)) as usize;
    (0..TRIED).map(move |further| (first + further) % PLACES)
}

impl<T> Default for Familiar<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Attributes;

    fn number(number: i64) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.number("number", number);
        attributes
    }

    #[test]
    fn what_is_found_is_what_was_kept_first() {
        let familiar = Familiar::default();
        let find = |it: i64| familiar.find(number(it).spelling()).copied();
        assert_eq!(find(0), None);
        let many = 10 * PLACES as i64;
        for value in 0..many {
            familiar.keep(number(value).spelling(), &value);
            familiar.keep(number(value).spelling(), &-1);
        }
        assert_eq!(find(0), Some(0));
        let found: Vec<i64> = (0..many).filter_map(find).collect();
        assert!((PLACES / 2..=PLACES).contains(&found.len()), "{}", found.len());
        assert!((0..many).all(|it| find(it).is_none_or(|found| found == it)));
    }
}
