//! The timeline of a run: what happened to each node, and between the nodes, when.

mod acts;
mod encoding;
mod events;
mod page;
mod rules;
mod texts;
mod view;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use rand_core::Rng;

use self::acts::Act;
use self::encoding::{Encoded, micros};
use self::texts::Texts;
use self::view::View;
use crate::election::Election;
use crate::io::{Input, Output};
use crate::types::{NodeId, Timestamp};

/// Where a timeline comes from.
///
/// Non-exhaustive: a later version may draw other runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Source {
    /// A run of the simulator.
    Simulation,
    /// What real processes have recorded.
    Record,
    /// A group that the reader of a page plays with.
    Playground,
}

/// The number of a message in its timeline. It tells the copies of a message that arrive, or are lost, which message they are
/// copies of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct MessageNumber(u64);

/// What a timeline has to keep of a node.
#[derive(Clone, Debug)]
struct Node<I> {
    id: I,
    /// Its state as the timeline has told it last; none while no process runs.
    view: Option<View<I>>,
    /// The member that it has named as its successor last, until it is named no more.
    named: Option<I>,
}

/// More nodes than this are left out: as many as no group has ever had.
const MAX_NODES: usize = 1_024;

/// The timeline of a run, of nodes with ids of the type `I`.
///
/// Tell it what happens in the order of true time, which is the time since the beginning of the run: an earlier time than
/// the last one counts as the last one.
///
/// It keeps at most [`with_limit`](Self::with_limit) events, of some 50 bytes each for a group of up to nine nodes, and of
/// some bytes more for each further member where the members change. What happens after that is left out, and the timeline
/// says so.
#[derive(Clone, Debug)]
pub struct Timeline<I> {
    source: Source,
    title: String,
    command: Option<String>,
    nodes: Vec<Node<I>>,
    texts: Texts,
    events: Encoded,
    /// The number of the last message.
    messages: u64,
    violation: Option<(u64, String)>,
    /// Whether steps are told that do nothing but go on with what was so before.
    tells_ordinary_steps: bool,
}

impl<I: NodeId> Timeline<I> {
    /// How many events a timeline keeps if nothing else is said.
    pub const DEFAULT_LIMIT: usize = 2_000_000;

    /// A timeline without events, of these nodes. A node that is not listed is added when it is first told of.
    #[must_use]
    pub fn new(source: Source, title: &str, nodes: impl IntoIterator<Item = I>) -> Self {
        let mut timeline = Timeline {
            source,
            title: title.to_string(),
            command: None,
            nodes: Vec::new(),
            texts: Texts::new(),
            events: Encoded::new(Self::DEFAULT_LIMIT),
            messages: 0,
            violation: None,
            tells_ordinary_steps: false,
        };
        timeline.list(nodes);
        timeline
    }

    /// Adds nodes, in this order, behind those that are listed already.
    pub fn list(&mut self, nodes: impl IntoIterator<Item = I>) {
        for node in nodes.into_iter().take(MAX_NODES) {
            let _listed = self.index_of(node);
        }
    }

    /// The same timeline, which shows the command that draws this run again.
    #[must_use]
    pub fn with_command(mut self, command: &str) -> Self {
        self.command = Some(command.to_string());
        self
    }

    /// The same timeline, which keeps at most that many events. What [`take_chunk`](Self::take_chunk) has taken does not
    /// count.
    #[must_use]
    pub fn with_limit(mut self, events: usize) -> Self {
        self.events.set_limit(events);
        self
    }

    /// The same timeline, which also tells which rules acted in the steps that most steps are: the next heartbeat of the
    /// leader that is followed, and its answer. It is about half as long again.
    #[must_use]
    pub fn with_ordinary_steps(mut self) -> Self {
        self.tells_ordinary_steps = true;
        self
    }

    /// Whether events were left out, because there are as many as [`with_limit`](Self::with_limit) allows.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.events.is_full()
    }

    /// How many events there are, those left out and those [taken](Self::take_chunk) not counted.
    #[must_use]
    pub fn event_count(&self) -> usize {
        self.events.count()
    }

    /// A process of a node starts with this election. `to_true_time` tells at which true time the clock of this process
    /// shows a reading.
    pub fn start<R: Rng>(
        &mut self,
        at: Duration,
        election: &Election<I, R>,
        to_true_time: impl Fn(Timestamp) -> Duration,
    ) {
        let Some(node) = self.index_of(election.id()) else { return };
        self.tell_start(at, node);
        let view = View::of(election, |reading| micros(to_true_time(reading)));
        for act in rules::of_a_start(election) {
            self.tell_act(at, node, &act);
        }
        self.tell_view(at, node, view);
    }

    /// An election has stepped `input`, or has ticked if there is none, with these outputs. To be told after each step and
    /// each tick that had outputs, or may have changed its state; `to_true_time` is as in [`start`](Self::start).
    pub fn step<R: Rng>(
        &mut self,
        at: Duration,
        input: Option<&Input<I>>,
        outputs: &[Output<I>],
        election: &Election<I, R>,
        to_true_time: impl Fn(Timestamp) -> Duration,
    ) {
        let Some(node) = self.index_of(election.id()) else { return };
        let view = View::of(election, |reading| micros(to_true_time(reading)));
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let before = entry.view.as_ref().unwrap_or(&view);
        let step = rules::Step { id: entry.id, before, input, outputs, after: &view };
        let acts = step.acts(&mut entry.named);
        let tells_all = self.tells_ordinary_steps;
        acts.iter().filter(|act| tells_all || !act.is_ordinary).for_each(|act| self.tell_act(at, node, act));
        self.tell_view(at, node, view);
    }

    /// The index of a node, from 0; none if there are too many.
    fn index_of(&mut self, id: I) -> Option<usize> {
        if let Some(index) = self.nodes.iter().position(|node| node.id == id) {
            return Some(index);
        }
        (self.nodes.len() < MAX_NODES).then(|| {
            self.nodes.push(Node { id, view: None, named: None });
            self.nodes.len().saturating_sub(1)
        })
    }

    /// Tells how the state of a node differs from what was told last.
    fn tell_view(&mut self, at: Duration, node: usize, view: View<I>) {
        let ids: Vec<I> = view.named_nodes().collect();
        for id in ids {
            let _listed = self.index_of(id);
        }
        let Timeline { nodes, events, .. } = self;
        let index = |id: I| nodes.iter().position(|node| node.id == id);
        let before = nodes.get(node).and_then(|node| node.view.as_ref());
        let delta = view.delta(before, index);
        if !delta.is_empty() {
            events.push(micros(at), 's', |out| {
                out.number(node as u64);
                out.raw(&delta);
            });
        }
        if let Some(entry) = self.nodes.get_mut(node) {
            entry.view = Some(view);
        }
    }

    fn tell_act(&mut self, at: Duration, node: usize, act: &Act) {
        let text = self.texts.template(&act.words);
        self.events.push(micros(at), 'a', |out| {
            out.number(node as u64);
            out.number(text.index);
            out.numbers(&text.numbers);
            out.strings(&act.rules);
        });
    }
}

#[cfg(test)]
mod tests;
