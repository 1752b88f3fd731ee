//! Rule 4.11: requests to voters that do not answer.

use quorate::message::{Body, Denial, Phase, Round};
use quorate::{Config, Election, Output, RoleKind, Timestamp, Timing};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// The instants until `end` at which `node`, to which no message comes, sends `voter` a request of `phase`.
fn asks(node: &mut Node, voter: u64, phase: Phase, end: u64) -> Vec<u64> {
    let mut asks = Vec::new();
    while node.due() <= end {
        let now = node.due();
        let out = node.tick_at(now);
        let is_asked = |(to, message): &(u64, &Msg)| {
            *to == voter && matches!(&message.body(), Body::VoteRequest(request) if request.phase == phase)
        };
        asks.extend(sent(&out).iter().filter(|message| is_asked(message)).map(|_| now));
    }
    asks
}

/// A pre-vote round lasts one promise. The first is repeated, and all later ones ask once.
#[test]
fn a_pre_candidate_asks_silent_voters_once_per_promise_after_the_first() {
    let mut node = Node::fresh(1, &[1, 2, 3, 4, 5]);
    let asked = asks(&mut node, 2, Phase::Pre, 20 * PROMISE - 1);
    let urgent = usize::try_from(PROMISE / RETRY + 1).unwrap();
    assert!(asked[..urgent].windows(2).all(|pair| pair[1] - pair[0] == RETRY), "{asked:?}");
    assert!(asked[urgent..].windows(2).all(|pair| pair[1] - pair[0] == PROMISE), "{asked:?}");
    assert_eq!(asked.len(), urgent + 19);
}

/// A heartbeat, or any other change of the role, begins anew.
#[test]
fn the_requests_of_the_next_trouble_are_urgent_again() {
    let mut node = Node::fresh(1, &THREE);
    asks(&mut node, 2, Phase::Pre, 20 * PROMISE);
    let now = 20 * PROMISE + 1;
    node.hear(now, 2, heartbeat(1, 1));
    let asked = asks(&mut node, 2, Phase::Pre, now + 2 * PROMISE - 1);
    assert!(asked.len() > 4 && asked[1] - asked[0] == RETRY, "{asked:?}");
}

/// A candidacy lasts for a long promise.
#[test]
fn a_candidate_asks_silent_voters_once_per_promise_after_the_first() {
    let mut node = Node::fresh(1, &THREE);
    let began = sent_at(&node.campaign(&[2]), 3);
    assert_eq!(node.role(), RoleKind::Candidate);
    let asked = asks(&mut node, 3, Phase::Real, began + LIMIT - 1);
    let urgent = usize::try_from(PROMISE / RETRY + 1).unwrap();
    assert!(asked[..urgent].windows(2).all(|pair| pair[1] - pair[0] == RETRY), "{asked:?}");
    assert!(asked[urgent..].windows(2).all(|pair| pair[1] - pair[0] == PROMISE), "{asked:?}");
    assert_eq!(asked.len(), urgent + 1, "{asked:?}");
}

/// Voter 2 was bound when it was asked first, and is gone when it is free. Voter 3 never answers.
#[test]
fn a_voter_that_was_bound_is_asked_when_it_is_free_and_then_like_any_other() {
    let mut node = Node::fresh(1, &THREE);
    let now = 20 * PROMISE;
    asks(&mut node, 2, Phase::Pre, now);
    let asked = node.tick_at(node.due());
    let round = sent_at(&asked, 2);
    node.hear(round, 2, deny(&to(&asked, 2), Denial::Bound { to: Some(holds(2, 1)), remaining: ns(70) }));
    let mut again = node.clone();
    assert_eq!(asks(&mut again, 2, Phase::Pre, round + PROMISE), [round + 70, round + PROMISE]);
    assert_eq!(asks(&mut node, 3, Phase::Pre, round + PROMISE), [round + PROMISE], "and only that voter");
}

/// Voter 2 is free before voter 4, and is asked no second time when that one is.
#[test]
fn a_freed_voter_is_not_asked_again_for_the_sake_of_another() {
    let mut node = Node::fresh(1, &[1, 2, 3, 4, 5]);
    asks(&mut node, 2, Phase::Pre, 20 * PROMISE);
    let asked = node.tick_at(node.due());
    let round = sent_at(&asked, 2);
    for (voter, remaining) in [(2, 70), (4, 80)] {
        let bound = Denial::Bound { to: Some(holds(3, 1)), remaining: ns(remaining) };
        node.hear(round, voter, deny(&to(&asked, voter), bound));
    }
    assert_eq!(asks(&mut node.clone(), 4, Phase::Pre, round + PROMISE), [round + 80, round + PROMISE]);
    assert_eq!(asks(&mut node, 2, Phase::Pre, round + PROMISE), [round + 70, round + PROMISE]);
}

/// The first twenty instants at which a node without any other begins a pre-vote round.
fn rounds(seed: u64) -> Vec<Timestamp> {
    let timing = Timing { stagger: ms(60), ..config(1).timing };
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let config = Config { timing, ..config(1) };
    let mut election = Election::new(config, first_state(&THREE), at_ms(0), rng).unwrap();
    let (mut rounds, mut last) = (Vec::new(), Round::default());
    while rounds.len() < 20 {
        let now = election.deadline().unwrap();
        for output in election.tick(now) {
            if let Output::Send { message, .. } = output
                && message.header().round > last
            {
                last = message.header().round;
                rounds.push(now);
            }
        }
    }
    rounds
}

/// Chance separates nodes whose rounds begin at one moment, and shortens no round by more than an eighth.
#[test]
fn the_rounds_that_follow_each_other_are_a_little_shorter_than_a_promise() {
    let length = |pair: &[Timestamp]| pair[1].saturating_duration_since(pair[0]);
    for seed in 0..8 {
        let lengths: Vec<_> = rounds(seed).windows(2).skip(1).map(length).collect();
        assert!(lengths.iter().all(|&length| length >= ms(PROMISE) * 7 / 8), "seed {seed}: {lengths:?}");
        let is_short = |&&length: &&std::time::Duration| length < ms(PROMISE) * 19 / 20;
        assert!(lengths.iter().filter(is_short).count() > lengths.len() / 4, "seed {seed}: {lengths:?}");
    }
}
