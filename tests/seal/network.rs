//! Two nodes and an attacker that has all their datagrams.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// An event of two nodes and a network that keeps every datagram.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// A node sends a sealed datagram, or starts a handshake.
    Write(Id),
    Greet(Id),
    Restart(Id),
    /// One of the newest datagrams arrives at its receiver, or any datagram at any node.
    Deliver(prop::sample::Index),
    Replay(prop::sample::Index, Id),
}

fn fate() -> impl Strategy<Value = Fate> {
    let id = 1..=2_u16;
    prop_oneof![
        6 => id.clone().prop_map(Fate::Write),
        2 => id.clone().prop_map(Fate::Greet),
        1 => id.clone().prop_map(Fate::Restart),
        8 => any::<prop::sample::Index>().prop_map(Fate::Deliver),
        6 => (any::<prop::sample::Index>(), id).prop_map(|(which, to)| Fate::Replay(which, to)),
    ]
}

/// Two nodes, and an attacker that sees all datagrams and repeats any of them at will.
struct Wire {
    nodes: BTreeMap<Id, Seal<Id>>,
    /// Every datagram that was ever sent, with its receiver.
    sent: Vec<(Id, Vec<u8>)>,
    letters: u32,
    counted: BTreeSet<Vec<u8>>,
}

impl Wire {
    fn new() -> Self {
        let nodes = [1, 2].map(|id| (id, node(id)));
        Wire { nodes: nodes.into(), sent: Vec::new(), letters: 0, counted: BTreeSet::new() }
    }

    fn write(&mut self, from: Id) {
        self.letters += 1;
        let text = self.letters.to_be_bytes();
        let datagram = self.nodes.get_mut(&from).unwrap().letter(3 - from, &text).unwrap();
        self.sent.push((3 - from, datagram));
    }

    /// Delivers a datagram. Returns whether a sealed datagram counted.
    fn deliver(&mut self, to: Id, mut datagram: Vec<u8>) -> bool {
        let length = datagram.len();
        match self.nodes.get_mut(&to).unwrap().open(&mut datagram) {
            Opened::Letter { from, body } => {
                assert_eq!(from, 3 - to);
                assert!(self.counted.insert(body.to_vec()), "the datagram {body:?} counts twice");
                return true;
            }
            Opened::Reply(reply) => {
                assert!(reply.len() <= length, "a reply is no longer than its request");
                self.sent.push((3 - to, reply));
            }
            Opened::Met { .. } | Opened::Refused(_) => {}
            Opened::Note(_) => panic!("no broadcast was sent"),
        }
        false
    }

    fn apply(&mut self, fate: Fate) {
        match fate {
            Fate::Write(from) => self.write(from),
            Fate::Greet(from) => {
                let hello = self.nodes.get_mut(&from).unwrap().hello(3 - from).unwrap();
                self.sent.push((3 - from, hello));
            }
            Fate::Restart(id) => drop(self.nodes.insert(id, node(id))),
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
        assert!(self.sent.len() - before <= 2, "one datagram and at most one reply");
        counted
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_datagram_counts_twice_after_any_restarts_and_replays(
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
