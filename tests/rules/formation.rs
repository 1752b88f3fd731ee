//! Rule 8.4: nodes form a group, which grows and shrinks as nodes are discovered and lost.

use quorate::message::Denial;
use quorate::{
    HardState, Ineligible, Input, Limits, Membership, MembershipError, Output, Rejection, RoleKind,
};

use crate::support::*;

const LIMITS: Limits = Limits { min_members: 3, max_members: 5 };

fn forming(id: u64) -> Node {
    Node::new(config(id), HardState::forming(CLUSTER, LIMITS).unwrap(), 0)
}

/// A forming node that was told of `others` at time 0.
fn told_of(id: u64, others: &[u64]) -> Node {
    let mut node = forming(id);
    for &other in others {
        assert_eq!(trace(&node.step(Input::Discovered(other))), "persist");
    }
    node
}

/// Node 1, elected by nodes 2 and 3 while it knew of node 4 as well, and its first outputs as leader.
fn founded() -> (Node, Outputs) {
    let mut node = told_of(1, &[2, 3, 4]);
    let asked = node.campaign(&[2, 3]);
    let now = sent_at(&asked, 2);
    assert_eq!(node.hear(now, 2, grant(&to(&asked, 2), LIMIT)), [], "2 of 5 are no quorum");
    let won = node.hear(now, 3, grant(&to(&asked, 3), LIMIT));
    assert_eq!(node.role(), RoleKind::Leader);
    (node, won)
}

#[test]
fn no_node_campaigns_before_it_knows_enough_nodes() {
    let mut node = told_of(1, &[2]);
    assert_eq!(node.deadline(), None);
    let few = Ineligible::StillForming { known: 2, min_members: 3 };
    assert_eq!(node.step(Input::Campaign), [Output::Rejected(Rejection::CannotLead(few))]);
    node.step_at(0, Input::Discovered(3));
    assert!(node.deadline().is_some());
    node.step_at(0, Input::Lost(2));
    assert_eq!(node.deadline(), None);
}

/// Two parts of the nodes must not form a group each.
#[test]
fn a_forming_quorum_is_more_than_half_of_all_that_may_ever_start() {
    let (node, won) = founded();
    assert_eq!((node.lists(), node.membership().quorum()), ((&[1, 2, 3][..], &[][..]), 3));
    assert_eq!(node.membership().version(), version(1, 1));
    assert_eq!(node.membership().limits(), Some(LIMITS));
    assert!(trace(&won).starts_with("persist, elected, installed, "), "{}", trace(&won));
    for (min_members, max_members) in [(0, 0), (1, 2), (2, 4), (4, 3)] {
        let made = Membership::<u64>::forming(Limits { min_members, max_members });
        assert_eq!(made, Err(MembershipError::BadLimits));
    }
}

/// The forming quorum is needed once more, for the commit. From then on a majority is enough, and the
/// leader adds the other nodes that it knows.
#[test]
fn the_founders_quorum_becomes_a_majority_only_after_the_commit() {
    let (mut node, beats) = founded();
    let now = sent_at(&beats, 2);
    node.hear(now, 2, accept(&to(&beats, 2)));
    assert_eq!((node.status().committed, node.membership().quorum()), (false, 3));
    node.hear(now, 3, accept(&to(&beats, 3)));
    assert_eq!((node.lists(), node.membership().quorum()), ((&[1, 2, 3][..], &[4][..]), 2));
}

#[test]
fn a_candidacy_goes_on_while_nodes_are_discovered_and_lost() {
    let mut node = told_of(3, &[1, 4]);
    let asked = node.campaign(&[1, 4]);
    let now = sent_at(&asked, 1);
    node.hear(now, 1, grant(&to(&asked, 1), LIMIT));
    node.step_at(now, Input::Discovered(2));
    assert_eq!(node.role(), RoleKind::Candidate);
    node.hear(now, 4, grant(&to(&asked, 4), LIMIT));
    assert_eq!((node.role(), node.lists().0), (RoleKind::Leader, &[1, 3, 4][..]));
    assert_eq!(node.status().target, Some(target(&[1, 2, 3, 4], &[])));
}

/// A forming node of the same group is heard even if it was not discovered. The node that votes for it adds
/// it to the nodes it knows.
#[test]
fn an_unknown_forming_node_is_voted_for_and_known_from_then_on() {
    let mut node = told_of(3, &[1, 2]);
    let stranger = told_of(4, &[1, 5]).membership().clone();
    let out = node.hear(0, 4, pre_vote(0, 1).carrying(stranger.clone()));
    assert_eq!(trace(&out), "yes 4");
    assert_eq!(node.lists().0, [1, 2, 3], "a pre-vote changes nothing");
    let out = node.hear(0, 4, vote(1, 2).carrying(stranger.clone()));
    assert_eq!(trace(&out), "persist, yes 4");
    assert_eq!(persisted(&out).unwrap().membership.voters(), [1, 2, 3, 4]);

    // A voter of an existing group is no founder of another one.
    let out = node.hear(LIMIT, 9, vote(2, 3).version(2, 1));
    assert_eq!((granted(&out, 9), node.lists().0), (LIMIT, &[1, 2, 3, 4][..]));

    // The operator has started more nodes than there may ever be.
    node.step(Input::Discovered(5));
    let out = node.hear(2 * LIMIT, 6, vote(3, 1).carrying(stranger));
    assert_eq!((trace(&out).as_str(), denied(&out, 6)), ("too-many, no 6", Denial::NotAMember));
}

/// Two starting points contradict each other: neither node adopts the other's, and both report it.
#[test]
fn groups_that_start_differently_refuse_each_other() {
    let other = Membership::forming(Limits { min_members: 3, max_members: 4 }).unwrap();
    let bootstrapped = Membership::bootstrap([1, 2, 3]).unwrap();
    for theirs in [other, bootstrapped] {
        let mut node = told_of(3, &[1, 2]);
        let before = node.lasting();
        let out = node.hear(0, 2, vote(1, 1).carrying(theirs.clone()));
        assert_eq!((trace(&out).as_str(), denied(&out, 2)), ("conflict, no 2", Denial::MembershipConflict));
        let asked = node.tick_at(node.due());
        let refusal = deny(&to(&asked, 1), Denial::MembershipConflict).carrying(theirs);
        assert_eq!(trace(&node.hear(sent_at(&asked, 1), 1, refusal)), "conflict");
        assert_eq!(node.lasting(), before);
    }
    let mut node = Node::fresh(1, &[1, 2, 3]);
    let out = node.hear(0, 2, vote(1, 1).carrying(told_of(2, &[1, 3]).membership().clone()));
    assert_eq!(denied(&out, 2), Denial::MembershipConflict);
}

/// A joining node is no founder: among more than `max_members` nodes there could be two quorums.
#[test]
fn a_joining_node_does_not_help_to_form_a_group() {
    let mut node = Node::new(config(4), HardState::joining(CLUSTER), 0);
    let out = node.hear(0, 1, vote(1, 1).carrying(told_of(1, &[2, 4]).membership().clone()));
    assert_eq!((denied(&out, 1), node.term()), (Denial::NotAMember, term(0)));
}

/// The node was never a member, so it is not removed. It waits to be discovered again.
#[test]
fn a_forming_node_that_is_left_out_becomes_passive() {
    let mut node = told_of(4, &[1, 2]);
    let asked = node.tick_at(node.due());
    let now = sent_at(&asked, 1);
    let first = founded().0.membership().clone();
    let out =
        node.hear(now, 1, deny(&to(&asked, 1), Denial::NotAMember).in_term(1).carrying(first).committed());
    assert_eq!(trace(&out), "persist, committed");
    assert_eq!((node.role(), node.deadline()), (RoleKind::Follower, None));
    assert_eq!(node.restarted(now).deadline(), None, "it asks no more after a restart");
}

/// A leader of nodes 1 to 3 that has added node 4 and reached its target, and the time.
fn grown() -> (Node, u64) {
    let (mut node, mut beats) = founded();
    let mut now = sent_at(&beats, 2);
    for _ in 0..4 {
        let others: Vec<u64> =
            (2..=4).filter(|id| trace(&beats).contains(&format!("heartbeat {id}"))).collect();
        node.accepted(now, &others, &beats);
        now += HEARTBEAT;
        beats = node.tick_at(now);
    }
    node.accepted(now, &[2, 3, 4], &beats);
    assert_eq!((node.lists(), node.status().target), ((&[1, 2, 3, 4][..], &[][..]), None));
    (node, now)
}

#[test]
fn a_formed_group_grows_and_shrinks_within_its_limits() {
    let (mut node, now) = grown();
    node.step_at(now, Input::Discovered(5));
    assert_eq!(node.status().target, Some(target(&[1, 2, 3, 4, 5], &[])));
    let full = Rejection::GroupFull { max_members: 5 };
    assert_eq!(node.step(Input::Discovered(6)), [Output::Rejected(full)]);
    assert_eq!(node.step(Input::Discovered(5)), [], "known already");
    assert_eq!(node.step(Input::Lost(6)), [Output::Rejected(Rejection::NotAMember { id: 6 })]);
    node.step(Input::Lost(4));
    node.step(Input::Lost(5));
    assert_eq!(node.status().target, Some(target(&[1, 2, 3], &[])));
    let small = Rejection::GroupTooSmall { min_members: 3 };
    assert_eq!(node.step(Input::Lost(3)), [Output::Rejected(small)]);
    assert_eq!(node.step(Input::Lost(1)), [Output::Rejected(Rejection::LostItself)]);
    assert_eq!(node.step(Input::Discovered(1)), [Output::Rejected(Rejection::DiscoveredItself)]);
}

#[test]
fn only_the_leader_of_a_formed_group_accepts_discovered_and_lost_nodes() {
    let mut follower = told_of(2, &[1, 3]);
    follower.hear(0, 1, heartbeat(1, 1).carrying(founded().0.membership().clone()));
    for wish in [Input::Discovered(4), Input::Lost(3)] {
        let refused = Rejection::NotLeader { leader: Some(leads(1, 1)) };
        assert_eq!(follower.step(wish), [Output::Rejected(refused)]);
    }
    let mut node = leader(1, &[1, 2, 3]);
    assert_eq!(node.step_at(HEARTBEAT - 1, Input::Discovered(4)), [Output::Rejected(Rejection::NoLimits)]);
}

/// The nodes that a forming node knows and its vote survive a crash.
#[test]
fn a_restarted_forming_node_knows_the_nodes_it_knew() {
    let mut node = told_of(1, &[2, 3]);
    let out = node.hear(0, 4, vote(1, 1).carrying(told_of(4, &[1, 2]).membership().clone()));
    assert_eq!(granted(&out, 4), LIMIT);
    let node = node.restarted(1_000);
    assert_eq!((node.lists().0, node.voted_for()), (&[1, 2, 3, 4][..], Some(4)));
}

/// A node that asked to leave is removed once the group has formed without it.
#[test]
fn a_forming_node_that_wants_to_leave_and_is_left_out_is_removed() {
    let mut node = told_of(4, &[1, 2]);
    assert_eq!(node.step(Input::Leave), []);
    let asked = node.tick_at(node.due());
    let first = founded().0.membership().clone();
    let told = deny(&to(&asked, 1), Denial::NotAMember).in_term(1).carrying(first).committed();
    assert_eq!(trace(&node.hear(sent_at(&asked, 1), 1, told)), "persist, committed, removed");
}

/// Rule 8.4: news of one learner does not change the target for the others.
#[test]
fn a_learner_that_is_lost_or_discovered_leaves_the_other_learners_alone() {
    let (mut node, now) = grown();
    node.reconfigure(now, &[1, 2, 3], &[4, 7]);
    assert_eq!(node.step(Input::Lost(7)), []);
    assert_eq!(node.status().target, Some(target(&[1, 2, 3], &[4])));
    node.reconfigure(now, &[1, 2, 3], &[4, 7]);
    node.step(Input::Discovered(4));
    assert_eq!(node.status().target, Some(target(&[1, 2, 3, 4], &[7])));
}

/// Rules 1.3 and 8.4: members of an existing group are no founders of another one, and add none.
#[test]
fn only_forming_nodes_are_founders_and_only_for_forming_nodes() {
    let stranger = || told_of(9, &[1, 2]).membership().clone();
    let mut member = grown().0;
    let now = member.lease_end();
    let out = member.hear(now, 9, pre_vote(1, 1).carrying(stranger()));
    assert_eq!(denied(&out, 9), Denial::NotAMember);

    let mut forming = told_of(3, &[1, 2]);
    let out = forming.hear(0, 9, pre_vote(0, 1).version(0, 0));
    assert_eq!(denied(&out, 9), Denial::NotAMember);
}

/// Rule 8.4: if the first leader dies, the next one lowers the quorum.
#[test]
fn a_later_leader_lowers_the_founders_quorum_too() {
    let mut node = told_of(2, &[1, 3]);
    node.hear(0, 1, heartbeat(1, 1).carrying(founded().0.membership().clone()));
    assert_eq!(node.membership().quorum(), 3);
    let asked = node.campaign(&[1, 3]);
    let now = sent_at(&asked, 1);
    let beats = node.win(now, &[1, 3], &asked);
    node.accepted(now, &[1, 3], &beats);
    assert_eq!((node.lists().0, node.membership().quorum()), (&[1, 2, 3][..], 2));
}

/// Rule 8.4: the leader adds the known nodes that did not vote, even if the founders are a majority.
#[test]
fn a_group_founded_by_a_majority_adds_the_other_nodes() {
    let limits = Limits { min_members: 2, max_members: 3 };
    let mut node = Node::new(config(1), HardState::forming(CLUSTER, limits).unwrap(), 0);
    node.step(Input::Discovered(2));
    node.step(Input::Discovered(3));
    let asked = node.campaign(&[2]);
    node.win(sent_at(&asked, 2), &[2], &asked);
    assert_eq!((node.lists().0, node.membership().quorum()), (&[1, 2][..], 2));
    assert_eq!(node.status().target, Some(target(&[1, 2, 3], &[])));
}

/// A group that the operator recovers keeps its limits and its promises, and goes on in a later term.
#[test]
fn a_recovered_state_keeps_the_limits_and_the_longest_promise() {
    let saved = grown().0.durable().clone();
    let recovered = saved.recover_unsafely([1, 2], term(7)).unwrap();
    assert_eq!((recovered.membership.voters(), recovered.membership.limits()), (&[1, 2][..], Some(LIMITS)));
    assert_eq!((recovered.term, recovered.promised), (term(8), saved.promised));
    assert!(saved.promised > ms(0));
}
