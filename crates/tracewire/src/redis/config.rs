//! What is recorded of the commands, in one handle that is cheap to clone.

use std::sync::Arc;

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};
use redis::{ConnectionAddr, ConnectionInfo};

use super::rate::{Rate, Room};
use crate::Telemetry;
use crate::measure::Attributes;
use crate::span::Start;
use crate::span::attributes::{SERVER_ADDRESS, SERVER_PORT};

/// The port that goes without saying.
const DEFAULT_PORT: u16 = 6379;

/// Settings of a [`Connection`](super::Connection) or a [`SyncConnection`](super::SyncConnection).
///
/// Clones share everything, so one of them serves a whole pool.
///
/// ```
/// use redis::IntoConnectionInfo;
/// use tracewire::redis::{Config, QueryText};
///
/// let server = "redis://cache.internal:6380/2".into_connection_info()?;
/// let config = Config::new()
///     .server(&server)
///     .query_text(QueryText::Keys)
///     .skip(["PING", "CLIENT"])
///     .require_parent();
/// # drop(config);
/// # Ok::<(), redis::RedisError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    settings: Arc<Settings>,
}

/// How much `db.query.text` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryText {
    /// The command with `?` for every argument: `SET ? ?`.
    Masked,
    /// The same with the names of keys and hash fields: `HSET user:7 name ?`. Names that hold
    /// personal data are recorded with the rest.
    Keys,
}

#[derive(Clone)]
struct Settings {
    telemetry: Telemetry,
    address: Option<Arc<str>>,
    /// Only where it does not go without saying.
    port: Option<u16>,
    query_text: Option<QueryText>,
    cache_hit: bool,
    require_parent: bool,
    skipped: Vec<String>,
    filter: Option<Filter>,
    rate: Option<Arc<Rate>>,
}

type Filter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

impl Config {
    /// The process-wide telemetry, every command, no query text.
    pub fn new() -> Self {
        Self {
            settings: Arc::new(Settings {
                telemetry: Telemetry::default(),
                address: None,
                port: None,
                query_text: None,
                cache_hit: false,
                require_parent: false,
                skipped: Vec::new(),
                filter: None,
                rate: None,
            }),
        }
    }

    /// Spans of this telemetry.
    #[must_use]
    pub fn telemetry(self, telemetry: &Telemetry) -> Self {
        self.change(|settings| settings.telemetry = telemetry.clone())
    }

    /// Records `server.address`, and `server.port` if it is not 6379, as a connection was asked for:
    /// `client.get_connection_info()`, or what `IntoConnectionInfo` makes of a URL. A Unix socket
    /// gives its path. Nothing else of `info` is read; no password can get into a span.
    #[must_use]
    pub fn server(self, info: &ConnectionInfo) -> Self {
        match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                self.server_address(host, *port)
            }
            ConnectionAddr::Unix(path) => self.server_address(&path.to_string_lossy(), 0),
            _ => self,
        }
    }

    /// Records this `server.address`, and `server.port` if it is neither 6379 nor 0. For a cluster
    /// it is the name that the cluster goes by: which node answered is not known.
    #[must_use]
    pub fn server_address(self, host: &str, port: u16) -> Self {
        let address = Some(host.into());
        self.change(|settings| {
            settings.address = address;
            settings.port = Some(port).filter(|port| ![0, DEFAULT_PORT].contains(port));
        })
    }

    /// Records `db.query.text`. Values are never in it.
    #[must_use]
    pub fn query_text(self, query_text: QueryText) -> Self {
        self.change(|settings| settings.query_text = Some(query_text))
    }

    /// Records `cache.hit` on reads; see the [module](super#hit-or-miss).
    #[must_use]
    pub fn cache_hit(self) -> Self {
        self.change(|settings| settings.cache_hit = true)
    }

    /// Makes no span where none is current: no traces of a single command from health checks and
    /// background refresh.
    #[must_use]
    pub fn require_parent(self) -> Self {
        self.change(|settings| settings.require_parent = true)
    }

    /// Makes no spans for these, in any case: names as they stand on spans (`PING`, `CLUSTER INFO`,
    /// `PIPELINE SET`), or the first word of such names (`CLUSTER`, `PIPELINE`). Adds to what was
    /// skipped before.
    #[must_use]
    pub fn skip<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        let names = names.into_iter().map(Into::into);
        self.change(|settings| settings.skipped.extend(names))
    }

    /// Makes spans only where `keep` says so, which is asked with the span's name: `GET`,
    /// `CLUSTER INFO`, `MULTI SET`. It runs for every command, whether anything is sampled or not.
    #[must_use]
    pub fn filter(self, keep: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.change(|settings| settings.filter = Some(Arc::new(keep)))
    }

    /// Makes at most so many spans per second below one parent, for loops that send thousands of
    /// commands. Commands without a parent count together. The last span before the limit has
    /// `tracewire.limit_reached`, so that a trace tells where it is incomplete.
    ///
    /// The guard is approximate: it remembers a fixed number of parents, and when two of them share
    /// a place, more spans than this can be made.
    #[must_use]
    pub fn rate_limit(self, spans_per_second: u16) -> Self {
        self.change(|settings| settings.rate = Some(Arc::new(Rate::new(spans_per_second))))
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    pub(super) fn telemetry_in_use(&self) -> &Telemetry {
        &self.settings.telemetry
    }

    /// Says where the server is: `server.address`, `server.port`.
    pub(super) fn describe_server(&self, start: &mut Start) {
        if let Some(address) = &self.settings.address {
            start.set(KeyValue::new(SERVER_ADDRESS, address.clone()));
        }
        if let Some(port) = self.settings.port {
            start.set(KeyValue::new(SERVER_PORT, i64::from(port)));
        }
    }

    /// The same for metrics.
    pub(super) fn label_server(&self, labels: &mut Attributes) {
        if let Some(address) = &self.settings.address {
            labels.text(SERVER_ADDRESS, address);
        }
        if let Some(port) = self.settings.port {
            labels.number(SERVER_PORT, i64::from(port));
        }
    }

    pub(super) fn text(&self) -> Option<QueryText> {
        self.settings.query_text
    }

    pub(super) fn records_hits(&self) -> bool {
        self.settings.cache_hit
    }

    /// Whether names decide which commands are recorded.
    pub(super) fn asks_for_names(&self) -> bool {
        !self.settings.skipped.is_empty() || self.settings.filter.is_some()
    }

    pub(super) fn keeps(&self, name: &str) -> bool {
        let first_word = name.split(' ').next().unwrap_or(name);
        let is = |skipped: &String| {
            skipped.eq_ignore_ascii_case(name) || skipped.eq_ignore_ascii_case(first_word)
        };
        let filter = self.settings.filter.as_ref();
        !self.settings.skipped.iter().any(is) && filter.is_none_or(|keep| keep(name))
    }

    /// Whether one more span may be made below this parent.
    pub(super) fn room(&self, parent: &Context) -> Room {
        if !self.settings.require_parent && self.settings.rate.is_none() {
            return Room::Enough;
        }
        let span = parent.span();
        if self.settings.require_parent && !span.span_context().is_valid() {
            return Room::None;
        }
        match &self.settings.rate {
            Some(rate) => rate.take(span.span_context().span_id()),
            None => Room::Enough,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("telemetry", &self.telemetry)
            .field("address", &self.address)
            .field("port", &self.port)
            .field("query_text", &self.query_text)
            .field("cache_hit", &self.cache_hit)
            .field("require_parent", &self.require_parent)
            .field("skipped", &self.skipped)
            .field("filter", &self.filter.is_some())
            .field("rate", &self.rate)
            .finish()
    }
}
