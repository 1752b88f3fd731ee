//! Nodes that have nothing to store their state in.

use quorate::adapters::tokio::{Handle, Network, StartError};
use quorate::{BlankError, ClusterId, Config, Event, Leader, RoleKind, Term, Timing};

use crate::support::*;

/// Waits until every node follows one leader of a later term than `after`.
async fn followed(group: &Group, after: Term) -> Leader<Id> {
    let is_later = |leader: &Leader<Id>| leader.term > after;
    let seen = sees(group.node(1), |seen| seen.leader.as_ref().is_some_and(is_later)).await;
    let leader = seen.leader.unwrap();
    for id in [2, 3] {
        sees(group.node(id), |seen| seen.leader == Some(leader)).await;
    }
    leader
}

#[tokio::test(start_paused = true)]
async fn each_node_in_turn_comes_back_without_storage_under_its_old_id() {
    let mut group = Group::new();
    let mut leader = followed(&group, Term(0)).await;
    for id in [1, 2, 3, 1, 2, 3] {
        group.node(id).abort().await.unwrap();
        group.nodes[id as usize - 1] = group.start_volatile(id);
        let (began, mut news) = (group.now(), group.node(id).events());
        let status = group.node(id).status().await.unwrap();
        assert_eq!(status.role, RoleKind::Recovering);
        let recovered = soon("its recovery", async {
            loop {
                if let Event::Recovered { term, .. } = news.recv().await.unwrap() {
                    return term;
                }
            }
        });
        assert!(recovered.await >= leader.term);
        // The longest promise and a round trip, or one more round if the others were about to elect a leader.
        let took = group.now() - began;
        let Timing { promise_limit, retry_interval, .. } = Timing::lan();
        assert!(took >= promise_limit && took <= promise_limit + 2 * retry_interval, "{took:?}");
        let later = if leader.id == id { leader.term } else { Term(leader.term.0 - 1) };
        leader = followed(&group, later).await;
    }
    for node in &group.nodes {
        assert_eq!(node.election_counters().await.unwrap().writes, 0);
        assert_eq!(node.status().await.unwrap().members.len(), 3);
    }
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
