//! What the floor does and more, with every trick; see `bench_by_hand`.

pub(crate) mod http;
pub(crate) mod redis;
pub(crate) mod sql;
