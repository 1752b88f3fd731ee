//! A node that is lost is reported, to everybody who could wait for it.

use std::future::{Future, pending, ready};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use quorate::adapters::tokio::{
    CommandError, Handle, HealthConfig, Leadership, MemoryStorage, Network, Options, SaveError, StartError,
    Stopped, Storage, Transport,
};
use quorate::{ClusterId, Config, Force, HardState, Message, Target, Timing};
use tokio::runtime::Builder;
use tokio::select;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::support::*;

/// Every pending and every later request ends with `expected`.
async fn everybody_hears(node: &Handle<Id>, expected: &str) {
    let is = |stopped: &Stopped| assert!(format!("{stopped:?}").starts_with(expected), "{stopped:?}");
    is(&soon("its end", node.closed()).await);
    let seen = sees(node, |seen| seen.stopped.is_some()).await;
    is(&seen.stopped.unwrap());
    assert!(seen.leader.is_none() && seen.lease.is_none() && node.lease().is_none());
    is(&node.status().await.unwrap_err());
    is(&node.wait_for_leader().await.unwrap_err());
    is(&node.run_while_leader(|_| pending::<()>()).await.unwrap_err());
    match node.campaign().await {
        Err(CommandError::Stopped(stopped)) => is(&stopped),
        other => panic!("{other:?}"),
    }
}

/// A leader whose next write goes wrong, while it works.
async fn a_bad_write(mood: Mood, expected: &str) {
    let disks: Vec<Disk> = (0..3).map(|_| Disk::new()).collect();
    let group = Group::with_disks(MARGIN, |id| disks[id as usize - 1].clone());
    let (id, lease) = group.leader().await;
    let (node, disk) = (group.node(id), &disks[id as usize - 1]);
    let worker = node.clone();
    let work = tokio::spawn(async move { worker.run_while_leader(|_| pending::<()>()).await });
    disk.becomes(mood);
    let closed = node.closed();
    let asked = node.reconfigure(Target::new([1, 2, 3], [4]).unwrap(), Force::Never);
    // It was taken, or its caller is told of the end.
    if let Err(error) = soon("an answer", asked).await {
        assert!(matches!(error, CommandError::Stopped(_)), "{error:?}");
    }
    soon("its end", closed).await;
    assert!(disk.is_free(), "the storage is dropped before anybody hears");
    everybody_hears(node, expected).await;
    assert!(work.await.unwrap().is_err());
    assert!(node.shutdown().await.is_err());
    let next = sees(group.node(group.others(id)[0]), |seen| {
        seen.leader.is_some_and(|leader| leader.term > lease.term)
    });
    assert_ne!(next.await.leader.unwrap().id, id);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_stored_stops_the_node_and_is_reported() {
    a_bad_write(Mood::Breaks, "Storage(Custom { kind: Other, error: \"the disk is full\" })").await;
}

/// Every voter but the leader has run out of descriptors when the leader dies.
#[tokio::test(start_paused = true)]
async fn states_that_are_refused_before_their_first_byte_are_saved_again_until_that_succeeds() {
    let disks: Vec<Disk> = (0..3).map(|_| Disk::new()).collect();
    let group = Group::with_disks(MARGIN, |id| disks[id as usize - 1].clone());
    let (id, lease) = group.leader().await;
    disks.iter().for_each(|disk| disk.becomes(Mood::Refuses));
    group.cut.off(id);
    sleep(millis(5_000)).await;
    assert!(group.holder().is_none_or(|(holder, _)| holder == id), "no vote was sent before it was stored");
    let mut pending = Vec::new();
    for other in group.others(id) {
        pending.extend(group.node(other).status().await.unwrap().pending_write);
    }
    assert!(pending.iter().any(|&age| age > millis(4_000)), "{pending:?}");
    disks.iter().for_each(|disk| disk.becomes(Mood::Works));
    let next = soon("another leader", async {
        loop {
            if let Some((next, lease)) = group.holder() {
                return (next, lease);
            }
            sleep(millis(1)).await;
        }
    });
    let (next, later) = next.await;
    assert!(next != id && later.term > lease.term);
    assert!(group.nodes.iter().all(|node| node.leadership().borrow().stopped.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_panics_stops_the_node_and_is_reported() {
    a_bad_write(Mood::Panics, "Panicked").await;
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_is_gone_for_good_stops_the_node_and_is_reported() {
    let group = Group::new();
    let (id, _) = group.leader().await;
    let _usurper = group.network.join(id);
    everybody_hears(group.node(id), "Transport").await;
}

fn first() -> HardState<Id> {
    HardState::bootstrap(ClusterId(1), [1]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_runs_backwards_or_panics_stops_the_node_and_is_reported() {
    for (panics, expected) in [(false, "Clock"), (true, "Panicked")] {
        let (bad, origin) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let broken = Arc::clone(&bad);
        let clock = move || match broken.load(Ordering::SeqCst) {
            true if panics => panic!("a clock that panics, as the test wants"),
            true => millis(1).into(),
            false => (origin.elapsed() + millis(10)).into(),
        };
        let options = Options::new(Config::new(1)).clock(clock).save_on_blocking_pool();
        let node = Handle::start(options, first(), MemoryStorage::new(), Network::new().join(1)).unwrap();
        soon("a leader", node.wait_for_leader()).await.unwrap();
        bad.store(true, Ordering::SeqCst);
        soon("its end", node.closed()).await;
        bad.store(false, Ordering::SeqCst);
        everybody_hears(&node, expected).await;
    }
}

#[test]
fn a_node_that_ends_with_its_runtime_says_so_also_if_it_never_ran() {
    for runs in [true, false] {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let guard = runtime.enter();
        let node =
            Handle::start(Config::new(1), first(), MemoryStorage::new(), Network::new().join(1)).unwrap();
        drop(guard);
        if runs {
            runtime.block_on(async { sleep(millis(1)).await });
        }
        drop(runtime);
        assert!(matches!(node.leadership().borrow().stopped, Some(Stopped::Aborted)));
    }
}

#[test]
fn without_a_runtime_or_with_a_wrong_config_it_does_not_start() {
    let start = |config| Handle::start(config, first(), MemoryStorage::new(), Network::new().join(1));
    assert!(matches!(start(Config::new(1)), Err(StartError::NoRuntime)));
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let _guard = runtime.enter();
    let mut wrong = Config::new(1);
    wrong.timing = Timing { promise: millis(7_200_000), ..Timing::lan() };
    assert!(matches!(start(wrong), Err(StartError::Config(_))));
    // Timers of whole milliseconds cannot tell these deadlines apart.
    wrong.timing = Timing { stagger: std::time::Duration::from_micros(1_500), ..Timing::lan() };
    let refused = start(wrong).err().unwrap();
    assert_eq!(refused.to_string(), "stagger is 1.5ms, and this host's timer needs at least 2ms");
    assert!(matches!(refused, StartError::Stagger(_)));
}

#[test]
fn the_margin_is_a_tenth_of_the_shortest_promise() {
    let margin = |timing| format!("{:?}", Options::new(Config { timing, ..Config::new(1) }));
    assert!(margin(Timing::lan()).contains("margin: 15ms"));
    let tuned = margin(Timing::tuned(millis(25), millis(150)));
    assert!(tuned.contains("margin: 2.5ms"), "{tuned}");
}

/// Looks, when it is dropped, whether its node's end is known.
struct LastLook(Arc<Mutex<Look>>);

#[derive(Default)]
struct Look {
    leadership: Option<watch::Receiver<Leadership<Id>>>,
    in_time: bool,
}

impl Storage<Id> for LastLook {
    fn save(&mut self, _: &HardState<Id>) -> Result<(), SaveError> {
        Ok(())
    }
}

impl Drop for LastLook {
    fn drop(&mut self) {
        let mut look = self.0.lock().unwrap();
        look.in_time = look.leadership.as_ref().is_some_and(|shown| shown.borrow().stopped.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn storage_is_dropped_before_anybody_hears_of_the_end() {
    let look = Arc::new(Mutex::new(Look::default()));
    let storage = LastLook(Arc::clone(&look));
    let node = Handle::start(Config::new(1), first(), storage, Network::new().join(1)).unwrap();
    look.lock().unwrap().leadership = Some(node.leadership());
    soon("the end", node.shutdown()).await.unwrap();
    assert!(look.lock().unwrap().in_time);
}

/// A disk that says when it begins to write, and writes one state for each permit, unless it is open.
struct GatedDisk {
    open: Arc<AtomicBool>,
    begun: UnboundedSender<()>,
    permits: std::sync::mpsc::Receiver<()>,
}

impl Storage<Id> for GatedDisk {
    fn save(&mut self, _: &HardState<Id>) -> Result<(), SaveError> {
        if !self.open.load(Ordering::SeqCst) {
            let _test_is_over = self.begun.send(());
            let _test_is_over = self.permits.recv();
        }
        Ok(())
    }
}

/// Whether `future` is done already.
async fn is_done(future: impl Future + Unpin) -> bool {
    select! {
        biased;
        _ = future => true,
        () = ready(()) => false,
    }
}

async fn yield_often() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_node_that_stops_waits_for_the_state_behind_a_probe_and_not_only_for_the_probe() {
    let (begun, mut begins) = unbounded_channel();
    let (permit, permits) = std::sync::mpsc::channel();
    let open = Arc::new(AtomicBool::new(true));
    let disk = GatedDisk { open: Arc::clone(&open), begun, permits };
    let health = HealthConfig { probe_interval: Some(millis(50)), ..HealthConfig::default() };
    let options = Options::new(Config::new(1)).health(health);
    let alone = HardState::bootstrap(ClusterId(1), [1]).unwrap();
    let node = Handle::start(options, alone, disk, Network::new().join(1)).unwrap();
    soon("a leader", node.wait_for_leader()).await.unwrap();
    open.store(false, Ordering::SeqCst);
    soon("a probe", begins.recv()).await.unwrap();
    node.reconfigure(Target::new([1], [2]).unwrap(), Force::Never).await.unwrap();
    while node.status().await.unwrap().pending_write.is_none() {
        sleep(millis(1)).await;
    }
    let (mut end, told) = (pin!(node.abort()), Instant::now());
    assert!(!is_done(&mut end).await);
    yield_often().await;
    permit.send(()).unwrap();
    soon("the write of the state", begins.recv()).await.unwrap();
    yield_often().await;
    // It waits for a fifth of a second.
    let is_ended = is_done(&mut end).await;
    assert!(!is_ended || told.elapsed() > millis(100), "the disk still writes");
    permit.send(()).unwrap();
    if !is_ended {
        soon("the end", end).await.unwrap();
    }
}

/// Hears nothing but what it refuses, without end.
struct Flooded;

impl Transport<Id> for Flooded {
    fn send(&mut self, _: Id, _: &Message<Id>) {}

    async fn recv(&mut self) -> io::Result<Option<(Id, Message<Id>)>> {
        loop {
            tokio::task::coop::consume_budget().await;
        }
    }
}

#[tokio::test]
async fn a_transport_that_is_flooded_does_not_keep_the_election_from_its_timer() {
    let alone = HardState::bootstrap(ClusterId(1), [1]).unwrap();
    let node = Handle::start(Config::new(1), alone, MemoryStorage::new(), Flooded).unwrap();
    assert_eq!(soon("a leader", node.wait_for_leader()).await.unwrap().id, 1);
}
