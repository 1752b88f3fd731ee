//! The news of a host.

use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::HostFailure;
use crate::adapters::notices::{Notices, TellsOfMissed};
#[cfg(feature = "register")]
use crate::adapters::register::RegisterEvent;
use crate::event::Event;

/// What a host has to say.
///
/// Non-exhaustive: a later version may say more, and a program that does not know of it can print it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice<I> {
    /// News of the election.
    Event(Event<I>),
    /// A member has another address than before. These are all known addresses of the other members; give
    /// them as peers at the next start, beside those that are configured. Such notices come eight at once at most, and
    /// twice a minute in the long run, so a program may write a file for each.
    Addresses(Vec<(I, SocketAddr)>),
    /// News of the agent of the voter in a register.
    #[cfg(feature = "register")]
    Register(RegisterEvent<I>),
    /// So many notices were dropped here, because they had not been read.
    Missed(u64),
    /// The host has stopped, for this reason. Nothing follows.
    Failed(HostFailure),
}

impl<I> TellsOfMissed for Notice<I> {
    fn missed(count: u64) -> Self {
        Notice::Missed(count)
    }
}

/// The notices of a host. Clones share them: each notice goes to one reader.
#[derive(Debug)]
pub struct Events<I>(Notices<Notice<I>>);

impl<I> Clone for Events<I> {
    fn clone(&self) -> Self {
        Events(self.0.clone())
    }
}

impl<I> Events<I> {
    pub(super) fn new() -> Self {
        Events(Notices::new())
    }

    /// The next notice, as soon as there is one; `None` when the host has stopped.
    #[must_use]
    pub fn recv(&self) -> Option<Notice<I>> {
        self.0.recv()
    }

    /// The next notice, if there is one within `timeout`.
    ///
    /// # Errors
    /// As the receiver of a channel: timed out, or disconnected when the host has stopped.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Notice<I>, RecvTimeoutError> {
        self.0.recv_timeout(timeout)
    }

    /// The next notice, if there is one.
    #[must_use]
    pub fn try_recv(&self) -> Option<Notice<I>> {
        self.0.try_recv()
    }

    pub(super) fn push(&self, notice: Notice<I>) {
        self.0.push(notice);
    }

    pub(super) fn close(&self) {
        self.0.close();
    }
}
