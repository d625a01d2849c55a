//! Commands as they go over the wire: arrays of bulk strings (RESP, "Sending commands to a Redis
//! server").

/// Reads commands one after another and stops at the first that is not well-formed.
pub(super) struct Commands<'a>(&'a [u8]);

/// The words of one well-formed command.
#[derive(Default)]
pub(super) struct PackedWords<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Commands<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Commands<'a> {
    type Item = PackedWords<'a>;

    fn next(&mut self) -> Option<PackedWords<'a>> {
        let (left, rest) = header(b'*', std::mem::take(&mut self.0))?;
        let mut after = rest;
        for _ in 0..left {
            (_, after) = bulk_string(after)?;
        }
        self.0 = after;
        Some(PackedWords { rest, left })
    }
}

impl<'a> Iterator for PackedWords<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (word, rest) = bulk_string(self.rest)?;
        self.rest = rest;
        Some(word)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for PackedWords<'_> {}

/// A bulk string and what follows it.
fn bulk_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = header(b'$', bytes)?;
    let (word, rest) = rest.split_at_checked(length)?;
    Some((word, rest.strip_prefix(b"\r\n")?))
}

/// The number in a header of this type, and what follows the line.
fn header(kind: u8, bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut number: Option<usize> = None;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        let above = number.unwrap_or(0).checked_mul(10)?;
        number = Some(above.checked_add(usize::from(digit - b'0'))?);
        rest = after;
    }
    let rest = rest.strip_prefix(b"\r\n")?;
    Some((number.filter(|_| first == kind)?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
        Commands::new(bytes).map(Iterator::collect).collect()
    }

    #[test]
    fn what_is_not_well_formed_ends_the_reading() {
        let ping = b"*1\r\n$4\r\nPING\r\n";
        assert_eq!(read(ping), [[b"PING"]]);
        for broken in [
            &b"PING\r\n"[..],
            b"*1\r\n$5\r\nPING\r\n",
            b"*2\r\n$4\r\nPING\r\n",
            b"*-1\r\n",
            b"*\r\n",
            b"*1\r\n:4\r\nPING\r\n",
            b"*99999999999999999999999999\r\n",
            b"*18446744073709551615\r\n",
            b"*1\r\n$18446744073709551615\r\nPING\r\n",
            b"*1\n$4\nPING\n",
        ] {
            assert_eq!(read(broken).len(), 0, "{}", broken.escape_ascii());
            let after_a_good_one = [ping, broken].concat();
            assert_eq!(read(&after_a_good_one).len(), 1, "{}", broken.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let words: usize = read(&bytes).iter().flatten().map(|word| word.len()).sum();
            prop_assert!(words <= bytes.len());
        }

        #[test]
        fn mangled_commands_are_read_without_a_panic(at in 0_usize..60, to: u8) {
            let mut bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".to_vec();
            let length = bytes.len();
            bytes[at % length] = to;
            prop_assert!(read(&bytes).len() <= 2);
        }

        #[test]
        fn what_the_driver_packs_is_read_back(
            commands in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 1..6),
                0..6,
            )
        ) {
            let packed: Vec<u8> = commands.iter().flat_map(|words| redis::pack_command(words)).collect();
            prop_assert_eq!(read(&packed), commands);
        }
    }
}
