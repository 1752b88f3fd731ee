//! How a group came into being: by a list, by itself, or by nodes that were all blank.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// How a group came into being, which all of its memberships tell. `Founders` is the list of nodes that founded it, in
/// whatever form is at hand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub(super) enum Origin<Founders> {
    /// Its first nodes were started with the list of its voters.
    Listed,
    /// It formed itself. Rule 8.4.
    Formed(Limits),
    /// These nodes founded it when all of them were blank. The list is sorted. Rule 9.9.
    Founded(Founders),
}

/// How few and how many members a group that formed itself is to have. Rule 8.4.
///
/// Exhaustive: the two are all that there is to it, and operators name both.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Limits {
    /// A node campaigns only once it knows so many nodes, itself included, and a group never shrinks below
    /// so many voters as nodes are lost. More than half of `max_members`.
    pub min_members: u8,
    /// The group takes up no more nodes than this as they are discovered, and no more may ever be started as
    /// `forming`.
    pub max_members: u8,
}

impl<Founders> Origin<Founders> {
    /// The same, with the founders in another form.
    pub(super) fn map<Other>(self, form: impl FnOnce(Founders) -> Other) -> Origin<Other> {
        match self {
            Origin::Listed => Origin::Listed,
            Origin::Formed(limits) => Origin::Formed(limits),
            Origin::Founded(founders) => Origin::Founded(form(founders)),
        }
    }

    pub(super) fn limits(&self) -> Option<Limits> {
        match self {
            Origin::Formed(limits) => Some(*limits),
            Origin::Listed | Origin::Founded(_) => None,
        }
    }
}

impl Limits {
    /// The quorum of a forming group: more than half of all nodes that may ever start as forming.
    pub(super) fn quorum(self) -> u8 {
        (self.max_members / 2).saturating_add(1)
    }

    pub(super) fn are_sound(self) -> bool {
        self.min_members > self.max_members / 2 && self.min_members <= self.max_members
    }
}
