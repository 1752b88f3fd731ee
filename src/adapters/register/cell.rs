//! A register as its client sees it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;
use core::future::Future;

use super::status::{Outcome, Tag};

/// The client of one register, whose calls block: a row, a key or an object with an atomic compare-and-swap. It is called
/// on a thread of its own, one call at a time.
///
/// Every call has to end, with [`CellError::Unknown`] where no answer comes: set the time-outs of the client to a third of
/// [`promise_limit`](crate::Timing::promise_limit) at most. A client that repeats calls of its own accord is told not to.
pub trait Cell: Send + 'static {
    /// Returns what the register holds, and its tag; `None` if there is no such object.
    ///
    /// # Errors
    /// [`CellError`], of either kind: a read has changed nothing.
    fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError>;

    /// Replaces what the register holds by `bytes` if its tag is `tag`. Returns the new tag, or `None` if the register holds
    /// something else, or nothing.
    ///
    /// # Errors
    /// [`CellError::NotDone`] only if the write was not made and never will be; else [`CellError::Unknown`].
    fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError>;

    /// Makes the register, with `bytes` in it. Returns its tag, or `None` if there is such an object already, which stays as
    /// it is. For an operator: no agent ever makes a register.
    ///
    /// # Errors
    /// As [`swap`](Self::swap).
    fn create(&mut self, bytes: &[u8]) -> Result<Option<Tag>, CellError>;
}

/// A client that was chosen while the program runs.
impl<C: Cell + ?Sized> Cell for Box<C> {
    fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        (**self).read()
    }

    fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        (**self).swap(tag, bytes)
    }

    fn create(&mut self, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        (**self).create(bytes)
    }
}

/// The client of one register, whose calls are awaited. As a [`Cell`] in all else.
///
/// A future that takes too long is dropped. Its call may still reach the register, so that counts as
/// [`CellError::Unknown`].
pub trait AsyncCell: Send + 'static {
    /// As [`Cell::read`].
    fn read(&mut self) -> impl Future<Output = Result<Option<(Tag, Vec<u8>)>, CellError>> + Send;

    /// As [`Cell::swap`].
    fn swap(
        &mut self,
        tag: &Tag,
        bytes: &[u8],
    ) -> impl Future<Output = Result<Option<Tag>, CellError>> + Send;

    /// As [`Cell::create`].
    fn create(&mut self, bytes: &[u8]) -> impl Future<Output = Result<Option<Tag>, CellError>> + Send;
}

/// Why a call did not do what it was to do.
///
/// Exhaustive: a write was not made, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// It was not done and never will be: no connection, no permission, throttled.
    #[error("not done")]
    NotDone(#[source] Box<dyn Error + Send + Sync>),
    /// Nobody knows whether it was done, or will be: no answer in time, or the connection broke while it was under way.
    #[error("nobody knows whether it was done")]
    Unknown(#[source] Box<dyn Error + Send + Sync>),
}

impl CellError {
    /// The call was not done and never will be.
    pub fn not_done(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        CellError::NotDone(error.into())
    }

    /// Nobody knows whether the call was done, or will be. The right choice wherever there is doubt.
    pub fn unknown(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        CellError::Unknown(error.into())
    }
}

impl Outcome {
    /// What came of a read.
    #[must_use]
    pub fn of_read(read: Result<Option<(Tag, Vec<u8>)>, CellError>) -> Self {
        match read {
            Ok(Some((tag, bytes))) => Outcome::Found { tag, bytes },
            Ok(None) => Outcome::Missing,
            // Nothing was to be changed.
            Err(_) => Outcome::Failed,
        }
    }

    /// What came of a swap.
    #[must_use]
    pub fn of_swap(swapped: Result<Option<Tag>, CellError>) -> Self {
        match swapped {
            Ok(Some(tag)) => Outcome::Swapped(tag),
            Ok(None) => Outcome::Refused,
            Err(CellError::NotDone(_)) => Outcome::Failed,
            Err(CellError::Unknown(_)) => Outcome::Unknown,
        }
    }
}
