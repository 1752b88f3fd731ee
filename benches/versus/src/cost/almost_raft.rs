//! almost-raft: tasks on a runtime of one thread, whose messages go from channel to channel.
//!
//! It cannot be called for one thing: it waits, for tokio to wake it. So only a whole failover is measured,
//! with the runtime's work in it, and what a task takes in memory. There is no answer to its heartbeats,
//! and no tick.

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

use super::Place;
use super::allocator::counted;
use super::work::{Work, groups};

/// In milliseconds, as of the others.
const TIMEOUT: u64 = 150;
const HEARTBEAT: u64 = 50;
const MESSAGE_TIMEOUT: u64 = 20;
/// What they are made to draw: the first leads, the second is its successor, and the others wait. It has to
/// time out twice before it stands, in which the others have forgotten their leader.
const DRAWN: [Range<u64>; 3] = [150..151, 200..201, 250..300];

type State = RaftElectionState<Peer>;
type Input = Arc<OnceLock<Sender<Message<Peer>>>>;

/// Another node, as a node sees it.
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
            // The dead hear nothing.
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
    /// Of a task, on average.
    bytes: f64,
}

impl Group {
    fn settled(members: usize) -> Self {
        let sent = Arc::new(AtomicUsize::new(0));
        let inputs: Vec<Input> = (0..members).map(|_| Input::default()).collect();
        let peer =
            |place: Place| Peer { name: place.to_string(), input: inputs[place].clone(), sent: sent.clone() };
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without IO");
        let mut group =
            Group { runtime, tasks: Vec::new(), news: Vec::new(), sent: sent.clone(), bytes: 0.0 };
        for (place, input) in inputs.iter().enumerate() {
            let (to_host, news) = channel(64);
            let peers: Vec<Peer> = (0..members).filter(|&other| other != place).map(peer).collect();
            group.news.push(news);
            let mut task = None;
            let counted = counted(|| {
                let (state, sender) = draw(place, &peers, &to_host, members);
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

    /// Its leader dies, and so many milliseconds pass.
    fn bereave(&self, wait: usize) {
        self.tasks[0].abort();
        self.sent.store(0, Relaxed);
        self.runtime.block_on(async {
            for _ in 0..wait {
                advance(Duration::from_millis(1)).await;
            }
        });
        assert_eq!(self.sent.load(Relaxed), 0, "nobody has asked yet");
    }

    /// After how many milliseconds its successor asks for votes.
    fn patience(members: usize) -> usize {
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

    /// From the last millisecond until all who live have told their hosts that the second leads.
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

/// Starts it again and again, until it has drawn what it should. It shows that only to who debugs.
fn draw(
    place: Place,
    peers: &[Peer],
    to_host: &Sender<Message<Peer>>,
    members: usize,
) -> (State, Sender<Message<Peer>>) {
    loop {
        let (state, input) = RaftElectionState::init(
            place.to_string(),
            TIMEOUT,
            HEARTBEAT,
            MESSAGE_TIMEOUT,
            peers.to_vec(),
            to_host.clone(),
            members,
            1,
        );
        let text = format!("{state:?}");
        let (_, rest) = text.split_once("election_timeout: ").expect("a field");
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
        let drawn: u64 = digits.and_then(|digits| digits.parse().ok()).expect("a number");
        if DRAWN[place.min(2)].contains(&drawn) {
            return (state, input);
        }
    }
}

/// What a node takes, on average over a group.
#[must_use]
pub fn bytes(members: usize) -> f64 {
    Group::settled(members).bytes
}

/// Groups without their leader, from the successor's end of patience until all know it.
pub struct Failovers {
    groups: Vec<Group>,
    members: usize,
    patience: usize,
}

impl Failovers {
    #[must_use]
    pub fn new(members: usize) -> Self {
        Failovers { groups: Vec::new(), members, patience: Group::patience(members) }
    }
}

impl Work for Failovers {
    fn prepare(&mut self) {
        self.groups.extend((0..groups(self.members)).map(|_| Group::settled(self.members)));
        self.groups.iter().for_each(|group| group.bereave(self.patience - 1));
    }

    fn work(&mut self) {
        self.groups.iter_mut().for_each(Group::fail_over);
    }

    fn clear(&mut self) {
        self.groups.clear();
    }

    fn times(&self) -> usize {
        groups(self.members)
    }

    fn messages(&self) -> usize {
        self.groups[0].sent.load(Relaxed)
    }
}
