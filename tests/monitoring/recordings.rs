//! Runs of tokio hosts in virtual time, scraped every five seconds as Prometheus does it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate::adapters::tokio::{
    Channel, Handle, MemoryStorage, Network, Options, SaveError, Storage, Transport,
};
use quorate::{ClusterId, Config, HardState, Message, Timestamp};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, advance, sleep};

pub(crate) const SCRAPE_INTERVAL: Duration = Duration::from_secs(5);

const GROUP: ClusterId = ClusterId(1);

/// The clock of a node runs, unless it is told to stand still at some reading.
const RUNS: u64 = u64::MAX;

/// Nodes of one group, and all that was scraped of them.
pub(crate) struct Recording {
    network: Network<u64>,
    cut: Arc<Mutex<BTreeSet<u64>>>,
    origin: Instant,
    members: Vec<Member>,
    scrapes: usize,
    /// One value for each scrape, by the series.
    series: BTreeMap<String, Vec<Option<f64>>>,
}

/// A machine.
struct Member {
    first: HardState<u64>,
    memory: MemoryStorage<u64>,
    stands_still: Arc<AtomicU64>,
    disk: Disk,
    node: Option<Handle<u64>>,
    /// Whether Prometheus knows of it.
    is_target: bool,
}

impl Recording {
    /// Nodes that were started with these lists of first members, each with a disk that takes `write` for each state.
    pub(crate) fn new(lists: &[&[u64]], write: Duration) -> Self {
        let member = |list: &&[u64]| Member {
            first: HardState::bootstrap(GROUP, list.iter().copied()).unwrap(),
            memory: MemoryStorage::new(),
            stands_still: Arc::new(AtomicU64::new(RUNS)),
            disk: Disk::new(write),
            node: None,
            is_target: true,
        };
        let mut recording = Recording {
            network: Network::new(),
            cut: Arc::default(),
            origin: Instant::now(),
            members: lists.iter().map(member).collect(),
            scrapes: 0,
            series: BTreeMap::new(),
        };
        (1..=lists.len() as u64).for_each(|id| recording.start(id));
        recording
    }

    /// Starts node `id` from what it has saved.
    pub(crate) fn start(&mut self, id: u64) {
        let line = Line { id, channel: self.network.join(id), cut: Arc::clone(&self.cut) };
        let origin = self.origin;
        let member = &mut self.members[id as usize - 1];
        let stands_still = Arc::clone(&member.stands_still);
        let options = Options::new(Config::new(id)).seed(1_000 + id).clock(move || {
            let reading = (origin.elapsed() + Duration::from_secs(1)).as_nanos() as u64;
            Timestamp::from(Duration::from_nanos(reading.min(stands_still.load(Ordering::SeqCst))))
        });
        let saved = member.memory.saved().unwrap_or_else(|| member.first.clone());
        let storage = SlowStorage { memory: member.memory.clone(), disk: member.disk.clone() };
        let options = if member.disk.0.is_none() { options.save_on_blocking_pool() } else { options };
        member.node = Some(Handle::start(options, saved, storage, line).unwrap());
    }

    fn member(&mut self, id: u64) -> &mut Member {
        &mut self.members[id as usize - 1]
    }

    /// Ends the process of node `id` without a handover.
    pub(crate) async fn crash(&mut self, id: u64) {
        self.cut_off(id);
        let node = self.member(id).node.take().unwrap();
        node.abort().await.unwrap();
        self.heal(id);
    }

    /// Ends the process of node `id` as a rolling update does.
    pub(crate) async fn shut_down(&mut self, id: u64) {
        self.member(id).node.take().unwrap().shutdown().await.unwrap();
    }

    /// Ends the process of node `id` without a handover, and with it the target, as it is with a pod that is deleted.
    pub(crate) async fn remove(&mut self, id: u64) {
        self.crash(id).await;
        self.member(id).is_target = false;
    }

    pub(crate) fn cut_off(&self, id: u64) {
        self.cut.lock().unwrap().insert(id);
    }

    pub(crate) fn heal(&self, id: u64) {
        self.cut.lock().unwrap().remove(&id);
    }

    /// Lets the clock of node `id` stand still from now on.
    pub(crate) fn stop_clock(&mut self, id: u64) {
        let reading = (self.origin.elapsed() + Duration::from_secs(1)).as_nanos() as u64;
        self.member(id).stands_still.store(reading, Ordering::SeqCst);
    }

    /// The node that holds a lease; the first one, if several do.
    pub(crate) fn leader(&self) -> u64 {
        let leads = |member: &Member| member.node.as_ref().is_some_and(|node| node.lease().is_some());
        self.members.iter().position(leads).unwrap() as u64 + 1
    }

    /// Lets `seconds` pass, and scrapes.
    pub(crate) async fn record(&mut self, seconds: u64) {
        for _ in 0..seconds / SCRAPE_INTERVAL.as_secs() {
            self.pass(SCRAPE_INTERVAL).await;
            self.scrape().await;
        }
    }

    async fn pass(&self, length: Duration) {
        if self.members.iter().all(|member| member.disk.0.is_none()) {
            return sleep(length).await;
        }
        // A thread waits for its disk, which the virtual time takes no notice of.
        let step = Duration::from_millis(5);
        for _ in 0..length.as_millis() / step.as_millis() {
            advance(step).await;
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
    }

    async fn scrape(&mut self) {
        for (id, member) in (1..).zip(&self.members).filter(|(_, member)| member.is_target) {
            let target = format!("instance=\"{id}\",job=\"quorate\"");
            let text = match &member.node {
                Some(node) => node.metrics().await.unwrap().to_open_metrics(),
                None => String::new(),
            };
            let up = u8::from(member.node.is_some());
            let own = [(format!("up{{{target}}}"), f64::from(up))];
            let scraped =
                text.lines().filter(|line| !line.starts_with('#')).map(|line| sample(line, &target));
            for (series, value) in scraped.chain(own) {
                let values = self.series.entry(series).or_default();
                values.resize(self.scrapes, None);
                values.push(Some(value));
            }
        }
        self.scrapes += 1;
        self.series.values_mut().for_each(|values| values.resize(self.scrapes, None));
    }

    /// Each series, and its values as promtool takes them. A series ends with a mark, as those of a target that is gone
    /// do.
    pub(crate) fn series(&self) -> impl Iterator<Item = (&str, String)> {
        self.series.iter().map(|(series, values)| {
            let before = [None].iter().chain(values);
            let words = values.iter().zip(before).map(|(value, before)| match (value, before) {
                (Some(value), _) => value.to_string(),
                (None, Some(_)) => "stale".to_owned(),
                (None, None) => "_".to_owned(),
            });
            (series.as_str(), words.collect::<Vec<_>>().join(" "))
        })
    }
}

/// One line of the text, with the labels that Prometheus adds.
fn sample(line: &str, target: &str) -> (String, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    (series.replacen('{', &format!("{{{target},"), 1), value.parse().unwrap())
}

/// A channel that can be cut.
struct Line {
    id: u64,
    channel: Channel<u64>,
    cut: Arc<Mutex<BTreeSet<u64>>>,
}

impl Line {
    fn reaches(&self, other: u64) -> bool {
        let cut = self.cut.lock().unwrap();
        !cut.contains(&self.id) && !cut.contains(&other)
    }
}

impl Transport<u64> for Line {
    fn send(&mut self, to: u64, message: &Message<u64>) {
        if self.reaches(to) {
            self.channel.send(to, message);
        }
    }

    async fn recv(&mut self) -> io::Result<Option<(u64, Message<u64>)>> {
        loop {
            let received = self.channel.recv().await?;
            if received.as_ref().is_none_or(|&(from, _)| self.reaches(from)) {
                return Ok(received);
            }
        }
    }
}

/// A disk that takes a while for each write, in virtual time; `None` if it takes no time.
#[derive(Clone)]
struct Disk(Option<UnboundedSender<SyncSender<()>>>);

impl Disk {
    fn new(write: Duration) -> Self {
        if write.is_zero() {
            return Disk(None);
        }
        let (requests, mut begun) = unbounded_channel::<SyncSender<()>>();
        tokio::spawn(async move {
            while let Some(done) = begun.recv().await {
                sleep(write).await;
                let _gone = done.send(());
            }
        });
        Disk(Some(requests))
    }
}

struct SlowStorage {
    memory: MemoryStorage<u64>,
    disk: Disk,
}

impl Storage<u64> for SlowStorage {
    fn save(&mut self, state: &HardState<u64>) -> Result<(), SaveError> {
        if let Some(requests) = &self.disk.0 {
            let (done, waits) = sync_channel(1);
            let _test_has_ended = requests.send(done);
            let _test_has_ended = waits.recv();
        }
        self.memory.save(state)
    }
}
