//! What the libraries cost on the same work: time, allocations, messages, memory.
//!
//! Beside [`crate::rival`], which hosts them for a simulator of faults, each is hosted here as leanly as
//! its interface allows: no clock but a number, no disk but the memory, and one queue for a whole group.
//! A library comes in by implementing [`Contender`] in a file of its own under `cost/`.

use std::collections::VecDeque;
use std::time::Duration;

pub mod allocator;
pub mod almost_raft;
pub mod group;
pub mod idle;
pub mod omnipaxos;
pub mod quorate;
pub mod raft_rs;
pub mod work;

use group::Group;

pub use crate::rival::Place;

/// On its way.
pub struct Letter<M> {
    pub from: Place,
    pub to: Place,
    pub message: M,
}

/// The letters on their way, in order.
pub type Letters<C> = VecDeque<Letter<<C as Contender>::Message>>;

/// One node of a library.
pub trait Contender: Sized {
    type Message;
    /// What it says in its own words, of which messages are a part.
    type Said;

    const NAME: &'static str;

    /// The nodes of a group that start now.
    fn start(members: usize) -> Vec<Self>;

    /// Time has passed.
    fn tick(&mut self, now: Duration, said: &mut Vec<Self::Said>);

    /// A message has come.
    fn receive(&mut self, now: Duration, from: Place, message: Self::Message, said: &mut Vec<Self::Said>);

    /// Does what this node said, and sends its messages.
    fn act(&mut self, said: &mut Vec<Self::Said>, letters: &mut Letters<Self>);

    /// When it wants to be ticked; `None` for those that are ticked again and again.
    fn due(&self) -> Option<Duration> {
        None
    }

    /// Whom it takes for the leader.
    fn leader(&self) -> Option<Place>;

    /// Lets the group elect a leader, and that lead for a while.
    fn settle(group: &mut Group<Self>);

    /// Lets time pass until the leader's next tick is a heartbeat.
    fn rest(group: &mut Group<Self>);

    /// The leader has died. Lets time pass until the first of the others runs out of patience at its next
    /// tick, and says who is to be ticked: again and again, if once does not make a leader.
    fn expire(group: &mut Group<Self>) -> Vec<Place>;

    /// All has been said and no leader made: lets time pass until those of `awake` are due again. Where
    /// ticks make time pass, there is nothing to do.
    fn wait(_group: &mut Group<Self>, _awake: &[Place]) {}

    /// Its bytes, in place and on the heap, without a generator and without what is stored.
    fn bytes(self) -> usize;
}
