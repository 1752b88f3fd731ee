//! One address at which a node may be, and what speaks for it.

use core::net::SocketAddr;
use core::time::Duration;
use std::prelude::rust_2024::*;

use crate::types::Timestamp;

/// An instant on this node's clock, in milliseconds, also before its origin. The oldest means that the node
/// was never heard by any other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct AsOf(i128);

impl AsOf {
    pub(super) const NEVER: AsOf = AsOf(i128::MIN);

    pub(super) fn at(now: Timestamp) -> Self {
        AsOf(i128::try_from(now.since_origin().as_millis()).unwrap_or(i128::MAX))
    }

    pub(super) fn ago(now: Timestamp, age: Option<u32>) -> Self {
        age.map_or(Self::NEVER, |age| AsOf(Self::at(now).0.saturating_sub(age.into())))
    }

    pub(super) fn after(self, length: Duration) -> Self {
        AsOf(self.0.saturating_add(i128::try_from(length.as_millis()).unwrap_or(i128::MAX)))
    }

    /// The age in milliseconds, as it is told; `None` if there is none, or one too great to matter.
    pub(super) fn age(self, now: Timestamp) -> Option<u32> {
        u32::try_from(Self::at(now).0.saturating_sub(self.0).max(0)).ok()
    }
}

/// An address at which a node may be.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) address: SocketAddr,
    /// Whether the program gave it for good.
    pub(super) given: bool,
    /// When a name that the program gave was found to stand for it, as of the last answer.
    pub(super) resolved: Option<Timestamp>,
    /// Whether it comes from the program, or from a member whose messages are sealed.
    pub(super) trusted: bool,
    /// Whether it was the source of a sealed datagram. It is then tried at growing intervals, like an address that
    /// anybody may have told: somebody without the key can have written the source, but not the datagram.
    pub(super) sealed: bool,
    /// When a datagram of the node last came from here, since it has shown to be here.
    pub(super) answered: Option<Timestamp>,
    /// As of when the program or others know the node to be here.
    pub(super) reported: Option<AsOf>,
    /// When a datagram of the node last came from here.
    pub(super) seen: Option<Timestamp>,
    pub(super) challenged: Option<Timestamp>,
    /// How many bytes came from here, or told of it without a seal, that were not answered yet.
    pub(super) credit: usize,
    /// When it was tried last without credit.
    pub(super) tried: Option<Timestamp>,
}

impl Candidate {
    pub(super) fn new(address: SocketAddr, given: bool) -> Self {
        Candidate {
            address,
            given,
            resolved: None,
            trusted: given,
            sealed: false,
            answered: None,
            reported: None,
            seen: None,
            challenged: None,
            credit: 0,
            tried: None,
        }
    }

    /// The instant of the latest that is known of it.
    pub(super) fn as_of(&self) -> Option<AsOf> {
        let answered = self.answered.map(AsOf::at);
        let given = (self.given || self.resolved.is_some()).then_some(AsOf::NEVER);
        [answered, self.reported, given].into_iter().flatten().max()
    }

    /// Whether it was seen as a source, and nothing else speaks for it.
    pub(super) fn is_unproven(&self) -> bool {
        self.as_of().is_none()
    }

    /// Whether it may be made up, and yet is worth a try.
    pub(super) fn is_rumour(&self) -> bool {
        !self.is_trusted() && self.answered.is_none() && (self.sealed || !self.is_unproven())
    }

    /// Whether it is not made up, unless by the program's name server or a member.
    pub(super) fn is_trusted(&self) -> bool {
        self.trusted || self.resolved.is_some()
    }
}
