//! The words of a command, from wherever it comes: its name and its arguments.

/// Words one by one, with a look at the next.
pub(super) struct Words<'w, 'a> {
    rest: &'w mut dyn ExactSizeIterator<Item = &'a [u8]>,
    peeked: Option<&'a [u8]>,
}

impl<'w, 'a> Words<'w, 'a> {
    pub(super) fn new(rest: &'w mut dyn ExactSizeIterator<Item = &'a [u8]>) -> Self {
        Self { rest, peeked: None }
    }

    pub(super) fn peek(&mut self) -> Option<&'a [u8]> {
        if self.peeked.is_none() {
            self.peeked = self.rest.next();
        }
        self.peeked
    }

    /// How many there are still.
    pub(super) fn left(&self) -> usize {
        self.rest.len() + usize::from(self.peeked.is_some())
    }
}

impl<'a> Iterator for Words<'_, 'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.peeked.take().or_else(|| self.rest.next())
    }
}
