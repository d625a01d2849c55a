//! The database, the cache and the broker: those that the environment names, or small ones of our
//! own.

use std::path::PathBuf;

use crate::services::{BROKER_URL, DATABASE_URL, REDIS_URL};
use crate::{Error, cache};

/// Where the services keep things.
pub(crate) struct Stores {
    pub(crate) database_url: String,
    pub(crate) redis_url: String,
    /// Without a broker, messages stay in the process of checkout.
    pub(crate) broker_url: Option<String>,
    /// Of the database, if it is ours.
    file: Option<PathBuf>,
}

impl Stores {
    pub(crate) async fn open() -> Result<Self, Error> {
        let named = |variable| std::env::var(variable).ok().filter(|url| !url.is_empty());
        let redis_url = match named(REDIS_URL) {
            Some(url) => url,
            None => cache::serve().await?,
        };
        let broker_url = named(BROKER_URL);
        if let Some(database_url) = named(DATABASE_URL) {
            return Ok(Self { database_url, redis_url, broker_url, file: None });
        }
        let file = std::env::temp_dir().join(format!("checkout-{}.sqlite", std::process::id()));
        let database_url = format!("sqlite://{}?mode=rwc", file.display());
        Ok(Self { database_url, redis_url, broker_url, file: Some(file) })
    }
}

impl Drop for Stores {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file);
        }
    }
}
