//! A group of three on a network that can be cut, and disks that can hang or break.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use quorate::adapters::tokio::{
    Channel, Handle, Leadership, MemoryStorage, Network, Options, SaveError, Storage, Transport,
};
use quorate::{ClusterId, Config, HardState, Lease, Memory, Message};
use tokio::select;
use tokio::time::{Instant, sleep, sleep_until, timeout};

pub(crate) type Id = u64;

const GROUP: ClusterId = ClusterId(1);

const THREE: [Id; 3] = [1, 2, 3];

/// What the wall clock showed at the start of a test.
const IN_2023: Duration = Duration::from_secs(1_700_000_000);

/// Every generator is seeded with its node's id and this.
pub(crate) const SEED: u64 = 1_000;

/// From sender to receiver.
const DELAY: Duration = Duration::from_millis(3);

pub(crate) const MARGIN: Duration = Duration::from_millis(15);

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A minute of whatever time it is.
#[track_caller]
pub(crate) fn soon<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    async move {
        let patience = Duration::from_secs(60);
        timeout(patience, future).await.unwrap_or_else(|_| panic!("{place}: waited in vain for {what}"))
    }
}

/// Nodes that nobody reaches and that reach nobody.
#[derive(Clone, Default)]
pub(crate) struct Cut(Arc<Mutex<BTreeSet<Id>>>);

impl Cut {
    pub(crate) fn off(&self, id: Id) {
        self.0.lock().unwrap().insert(id);
    }

    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().clear();
    }

    fn separates(&self, one: Id, other: Id) -> bool {
        let cut = self.0.lock().unwrap();
        cut.contains(&one) || cut.contains(&other)
    }
}

/// A channel with a delay, and a knife.
struct Line {
    me: Id,
    channel: Channel<Id>,
    cut: Cut,
    underway: VecDeque<(Instant, Id, Message<Id>)>,
}

impl Transport<Id> for Line {
    fn send(&mut self, to: Id, message: &Message<Id>) {
        if !self.cut.separates(self.me, to) {
            self.channel.send(to, message);
        }
    }

    async fn recv(&mut self) -> io::Result<Option<(Id, Message<Id>)>> {
        loop {
            let arrival = self.underway.front().map(|letter| letter.0);
            select! {
                biased;
                letter = self.channel.recv() => {
                    let Some((from, message)) = letter? else { continue };
                    self.underway.push_back((Instant::now() + DELAY, from, message));
                }
                () = sleep_until(arrival.unwrap_or_else(Instant::now)), if arrival.is_some() => {
                    if let Some((_, from, message)) = self.underway.pop_front()
                        && !self.cut.separates(self.me, from)
                    {
                        return Ok(Some((from, message)));
                    }
                }
            }
        }
    }
}

/// What a disk does with a write.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mood {
    Works,
    Hangs,
    Breaks,
    /// Fails before the first byte.
    Refuses,
    Panics,
}

/// Clones are the same disk.
#[derive(Clone)]
pub(crate) struct Disk(Arc<(Mutex<(Mood, bool)>, Condvar)>);

impl Disk {
    pub(crate) fn new() -> Self {
        Disk(Arc::new((Mutex::new((Mood::Works, false)), Condvar::new())))
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        self.0.0.lock().unwrap().0 = mood;
        self.0.1.notify_all();
    }

    /// Returns when a write hangs: the node has begun it, only its thread may be late.
    pub(crate) fn wait_for_a_hanging_write(&self) {
        let state = self.0.0.lock().unwrap();
        let late = Duration::from_secs(60);
        let waited = self.0.1.wait_timeout_while(state, late, |state| !state.1).unwrap().1;
        assert!(!waited.timed_out(), "no write hangs");
    }

    /// Whether no node uses it.
    pub(crate) fn is_free(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// A runtime waits for its writes, also after a test that failed.
pub(crate) struct Release<'a>(pub(crate) &'a Disk);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.0.becomes(Mood::Works);
    }
}

impl Storage<Id> for Disk {
    fn save(&mut self, _: &HardState<Id>) -> Result<(), SaveError> {
        let mut state = self.0.0.lock().unwrap();
        while state.0 == Mood::Hangs {
            state.1 = true;
            self.0.1.notify_all();
            state = self.0.1.wait(state).unwrap();
        }
        state.1 = false;
        let mood = state.0;
        drop(state);
        match mood {
            Mood::Breaks => Err(io::Error::other("the disk is full").into()),
            Mood::Refuses => Err(SaveError::untouched("no descriptor is left")),
            Mood::Panics => panic!("a disk that panics, as the test wants"),
            Mood::Works | Mood::Hangs => Ok(()),
        }
    }
}

/// Nodes 1, 2 and 3.
pub(crate) struct Group {
    pub(crate) network: Network<Id>,
    pub(crate) cut: Cut,
    pub(crate) origin: Instant,
    pub(crate) margin: Duration,
    pub(crate) nodes: Vec<Handle<Id>>,
}

impl Group {
    pub(crate) fn new() -> Self {
        Self::with_margin(MARGIN)
    }

    pub(crate) fn with_margin(margin: Duration) -> Self {
        Self::with_disks(margin, |_| MemoryStorage::new())
    }

    pub(crate) fn with_disks<S: Storage<Id>>(margin: Duration, disk: impl Fn(Id) -> S) -> Self {
        Self::of(3, margin, |group, id| group.start(id, disk(id)))
    }

    /// So many nodes, each started in this way.
    pub(crate) fn of(nodes: Id, margin: Duration, start: impl Fn(&Self, Id) -> Handle<Id>) -> Self {
        let (network, cut) = (Network::new(), Cut::default());
        let mut group = Group { network, cut, origin: Instant::now(), margin, nodes: Vec::new() };
        group.nodes = (1..=nodes).map(|id| start(&group, id)).collect();
        group
    }

    pub(crate) fn start(&self, id: Id, storage: impl Storage<Id>) -> Handle<Id> {
        let first = HardState::bootstrap(GROUP, THREE).unwrap();
        let options = self.options(Config::new(id)).save_on_blocking_pool();
        Handle::start(options, first, storage, self.line(id)).unwrap()
    }

    /// Node `id` of three, without storage.
    pub(crate) fn start_volatile(&self, id: Id) -> Handle<Id> {
        Handle::start_volatile(self.options(Config::new(id)), GROUP, THREE, self.line(id)).unwrap()
    }

    /// Node `id` of so many, which has nothing stored, and this memory from now on. The wall clock goes with the time of
    /// the test.
    pub(crate) fn start_blank(&self, id: Id, nodes: Id, disk: Option<MemoryStorage<Id>>) -> Handle<Id> {
        let memory = if disk.is_some() { Memory::Durable } else { Memory::Volatile };
        let blank = HardState::blank(GROUP, 1..=nodes, IN_2023 + self.now()).unwrap();
        self.start_from(Config { memory, ..Config::new(id) }, blank, disk.unwrap_or_default())
    }

    /// A node with this state.
    pub(crate) fn start_from(
        &self,
        config: Config<Id>,
        saved: HardState<Id>,
        disk: MemoryStorage<Id>,
    ) -> Handle<Id> {
        let options = self.options(config).save_on_blocking_pool();
        Handle::start(options, saved, disk, self.line(config.id)).unwrap()
    }

    fn options(&self, config: Config<Id>) -> Options<Id> {
        let origin = self.origin;
        let options = Options::new(config).margin(self.margin).seed(SEED + config.id);
        options.clock(move || origin.elapsed().into())
    }

    fn line(&self, me: Id) -> impl Transport<Id> + use<> {
        Line { me, channel: self.network.join(me), cut: self.cut.clone(), underway: VecDeque::new() }
    }

    pub(crate) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(crate) fn node(&self, id: Id) -> &Handle<Id> {
        &self.nodes[id as usize - 1]
    }

    pub(crate) fn holder(&self) -> Option<(Id, Lease)> {
        (1..).zip(&self.nodes).find_map(|(id, node)| Some((id, node.lease()?)))
    }

    /// The node that holds a lease, as soon as there is one whose membership is committed.
    pub(crate) async fn leader(&self) -> (Id, Lease) {
        soon("a settled leader", async {
            loop {
                if let Some((id, _)) = self.holder()
                    && self.node(id).status().await.is_ok_and(|status| status.committed)
                    && let Some(lease) = self.node(id).lease()
                {
                    return (id, lease);
                }
                sleep(millis(1)).await;
            }
        })
        .await
    }

    /// The two others.
    pub(crate) fn others(&self, id: Id) -> [Id; 2] {
        [[2, 3], [1, 3], [1, 2]][id as usize - 1]
    }
}

/// Waits until what `node` shows is as wanted.
pub(crate) async fn sees(node: &Handle<Id>, wanted: impl FnMut(&Leadership<Id>) -> bool) -> Leadership<Id> {
    let mut leadership = node.leadership();
    soon("another leadership", leadership.wait_for(wanted)).await.unwrap().clone()
}
