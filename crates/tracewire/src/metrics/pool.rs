//! Connection pools that tracewire has no wrapper for.

use std::sync::Arc;
use std::time::Duration;

use crate::Telemetry;
use crate::measure::Pool;
use crate::metrics::{PoolNumbers, Waiting};

/// A connection pool that is measured with its program's help; cheap to clone.
///
/// Pools hand out connections without telling anybody, so what they say of themselves is looked at
/// whenever somebody collects, and the rest has to be said where a connection is taken:
///
/// ```
/// use tracewire::metrics::{Choice, ConnectionPool, PoolNumbers};
///
/// # struct Pool;
/// # impl Pool {
/// #     fn state(&self) -> (u64, u64) { (1, 2) }
/// #     fn get(&self) -> Result<u8, u8> { Ok(1) }
/// # }
/// # let telemetry = tracewire::Telemetry::default();
/// # let pool = std::sync::Arc::new(Pool);
/// let telemetry = telemetry.measure(Choice::new().connection_pools());
/// let watched = pool.clone();
/// let measured = ConnectionPool::new(&telemetry, "cache", move || {
///     let (idle, used) = watched.state();
///     PoolNumbers::new(idle, used).max(10)
/// });
///
/// let waiting = measured.wait();
/// match pool.get() {
///     Ok(connection) => {
///         let in_use = waiting.obtained();
///         // Work with it, and give it back:
///         drop((connection, in_use));
///     }
///     Err(_) => waiting.timed_out(),
/// }
/// ```
///
/// It is measured until all clones are dropped, and only with
/// [`Choice::connection_pools`](super::Choice::connection_pools).
#[derive(Clone, Debug)]
pub struct ConnectionPool {
    telemetry: Telemetry,
    pool: Pool,
}

impl ConnectionPool {
    /// A pool by this name, which no other should have: those of one name are measured as one.
    /// `numbers` says how it stands; it is called by whoever collects, and must not block. Where it
    /// panics, the numbers are left out that time, and a warning says so once. Make it when
    /// the telemetry has been set up.
    pub fn new(
        telemetry: &Telemetry,
        name: impl Into<Arc<str>>,
        numbers: impl Fn() -> PoolNumbers + Send + Sync + 'static,
    ) -> Self {
        let pool = Pool::new(name, None, numbers);
        pool.meter().tie(telemetry.pools());
        Self { telemetry: telemetry.clone(), pool }
    }

    /// Begins to wait for a connection: `pending_requests`, until it is obtained or dropped.
    pub fn wait(&self) -> Waiting {
        self.pool.meter().wait(self.telemetry.pools())
    }

    /// Records how long it took to make a connection: `create_time`.
    pub fn created(&self, lasted: Duration) {
        self.pool.meter().created(self.telemetry.pools(), lasted);
    }
}
