//! raft-rs, and no proposals: its log holds what elections put there.
//!
//! It counts ticks, of 10 ms unless told otherwise; a host that was held up does not make up for those it
//! missed. Shorter ones are made up for, or each write would stop the clock for many; but not if messages
//! wait as well, for they may have come last. Its election timeouts come from a generator of the thread;
//! they are overruled by the dice whenever it may have drawn one.

use std::time::Duration;

use raft::prelude::{ConfState, Entry, HardState, Message};
use raft::storage::MemStorage;
use raft::{Config, INVALID_ID, RawNode, StateRole};
use slog::{Discard, Logger, o};

use super::{Claim, Duty, Effect, Effects, Mask, Place, Rival, Setup, is_majority};
use crate::rng::Dice;

/// A node of raft-rs, with ticks of so many milliseconds; by default with pre-vote and check-quorum.
pub struct RaftRs<const TICK: u64 = 10, const PRE_VOTE: bool = true, const CHECK_QUORUM: bool = true> {
    node: RawNode<MemStorage>,
    durable: Saved,
    nodes: usize,
    /// Whether entries are kept from the others.
    withholds: bool,
    due: Duration,
    /// The shortest and the longest of its election timeouts, in ticks.
    timeouts: (u64, u64),
    dice: Dice,
    /// What the election timeout was last drawn for, and what it is.
    drawn: (u64, StateRole, usize),
}

/// What survives a crash.
#[derive(Clone, Default)]
pub struct Saved {
    state: HardState,
    log: Vec<Entry>,
}

impl<const TICK: u64, const PRE_VOTE: bool, const CHECK_QUORUM: bool> Rival
    for RaftRs<TICK, PRE_VOTE, CHECK_QUORUM>
{
    type Message = Message;
    type Durable = Saved;

    const NAME: &'static str = "raft-rs";

    fn first(setup: Setup) -> Self::Durable {
        let entry = |index| Entry { index, term: 1, ..Entry::default() };
        let log: Vec<Entry> = (1..=setup.reach).map(entry).collect();
        let term = u64::from(!log.is_empty());
        Saved { state: HardState { term, ..HardState::default() }, log }
    }

    fn start(setup: Setup, durable: &Self::Durable, reading: Duration, dice: &mut Dice) -> Self {
        let ticks = |length: Duration| length.as_millis() as u64 / TICK;
        let (shortest, longest) = (ticks(setup.pace.timeout), ticks(setup.pace.longest));
        let config = Config {
            election_tick: shortest as usize,
            max_election_tick: longest as usize,
            heartbeat_tick: ticks(setup.pace.heartbeat) as usize,
            pre_vote: PRE_VOTE,
            check_quorum: CHECK_QUORUM,
            ..Config::new(id(setup.place))
        };
        let voters: Vec<u64> = (0..setup.nodes).map(id).collect();
        let storage = MemStorage::new_with_conf_state(ConfState::from((voters, Vec::new())));
        storage.wl().append(&durable.log).expect("what was stored is lawful");
        storage.wl().set_hardstate(durable.state.clone());
        let node = RawNode::new(&config, storage, &Logger::root(Discard, o!()));
        let mut rival = RaftRs {
            node: node.expect("what was stored is lawful"),
            durable: durable.clone(),
            nodes: setup.nodes,
            withholds: setup.reach > 0,
            due: reading + Duration::from_nanos(dice.below(TICK * 1_000_000)),
            timeouts: (shortest, longest - 1),
            dice: Dice::new(dice.below(u64::MAX)),
            drawn: (0, StateRole::Follower, 0),
        };
        rival.draw();
        rival
    }

    fn run(
        &mut self,
        reading: Duration,
        received: Option<(Place, Self::Message)>,
        effects: &mut Effects<Self>,
    ) {
        if reading >= self.due {
            let makes_up = TICK < 10 && received.is_none();
            let last = if makes_up { self.due } else { reading };
            self.due = last + Duration::from_millis(TICK);
            self.node.tick();
            self.draw();
        }
        if let Some((_, message)) = received {
            // A message that it refuses is dropped.
            let _ = self.node.step(message);
            self.draw();
        }
        while self.node.has_ready() {
            self.process_ready(effects);
        }
        if self.withholds {
            effects
                .retain(|effect| !matches!(effect, Effect::Send(_, message) if !message.entries.is_empty()));
        }
    }

    fn due(&self) -> Option<Duration> {
        Some(self.due)
    }

    fn claim(&self) -> Option<Claim> {
        let raft = &self.node.raft;
        (raft.state == StateRole::Leader).then_some(Claim { term: raft.term, until: None })
    }

    fn leader(&self) -> Option<(Place, u64)> {
        let raft = &self.node.raft;
        (raft.leader_id != INVALID_ID).then(|| (raft.leader_id as usize - 1, raft.term))
    }

    fn duty(&self) -> Duty {
        match self.node.raft.state {
            StateRole::Follower | StateRole::PreCandidate => Duty::Vote,
            StateRole::Candidate => Duty::Candidacy,
            StateRole::Leader => Duty::Log,
        }
    }

    fn is_quorum(&self, nodes: Mask) -> bool {
        is_majority(nodes, self.nodes)
    }

    fn position(&self) -> (u64, u64) {
        let log = &self.node.raft.raft_log;
        (log.last_term(), log.last_index())
    }
}

impl<const TICK: u64, const PRE_VOTE: bool, const CHECK_QUORUM: bool> RaftRs<TICK, PRE_VOTE, CHECK_QUORUM> {
    /// One round of its `Ready` loop. It is told at once that all is durable; as what follows the
    /// write waits for it, nobody can tell the difference.
    fn process_ready(&mut self, effects: &mut Effects<Self>) {
        let mut ready = self.node.ready();
        effects.extend(ready.take_messages().into_iter().map(sending));
        if let Some(state) = ready.hs() {
            self.durable.state = state.clone();
            self.node.mut_store().wl().set_hardstate(state.clone());
        }
        if let Some(first) = ready.entries().first() {
            self.durable.log.truncate(first.index as usize - 1);
            self.durable.log.extend_from_slice(ready.entries());
            self.node.mut_store().wl().append(ready.entries()).expect("entries follow each other");
        }
        if ready.must_sync() {
            effects.push(Effect::Write(self.durable.clone()));
        }
        effects.extend(ready.take_persisted_messages().into_iter().map(sending));
        let mut light = self.node.advance(ready);
        if let Some(commit) = light.commit_index() {
            self.durable.state.commit = commit;
            self.node.mut_store().wl().mut_hard_state().commit = commit;
        }
        effects.extend(light.take_messages().into_iter().map(sending));
        self.node.advance_apply();
    }

    /// The dice decide the election timeout, wherever it may have been drawn anew.
    fn draw(&mut self) {
        let raft = &mut self.node.raft;
        if self.drawn == (raft.term, raft.state, raft.randomized_election_timeout()) {
            return;
        }
        let timeout = self.dice.between(self.timeouts) as usize;
        raft.set_randomized_election_timeout(timeout);
        self.drawn = (raft.term, raft.state, timeout);
    }
}

/// Zero is no name here.
fn id(place: Place) -> u64 {
    place as u64 + 1
}

fn sending(message: Message) -> Effect<Saved, Message> {
    Effect::Send(message.to as usize - 1, message)
}
