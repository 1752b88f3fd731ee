//! A node as it is measured, and a group of such nodes, whose messages arrive at once and in order.

use std::collections::VecDeque;
use std::time::Duration;

use crate::node_set::NodeIndex;

/// More rounds than any library needs to replace a leader.
const MAX_ROUNDS: usize = 20;

/// The tick of the libraries that are ticked.
pub const TICK: Duration = Duration::from_millis(10);

/// A message on its way.
pub struct Envelope<M> {
    pub from: NodeIndex,
    pub to: NodeIndex,
    pub message: M,
}

/// The messages on their way, in order.
pub type InFlight<N> = VecDeque<Envelope<<N as MeasuredNode>::Message>>;

/// One node of a library.
pub trait MeasuredNode: Sized {
    type Message;
    /// What the library puts out, messages among it.
    type Output;

    /// The name of the library.
    const NAME: &'static str;

    /// The nodes of a group that start now.
    fn start(members: usize) -> Vec<Self>;

    /// Tells the node the time.
    fn tick(&mut self, now: Duration, outputs: &mut Vec<Self::Output>);

    /// Hands a message to the node.
    fn receive(
        &mut self,
        now: Duration,
        from: NodeIndex,
        message: Self::Message,
        outputs: &mut Vec<Self::Output>,
    );

    /// Acts on the outputs of this node, and sends its messages.
    fn act(&mut self, outputs: &mut Vec<Self::Output>, in_flight: &mut InFlight<Self>);

    /// When the node wants to be ticked; `None` for a library that is ticked at regular intervals.
    fn deadline(&self) -> Option<Duration> {
        None
    }

    /// The node that this node takes for the leader.
    fn leader(&self) -> Option<NodeIndex>;

    /// Lets the group elect a leader, and lets that lead for a while.
    fn elect_and_settle(group: &mut Group<Self>);

    /// Lets time pass until the leader's next tick is a heartbeat.
    fn advance_to_heartbeat(group: &mut Group<Self>);

    /// Lets time pass, after the leader has crashed, until the election timeout of the first survivor ends
    /// with its next tick. Returns the nodes to tick then, repeatedly if one tick does not make a leader.
    fn advance_to_timeout(group: &mut Group<Self>) -> Vec<NodeIndex>;

    /// Lets time pass until a node of `campaigners` is due again, since all messages are delivered and there
    /// is no leader. There is nothing to do for a library in which ticks make time pass.
    fn advance_to_deadline(_group: &mut Group<Self>, _campaigners: &[NodeIndex]) {}

    /// Lets time pass in a group that has settled, so that its heartbeats fall later by `by` than those of
    /// a group that is not told to, up to a whole interval. A library that is ticked counts only ticks.
    fn shift_heartbeats(group: &mut Group<Self>, by: Duration) {
        for _ in 0..by.as_millis() / TICK.as_millis() {
            group.tick_all();
            group.deliver_all();
        }
    }

    /// How often the node has written its durable state; `None` where that is not counted.
    fn writes(&self) -> Option<usize> {
        None
    }

    /// The bytes of the node, in place and on the heap, without its store. A generator that the node owns
    /// is part of the node.
    fn bytes(self) -> usize;
}

pub struct Group<N: MeasuredNode> {
    pub nodes: Vec<N>,
    pub now: Duration,
    pub in_flight: InFlight<N>,
    /// The outputs of one node. The same list serves all of them.
    pub outputs: Vec<N::Output>,
    /// The node that receives nothing any more.
    pub crashed: Option<NodeIndex>,
    /// The leader, or the last one before it crashed.
    pub leader: NodeIndex,
    /// Messages taken from the queue, also for the crashed node.
    pub delivered: usize,
    /// By node: the leader that it was last seen to follow; the number of nodes stands for none.
    leader_of: Vec<NodeIndex>,
    /// By leader, and last for none: how many nodes follow it.
    followers: Vec<usize>,
}

impl<N: MeasuredNode> Group<N> {
    /// A group whose leader has been followed for a while.
    #[must_use]
    pub fn settled(members: usize) -> Self {
        let nodes = N::start(members);
        let mut group = Group {
            nodes,
            now: Duration::ZERO,
            in_flight: VecDeque::with_capacity(8 * members),
            outputs: Vec::with_capacity(2 * members),
            crashed: None,
            leader: 0,
            delivered: 0,
            leader_of: Vec::new(),
            followers: vec![0; members + 1],
        };
        N::elect_and_settle(&mut group);
        assert!(group.in_flight.is_empty(), "all messages are delivered");
        group.leader = group.nodes[0].leader().expect("a settled group has a leader");
        assert!(group.all_follow(group.leader), "{}, {members} nodes: not settled", N::NAME);
        group
    }

    /// A group whose leader has crashed, just before the first election timeout ends, with the nodes to tick
    /// then.
    #[must_use]
    pub fn leaderless(members: usize) -> (Self, Vec<NodeIndex>) {
        let mut group = Self::settled(members);
        group.crashed = Some(group.leader);
        group.leader_of = vec![group.leader; members];
        group.followers[group.leader] = members;
        let campaigners = N::advance_to_timeout(&mut group);
        assert!(group.in_flight.is_empty() && !campaigners.is_empty(), "no node has campaigned yet");
        group.delivered = 0;
        (group, campaigners)
    }

    pub fn tick(&mut self, node: NodeIndex) {
        self.nodes[node].tick(self.now, &mut self.outputs);
        self.act(node);
    }

    /// Acts on the outputs of `node`.
    pub fn act(&mut self, node: NodeIndex) {
        self.nodes[node].act(&mut self.outputs, &mut self.in_flight);
    }

    /// Ticks all nodes that live.
    pub fn tick_all(&mut self) {
        for node in 0..self.nodes.len() {
            if self.crashed != Some(node) {
                self.tick(node);
            }
        }
    }

    /// Hands the next message to its receiver, and returns that.
    pub fn receive_next(&mut self) -> Option<NodeIndex> {
        let Envelope { from, to, message } = self.in_flight.pop_front()?;
        self.delivered += 1;
        if self.crashed != Some(to) {
            self.nodes[to].receive(self.now, from, message, &mut self.outputs);
        }
        Some(to)
    }

    /// Hands the next message to its receiver, and acts on the outputs of that.
    pub fn deliver_next(&mut self) -> Option<NodeIndex> {
        let to = self.receive_next()?;
        self.act(to);
        Some(to)
    }

    /// Delivers all messages, and the replies to them.
    pub fn deliver_all(&mut self) {
        while self.deliver_next().is_some() {}
    }

    /// Ticks the `campaigners` when they are due, and delivers messages, until all survivors follow one new
    /// leader.
    pub fn fail_over(&mut self, campaigners: &[NodeIndex]) {
        for _ in 0..MAX_ROUNDS {
            for &node in campaigners {
                self.now = self.nodes[node].deadline().map_or(self.now, |due| self.now.max(due));
                self.tick(node);
                self.note_leader_of(node);
            }
            while let Some(to) = self.deliver_next() {
                if self.crashed != Some(to) && self.note_leader_of(to) {
                    return;
                }
            }
            N::advance_to_deadline(self, campaigners);
        }
        panic!("{}, {} nodes: no new leader", N::NAME, self.nodes.len());
    }

    /// Notes which leader `node` follows now. Returns whether all survivors have come to follow the same one.
    fn note_leader_of(&mut self, node: NodeIndex) -> bool {
        let none = self.nodes.len();
        let leader = self.nodes[node].leader().unwrap_or(none);
        let before = self.leader_of[node];
        if leader == before {
            return false;
        }
        self.leader_of[node] = leader;
        self.followers[before] -= 1;
        self.followers[leader] += 1;
        leader != none && self.followers[leader] == none - 1
    }

    /// The messages of the failover. Messages on their way to the crashed node count; replies that were still
    /// on their way when the last survivor learned of the leader do not.
    #[must_use]
    pub fn messages(&self) -> usize {
        let lost = self.in_flight.iter().filter(|envelope| self.crashed == Some(envelope.to)).count();
        self.delivered + lost
    }

    /// How often the nodes have written their durable states.
    #[must_use]
    pub fn writes(&self) -> Option<usize> {
        self.nodes.iter().map(N::writes).sum()
    }

    /// The bytes of a node, on average.
    #[must_use]
    pub fn bytes(self) -> f64 {
        let members = self.nodes.len() as f64;
        self.nodes.into_iter().map(N::bytes).sum::<usize>() as f64 / members
    }

    /// Whether all nodes that live take `leader` for the leader.
    #[must_use]
    pub fn all_follow(&self, leader: NodeIndex) -> bool {
        let lives = |node: &NodeIndex| self.crashed != Some(*node);
        (0..self.nodes.len()).filter(lives).all(|node| self.nodes[node].leader() == Some(leader))
    }
}
