//! Electing, handing over, and what the program is told.

use quorate::adapters::tokio::{CommandError, Handle, MemoryStorage, Network, Options};
use quorate::{
    ClusterId, Config, Event, Force, HardState, Leader, Priority, Rejection, StepDown, Target, Term, Urgency,
};
use tokio::time::{Instant, advance, sleep};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn three_nodes_elect_one_leader_that_all_know() {
    let group = Group::new();
    let (id, lease) = group.leader().await;
    for node in &group.nodes {
        let seen = sees(node, |seen| seen.leader.is_some()).await;
        assert_eq!(seen.leader, Some(Leader { id, term: lease.term }));
        assert_eq!((seen.is_mine(), seen.term()), (seen.me == id, Some(lease.term)));
        assert_eq!(node.wait_for_leader().await.unwrap(), Leader { id, term: lease.term });
    }
    let holders = group.nodes.iter().filter(|node| node.lease().is_some());
    assert_eq!(holders.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_shut_down_hands_over_before_it_stops() {
    let group = Group::new();
    let (id, lease) = group.leader().await;
    let mut news = group.node(id).events();
    let asked = group.now();
    soon("the shutdown", group.node(id).shutdown()).await.unwrap();

    // The successor leads when the shutdown returns.
    let (successor, next) = group.holder().unwrap();
    assert!(successor != id && next.term > lease.term);
    assert!(group.now() - asked < millis(100), "the successor had not to wait for the promise to end");
    let resigned = StepDown::Resigned { successor: Some(successor) };
    let told = std::iter::from_fn(|| news.try_recv().ok());
    assert!(told.into_iter().any(|event| event == Event::SteppedDown { term: lease.term, reason: resigned }));
}

/// The vote of the node may be needed: of the two others one may have restarted a moment ago.
#[tokio::test(start_paused = true)]
async fn a_leader_that_resigns_and_is_shut_down_at_once_stops_when_another_leads() {
    let group = Group::new();
    let (id, lease) = group.leader().await;
    group.node(id).resign(None, Urgency::Now).await.unwrap();
    soon("the shutdown", group.node(id).shutdown()).await.unwrap();
    let (successor, next) = group.holder().unwrap();
    assert!(successor != id && next.term > lease.term);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_nobody_can_follow_steps_down_at_once_when_it_is_shut_down() {
    let group = Group::new();
    let (id, lease) = group.leader().await;
    for other in group.others(id) {
        group.node(other).set_priority(Priority::NEVER_LEADS).await.unwrap();
    }
    sleep(millis(200)).await;
    let (mut news, asked) = (group.node(id).events(), group.now());
    soon("the shutdown", group.node(id).shutdown()).await.unwrap();
    assert!(group.now() - asked < millis(20));
    let resigned = StepDown::Resigned { successor: None };
    let told = std::iter::from_fn(|| news.try_recv().ok());
    assert!(told.into_iter().any(|event| event == Event::SteppedDown { term: lease.term, reason: resigned }));
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_last_handle_is_dropped_stops_at_once_and_lets_the_others_elect() {
    let mut group = Group::new();
    let (id, lease) = group.leader().await;
    let (closed, asked) = (group.node(id).closed(), group.now());
    let spare = group.nodes.remove(id as usize - 1);
    let end = format!("{:?}", {
        drop(spare);
        soon("its end", closed).await
    });
    assert_eq!(end, "Dropped");
    assert_eq!(group.now(), asked, "it waits for no other node");
    let next = soon("another leader", async {
        loop {
            if let Some((_, next)) = group.holder() {
                return next;
            }
            sleep(millis(1)).await;
        }
    });
    assert!(next.await.term > lease.term);
    assert!(group.now() - asked < millis(100), "it has given its promises back");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_not_healthy_hands_over_and_may_lead_again_when_it_is() {
    let group = Group::new();
    let (id, lease) = group.leader().await;
    let mut news = group.node(id).events();
    group.node(id).set_healthy(false).await.unwrap();
    sees(group.node(id), |seen| seen.leader.is_some_and(|leader| leader.id != id)).await;
    let (successor, next) = group.holder().unwrap();
    let resigned = StepDown::Resigned { successor: Some(successor) };
    let told = std::iter::from_fn(|| news.try_recv().ok());
    assert!(told.into_iter().any(|event| event == Event::SteppedDown { term: lease.term, reason: resigned }));
    assert!(matches!(group.node(id).campaign().await, Err(CommandError::Rejected(Rejection::CannotLead(_)))));

    group.node(id).set_healthy(true).await.unwrap();
    sleep(millis(1_500)).await;
    group.node(successor).resign(Some(id), Urgency::WhenReady).await.unwrap();
    sees(group.node(id), |seen| seen.lease.is_some_and(|lease| lease.term > next.term)).await;
}

/// The clock of the program is the real one here: what blocks is a thread.
#[test]
fn a_node_on_a_thread_of_its_own_keeps_its_lease_while_the_programs_runtime_is_blocked() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let first = HardState::bootstrap(ClusterId(1), [1_u64]).unwrap();
    let join = || Ok::<_, std::io::Error>(Network::new().join(1));
    let node = Handle::start_on_thread(Config::new(1), first, MemoryStorage::new(), join).unwrap();
    runtime.block_on(async {
        soon("a leader", node.wait_for_leader()).await.unwrap();
        let before = sees(&node, |seen| seen.lease.is_some()).await;
        // Longer than the longest promise.
        std::thread::sleep(millis(600));
        assert!(node.lease().is_some());
        assert_eq!(node.leadership().borrow().changes, before.changes, "it had the lease all the time");
        node.shutdown().await.unwrap();
    });
    let failed = Handle::start_on_thread(
        Config::new(1),
        HardState::bootstrap(ClusterId(1), [1_u64]).unwrap(),
        MemoryStorage::new(),
        || Err::<quorate::adapters::tokio::Channel<u64>, _>("no network"),
    );
    assert_eq!(std::error::Error::source(&failed.unwrap_err()).unwrap().to_string(), "no network");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_shut_down_while_the_others_are_cut_off_tries_again_until_one_can_lead() {
    let group = Group::new();
    let (id, lease) = group.leader().await;
    let asked = group.now();
    // Every message of the others is lost, for less long than the leader's promises last.
    group.others(id).iter().for_each(|&other| group.cut.off(other));
    let shutdown = group.node(id).shutdown_within(millis(10_000));
    let heal = async {
        sleep(millis(120)).await;
        group.cut.heal();
    };
    let (ended, ()) = tokio::join!(soon("the shutdown", shutdown), heal);
    ended.unwrap();
    let (successor, next) = group.holder().unwrap();
    assert!(successor != id && next.term > lease.term);
    assert!(group.now() - asked < millis(1_000), "{:?}", group.now() - asked);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_comes_back_to_whom_asked_for_it() {
    let group = Group::new();
    let (id, _) = group.leader().await;
    let follower = group.node(group.others(id)[0]);
    sees(follower, |seen| seen.leader.is_some()).await;
    let refused = follower.resign(None, Urgency::Now).await;
    assert!(
        matches!(refused, Err(CommandError::Rejected(Rejection::NotLeader { leader: Some(leader) })) if leader.id == id)
    );
    let refused = group.node(id).campaign().await;
    assert!(matches!(refused, Err(CommandError::Rejected(Rejection::AlreadyLeads { .. }))));
    let refused = group.node(id).discovered(9).await;
    assert!(matches!(refused, Err(CommandError::Rejected(Rejection::NoLimits))));
    let refused = group.node(id).lost(9).await;
    assert!(matches!(
        refused,
        Err(CommandError::Rejected(Rejection::NoLimits | Rejection::NotAMember { .. }))
    ));
    assert!(group.node(id).lease().is_some());
}

#[tokio::test(start_paused = true)]
async fn members_change_and_a_node_that_leaves_is_told_when_it_is_out() {
    let group = Group::new();
    let (id, _) = group.leader().await;
    let leaver = group.others(id)[0];
    let (mut news, mut farewell) = (group.node(id).events(), group.node(leaver).events());
    group.node(leaver).leave().await.unwrap();
    let removed = async { while farewell.recv().await.unwrap() != Event::Removed {} };
    soon("its removal", removed).await;
    let target = Target::new([id], []).unwrap();
    group.node(id).reconfigure(target, Force::Never).await.unwrap();
    let reached = async { while !matches!(news.recv().await.unwrap(), Event::TargetReached { .. }) {} };
    soon("the target", reached).await;
    let members = group.node(id).status().await.unwrap().members;
    assert_eq!(members.iter().map(|member| member.id).collect::<Vec<_>>(), [id]);
}

#[tokio::test(start_paused = true)]
async fn while_a_write_hangs_the_lease_ends_in_time_and_everybody_knows() {
    let disks: Vec<Disk> = (0..3).map(|_| Disk::new()).collect();
    let group = Group::with_disks(MARGIN, |id| disks[id as usize - 1].clone());
    let (id, _) = group.leader().await;
    let (node, disk) = (group.node(id).clone(), &disks[id as usize - 1]);
    disk.becomes(Mood::Hangs);
    let _at_the_end = Release(disk);
    let asked = tokio::spawn({
        let node = node.clone();
        async move { node.reconfigure(Target::new([1, 2, 3], [4]).unwrap(), Force::Never).await }
    });

    // Time does not pass by itself while a write is under way.
    let mut leadership = node.leadership();
    let (mut until, mut leads) = (group.now(), true);
    while leads {
        advance(millis(1)).await;
        let seen = leadership.borrow_and_update();
        until = seen.lease.map_or(until, |lease| lease.until.since_origin());
        leads = seen.is_mine();
        assert!(!leads || group.now() < until, "shown to lead beyond the end of its lease");
    }
    disk.wait_for_a_hanging_write();
    let end = until - MARGIN;
    assert!(group.now() >= end && group.now() <= end + millis(2), "{:?} is not {end:?}", group.now());
    assert!(node.lease().is_none() && leadership.borrow().leader.is_none());

    disk.becomes(Mood::Works);
    asked.await.unwrap().ok();
    sees(&node, |seen| seen.leader.is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_keeps_up_sees_every_change_and_one_that_sleeps_sees_that_it_did() {
    let group = Group::new();
    let (id, first) = group.leader().await;
    let mut slow = group.node(id).leadership();
    let before = slow.borrow_and_update().changes;
    let (mut quick, mut news) = (group.node(id).leadership(), group.node(id).events());
    let reader = tokio::spawn(async move {
        let mut seen = Vec::new();
        loop {
            quick.changed().await.unwrap();
            let now = quick.borrow_and_update();
            seen.push((now.changes, now.lease.map(|lease| lease.term)));
            if now.stopped.is_some() {
                return seen;
            }
        }
    });

    sleep(millis(1_000)).await;
    assert!(!slow.has_changed().unwrap(), "a lease that only grows wakes nobody");
    let grown = slow.borrow().lease.unwrap();
    assert!(grown.until > group.now().into(), "yet it is always the present one");

    let mut led = vec![first.term];
    while led.len() < 3 {
        let (leader, lease) = group.leader().await;
        group.node(leader).resign(None, Urgency::WhenReady).await.unwrap();
        sees(group.node(id), |seen| seen.leader.is_some_and(|leader| leader.term > lease.term)).await;
        let terms = std::iter::from_fn(|| news.try_recv().ok());
        led.extend(terms.filter_map(|event| match event {
            Event::Elected { term } => Some(term),
            _ => None,
        }));
    }
    assert!(slow.borrow_and_update().changes > before + 1, "it knows that it missed something");
    group.node(id).shutdown().await.unwrap();
    let seen = reader.await.unwrap();
    assert!(seen.is_sorted_by_key(|seen| seen.0));
    let terms: Vec<Term> = seen.iter().filter_map(|seen| seen.1).collect();
    assert_eq!(terms, led, "each time that it led");
    let lost = seen.windows(2).filter(|pair| pair[0].1.is_some() && pair[1].1.is_none());
    assert_eq!(lost.count(), led.len(), "and each time that it led no more: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_change_is_how_things_stand() {
    let group = Group::new();
    let (id, _) = group.leader().await;
    let mut late = group.node(id).leadership();
    soon("no change but the first", late.changed()).await.unwrap();
    assert!(late.borrow_and_update().is_mine());
}

#[tokio::test(start_paused = true)]
async fn nobody_leads_before_its_vote_is_durable() {
    let (disk, origin) = (Disk::new(), Instant::now());
    let _at_the_end = Release(&disk);
    disk.becomes(Mood::Hangs);
    let alone = HardState::bootstrap(ClusterId(1), [1]).unwrap();
    let options = Options::new(Config::new(1))
        .clock(move || origin.elapsed().into())
        .seed(SEED)
        .save_on_blocking_pool();
    let node = Handle::start(options, alone, disk.clone(), Network::new().join(1)).unwrap();
    for _ in 0..1_000 {
        advance(millis(1)).await;
        assert!(node.lease().is_none() && node.leadership().borrow().leader.is_none());
    }
    disk.wait_for_a_hanging_write();
    disk.becomes(Mood::Works);
    sees(&node, |seen| seen.is_mine()).await;
}
