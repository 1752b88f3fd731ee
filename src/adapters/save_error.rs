//! What became of a state that could not be stored.

use std::boxed::Box;
use std::error::Error;
use std::fmt;
use std::prelude::rust_2024::*;

/// Why a state could not be stored, and whether a part of it may have reached the disk.
///
/// A host saves an [untouched](Self::is_untouched) state again, after a pause, until it succeeds, and meanwhile sends
/// nothing that follows from the state: to the other nodes the disk is slow. Every other failure is final, because
/// nobody can tell what a restart would find; the host stops.
///
/// Any error makes a final `SaveError`, except for those of `adapters::store::Store`, which say themselves what they
/// are:
///
/// ```
/// use quorate::adapters::SaveError;
///
/// /// Stores a state in a database, which is safe to try again only if no connection was there.
/// fn store(connected: bool) -> Result<(), SaveError> {
///     if !connected {
///         return Err(SaveError::untouched("no connection to the database"));
///     }
///     Err("the connection was lost on the way")?
/// }
/// assert!(store(false).unwrap_err().is_untouched());
/// assert!(!store(true).unwrap_err().is_untouched());
/// ```
#[derive(Debug)]
pub struct SaveError {
    source: Box<dyn Error + Send + Sync>,
    untouched: bool,
}

impl SaveError {
    /// A failure before a first byte of the state could reach the disk: a restart would find the state that was
    /// saved before it. If in doubt, do not use this: a host that saves again after another failure may find an old
    /// state after a restart, and vote twice.
    #[must_use]
    pub fn untouched(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        SaveError { source: source.into(), untouched: true }
    }

    /// Whether the state before is still what a restart would find, so that the state may be saved again.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.untouched
    }

    /// The error that caused it.
    #[must_use]
    pub fn into_source(self) -> Box<dyn Error + Send + Sync> {
        self.source
    }
}

/// `SaveError` itself is no [`Error`], so that every error can become one.
impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for SaveError {
    fn from(error: E) -> Self {
        let source = error.into();
        #[cfg(feature = "store")]
        let untouched = source
            .downcast_ref::<crate::adapters::store::StoreError>()
            .is_some_and(crate::adapters::store::StoreError::is_retryable);
        #[cfg(not(feature = "store"))]
        let untouched = false;
        SaveError { source, untouched }
    }
}

impl SaveError {
    /// The error and what caused it, in one line.
    pub(super) fn with_causes(&self) -> String {
        let mut line = self.source.to_string();
        let mut cause = self.source.source();
        while let Some(error) = cause {
            line = std::format!("{line}: {error}");
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}
