//! Two nodes and an attacker that has all their datagrams.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// An event of two nodes and a network that keeps every datagram.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// One of them sends a datagram, or begins a handshake.
    Write(Id),
    Handshake(Id),
    Restart(Id),
    /// One of the newest datagrams arrives at its receiver, or any datagram at any node.
    Deliver(prop::sample::Index),
    Replay(prop::sample::Index, Id),
}

fn fate() -> impl Strategy<Value = Fate> {
    let id = 1..=2_u16;
    prop_oneof![
        6 => id.clone().prop_map(Fate::Write),
        2 => id.clone().prop_map(Fate::Handshake),
        1 => id.clone().prop_map(Fate::Restart),
        8 => any::<prop::sample::Index>().prop_map(Fate::Deliver),
        6 => (any::<prop::sample::Index>(), id).prop_map(|(which, to)| Fate::Replay(which, to)),
    ]
}

/// Two nodes, and an attacker that sees all datagrams and repeats any of them at will.
struct Wire {
    nodes: BTreeMap<Id, Seal<Id, ChaCha20Rng>>,
    /// How often each node has restarted.
    starts: BTreeMap<Id, u32>,
    /// Every datagram that was ever sent, with its receiver.
    sent: Vec<(Id, Vec<u8>)>,
    datagrams: u32,
    /// The process of its receiver that ran when the datagram of this text was sealed.
    sealed_for: BTreeMap<Vec<u8>, u32>,
    counted: BTreeSet<Vec<u8>>,
}

impl Wire {
    fn new() -> Self {
        let nodes = [1, 2].map(|id| (id, node(id)));
        Wire {
            nodes: nodes.into(),
            starts: [(1, 0), (2, 0)].into(),
            sent: Vec::new(),
            datagrams: 0,
            sealed_for: BTreeMap::new(),
            counted: BTreeSet::new(),
        }
    }

    fn write(&mut self, from: Id) {
        self.datagrams += 1;
        // Some are too short for a short head.
        let mut text = self.datagrams.to_be_bytes().to_vec();
        text.resize(if self.datagrams.is_multiple_of(5) { 4 } else { 24 }, 0);
        self.sealed_for.insert(text.clone(), self.starts[&(3 - from)]);
        let datagram = self.nodes.get_mut(&from).unwrap().seal_for(3 - from, &text).unwrap();
        self.sent.push((3 - from, datagram));
    }

    /// Returns whether a datagram was opened.
    fn deliver(&mut self, to: Id, mut datagram: Vec<u8>) -> bool {
        let length = datagram.len();
        match self.nodes.get_mut(&to).unwrap().open(&mut datagram) {
            Opened::Datagram { from, body, .. } => {
                assert_eq!(from, 3 - to);
                assert!(self.counted.insert(body.to_vec()), "{body:?} is opened twice");
                assert_eq!(
                    self.sealed_for[body], self.starts[&to],
                    "{body:?} was sealed for another process"
                );
                return true;
            }
            Opened::Reply(reply) => {
                assert!(reply.len() <= length, "a reply is no longer than its request");
                self.sent.push((3 - to, reply));
            }
            Opened::HandshakeDone { .. } | Opened::Refused(_) => {}
            Opened::Broadcast(_) | Opened::Foreign { .. } => panic!("no node sent such a datagram"),
        }
        false
    }

    fn apply(&mut self, fate: Fate) {
        match fate {
            Fate::Write(from) => self.write(from),
            Fate::Handshake(from) => {
                let handshake = self.nodes.get_mut(&from).unwrap().handshake(3 - from).unwrap();
                self.sent.push((3 - from, handshake));
            }
            Fate::Restart(id) => {
                self.nodes.insert(id, node(id));
                *self.starts.get_mut(&id).unwrap() += 1;
            }
            Fate::Deliver(which) if !self.sent.is_empty() => {
                let newest = self.sent.len().min(4);
                let (to, datagram) = self.sent[self.sent.len() - 1 - which.index(newest)].clone();
                self.deliver(to, datagram);
            }
            Fate::Replay(which, to) if !self.sent.is_empty() => {
                let datagram = self.sent[which.index(self.sent.len())].1.clone();
                self.deliver(to, datagram);
            }
            Fate::Deliver(_) | Fate::Replay(..) => {}
        }
    }

    /// Lets `from` send, and every resulting datagram arrive.
    fn write_undisturbed(&mut self, from: Id) -> bool {
        let before = self.sent.len();
        self.write(from);
        let mut counted = false;
        for at in before.. {
            let Some((to, datagram)) = self.sent.get(at).cloned() else { break };
            counted |= self.deliver(to, datagram);
        }
        assert!(self.sent.len() - before <= 2, "one datagram, one answer");
        counted
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_datagram_is_opened_twice_whichever_node_restarts_and_whatever_is_sent_again(
        fates in proptest::collection::vec(fate(), 1..200),
        first in 1..=2_u16,
    ) {
        let mut wire = Wire::new();
        for fate in fates {
            wire.apply(fate);
        }
        // Afterwards the nodes recover at once: from the second datagram in each direction on, all arrive.
        wire.write_undisturbed(first);
        prop_assert!(wire.write_undisturbed(first));
        wire.write_undisturbed(3 - first);
        for from in [3 - first, first, 3 - first, first] {
            prop_assert!(wire.write_undisturbed(from), "a datagram of {} is lost", from);
        }
    }
}
