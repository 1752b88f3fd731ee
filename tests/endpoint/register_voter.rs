//! A voter in a register has no machine, and so no address.

use quorate::adapters::endpoint::NodeView;
use quorate::{Config, Election, HardState, Output};
use rand_chacha::ChaCha8Rng;

use super::*;

const R: Id = 9;

/// Node 1 of 1, 2 and a voter in a register, and its endpoint, which was told of both by a configuration that all nodes
/// share.
fn node() -> (Election<Id, ChaCha8Rng>, Endpoint<Id, ChaCha20Rng>) {
    let saved = HardState::bootstrap(GROUP, [1, 2, R]).unwrap();
    let rng = ChaCha8Rng::seed_from_u64(1);
    let election = Election::new(Config::new(1), saved, Timestamp::ORIGIN, rng).unwrap();
    let Ok(mut endpoint) = Endpoint::new(1, GROUP, None, ChaCha20Rng::seed_from_u64(2));
    endpoint.expect_register_voter(R);
    endpoint.configure(R, at(R)).unwrap();
    endpoint.configure_name(R, "register.example:7".parse().unwrap());
    (election, endpoint)
}

#[test]
fn nobody_looks_for_the_voter_in_a_register_or_misses_it() {
    let (mut election, mut endpoint) = node();
    let (mut transmits, mut last) = (Vec::new(), None);
    for millis in 0..30_000 {
        let now = Timestamp::from(Duration::from_millis(millis));
        let outputs = election.tick(now);
        endpoint.observe(&NodeView::of(&election));
        for output in outputs {
            if let Output::Send { to, message } = output
                && to != R
            {
                endpoint.send(to, &message, now, &mut transmits);
            }
        }
        endpoint.handle_timeout(now, &mut transmits);
        assert_eq!(endpoint.poll_lookup(), None);
        last = endpoint.diagnosis(now).or(last);
    }
    assert_eq!(transmits, []);
    let last = last.unwrap();
    assert_eq!((last.silent, last.unaddressed, last.unresolved), (vec![2], vec![2], vec![]));
}

#[test]
fn what_claims_to_be_from_the_voter_in_a_register_is_dropped_and_counted() {
    let (election, mut endpoint) = node();
    endpoint.observe(&NodeView::of(&election));
    let Ok(mut forger) = Endpoint::new(R, GROUP, None, ChaCha20Rng::seed_from_u64(3));
    forger.configure(1, at(1)).unwrap();
    let mut forged = vec![plain_message(R, 1)];
    forger.handle_timeout(Timestamp::ORIGIN, &mut forged);
    assert_eq!(forged.len(), 2, "a message, and an announcement");
    for datagram in &forged {
        let (message, answers) = handle(&mut endpoint, &datagram.bytes, at(R));
        assert_eq!((message, answers), (None, vec![]));
    }
    let counters = endpoint.counters();
    assert_eq!((counters.from_register_voter, counters.received, counters.strangers), (2, 0, 0));
    assert_eq!((endpoint.address(R), endpoint.known_addresses()), (None, vec![]));
    // Another member is heard.
    let (message, _) = handle(&mut endpoint, &plain_message(2, 1).bytes, at(2));
    assert_eq!(message.map(|(from, _)| from), Some(2));
}
