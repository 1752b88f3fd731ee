//! Rule 4.4 (e): candidates that split the votes draw their next deadlines from a longer and longer range.

use std::time::Duration;

use quorate::message::{Answer, Denial, Phase};
use quorate::{Election, Event, Input, Nanos, Output, RoleKind};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// Node 1 of three, with a generator of its own, at the end of a promise to node 2 that gave it rank 0.
struct Candidate(Election<u64, ChaCha8Rng>);

impl Candidate {
    fn new(seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut candidate = Candidate(Election::new(config(1), first_state(&THREE), at_ms(0), rng).unwrap());
        candidate.follow(1);
        candidate
    }

    /// Hears a heartbeat of node 2, the leader of that term.
    fn follow(&mut self, of: u64) {
        let message = heartbeat(of, 1).rank(0);
        let _ = self.0.step(Input::Receive { from: 2, message });
    }

    fn tick_at_deadline(&mut self) -> Outputs {
        self.0.tick(self.0.deadline().unwrap())
    }

    /// Asks for votes, with the pre-vote of node 2. Returns the requests.
    fn campaign(&mut self) -> Outputs {
        let mut out = self.tick_at_deadline();
        while self.0.role() != RoleKind::PreCandidate {
            out = self.tick_at_deadline();
        }
        let granted = answer(&to(&out, 2), Answer::Granted(Nanos::ZERO));
        self.0.step(Input::Receive { from: 2, message: granted })
    }

    /// Loses a candidacy, since both other voters have voted for another. Returns how long it waits for its next.
    fn lose(&mut self) -> Duration {
        let asked = self.campaign();
        assert_eq!(request_of(&to(&asked, 2)).phase, Phase::Real);
        for rival in [2, 3] {
            let message = deny(&to(&asked, rival), Denial::AlreadyVoted);
            let _ = self.0.step(Input::Receive { from: rival, message });
        }
        assert_eq!(self.0.role(), RoleKind::Follower);
        let lost_at = to(&asked, 2).header().sent_at;
        self.0.deadline().unwrap().since_origin() - lost_at.since_origin()
    }

    /// Loses so many candidacies, and returns how long it waits after the last.
    fn lose_times(&mut self, count: u32) -> Duration {
        (0..count).map(|_| self.lose()).last().unwrap()
    }
}

/// The longest of many delays that such candidates draw.
fn longest(delay_of: impl Fn(Candidate) -> Duration) -> Duration {
    (0..64).map(|seed| delay_of(Candidate::new(seed))).max().unwrap()
}

fn assert_is_about(longest: Duration, bound: u64) {
    let bound = ms(bound);
    assert!(bound * 3 / 4 < longest && longest <= bound, "{longest:?} of {bound:?}");
}

/// Two nodes whose messages take longer than their jitter would campaign at the same time for ever.
#[test]
fn the_jitter_doubles_with_each_candidacy_that_is_lost_up_to_one_promise() {
    for (lost, bound) in [(1, 20), (2, 40), (3, 80), (4, PROMISE), (5, PROMISE), (9, PROMISE)] {
        let longest = longest(|mut candidate| candidate.lose_times(lost));
        assert_is_about(longest, bound);
    }
}

#[test]
fn the_jitter_is_short_again_once_a_leader_was_followed() {
    let longest = longest(|mut candidate| {
        candidate.lose_times(4);
        candidate.follow(9);
        candidate.lose()
    });
    assert_is_about(longest, STAGGER);
}

#[test]
fn the_jitter_is_short_again_once_the_node_has_led() {
    let longest = longest(|mut candidate| {
        candidate.lose_times(4);
        let asked = candidate.campaign();
        let won = candidate.0.step(Input::Receive { from: 2, message: grant(&to(&asked, 2), LIMIT) });
        assert!(won.iter().any(|output| matches!(output, Output::Event(Event::Elected { .. }))));
        while candidate.0.role() == RoleKind::Leader {
            candidate.tick_at_deadline();
        }
        candidate.lose()
    });
    // The delay of a lapsed lease, half a promise, comes on top. Rule 4.8.
    assert_is_about(longest.saturating_sub(ms(PROMISE / 2)), STAGGER);
}
