//! almost-raft: tasks on a runtime of one thread, whose messages go from channel to channel.
//!
//! A task cannot be called for one step, since it waits for tokio to wake it. Therefore only a whole failover
//! is measured, with the work of the runtime in it, and the memory of a task. Its heartbeats have no replies,
//! and there is no tick.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use almost_raft::election::{RaftElectionState, raft_election};
use almost_raft::{ClusterNode, Message};
use async_trait::async_trait;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::{advance, sleep};

use super::allocator::counted;
use super::work::Work;
use crate::library::almost_raft::election_timeout;
use crate::node_set::NodeIndex;

/// In milliseconds, as for the other libraries.
const TIMEOUT: u64 = 150;
const HEARTBEAT: u64 = 50;
const MESSAGE_TIMEOUT: u64 = 20;
/// The timeouts that the nodes are made to draw: the first node leads, the second is its successor, and the
/// others wait. A node times out twice before it campaigns; by then the others have forgotten their leader.
const DRAWN: [Range<u64>; 3] = [150..151, 200..201, 250..300];

type State = RaftElectionState<Peer>;
type Input = Arc<OnceLock<Sender<Message<Peer>>>>;

/// Another node, as almost-raft sees it.
#[derive(Clone)]
struct Peer {
    name: String,
    input: Input,
    sent: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

#[async_trait]
impl ClusterNode for Peer {
    type NodeType = Peer;
    type NodeIdType = String;

    async fn send_message(&self, message: Message<Peer>) {
        self.sent.fetch_add(1, Relaxed);
        if let Some(input) = self.input.get() {
            // A crashed node receives nothing.
            let _ = input.send(message).await;
        }
    }

    fn node_id(&self) -> &String {
        &self.name
    }
}

/// A group with a leader.
struct Group {
    runtime: Runtime,
    tasks: Vec<JoinHandle<()>>,
    news: Vec<Receiver<Message<Peer>>>,
    sent: Arc<AtomicUsize>,
    /// The bytes of a task, on average.
    bytes: f64,
}

impl Group {
    fn settled(members: usize) -> Self {
        let sent = Arc::new(AtomicUsize::new(0));
        let inputs: Vec<Input> = (0..members).map(|_| Input::default()).collect();
        let peer = |node: NodeIndex| Peer {
            name: node.to_string(),
            input: inputs[node].clone(),
            sent: sent.clone(),
        };
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without IO");
        let mut group =
            Group { runtime, tasks: Vec::new(), news: Vec::new(), sent: sent.clone(), bytes: 0.0 };
        for (node, input) in inputs.iter().enumerate() {
            let (to_host, news) = channel(64);
            let peers: Vec<Peer> = (0..members).filter(|&other| other != node).map(peer).collect();
            group.news.push(news);
            let mut task = None;
            let counted = counted(|| {
                let (state, sender) = draw(node, &peers, &to_host, members);
                input.set(sender).expect("once");
                task = Some(group.runtime.spawn(raft_election(state)));
            });
            group.bytes += counted.bytes as f64 / members as f64;
            group.tasks.extend(task);
        }
        group.runtime.block_on(async { sleep(Duration::from_secs(1)).await });
        for news in &mut group.news {
            assert_eq!(leader(news.try_recv().ok()), "0", "the first leads");
        }
        group
    }

    /// Crashes the leader, and lets `wait` milliseconds pass.
    fn crash_leader(&self, wait: usize) {
        self.tasks[0].abort();
        self.sent.store(0, Relaxed);
        self.runtime.block_on(async {
            for _ in 0..wait {
                advance(Duration::from_millis(1)).await;
            }
        });
        assert_eq!(self.sent.load(Relaxed), 0, "no node has campaigned yet");
    }

    /// The milliseconds after which the successor requests votes.
    fn wait_of_successor(members: usize) -> usize {
        let group = Self::settled(members);
        group.tasks[0].abort();
        group.sent.store(0, Relaxed);
        let mut waited = 0;
        group.runtime.block_on(async {
            while group.sent.load(Relaxed) == 0 {
                advance(Duration::from_millis(1)).await;
                waited += 1;
            }
        });
        waited
    }

    /// Lets the last millisecond pass, until all survivors have told their hosts that the second node leads.
    fn fail_over(&mut self) {
        let Group { runtime, news, .. } = self;
        runtime.block_on(async {
            advance(Duration::from_millis(1)).await;
            for news in &mut news[1..] {
                assert_eq!(leader(news.recv().await), "1", "the second succeeds");
            }
        });
    }
}

fn leader(news: Option<Message<Peer>>) -> String {
    match news {
        Some(Message::ControlLeaderChanged(leader)) => leader,
        other => panic!("no news of a leader but {other:?}"),
    }
}

/// Creates the state of `node` again and again, until it has drawn the timeout that it should.
fn draw(
    node: NodeIndex,
    peers: &[Peer],
    to_host: &Sender<Message<Peer>>,
    members: usize,
) -> (State, Sender<Message<Peer>>) {
    loop {
        let (state, input) = RaftElectionState::init(
            node.to_string(),
            TIMEOUT,
            HEARTBEAT,
            MESSAGE_TIMEOUT,
            peers.to_vec(),
            to_host.clone(),
            members,
            1,
        );
        if DRAWN[node.min(2)].contains(&election_timeout(&state)) {
            return (state, input);
        }
    }
}

/// The bytes of a node, on average over a group.
#[must_use]
pub fn bytes(members: usize) -> f64 {
    Group::settled(members).bytes
}

/// Failovers, from the timeout of the successor until all survivors know it.
pub struct Failovers {
    groups: Vec<Group>,
    members: usize,
    wait: usize,
    count: usize,
}

impl Failovers {
    #[must_use]
    pub fn new(members: usize, count: usize) -> Self {
        Failovers { groups: Vec::new(), members, wait: Group::wait_of_successor(members), count }
    }
}

impl Work for Failovers {
    fn prepare(&mut self) {
        self.groups.extend((0..self.count).map(|_| Group::settled(self.members)));
        self.groups.iter().for_each(|group| group.crash_leader(self.wait - 1));
    }

    fn work(&mut self) {
        self.groups.iter_mut().for_each(Group::fail_over);
    }

    fn clear(&mut self) {
        self.groups.clear();
    }

    fn repetitions(&self) -> usize {
        self.count
    }

    fn messages(&self) -> usize {
        self.groups[0].sent.load(Relaxed)
    }
}
