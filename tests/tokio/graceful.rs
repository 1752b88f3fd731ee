//! Work that is told to stop, and finishes what it has begun.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate::adapters::tokio::{Handle, StopToken, Stopped};
use quorate::{Priority, Term, Urgency};
use tokio::time::{Instant, sleep};

use crate::support::*;

/// How long an item takes, and how long before the end of a lease the work is told.
const ITEM: Duration = Duration::from_millis(30);
const NOTICE: Duration = Duration::from_millis(35);

/// An item: where, in which term, from when until when, and whether it was finished.
#[derive(Clone, Copy, Debug)]
struct Item {
    id: Id,
    term: Term,
    began: Duration,
    ended: Duration,
    is_finished: bool,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Item>>>);

/// An item that is worked on. It is logged when it ends, finished or not.
struct Underway {
    log: Log,
    origin: Instant,
    item: Item,
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.item.ended = self.origin.elapsed();
        self.log.0.lock().unwrap().push(self.item);
    }
}

impl Log {
    async fn work(&self, origin: Instant, id: Id, term: Term, length: Duration) {
        let began = origin.elapsed();
        let item = Item { id, term, began, ended: began, is_finished: false };
        let mut underway = Underway { log: self.clone(), origin, item };
        sleep(length).await;
        underway.item.is_finished = true;
    }

    /// The items, one after another, in terms that do not fall.
    #[track_caller]
    fn check(&self) -> Vec<Item> {
        let items = self.0.lock().unwrap().clone();
        for pair in items.windows(2) {
            assert!(pair[0].ended <= pair[1].began && pair[0].term <= pair[1].term, "{pair:?}");
            assert!(pair[0].term < pair[1].term || pair[0].id == pair[1].id, "{pair:?}");
        }
        items
    }
}

/// Works item by item until it is told to stop.
async fn work(log: Log, origin: Instant, id: Id, term: Term, stop: StopToken<Id>) -> Option<()> {
    while !stop.is_requested() {
        log.work(origin, id, term, ITEM).await;
    }
    None
}

/// Every node works while it leads.
fn all_work(group: &Group) -> Log {
    let log = Log::default();
    for (id, node) in (1..).zip(&group.nodes) {
        let (node, log, origin) = (node.clone(), log.clone(), group.origin);
        tokio::spawn(async move {
            let work = |term, stop| work(log.clone(), origin, id, term, stop);
            let Err::<(), _>(_stopped) = node.run_while_leader_gracefully(NOTICE, work).await else { return };
        });
    }
    log
}

async fn another_leads(group: &Group, id: Id, term: Term) {
    sees(group.node(id), |seen| seen.leader.is_some_and(|leader| leader.term > term && leader.id != id))
        .await;
    group.leader().await;
}

#[tokio::test(start_paused = true)]
async fn an_item_is_finished_before_leadership_is_handed_over_however_that_comes_about() {
    let group = Group::new();
    let log = all_work(&group);
    for round in 0..12 {
        let (id, lease) = group.leader().await;
        // In the midst of an item, at different places of it.
        sleep(millis(100 + 5 * round)).await;
        match round % 3 {
            0 => group.node(id).resign(None, Urgency::WhenReady).await.unwrap(),
            1 => group.node(id).resign(None, Urgency::Now).await.unwrap(),
            _ => group.node(id).set_priority(Priority(0)).await.unwrap(),
        }
        another_leads(&group, id, lease.term).await;
        group.node(id).set_priority(Priority::default()).await.unwrap();
    }
    let items = log.check();
    assert!(items.iter().all(|item| item.is_finished), "{items:?}");
    let handovers = items.windows(2).filter(|pair| pair[0].id != pair[1].id).count();
    assert!(handovers >= 11, "{handovers}: {items:?}");
}

#[tokio::test(start_paused = true)]
async fn an_item_is_finished_within_a_lease_that_is_not_renewed() {
    let group = Group::new();
    let log = all_work(&group);
    for round in 0..8 {
        let (id, _lease) = group.leader().await;
        sleep(millis(100 + 5 * round)).await;
        group.cut.off(id);
        sleep(2 * millis(3)).await;
        let until = group.node(id).lease().unwrap().until.since_origin();
        sees(group.node(id), |seen| !seen.is_mine()).await;
        let last = log.0.lock().unwrap().last().copied().unwrap();
        assert!(last.is_finished && last.id == id, "{last:?}");
        assert!(last.began < until - MARGIN - NOTICE, "no item is begun after the work was told: {last:?}");
        assert!(last.ended > until - MARGIN - NOTICE - ITEM, "and the work goes on until it is: {last:?}");
        group.cut.heal();
    }
    assert!(log.check().iter().all(|item| item.is_finished));
}

/// Work that does what it likes until it is dropped.
async fn go_on(log: Log, origin: Instant, id: Id, term: Term) -> Option<()> {
    log.work(origin, id, term, Duration::from_secs(60)).await;
    None
}

#[tokio::test(start_paused = true)]
async fn work_that_does_not_stop_is_dropped_when_its_lease_ends() {
    for is_resigned in [true, false] {
        let group = Group::new();
        let log = Log::default();
        let (id, lease) = group.leader().await;
        let (node, noted, origin) = (group.node(id).clone(), log.clone(), group.origin);
        tokio::spawn(async move {
            let work = |term, _stop| go_on(noted.clone(), origin, id, term);
            let _stopped = node.run_while_leader_gracefully(NOTICE, work).await;
        });
        sleep(millis(100)).await;
        let until = if is_resigned {
            let until = group.node(id).lease().unwrap().until.since_origin();
            let node = group.node(id).clone();
            tokio::spawn(async move { node.resign(None, Urgency::Now).await });
            sees(group.node(id), |seen| !seen.is_mine()).await;
            assert!(log.0.lock().unwrap().is_empty() && group.now() < until - MARGIN, "it goes on");
            until
        } else {
            group.cut.off(id);
            sleep(2 * millis(3)).await;
            group.node(id).lease().unwrap().until.since_origin()
        };
        while log.0.lock().unwrap().is_empty() {
            assert!(group.others(id).iter().all(|&other| group.node(other).lease().is_none()));
            sleep(millis(1)).await;
        }
        let item = log.0.lock().unwrap()[0];
        assert!(!item.is_finished && item.term == lease.term, "{item:?}");
        let dropped = until - MARGIN;
        assert!(item.ended >= dropped && item.ended <= dropped + millis(2), "{item:?} {dropped:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_item_and_its_output_is_not_lost() {
    let group = Group::new();
    let (id, _lease) = group.leader().await;
    let node: Handle<Id> = group.node(id).clone();
    let work = async |_term, stop: StopToken<Id>| {
        stop.requested().await;
        sleep(ITEM).await;
        Some("finished")
    };
    let worker = node.clone();
    let guarded = tokio::spawn(async move { worker.run_while_leader_gracefully(NOTICE, work).await });
    sleep(millis(200)).await;
    assert!(!guarded.is_finished());
    let began = group.now();
    soon("the end", node.shutdown()).await.unwrap();
    assert!(group.now() >= began + ITEM);
    assert_eq!(guarded.await.unwrap().unwrap(), "finished");
    let after = node.run_while_leader_gracefully(NOTICE, async |_term, _stop| Some(())).await;
    assert!(matches!(after, Err(Stopped::Shutdown)), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_stays_set_if_the_lease_is_renewed_after_all_and_the_work_runs_again_in_the_same_term() {
    // So early that a heartbeat and its answer fit into what is left.
    let (margin, notice) = (millis(5), millis(70));
    let group = Group::with_margin(margin);
    let (id, lease) = group.leader().await;
    let node = group.node(id).clone();
    let (runs, told) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(None)));
    let (noted, token) = (Arc::clone(&runs), Arc::clone(&told));
    tokio::spawn(async move {
        let work = async |term, stop: StopToken<Id>| {
            noted.lock().unwrap().push(term);
            stop.requested().await;
            sleep(ITEM).await;
            *token.lock().unwrap() = Some((stop.is_requested(), stop.clone()));
            None::<()>
        };
        let _stopped = node.run_while_leader_gracefully(notice, work).await;
    });
    sleep(millis(100)).await;
    group.cut.off(id);
    sleep(2 * millis(3)).await;
    let until = group.node(id).lease().unwrap().until.since_origin();
    sleep(until - margin - notice + millis(2) - group.now()).await;
    group.cut.heal();
    while runs.lock().unwrap().len() < 2 {
        assert!(group.node(id).lease().is_some(), "it leads on");
        sleep(millis(1)).await;
    }
    assert_eq!(*runs.lock().unwrap(), [lease.term; 2]);
    let (was_requested, token) = told.lock().unwrap().clone().unwrap();
    assert!(was_requested && token.is_requested(), "although more is left now than the notice");
}
