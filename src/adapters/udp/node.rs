//! The node that a host's thread drives. Other threads look at it between its steps, so that nothing has to be copied for
//! them in advance.

use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::LeaderAddress;
use crate::adapters::actions::Actions;
use crate::adapters::attendant::Attendant;
use crate::adapters::counters::ElectionCounters;
use crate::adapters::endpoint::{Endpoint, NodeView, Transmit, is_usable};
use crate::adapters::random::JitterRng;
use crate::adapters::seal::SystemRng;
use crate::election::Election;
use crate::io::Input;
use crate::message::Message;
use crate::status::Status;
use crate::types::{NodeId, Timestamp};

/// A node, with its datagrams and all that it has counted.
pub(super) struct Node<I: NodeId> {
    pub(super) election: Election<I, JitterRng>,
    pub(super) endpoint: Endpoint<I, SystemRng>,
    pub(super) actions: Actions<I>,
    /// The agent of the voter in a register, if there is one.
    pub(super) register: Option<Attendant<I>>,
    /// Where the socket listens.
    pub(super) local: SocketAddr,
}

/// What a node shows of itself at one moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot<I> {
    pub(super) status: Status<I>,
    pub(super) leader: Option<LeaderAddress<I>>,
    pub(super) election: ElectionCounters,
}

/// Locks a node. No code of the program runs under this lock, so that a watcher, a question to the program about its
/// health and a subscriber to spans may each ask for the status.
pub(super) fn lock<I: NodeId>(node: &Mutex<Node<I>>) -> MutexGuard<'_, Node<I>> {
    node.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<I: NodeId> Node<I> {
    /// Whether the node leads, as far as it knows.
    pub(super) fn leads(&self) -> bool {
        self.election.leader().is_some_and(|leader| leader.id == self.election.id())
    }

    /// The leader, and its address.
    pub(super) fn leader(&self) -> Option<LeaderAddress<I>> {
        let mut leader = self.endpoint.leader()?;
        if leader.id == self.election.id() {
            leader.address = Some(self.local).filter(|&local| is_usable(local));
        }
        Some(leader)
    }

    pub(super) fn snapshot(&self) -> Snapshot<I> {
        let mut status = self.election.status();
        status.diagnosis = self.endpoint.diagnosis(status.now);
        if let Some(register) = &self.register {
            register.show(&mut status);
        }
        Snapshot { status, leader: self.leader(), election: self.actions.counters().clone() }
    }
}

impl<I: NodeId + Serialize + DeserializeOwned> Node<I> {
    /// Sends `message`: to the agent, if it is for the voter of the register, and else into `transmits`.
    pub(super) fn send(&mut self, to: I, message: Message<I>, now: Timestamp, transmits: &mut Vec<Transmit>) {
        match &mut self.register {
            Some(register) if register.voter() == to => register.ask(&self.election, message, now),
            Some(_) | None => self.endpoint.send(to, &message, now, transmits),
        }
    }

    /// Does what is due about the register.
    pub(super) fn tick_register(&mut self, now: Timestamp) {
        if let Some(register) = &mut self.register {
            register.tick(&self.election, now);
        }
    }

    /// The next message of the voter in the register.
    pub(super) fn take_from_register(&mut self) -> Option<Input<I>> {
        let register = self.register.as_mut()?;
        Some(Input::Receive { from: register.voter(), message: register.take_message()? })
    }

    /// Ticks, and steps what was received or ordered before.
    pub(super) fn advance(&mut self, input: Option<Input<I>>, now: Timestamp) {
        self.actions.tick(&mut self.election, now);
        if let Some(input) = input {
            self.actions.step(&mut self.election, input);
        }
        self.endpoint.observe(&NodeView::of(&self.election));
    }
}
