//! Remembers what statements say, so that each text is analysed once and memory stays in bound.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;

use super::{Analysis, Dialect, Remembered, analyze};
use crate::span::lasting_while_few;

/// How many sets a text's hash chooses from. Each has its own lock, so readers seldom meet.
const SETS: usize = 128;

/// How many texts one set holds.
const WAYS: usize = 8;

/// The longest text that is kept, in bytes.
const LONGEST: usize = 10 * 1024;

/// Analyses by text and dialect, for any number of threads.
///
/// Holds at most [`AnalysisCache::CAPACITY`] texts of at most 10 KiB, and none that shows a secret. A text found again
/// costs a hash and a comparison, takes a read lock that it shares, and allocates nothing. When room is needed, a text
/// that was not asked for lately goes first, so that statements with ever new literals do not displace the others.
///
/// ```
/// use tracewire::sqlx::sql::{AnalysisCache, Dialect};
///
/// let cache = AnalysisCache::new();
/// let first = cache.get("SELECT 1", Dialect::Sqlite);
/// let again = cache.get("SELECT 1", Dialect::Sqlite);
/// assert!(std::sync::Arc::ptr_eq(&first, &again));
/// ```
#[derive(Debug)]
pub struct AnalysisCache {
    hasher: RandomState,
    sets: Box<[RwLock<Set>]>,
}

/// The texts whose hashes choose the same set.
#[derive(Debug, Default)]
struct Set {
    slots: Vec<Slot>,
    /// The slot to look at first when room is needed.
    hand: usize,
}

#[derive(Debug)]
struct Slot {
    hash: u64,
    /// Asked for since the hand passed.
    used: AtomicBool,
    analysis: Arc<Analysis>,
}

// === impl AnalysisCache ===

impl AnalysisCache {
    /// The most texts that are kept.
    pub const CAPACITY: usize = SETS * WAYS;

    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        let sets = (0..SETS).map(|_| RwLock::default()).collect();
        Self { hasher: RandomState::default(), sets }
    }

    /// What `text` says by the rules of `dialect`, analysed now unless it is remembered.
    #[must_use]
    pub fn get(&self, text: &str, dialect: Dialect) -> Arc<Analysis> {
        if text.len() > LONGEST {
            return Arc::new(analyze(text, dialect));
        }
        let hash = self.hasher.hash_one(text);
        let set = usize::try_from(hash % SETS as u64).ok().and_then(|index| self.sets.get(index));
        let Some(set) = set else {
            return Arc::new(analyze(text, dialect));
        };
        if let Some(found) =
            set.read().unwrap_or_else(PoisonError::into_inner).find(hash, text, dialect)
        {
            return found;
        }
        let mut analysis = analyze(text, dialect);
        if analysis.secrets {
            return Arc::new(analysis);
        }
        analysis.name = Remembered(lasting_while_few(&analysis.summary));
        let analysis = Arc::new(analysis);
        let mut set = set.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = set.find(hash, text, dialect) {
            return found;
        }
        set.insert(hash, Arc::clone(&analysis));
        analysis
    }

    /// How many texts are kept now.
    #[must_use]
    pub fn len(&self) -> usize {
        let slots =
            |set: &RwLock<Set>| set.read().unwrap_or_else(PoisonError::into_inner).slots.len();
        self.sets.iter().map(slots).sum()
    }

    /// Whether nothing is kept yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for AnalysisCache {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Set ===

impl Set {
    fn find(&self, hash: u64, text: &str, dialect: Dialect) -> Option<Arc<Analysis>> {
        let is_it = |slot: &&Slot| slot.hash == hash && slot.analysis.is_of(text, dialect);
        let slot = self.slots.iter().find(is_it)?;
        // Most often it is set already, and then the line stays shared between the readers.
        if !slot.used.load(Ordering::Relaxed) {
            slot.used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&slot.analysis))
    }

    fn insert(&mut self, hash: u64, analysis: Arc<Analysis>) {
        let slot = Slot { hash, used: AtomicBool::new(false), analysis };
        if self.slots.len() < WAYS {
            self.slots.push(slot);
            return;
        }
        // At most one round: every slot passed over is no longer marked as used.
        while let Some(old) = self.slots.get_mut(self.hand) {
            self.hand = (self.hand + 1) % WAYS;
            if !std::mem::take(old.used.get_mut()) {
                *old = slot;
                return;
            }
        }
    }
}
