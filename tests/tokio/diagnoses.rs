//! What a node says when something keeps it from its work, over a transport that finds out nothing itself.

use std::time::Duration;

use quorate::adapters::tokio::Handle;
use quorate::{Diagnosis, Event, Problem};
use tokio::sync::broadcast::Receiver;
use tokio::time::sleep;

use super::support::*;

/// What was reported of problems since this was asked last.
fn problems(events: &mut Receiver<Event<Id>>) -> Vec<Event<Id>> {
    let all = std::iter::from_fn(|| events.try_recv().ok());
    let of_problems = |event: &Event<Id>| {
        matches!(
            event,
            Event::Diagnosed(_)
                | Event::Resolved { .. }
                | Event::LeaderLost { .. }
                | Event::TickedLate { .. }
        )
    };
    all.filter(of_problems).collect()
}

async fn shown(node: &Handle<Id>) -> Option<Diagnosis<Id>> {
    node.status().await.unwrap().diagnosis
}

#[tokio::test(start_paused = true)]
async fn a_node_over_a_transport_of_the_programs_own_says_that_it_has_no_majority_and_when_it_has_one() {
    let group = Group::new();
    let (leader, _) = group.leader().await;
    let [one, other] = group.others(leader);
    let node = group.node(one);
    let mut events = node.events();
    sleep(Duration::from_secs(30)).await;
    assert_eq!((problems(&mut events), shown(node).await), (vec![], None), "all is well");

    group.cut.off(leader);
    group.cut.off(other);
    sleep(Duration::from_secs(5)).await;
    let said = problems(&mut events);
    let [Event::LeaderLost { leader: lost }, Event::Diagnosed(diagnosis)] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!((*lost, diagnosis.problem), (leader, Problem::NoQuorum));
    assert!(diagnosis.silent == group.others(one) && diagnosis.unaddressed.is_empty());
    let shown_later = shown(node).await.unwrap();
    assert!(shown_later.problem == Problem::NoQuorum && shown_later.lasted > diagnosis.lasted);
    sleep(Duration::from_secs(600)).await;
    assert!((4..=6).contains(&problems(&mut events).len()), "at growing intervals");

    group.cut.heal();
    sleep(Duration::from_secs(10)).await;
    let said = problems(&mut events);
    assert!(matches!(said[..], [Event::Resolved { problem: Problem::NoQuorum, .. }]), "{said:?}");
    assert_eq!(shown(node).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_refuses_states_is_named_with_its_reason_until_it_takes_them() {
    let disk = Disk::new();
    disk.becomes(Mood::Refuses);
    let group = Group::with_disks(MARGIN, |_| disk.clone());
    let node = group.node(1);
    let mut events = node.events();
    sleep(Duration::from_secs(5)).await;
    let said = problems(&mut events);
    let told = said.iter().find_map(|event| match event {
        Event::Diagnosed(diagnosis) if diagnosis.problem == Problem::StatePending => Some(diagnosis),
        _ => None,
    });
    let told = told.unwrap_or_else(|| panic!("{said:?}"));
    assert_eq!(told.cause.as_deref(), Some("no descriptor is left"));
    assert!(told.to_string().ends_with("look at the disk of this node; no descriptor is left"), "{told}");
    assert_eq!(shown(node).await.map(|shown| shown.problem), Some(Problem::StatePending));
    let refused = node.election_counters().await.unwrap().refused_writes;
    assert!(refused >= 5, "{refused} writes were refused");

    disk.becomes(Mood::Works);
    sleep(Duration::from_secs(10)).await;
    let said = problems(&mut events);
    let ends = |event: &Event<Id>| matches!(event, Event::Resolved { problem: Problem::StatePending, .. });
    assert_eq!(said.iter().filter(|event| ends(event)).count(), 1, "{said:?}");
    assert_eq!(shown(node).await, None);
    let counters = node.election_counters().await.unwrap();
    assert!(counters.writes > 0 && counters.refused_writes >= refused);
}
