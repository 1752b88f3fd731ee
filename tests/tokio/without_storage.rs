//! Nodes that start with nothing: they have no storage, or have lost what was in it.

use std::collections::BTreeSet;
use std::time::Duration;

use quorate::adapters::tokio::{Handle, MemoryStorage, Network, StartError};
use quorate::{BlankError, ClusterId, Config, Event, HowRecovered, Leader, RoleKind, Term, Timing};
use tokio::sync::broadcast::Receiver;
use tokio::time::sleep;

use crate::support::*;

/// Waits until every node follows one leader of a later term than `after`.
async fn followed(group: &Group, after: Term) -> Leader<Id> {
    soon("everybody to follow", async {
        loop {
            let known: BTreeSet<_> = group
                .nodes
                .iter()
                .map(|node| node.leadership().borrow().leader.map(|leader| (leader.term, leader.id)))
                .collect();
            if let [Some((term, id))] = known.into_iter().collect::<Vec<_>>()[..]
                && term > after
            {
                return Leader { id, term };
            }
            sleep(millis(1)).await;
        }
    })
    .await
}

/// How the node comes to take part, and in which term.
async fn recovered(news: &mut Receiver<Event<Id>>) -> (HowRecovered, Term) {
    soon("its recovery", async {
        loop {
            if let Event::Recovered { how, term } = news.recv().await.unwrap() {
                return (how, term);
            }
        }
    })
    .await
}

async fn abort_all(group: &mut Group) {
    for node in group.nodes.drain(..) {
        node.abort().await.unwrap();
    }
}

/// One promise limit, and some rounds of questions.
fn assert_soon_after_the_wait(took: Duration) {
    let Timing { promise_limit, retry_interval, .. } = Timing::lan();
    assert!(took >= promise_limit && took <= promise_limit + 3 * retry_interval, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn each_node_in_turn_comes_back_without_storage_under_its_old_id() {
    let mut group = Group::of(3, MARGIN, Group::start_volatile);
    let mut leader = followed(&group, Term(0)).await;
    for id in [1, 2, 3, 1, 2, 3] {
        group.node(id).abort().await.unwrap();
        group.nodes[id as usize - 1] = group.start_volatile(id);
        let (began, mut news) = (group.now(), group.node(id).events());
        assert_eq!(group.node(id).status().await.unwrap().role, RoleKind::Recovering);
        let (how, term) = recovered(&mut news).await;
        assert!(how == HowRecovered::Rejoined && term >= leader.term, "{how:?} in term {term}");
        assert_soon_after_the_wait(group.now() - began);
        let later = if leader.id == id { leader.term } else { Term(leader.term.0 - 1) };
        leader = followed(&group, later).await;
    }
    for node in &group.nodes {
        assert_eq!(node.election_counters().await.unwrap().writes, 0);
        assert_eq!(node.status().await.unwrap().members.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_without_storage_found_another_group_in_a_later_term_when_all_have_forgotten() {
    let volatile = |group: &Group, id| group.start_blank(id, 3, None);
    let mut group = Group::of(3, MARGIN, volatile);
    let (mut term, mut lives) = (Term(0), Vec::new());
    for _ in 0..3 {
        let began = group.now();
        let mut news: Vec<_> = group.nodes.iter().map(Handle::events).collect();
        for news in &mut news {
            assert_eq!(recovered(news).await.0, HowRecovered::Founded);
        }
        assert_soon_after_the_wait(group.now() - began);
        term = followed(&group, term).await.term;
        lives.push(group.node(1).status().await.unwrap().life);
        abort_all(&mut group).await;
        group.nodes = (1..=3).map(|id| volatile(&group, id)).collect();
    }
    assert!(lives[0] != lives[1] && lives[1] != lives[2] && lives[0] != lives[2], "{lives:?}");
}

/// The node that is left gives up what it knows, since nobody can confirm it to the other.
#[tokio::test(start_paused = true)]
async fn two_nodes_without_storage_found_another_group_when_one_of_them_has_forgotten() {
    let volatile = |group: &Group, id| group.start_blank(id, 2, None);
    let mut group = Group::of(2, MARGIN, volatile);
    let mut term = followed(&group, Term(0)).await.term;
    for id in [1, 2] {
        let mut news = group.node(3 - id).events();
        group.node(id).abort().await.unwrap();
        let began = group.now();
        group.nodes[id as usize - 1] = volatile(&group, id);
        assert_eq!(recovered(&mut news).await.0, HowRecovered::Founded);
        term = followed(&group, term).await.term;
        let took = group.now() - began;
        println!("a leader again after {took:?}");
        assert!(took < 10 * Timing::lan().promise_limit, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_with_storage_found_a_group_once_and_one_that_has_lost_it_rejoins() {
    let disks: Vec<MemoryStorage<Id>> = (0..3).map(|_| MemoryStorage::new()).collect();
    let blank = |group: &Group, id: Id| group.start_blank(id, 3, Some(disks[id as usize - 1].clone()));
    let mut group = Group::of(3, MARGIN, blank);
    let founded = followed(&group, Term(0)).await.term;
    let life = group.node(1).status().await.unwrap().life;
    abort_all(&mut group).await;
    let restarted = |id: Id| {
        let disk = disks[id as usize - 1].clone();
        group.start_from(Config::new(id), disk.saved().unwrap(), disk)
    };
    let (first, third) = (restarted(1), restarted(3));
    let second = blank(&group, 2);
    group.nodes = vec![first, second, third];
    assert_eq!(recovered(&mut group.node(2).events()).await.0, HowRecovered::Rejoined);
    let term = followed(&group, founded).await.term;
    assert!(term.0 < founded.0 + 1_000, "the group has not been founded again: {founded}, {term}");
    for node in &group.nodes {
        assert_eq!(node.status().await.unwrap().life, life);
    }
}

/// The node that is left does not give up what it knows: its operator decides.
#[tokio::test(start_paused = true)]
async fn a_node_with_storage_says_that_the_quorum_has_forgotten_and_waits_until_its_file_is_taken_away() {
    let blank = |group: &Group, id| group.start_blank(id, 3, Some(MemoryStorage::new()));
    let mut group = Group::of(3, MARGIN, blank);
    let term = followed(&group, Term(0)).await.term;
    let mut news = group.node(1).events();
    for id in [2, 3] {
        group.node(id).abort().await.unwrap();
        group.nodes[id as usize - 1] = blank(&group, id);
    }
    let lost = soon("the news", async {
        loop {
            if let Event::QuorumLost { blank } = news.recv().await.unwrap() {
                return blank;
            }
        }
    });
    assert_eq!(lost.await, [2, 3]);
    sleep(millis(60_000)).await;
    assert_eq!(group.node(1).status().await.unwrap().blank_voters, [2, 3]);
    let waiting = group.node(2).status().await.unwrap().recovery.unwrap();
    assert_eq!((waiting.heard, waiting.blank, waiting.missing), (vec![1], vec![3], vec![]));

    group.node(1).abort().await.unwrap();
    group.nodes[0] = blank(&group, 1);
    assert_eq!(recovered(&mut group.node(1).events()).await.0, HowRecovered::Founded);
    assert!(followed(&group, term).await.term > term);
}

/// Two machines with disks, and a third one that only votes.
#[tokio::test(start_paused = true)]
async fn two_nodes_with_storage_and_a_third_without_keep_their_group_through_a_power_cut() {
    let disks: Vec<MemoryStorage<Id>> = (0..2).map(|_| MemoryStorage::new()).collect();
    let disk = |id: Id| disks.get(id as usize - 1).cloned();
    let mut group = Group::of(3, MARGIN, |group, id| group.start_blank(id, 3, disk(id)));
    let mut term = followed(&group, Term(0)).await.term;
    let (life, founded) = (group.node(1).status().await.unwrap().life, term);
    for _ in 0..3 {
        abort_all(&mut group).await;
        let start = |id| match disk(id) {
            Some(disk) => group.start_from(Config::new(id), disk.saved().unwrap(), disk),
            None => group.start_blank(id, 3, None),
        };
        group.nodes = [1, 2, 3].map(start).into();
        assert_eq!(recovered(&mut group.node(3).events()).await.0, HowRecovered::Rejoined);
        term = followed(&group, term).await.term;
        assert_eq!(group.node(3).status().await.unwrap().life, life);
    }
    assert!(term.0 < founded.0 + 1_000, "the group has not been founded again: {founded}, {term}");
}

/// A node that is alone on its list waits for nobody but itself.
#[test]
fn a_node_without_storage_on_a_thread_of_its_own_leads_alone_after_its_wait() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let network = Network::new();
    let join = move || Ok::<_, std::io::Error>(network.join(1));
    let node = Handle::start_volatile_on_thread(Config::new(1_u64), ClusterId(1), [1], join).unwrap();
    runtime.block_on(async {
        assert_eq!(soon("a leader", node.wait_for_leader()).await.unwrap().id, 1);
        assert_eq!(node.election_counters().await.unwrap().writes, 0);
        node.shutdown().await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn a_node_without_a_list_of_members_does_not_start_without_storage() {
    let network = Network::new();
    let refused = Handle::start_volatile(Config::new(1_u64), ClusterId(1), [], network.join(1)).unwrap_err();
    assert!(matches!(refused, StartError::Blank(BlankError::Membership(_))), "{refused:?}");
    let join = move || Ok::<_, std::io::Error>(network.join(1));
    let refused = Handle::start_volatile_on_thread(Config::new(1_u64), ClusterId(1), [], join).unwrap_err();
    assert!(matches!(refused, StartError::Blank(BlankError::Membership(_))), "{refused:?}");
}
