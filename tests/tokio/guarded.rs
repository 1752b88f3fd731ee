//! Work that runs only while its node leads.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use quorate::adapters::tokio::{Channel, Handle, MemoryStorage, Network, Options, Stopped, Transport};
use quorate::{ClusterId, Config, HardState, Message, Priority, Term, Timing, Urgency};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use crate::support::*;

/// When work began (`true`) and was dropped, on which node, in which term.
type Log = Arc<Mutex<Vec<(Duration, Id, Term, bool)>>>;

struct Entry {
    log: Log,
    origin: Instant,
    id: Id,
    term: Term,
}

impl Entry {
    fn begin(log: &Log, origin: Instant, id: Id, term: Term) -> Self {
        let entry = Entry { log: Arc::clone(log), origin, id, term };
        entry.note(true);
        entry
    }

    fn note(&self, begins: bool) {
        self.log.lock().unwrap().push((self.origin.elapsed(), self.id, self.term, begins));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.note(false);
    }
}

/// Every node works for as long as it may.
fn all_work(group: &Group) -> Log {
    let log = Log::default();
    for (id, node) in (1..).zip(&group.nodes) {
        let (node, log, origin) = (node.clone(), Arc::clone(&log), group.origin);
        tokio::spawn(async move {
            let work = |term| {
                let entry = Entry::begin(&log, origin, id, term);
                async move {
                    let _entry = entry;
                    pending::<()>().await;
                }
            };
            let Err::<(), _>(_stopped) = node.run_while_leader(work).await else { return };
        });
    }
    log
}

/// One at a time, each begun in a later term than the last.
fn check(log: &Log) -> Vec<(Duration, Id, Term, bool)> {
    let log = log.lock().unwrap().clone();
    for pair in log.windows(2) {
        assert_ne!(pair[0].3, pair[1].3, "one begins before another has ended: {log:?}");
    }
    let begun: Vec<Term> = log.iter().filter(|entry| entry.3).map(|entry| entry.2).collect();
    assert!(begun.windows(2).all(|pair| pair[0] < pair[1]), "{begun:?}");
    log
}

#[tokio::test(start_paused = true)]
async fn work_is_dropped_before_another_leader_begins_and_runs_again_after_the_next_election() {
    let group = Group::new();
    let log = all_work(&group);
    for _ in 0..4 {
        let (id, lease) = group.leader().await;
        group.cut.off(id);
        let seen = sees(group.node(id), |seen| !seen.is_mine()).await;
        assert!(seen.leader.is_none());
        // What reached it before the cut may have made its lease longer.
        sees(group.node(group.others(id)[0]), |seen| {
            seen.leader.is_some_and(|leader| leader.term > lease.term)
        })
        .await;
        let ended = log.lock().unwrap().iter().rfind(|entry| !entry.3).copied().unwrap();
        assert_eq!((ended.1, ended.2), (id, lease.term));
        assert!(ended.0 >= lease.until.since_origin() - MARGIN);
        group.cut.heal();
    }
    for _ in 0..4 {
        let (id, lease) = group.leader().await;
        group.node(id).resign(None, Urgency::WhenReady).await.unwrap();
        sees(group.node(id), |seen| seen.leader.is_some_and(|leader| leader.term > lease.term)).await;
    }
    group.leader().await;
    let log = check(&log);
    let begun = |id| log.iter().filter(|entry| entry.3 && entry.1 == id).count();
    assert_eq!((1..=3).map(begun).sum::<usize>(), 9, "{log:?}");
    assert!((1..=3).any(|id| begun(id) > 1), "it runs again on a node that led before");
}

#[tokio::test(start_paused = true)]
async fn work_is_dropped_the_margin_before_its_lease_ends() {
    for margin in [5, 15, 40].map(millis) {
        let group = Group::with_margin(margin);
        let log = all_work(&group);
        let (id, _) = group.leader().await;
        group.cut.off(id);
        sleep(2 * millis(3)).await;
        let until = group.node(id).lease().unwrap().until.since_origin();
        sees(group.node(id), |seen| !seen.is_mine()).await;
        assert!(group.now() <= until - margin + millis(2), "everybody knows by then");
        sleep(millis(1)).await;
        let (ended, _, _, begins) = *log.lock().unwrap().last().unwrap();
        assert!(!begins);
        assert!(ended >= until - margin && ended <= until - margin + millis(2), "{ended:?} {until:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn work_goes_on_when_a_lease_that_was_nearly_over_is_renewed_in_its_term() {
    // So early that a heartbeat and its answer fit into the margin.
    let group = Group::with_margin(millis(70));
    let log = Log::default();
    let (id, lease) = group.leader().await;
    let (node, origin) = (group.node(id).clone(), group.origin);
    let (noted, changes) = (Arc::clone(&log), node.leadership().borrow().changes);
    tokio::spawn(async move {
        let work = |term| {
            let entry = Entry::begin(&noted, origin, id, term);
            async move {
                let _entry = entry;
                pending::<()>().await;
            }
        };
        let _stopped = node.run_while_leader(work).await;
    });
    group.cut.off(id);
    sees(group.node(id), |seen| !seen.is_mine()).await;
    group.cut.heal();
    let again = sees(group.node(id), |seen| seen.is_mine()).await;
    assert_eq!(again.lease.unwrap().term, lease.term, "it never stepped down");
    assert_eq!(again.changes, changes + 2);
    sleep(millis(1)).await;
    let log: Vec<(Term, bool)> = log.lock().unwrap().iter().map(|entry| (entry.2, entry.3)).collect();
    assert_eq!(log, [(lease.term, true), (lease.term, false), (lease.term, true)]);
}

#[tokio::test(start_paused = true)]
async fn work_that_nobody_polls_holds_up_a_handover_until_its_lease_would_have_ended_and_no_longer() {
    let group = Group::new();
    let (id, _) = group.leader().await;
    let polls = Cell::new(0);
    let mut work = pin!(group.node(id).run_while_leader(|_| {
        poll_fn(|_| {
            polls.set(polls.get() + 1);
            Poll::<()>::Pending
        })
    }));
    let mut context = Context::from_waker(Waker::noop());
    assert!(work.as_mut().poll(&mut context).is_pending());
    assert_eq!(polls.get(), 1);

    let until = group.node(id).lease().unwrap().until.since_origin();
    let node = group.node(id).clone();
    let resigned = tokio::spawn(async move { node.resign(None, Urgency::Now).await });
    sees(group.node(id), |seen| !seen.is_mine()).await;
    assert!(group.now() < until - MARGIN, "everybody knows at once");
    while group.holder().is_none() {
        sleep(millis(1)).await;
    }
    assert!(group.now() >= until, "no other before work that may go on");
    assert!(group.now() < until + millis(100), "but soon after");
    resigned.await.unwrap().unwrap();
    assert!(work.as_mut().poll(&mut context).is_pending(), "it waits for the next election");
    assert_eq!(polls.get(), 1, "and is not polled without a lease");
}

/// A node of a group of its own, and how many milliseconds its machine has slept.
fn sleeper(origin: Instant, margin: Duration) -> (Handle<Id>, Arc<AtomicU64>) {
    let asleep = Arc::new(AtomicU64::new(0));
    let slept = Arc::clone(&asleep);
    let clock = move || (origin.elapsed() + millis(slept.load(Ordering::SeqCst))).into();
    // Nothing is due for long.
    let config = Config { timing: Timing::wan(), ..Config::new(1) };
    let options = Options::new(config).margin(margin).clock(clock).seed(SEED).save_on_blocking_pool();
    let alone = HardState::bootstrap(ClusterId(1), [1]).unwrap();
    (Handle::start(options, alone, MemoryStorage::new(), Network::new().join(1)).unwrap(), asleep)
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_wakes_finds_its_lease_gone_before_any_timer_says_so() {
    let (node, asleep) = sleeper(Instant::now(), MARGIN);
    sees(&node, |seen| seen.is_mine()).await;
    let polls = Cell::new(0);
    let mut work = pin!(node.run_while_leader(|_| {
        poll_fn(|_| {
            polls.set(polls.get() + 1);
            Poll::<()>::Pending
        })
    }));
    let mut context = Context::from_waker(Waker::noop());
    assert!(work.as_mut().poll(&mut context).is_pending());

    // Timers stand still meanwhile.
    asleep.store(60_000, Ordering::SeqCst);
    assert!(node.lease().is_none());
    assert!(work.as_mut().poll(&mut context).is_pending());
    assert_eq!(polls.get(), 1, "not polled without a lease");
    let mut leadership = node.leadership();
    let woken = Instant::now();
    leadership.wait_for(|seen| !seen.is_mine()).await.unwrap();
    assert!(woken.elapsed() <= millis(51), "{:?}", woken.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_grows_after_a_short_sleep_wakes_whoever_found_it_gone() {
    let origin = Instant::now();
    // The node looks at its clock every 50 ms.
    let (node, asleep) = sleeper(origin, millis(100));
    let lease = sees(&node, |seen| seen.is_mine()).await.lease.unwrap();
    sleep(millis(200)).await;
    let left = node.lease().unwrap().until.since_origin() - origin.elapsed();
    // Within the margin: too late to act by it, early enough to renew it.
    asleep.store(u64::try_from(left.as_millis()).unwrap() - 80, Ordering::SeqCst);
    let mut work = pin!(node.run_while_leader(|term| async move { term }));
    assert!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(soon("the work", work).await.unwrap(), lease.term);
}

#[tokio::test(start_paused = true)]
async fn a_handover_does_not_wait_for_work_that_is_dropped() {
    let group = Group::new();
    let log = all_work(&group);
    let (id, lease) = group.leader().await;
    let asked = group.now();
    group.node(id).resign(None, Urgency::Now).await.unwrap();
    sees(group.node(id), |seen| seen.leader.is_some_and(|leader| leader.term > lease.term)).await;
    assert!(group.now() - asked < millis(50), "{:?}", group.now() - asked);
    check(&log);
}

#[tokio::test(start_paused = true)]
async fn what_comes_of_the_work_is_given_back() {
    let group = Group::new();
    let (id, lease) = group.leader().await;
    let work = |term: Term| async move {
        sleep(millis(20)).await;
        term
    };
    assert_eq!(soon("the work", group.node(id).run_while_leader(work)).await.unwrap(), lease.term);
}

#[tokio::test(start_paused = true)]
async fn work_ends_with_its_node_and_says_so() {
    let group = Group::new();
    let (id, _) = group.leader().await;
    let follower = group.others(id)[0];
    for id in [id, follower] {
        let node = group.node(id).clone();
        let work = tokio::spawn(async move { node.run_while_leader(|_| pending::<()>()).await });
        sleep(millis(5)).await;
        group.node(id).shutdown().await.unwrap();
        assert!(matches!(soon("its end", work).await.unwrap(), Err(Stopped::Shutdown)));
    }
}

#[tokio::test(start_paused = true)]
async fn work_may_ask_its_own_node_to_hand_over_or_to_stop() {
    let group = Group::new();
    let (id, lease) = group.leader().await;
    let node = group.node(id).clone();
    let inner = node.clone();
    let work = async move {
        node.run_while_leader(|_| async {
            inner.shutdown().await.unwrap();
            pending::<()>().await;
        })
        .await
    };
    assert!(matches!(soon("the end", work).await, Err(Stopped::Shutdown)));
    assert!(group.leader().await.1.term > lease.term);
}

/// A transport that does what it must not: it waits.
struct Stuck {
    channel: Channel<Id>,
    stuck: Arc<(Mutex<bool>, Condvar)>,
}

impl Transport<Id> for Stuck {
    fn send(&mut self, to: Id, message: &Message<Id>) {
        drop(self.stuck.1.wait_while(self.stuck.0.lock().unwrap(), |stuck| *stuck).unwrap());
        self.channel.send(to, message);
    }

    async fn recv(&mut self) -> io::Result<Option<(Id, Message<Id>)>> {
        self.channel.recv().await
    }
}

struct Unstick(Arc<(Mutex<bool>, Condvar)>, mpsc::UnboundedSender<()>);

impl Drop for Unstick {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap() = false;
        self.0.1.notify_all();
        let _late = self.1.send(());
    }
}

/// The work is on a runtime of its own: on one with the node, its wake-up may wait behind the node that
/// is stuck.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn work_is_dropped_though_its_node_is_stuck() {
    let (network, stuck) = (Network::new(), Arc::new((Mutex::new(false), Condvar::new())));
    let pair = HardState::bootstrap(ClusterId(1), [1, 2]).unwrap();
    let follower = Config { priority: Priority::NEVER_LEADS, ..Config::new(2) };
    let _follower = Handle::start(follower, pair.clone(), MemoryStorage::new(), network.join(2)).unwrap();
    let transport = Stuck { channel: network.join(1), stuck: Arc::clone(&stuck) };
    let node = Handle::start(Config::new(1), pair, MemoryStorage::new(), transport).unwrap();
    let (dropped, mut hears) = mpsc::unbounded_channel();
    let _at_the_end = Unstick(Arc::clone(&stuck), dropped.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let worker = std::thread::spawn(move || {
        let work = |_| {
            *stuck.0.lock().unwrap() = true;
            let until_dropped = Unstick(Arc::clone(&stuck), dropped.clone());
            async move {
                let _until_dropped = until_dropped;
                pending::<()>().await;
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                ended = node.run_while_leader(work) => panic!("{ended:?}"),
                _no_longer = stopped => {}
            }
        });
    });
    soon("the drop", hears.recv()).await.unwrap();
    drop(stop);
    worker.join().unwrap();
}
