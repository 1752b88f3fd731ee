//! raft-rs, without proposals: its log holds nothing but what elections put there.
//!
//! A node counts ticks, of 10 ms by default. A host that was held up does not make up for ticks of 10 ms that
//! it missed. Shorter ticks are made up for, or each write would stop the clock for many of them; but not
//! while messages wait as well, since they may have arrived after the tick. raft-rs draws election timeouts
//! from a generator of the thread; the dice overrule each one, so that a seed decides the run.

use std::time::Duration;

use quorate_sim::Dice;
use raft::prelude::{ConfState, Entry, HardState, Message};
use raft::storage::MemStorage;
use raft::{Config, INVALID_ID, RawNode, StateRole};
use slog::{Discard, Logger, o};

use super::{Claim, Effect, Effects, NodeSetup, SimulatedNode, WritePurpose, id_above_zero, node_with_id};
use crate::node_set::{NodeIndex, NodeSet};

/// A node of raft-rs, with ticks of `TICK` milliseconds; by default with pre-vote and check-quorum.
pub struct RaftRs<const TICK: u64 = 10, const PRE_VOTE: bool = true, const CHECK_QUORUM: bool = true> {
    node: RawNode<MemStorage>,
    durable: Saved,
    nodes: usize,
    /// Whether the node keeps its entries from the other nodes.
    withholds_entries: bool,
    /// The instant of the next tick.
    due: Duration,
    /// The shortest and the longest of its election timeouts, in ticks.
    timeouts: (u64, u64),
    dice: Dice,
    /// The term and the role that the election timeout was last drawn for, and the timeout.
    drawn: (u64, StateRole, usize),
}

/// What survives a crash.
#[derive(Clone, Default)]
pub struct Saved {
    state: HardState,
    log: Vec<Entry>,
}

impl<const TICK: u64, const PRE_VOTE: bool, const CHECK_QUORUM: bool> SimulatedNode
    for RaftRs<TICK, PRE_VOTE, CHECK_QUORUM>
{
    type Message = Message;
    type Durable = Saved;

    const NAME: &'static str = "raft-rs";

    fn initial_state(setup: NodeSetup) -> Self::Durable {
        let entry = |index| Entry { index, term: 1, ..Entry::default() };
        let log: Vec<Entry> = (1..=setup.last_index).map(entry).collect();
        let term = u64::from(!log.is_empty());
        Saved { state: HardState { term, ..HardState::default() }, log }
    }

    fn start(setup: NodeSetup, durable: &Self::Durable, reading: Duration, dice: &mut Dice) -> Self {
        let ticks = |length: Duration| length.as_millis() as u64 / TICK;
        let (shortest, longest) =
            (ticks(setup.timings.election_timeout), ticks(setup.timings.longest_timeout));
        let config = Config {
            election_tick: shortest as usize,
            max_election_tick: longest as usize,
            heartbeat_tick: ticks(setup.timings.heartbeat) as usize,
            pre_vote: PRE_VOTE,
            check_quorum: CHECK_QUORUM,
            ..Config::new(id_above_zero(setup.node))
        };
        let voters: Vec<u64> = (0..setup.nodes).map(id_above_zero).collect();
        let storage = MemStorage::new_with_conf_state(ConfState::from((voters, Vec::new())));
        storage.wl().append(&durable.log).expect("stored state is valid");
        storage.wl().set_hardstate(durable.state.clone());
        let node = RawNode::new(&config, storage, &Logger::root(Discard, o!()));
        let mut started = RaftRs {
            node: node.expect("stored state is valid"),
            durable: durable.clone(),
            nodes: setup.nodes,
            withholds_entries: setup.last_index > 0,
            due: reading + Duration::from_nanos(dice.below(TICK * 1_000_000)),
            timeouts: (shortest, longest - 1),
            dice: Dice::new(dice.below(u64::MAX)),
            drawn: (0, StateRole::Follower, 0),
        };
        started.draw_timeout();
        started
    }

    fn run(
        &mut self,
        reading: Duration,
        received: Option<(NodeIndex, Self::Message)>,
        effects: &mut Effects<Self>,
    ) {
        if reading >= self.due {
            let makes_up = TICK < 10 && received.is_none();
            let last = if makes_up { self.due } else { reading };
            self.due = last + Duration::from_millis(TICK);
            self.node.tick();
            self.draw_timeout();
        }
        if let Some((_, message)) = received {
            // A message that raft-rs refuses is dropped.
            let _ = self.node.step(message);
            self.draw_timeout();
        }
        while self.node.has_ready() {
            self.process_ready(effects);
        }
        if self.withholds_entries {
            effects
                .retain(|effect| !matches!(effect, Effect::Send(_, message) if !message.entries.is_empty()));
        }
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.due)
    }

    fn claim(&self) -> Option<Claim> {
        let raft = &self.node.raft;
        (raft.state == StateRole::Leader).then_some(Claim { term: raft.term, until: None })
    }

    fn known_leader(&self) -> Option<(NodeIndex, u64)> {
        let raft = &self.node.raft;
        (raft.leader_id != INVALID_ID).then(|| (node_with_id(raft.leader_id), raft.term))
    }

    fn write_purpose(&self) -> WritePurpose {
        match self.node.raft.state {
            StateRole::Follower | StateRole::PreCandidate => WritePurpose::Vote,
            StateRole::Candidate => WritePurpose::Candidacy,
            StateRole::Leader => WritePurpose::Log,
        }
    }

    fn is_quorum(&self, nodes: NodeSet) -> bool {
        nodes.is_majority(self.nodes)
    }

    fn log_position(&self) -> (u64, u64) {
        let log = &self.node.raft.raft_log;
        (log.last_term(), log.last_index())
    }
}

impl<const TICK: u64, const PRE_VOTE: bool, const CHECK_QUORUM: bool> RaftRs<TICK, PRE_VOTE, CHECK_QUORUM> {
    /// One round of the `Ready` loop. raft-rs is told at once that everything is durable. No node can tell
    /// the difference, since the effects that follow a write wait for it.
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
            effects.push(Effect::Persist(self.durable.clone()));
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

    /// Lets the dice decide the election timeout, wherever raft-rs may have drawn a new one.
    fn draw_timeout(&mut self) {
        let raft = &mut self.node.raft;
        if self.drawn == (raft.term, raft.state, raft.randomized_election_timeout()) {
            return;
        }
        let timeout = self.dice.between(self.timeouts) as usize;
        raft.set_randomized_election_timeout(timeout);
        self.drawn = (raft.term, raft.state, timeout);
    }
}

fn sending(message: Message) -> Effect<Saved, Message> {
    Effect::Send(node_with_id(message.to), message)
}
