//! Section 7 of the rules: the membership and its versions.

use quorate::message::{Claim, Denial};
use quorate::{Event, HardState, Membership, RoleKind};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// Rule 7.1: every heartbeat has the version, and the list only if the receiver lacks it.
#[test]
fn a_heartbeat_carries_the_membership_until_its_receiver_has_acknowledged_it() {
    let (mut node, beats) = elected(1, &THREE);
    node.hear(10, 2, accept(&to(&beats, 2)));
    let beats = node.tick_at(HEARTBEAT);
    assert_eq!(heartbeat_of(&to(&beats, 2)).membership, None);
    assert_eq!(heartbeat_of(&to(&beats, 3)).membership.as_deref(), Some(node.membership()));
    for follower in [2, 3] {
        assert_eq!(to(&beats, follower).header().version, version(1, 1));
    }
}

/// Rule 7.2. Spec: `SendConfig`. A node adopts no version of a term above its own.
#[test]
fn a_membership_of_a_later_term_is_not_adopted() {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(3, 1).carrying(members(version(4, 1), &THREE)));
    assert_eq!((node.term(), node.membership().version()), (term(3), version(0, 1)));
}

/// Rule 7.3. Spec: `ConfigQuorumCheck`, `TermQuorumCheck`. Both checks use the same reply.
#[test]
fn a_membership_is_committed_by_term_and_version_of_one_reply() {
    let (mut node, beats) = elected(1, &[1, 2, 3, 4, 5]);
    let reply = |id| accept(&to(&beats, id));
    assert_eq!(trace(&node.hear(1, 2, reply(2).version(0, 1))), "", "the version before");
    assert_eq!(trace(&node.hear(1, 3, reply(3).in_term(0))), "", "another term");
    assert_eq!(trace(&node.hear(1, 4, reply(4))), "");
    assert_eq!(trace(&node.hear(1, 4, reply(4))), "", "each member counts once");
    assert!(!node.status().committed);
    let out = node.hear(1, 5, reply(5));
    assert_eq!(trace(&out), "persist, installed, committed");
    assert!(node.status().committed);

    let beats = node.tick_at(HEARTBEAT);
    assert!(to(&beats, 2).header().committed);
    let mut follower = Node::fresh(2, &[1, 2, 3, 4, 5]);
    let out = follower.hear(0, 1, to(&beats, 2));
    assert!(events(&out).contains(&Event::MembershipChanged { version: version(1, 1), committed: true }));
}

/// Rule 7.4: the operator has started nodes of one group with different lists.
#[test]
fn nodes_started_with_different_lists_deny_each_other_and_report_it_once() {
    let mut node = Node::fresh(3, &THREE);
    let other = Membership::bootstrap([2, 3, 4]).unwrap();
    for request in [vote(1, 1), pre_vote(0, 2), vote(2, 3)] {
        let out = node.hear(0, 2, request.carrying(other.clone()));
        assert_eq!(denied(&out, 2), Denial::MembershipConflict);
        assert_eq!(events(&out).len(), usize::from(node.status().term == term(0) && out.len() == 2));
    }
    assert_eq!(node.hear(0, 2, heartbeat(1, 4).carrying(other)), []);
    assert_eq!((node.term(), node.leader()), (term(0), None));

    let asked = node.tick_at(node.due());
    assert_eq!(
        request_of(&to(&asked, 1)).membership.as_deref(),
        Some(node.membership()),
        "so that both nodes detect the conflict"
    );
    let now = sent_at(&asked, 1);
    let out = node.hear(now, 1, deny(&to(&asked, 1), Denial::MembershipConflict));
    assert_eq!(events(&out), [Event::MembershipConflict { peer: 1 }], "the node that asked reports it too");
}

/// A node ignores messages of another cluster, and reports them once.
#[test]
fn a_message_of_another_cluster_is_ignored_and_reported_once() {
    let mut node = Node::fresh(3, &THREE);
    let before = node.lasting();
    let foreign = |mut message: Msg| {
        message.modify(|header, _| header.cluster = quorate::ClusterId(8));
        message
    };
    assert_eq!(trace(&node.hear(0, 1, foreign(vote(1, 1)))), "foreign");
    assert_eq!(node.hear(0, 1, foreign(heartbeat(1, 2))), []);
    assert_eq!((node.lasting(), node.leader()), (before, None));
}

/// Learners follow, and count in no quorum.
#[test]
fn a_learner_counts_neither_for_an_election_nor_for_a_lease() {
    let membership = Membership::new(version(0, 1), vec![1, 2, 3], vec![4, 5], 2).unwrap();
    let mut node = Node::new(config(1), HardState { membership, ..first_state(&THREE) }, 0);
    let asked = node.campaign(&[2]);
    assert_eq!(trace(&asked), "persist, vote 2, vote 3", "learners are not asked");
    for learner in [4, 5] {
        assert_eq!(node.hear(1, learner, grant(&to(&asked, 2), LIMIT)), []);
    }
    assert_eq!(node.role(), RoleKind::Candidate);
    let beats = node.hear(1, 2, grant(&to(&asked, 2), LIMIT));
    assert_eq!(node.role(), RoleKind::Leader);
    let end = node.lease_end();
    node.tick_at(100);
    for learner in [4, 5] {
        node.hear(100, learner, accept(&to(&beats, learner)));
    }
    assert_eq!((node.lease_end(), node.status().committed), (end, false));

    let membership = node.membership().clone();
    let mut learner = Node::new(config(4), HardState { membership, term: term(1), ..first_state(&THREE) }, 0);
    learner.hear(0, 1, heartbeat(1, 9).version(1, 1));
    assert_eq!(learner.leader(), Some(leads(1, 1)));
    let out = learner.step(quorate::Input::Campaign);
    assert_eq!(
        out,
        [quorate::Output::Rejected(quorate::Rejection::CannotLead(quorate::Ineligible::NotAVoter))],
        "a learner does not campaign"
    );
}

/// Rule 4.1: only a voter of the membership in force may campaign.
#[test]
fn a_promoted_learner_campaigns_and_a_demoted_voter_only_inquires() {
    let membership = Membership::new(version(0, 1), THREE.to_vec(), vec![4], 2).unwrap();
    let mut node = Node::new(config(4), HardState { membership, ..first_state(&THREE) }, 0);
    let four = members(version(1, 2), &[1, 2, 3, 4]);
    node.hear(0, 1, heartbeat(1, 1).carrying(four).rank(0));
    let mut promoted = node.clone();
    assert_eq!(trace(&promoted.campaign(&[1, 2])), "persist, vote 1, vote 2, vote 3");

    let three = Membership::new(version(1, 3), THREE.to_vec(), vec![4], 2).unwrap();
    node.hear(10, 1, heartbeat(1, 2).carrying(three).rank(0));
    assert_eq!(trace(&node.tick_at(10 + PROMISE)), "leader");
    let asked = node.tick_at(node.due());
    assert_eq!(request_of(&to(&asked, 1)).claim, Claim::Inquiry);
    for voter in THREE {
        assert_eq!(node.hear(sent_at(&asked, 1), voter, grant(&to(&asked, voter), 0)), []);
    }
    assert_eq!(node.term(), term(1));
}

/// Rule 4.1: the operator has started a node with a list that lacks it.
#[test]
fn a_node_that_is_not_in_the_list_it_was_started_with_is_passive() {
    let mut node = Node::fresh(9, &THREE);
    assert_eq!(node.deadline(), None);
    let out = node.step(quorate::Input::Campaign);
    assert_eq!(
        out,
        [quorate::Output::Rejected(quorate::Rejection::CannotLead(quorate::Ineligible::NotAVoter))]
    );
    node.hear(0, 1, heartbeat(1, 1));
    node.tick_at(10_000);
    assert_eq!((node.deadline(), node.role()), (None, RoleKind::Follower));
}

/// Rule 7.5: a leader encloses the membership until it is acknowledged. A node that does not hold a
/// membership that the leader no longer encloses has lost its state, and with it its votes.
#[test]
fn a_node_that_has_lost_an_acknowledged_membership_recovers() {
    for wiped in [Node::fresh(3, &THREE), Node::new(config(3), HardState::joining(CLUSTER), 0)] {
        let beat = |round| heartbeat(1, round).version(1, 1);
        assert_eq!(
            trace(&wiped.clone().hear(0, 1, beat(1))),
            "persist, yes 1, leader",
            "without a commit the node may never have been sent it"
        );
        let mut node = wiped.clone();
        assert_eq!(trace(&node.hear(0, 1, beat(1).committed())), "persist, state-lost");
        assert_eq!(node.hear(1, 1, beat(2).committed()), [], "it promises nothing, and reports it once");
        assert_eq!(node.hear(2, 2, vote(2, 1).version(1, 1)), [], "nor does it vote");
        assert_eq!((node.role(), node.due()), (RoleKind::Recovering, LIMIT));
        assert!(trace(&node.tick_at(LIMIT)).starts_with("ask 1"), "that leader is asked, whatever the list");
        let restarted = node.restarted(1_000);
        assert_eq!((restarted.role(), restarted.due()), (RoleKind::Recovering, 1_000 + LIMIT));
    }
    // A leader ends its work before it says so.
    let out = leader(3, &THREE).hear(100, 1, heartbeat(9, 1).version(9, 1).committed());
    assert!(trace(&out).ends_with("stepped-down, persist, state-lost, leader"), "{}", trace(&out));
    // A heartbeat that releases its receiver never encloses a membership.
    let mut node = Node::fresh(3, &THREE);
    assert_eq!(
        trace(&node.hear(0, 1, heartbeat(1, 1).version(1, 1).committed().asking(0))),
        "persist, yes 1"
    );
}

/// Rule 7.4: the conflict is reported even if neither leader is a member of the other's list.
#[test]
fn leaders_of_different_lists_with_one_version_are_reported() {
    let theirs = members(version(1, 1), &[3, 4, 5]);
    let state = HardState { term: term(1), membership: theirs.clone(), ..first_state(&[3, 4, 5]) };
    let mut follower = Node::new(config(3), state, 0);
    let beat = heartbeat(1, 1).carrying(members(version(1, 1), &THREE));
    let conflict = |peer| [Event::MembershipConflict { peer }];
    assert_eq!(events(&follower.hear(0, 1, beat)), conflict(1));
    let (mut node, beats) = elected(1, &THREE);
    let reply = deny(&to(&beats, 3), Denial::NotAMember).carrying(theirs);
    assert_eq!(events(&node.hear(1, 3, reply)), conflict(3));
}

/// Rules 7.1 and 7.3: a follower writes a membership before it acknowledges it, and need not write that it
/// is committed.
#[test]
fn a_membership_is_written_before_it_is_acknowledged_and_its_commit_is_not() {
    let mut node = Node::fresh(3, &THREE);
    assert_eq!(trace(&node.hear(0, 1, heartbeat(1, 1))), "persist, yes 1, leader");
    let grown = members(version(1, 2), &[1, 2, 3, 4]);
    let out = node.hear(1, 1, heartbeat(1, 2).carrying(grown.clone()));
    assert_eq!(trace(&out), "persist, installed, yes 1");
    assert_eq!(persisted(&out).unwrap().membership, grown);
    assert_eq!(trace(&node.hear(2, 1, heartbeat(1, 3).version(1, 2).committed())), "committed, yes 1");
}

/// Spec: `IsNewerConfig`. Versions are ordered by term, then by number, and are shown in that form.
#[test]
fn versions_are_ordered_by_term_and_then_by_number() {
    let ascending = [version(0, 9), version(1, 2), version(1, 3), version(2, 1)];
    assert!(ascending.is_sorted_by(|a, b| a < b));
    assert_eq!(ascending.map(|version| version.to_string()), ["0.9", "1.2", "1.3", "2.1"]);
    assert_eq!(format!("{:>4}", term(12)), "  12");
}

/// Rule 7.1: the first heartbeats of a new leader enclose no list where its members are those of the
/// version before.
#[test]
fn a_follower_that_holds_the_version_before_needs_no_list() {
    let renewed = members(version(2, 1), &THREE);
    let mut follower = Node::new(
        config(3),
        HardState { term: term(2), membership: renewed.clone(), ..first_state(&THREE) },
        0,
    );
    let named = |inherited| heartbeat(5, 1).version(5, 1).inheriting(inherited);
    for other in [version(2, 2), version(1, 1), version(0, 1)] {
        let mut follower = follower.clone();
        follower.hear(LIMIT, 1, named(other));
        assert_eq!(follower.membership(), &renewed, "it does not hold {other}");
    }
    let out = follower.hear(LIMIT, 1, named(version(2, 1)));
    assert_eq!(trace(&out), "persist, installed, yes 1, leader");
    assert_eq!(persisted(&out).unwrap().membership, members(version(5, 1), &THREE));
}

/// Rule 7.1: a follower that does not hold the version before gets the list from the second heartbeat on.
#[test]
fn a_new_leader_names_the_version_before_once_and_encloses_the_list_from_then_on() {
    let (mut node, first) = elected(1, &THREE);
    let enclosed = |out: &Outputs| {
        let beat = to(out, 2);
        (heartbeat_of(&beat).inherited, heartbeat_of(&beat).membership.clone())
    };
    assert_eq!(
        enclosed(&first),
        (None, Some(node.membership().clone().into())),
        "starting points may differ"
    );
    node.accepted(1, &[2, 3], &first);
    let asked = node.hear(2, 3, pre_vote(7, 1));
    let again = node.win(3, &[2], &asked);
    assert_eq!(enclosed(&again), (Some(version(1, 1)), None));
    let later = node.tick_at(3 + HEARTBEAT);
    assert_eq!(enclosed(&later), (None, Some(node.membership().clone().into())));
}
