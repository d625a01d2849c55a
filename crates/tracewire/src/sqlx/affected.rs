//! How many rows a statement changed, read out of the result of any driver.
//!
//! No trait tells it: each driver has a method of its own. What the results of all of them have is
//! `Debug`, and in it a field of a known name.

use std::any::Any;
use std::fmt::{self, Debug, Write as _};

/// What the field is called: `changes` for SQLite.
const FIELDS: [&str; 2] = ["rows_affected: ", "changes: "];

/// Reads a result of type `R`; `None` if it is of another type or of another form.
pub(super) fn affected<R: Debug + 'static>(result: &dyn Any) -> Option<u64> {
    let result = result.downcast_ref::<R>()?;
    let mut head = Head { text: [0; 96], length: 0 };
    // Fails when the text is longer, of which the end is not needed.
    let _ = write!(head, "{result:?}");
    let text = std::str::from_utf8(head.text.get(..head.length)?).ok()?;
    let value = FIELDS.iter().find_map(|field| Some(text.split_once(field)?.1))?;
    let end = value.find(|char: char| !char.is_ascii_digit())?;
    value.get(..end)?.parse().ok()
}

/// The beginning of a text, kept without an allocation.
struct Head {
    text: [u8; 96],
    length: usize,
}

impl fmt::Write for Head {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let place = self.text.get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::affected;

    #[derive(Debug)]
    #[allow(dead_code, reason = "read through Debug")]
    struct Postgres {
        rows_affected: u64,
    }

    #[derive(Debug)]
    #[allow(dead_code, reason = "read through Debug")]
    struct Sqlite {
        changes: u64,
        last_insert_rowid: i64,
    }

    #[derive(Debug)]
    #[allow(dead_code, reason = "read through Debug")]
    struct Other {
        name: &'static str,
        count: u64,
    }

    #[test]
    fn the_count_is_found_by_its_name() {
        assert_eq!(affected::<Postgres>(&Postgres { rows_affected: 12 }), Some(12));
        let most = Sqlite { changes: u64::MAX, last_insert_rowid: i64::MIN };
        assert_eq!(affected::<Sqlite>(&most), Some(u64::MAX));
        assert_eq!(affected::<Postgres>(&most), None);
        for name in [
            "x",
            "rows_affected: ",
            "a name of many bytes, more than are kept of the text that is written of it",
        ] {
            assert_eq!(affected::<Other>(&Other { name, count: 1 }), None);
        }
    }
}
