//! Which spans have arrived.

use std::collections::HashSet;

/// The ids of spans in what Collectors wrote.
#[derive(Debug, Default)]
pub(super) struct Tally {
    ids: HashSet<[u8; 16]>,
    all: u64,
}

const KEY: &str = "\"spanId\":\"";

impl Tally {
    /// Adds what a Collector wrote before it was killed. What it did not finish, it did not answer.
    pub(super) fn add(&mut self, written: &[u8]) {
        let text = String::from_utf8_lossy(written);
        let Some((whole, _)) = text.rsplit_once('\n') else {
            return;
        };
        for (at, key) in whole.match_indices(KEY) {
            let id = &whole.as_bytes()[at + key.len()..][..16];
            self.ids.insert(id.try_into().unwrap());
            self.all += 1;
        }
    }

    pub(super) fn distinct(&self) -> u64 {
        self.ids.len() as u64
    }

    /// How often one came that was there.
    pub(super) fn again(&self) -> u64 {
        self.all - self.distinct()
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn spans_are_counted_once_and_only_in_whole_lines() {
        let line = |ids: &[u8]| {
            let span = |id: &u8| format!(r#"{{"parentSpanId":"x","spanId":"{id:016x}"}}"#);
            ids.iter().map(span).collect::<String>() + "\n"
        };
        let mut tally = Tally::default();
        tally.add(line(&[1, 2]).as_bytes());
        tally.add((line(&[2, 3]) + &line(&[4])[..20]).as_bytes());
        tally.add(b"");
        assert_eq!((tally.distinct(), tally.again()), (3, 1));
    }
}
