//! What the libraries cost on the same work: time, allocations, messages, memory.
//!
//! Unlike under [`crate::library`], where a simulator of faults hosts them, each library is hosted here as
//! leanly as its interface allows: its clock is a number, its disk is the memory, and one queue holds the
//! messages of a whole group. A library comes in by implementing [`group::MeasuredNode`] in a file of its
//! own under `cost/`.

pub mod allocator;
pub mod almost_raft;
pub mod fleet;
pub mod group;
pub mod omnipaxos;
pub mod quorate;
pub mod raft_rs;
pub mod timers;
pub mod work;
