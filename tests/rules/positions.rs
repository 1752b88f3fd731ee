//! Rule 8.1 (h): a learner votes once its data reach far enough, and what a quorum holds is carried over from step
//! to step.

use quorate::{Event, Force, HardState, Input, Membership, Position};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// Node 1, which leads, and the time of its next heartbeats.
struct Group {
    node: Node,
    news: Vec<Event<u64>>,
}

impl Group {
    fn new(voters: &[u64]) -> Group {
        Group { node: leader(1, voters), news: Vec::new() }
    }

    fn set_own(&mut self, index: u64) {
        self.node.step(Input::SetPosition(at_index(index)));
    }

    /// One round of heartbeats, to which these nodes reply with these positions, a millisecond later.
    fn round(&mut self, positions: &[(u64, u64)]) {
        let now = self.node.due();
        let beats = self.node.tick_at(now);
        self.news.extend(events(&beats));
        for &(id, index) in positions {
            let message =
                sent(&beats).into_iter().rev().find(|(to, message)| *to == id && is_heartbeat(message));
            if let Some((_, beat)) = message {
                let out = self.node.hear(now + 1, id, accept(beat).position(index));
                self.news.extend(events(&out));
            }
        }
    }

    /// As many rounds as a step may take.
    fn rounds(&mut self, positions: &[(u64, u64)]) {
        (0..20).for_each(|_| self.round(positions));
    }

    fn reconfigure(&mut self, voters: &[u64], force: Force) {
        let input = Input::Reconfigure { target: target(voters, &[]), force };
        let out = self.node.step(input);
        self.news.extend(events(&out));
    }

    fn voters(&self) -> &[u64] {
        self.node.lists().0
    }

    fn awaited(&self, id: u64) -> Option<Position> {
        let member = self.node.status().members.into_iter().find(|member| member.id == id).unwrap();
        member.follower.unwrap().awaited_position
    }

    fn behind(&self) -> Vec<Event<u64>> {
        self.news.iter().filter(|event| matches!(event, Event::LearnerBehind { .. })).cloned().collect()
    }
}

/// Rules 8.1 (h) and 8.2 (g): two of three voters have reached 7. The host is told once what it waits for.
#[test]
fn a_learner_votes_once_it_has_reached_what_a_quorum_of_the_voters_had() {
    let mut group = Group::new(&THREE);
    group.set_own(9);
    group.reconfigure(&[1, 2, 3, 4], Force::Never);
    group.rounds(&[(2, 7), (3, 5), (4, 6)]);
    assert_eq!((group.voters(), group.awaited(4)), (&THREE[..], Some(at_index(7))));
    let (position, required) = (at_index(6), at_index(7));
    assert_eq!(group.behind(), [Event::LearnerBehind { learner: 4, position, required }], "once");
    let status = group.node.status().to_string();
    assert!(status.contains("position 0.6 (votes from 0.7 on)"), "{status}");
    group.rounds(&[(2, 7), (3, 5), (4, 7)]);
    assert_eq!((group.voters(), group.awaited(4)), (&[1, 2, 3, 4][..], None));
}

/// Rule 8.1 (h): the learner is compared with the round before. Its data are always a little behind.
#[test]
fn a_learner_of_a_busy_group_votes_soon() {
    for voters in [&[1][..], &THREE] {
        let mut group = if voters == [1] { Group::alone() } else { Group::new(voters) };
        group.set_own(100);
        let target: Vec<u64> = voters.iter().copied().chain([4]).collect();
        group.reconfigure(&target, Force::Never);
        for round in 1..20 {
            let own = 100 + 10 * round;
            group.round(&[(2, own - 3), (3, own - 4), (4, own - 5)]);
            group.set_own(own + 10);
        }
        assert_eq!(group.voters(), target);
    }
}

impl Group {
    /// A group of node 1 alone.
    fn alone() -> Group {
        let mut node = Node::fresh(1, &[1]);
        node.tick_at(node.due());
        Group { node, news: Vec::new() }
    }
}

/// Rule 8.1 (h): a group is not taken over by newcomers without data, however many are promoted at a time.
#[test]
fn newcomers_without_data_do_not_replace_voters() {
    for (voters, target) in
        [(&[1][..], &[1, 2, 3][..]), (&THREE, &[1, 4, 5]), (&THREE, &[1, 2, 3, 4, 5, 6, 7])]
    {
        let mut group = if voters == [1] { Group::alone() } else { Group::new(voters) };
        group.set_own(1_000);
        group.reconfigure(target, Force::Never);
        let position = |id: u64| if voters.contains(&id) { 1_000 } else { 0 };
        let replies: Vec<(u64, u64)> = (2..=7).map(|id| (id, position(id))).collect();
        group.rounds(&replies);
        assert_eq!(group.voters(), voters, "to {target:?}");
        let caught_up: Vec<(u64, u64)> = (2..=7).map(|id| (id, 1_000)).collect();
        group.rounds(&caught_up);
        assert_eq!(group.voters(), target);
    }
}

/// Rule 8.2 (d): force sets positions aside for all steps to the target.
#[test]
fn force_promotes_learners_without_data() {
    let mut group = Group::new(&THREE);
    group.set_own(9);
    group.reconfigure(&[1, 4, 5], Force::IfNeeded);
    group.rounds(&[(2, 9), (3, 9), (4, 0), (5, 0)]);
    assert_eq!((group.voters(), group.behind()), (&[1, 4, 5][..], vec![]));
}

/// Rule 8.1 (h): nodes 1 and 2 hold 9 when 2 is removed. Nodes 3 and 4 would be a quorum of {1, 3, 4}, so 3 must
/// have caught up before that.
#[test]
fn what_a_quorum_held_before_a_step_is_held_by_a_quorum_before_the_next() {
    let mut group = Group::new(&THREE);
    group.set_own(9);
    group.rounds(&[(2, 9), (3, 5)]);
    group.reconfigure(&[1, 3], Force::Never);
    group.rounds(&[(2, 9), (3, 5)]);
    assert_eq!(group.voters(), [1, 3], "one step needs no more than quorums that overlap");
    group.reconfigure(&[1, 3, 4], Force::Never);
    group.rounds(&[(3, 5), (4, 9)]);
    assert_eq!(group.node.lists(), (&[1, 3][..], &[4][..]));
    group.rounds(&[(3, 9), (4, 9)]);
    assert_eq!(group.voters(), [1, 3, 4]);
}

/// Rule 8.2 (g): the host is told once which voter a step waits for, and also when that is the leader itself, whose
/// host has lowered its position.
#[test]
fn the_host_is_told_which_voters_a_step_waits_for() {
    for (own, other, voter) in [(9, 5, 3), (4, 9, 1)] {
        let mut group = Group::new(&THREE);
        group.set_own(9);
        group.rounds(&[(2, 9), (3, other)]);
        group.reconfigure(&[1, 3], Force::Never);
        group.rounds(&[(2, 9), (3, other)]);
        assert_eq!(group.voters(), [1, 3]);
        group.set_own(own);
        group.reconfigure(&[1, 3, 4], Force::Never);
        group.rounds(&[(3, other), (4, 9)]);
        let (position, required) = (at_index(own.min(other)), at_index(9));
        let behind = |event: &&Event<u64>| matches!(event, Event::VoterBehind { .. });
        let told: Vec<_> = group.news.iter().filter(behind).cloned().collect();
        assert_eq!(told, [Event::VoterBehind { voter, position, required }]);
    }
}

/// Rule 8.1 (h): a witness without data loses none, and what the others hold counts.
#[test]
fn a_witness_neither_blocks_a_change_nor_lets_a_newcomer_without_data_vote() {
    let mut group = Group::new(&THREE);
    group.set_own(9);
    let witness = |group: &mut Group, positions: &[(u64, u64)]| {
        for _ in 0..20 {
            let now = group.node.due();
            let beats = group.node.tick_at(now);
            for &(id, index) in positions {
                if let Some((_, beat)) = sent(&beats).into_iter().rev().find(|(to, _)| *to == id) {
                    let priority = if id == 3 { 0 } else { 1 };
                    group.node.hear(now + 1, id, accept(beat).position(index).priority(priority));
                }
            }
        }
    };
    witness(&mut group, &[(2, 9), (3, 0)]);
    group.reconfigure(&[1, 3, 4], Force::Never);
    witness(&mut group, &[(3, 0), (4, 0)]);
    assert_eq!(group.node.lists(), (&[1, 3][..], &[4][..]), "node 2 is silent, and 4 has no data");
    witness(&mut group, &[(3, 0), (4, 9)]);
    assert_eq!(group.voters(), [1, 3, 4]);
}

/// Rule 8.1 (h): node 4 holds no data and never leads. It replaces node 3, another witness, and has nothing to catch up
/// with.
#[test]
fn a_witness_without_data_is_replaced_by_another() {
    let mut group = Group::new(&THREE);
    group.set_own(9);
    group.reconfigure(&[1, 2, 4], Force::Never);
    for _ in 0..20 {
        let now = group.node.due();
        let beats = group.node.tick_at(now);
        group.news.extend(events(&beats));
        for (id, index, priority) in [(2, 9, 1), (3, 0, 0), (4, 0, 0)] {
            if let Some((_, beat)) = sent(&beats).into_iter().rev().find(|(to, _)| *to == id) {
                let out = group.node.hear(now + 1, id, accept(beat).position(index).priority(priority));
                group.news.extend(events(&out));
            }
        }
    }
    assert_eq!((group.voters(), group.behind()), (&[1, 2, 4][..], vec![]));
}

/// Rule 8.1 (h): nodes 1 and 2 hold 9 as a quorum of {1, 2, 3}, and node 4 becomes a witness without data. Nodes 3 and
/// 4 would be a quorum of {1, 3, 4}, so node 3 must have caught up before node 2 is removed.
#[test]
fn a_witness_and_a_voter_that_is_behind_become_no_quorum() {
    let mut group = Group::new(&THREE);
    group.set_own(9);
    let rounds = |group: &mut Group, positions: &[(u64, u64)]| {
        for _ in 0..20 {
            let now = group.node.due();
            let beats = group.node.tick_at(now);
            for &(id, index) in positions {
                if let Some((_, beat)) = sent(&beats).into_iter().rev().find(|(to, _)| *to == id) {
                    let priority = if id == 4 { 0 } else { 1 };
                    group.node.hear(now + 1, id, accept(beat).position(index).priority(priority));
                }
            }
        }
    };
    group.reconfigure(&[1, 2, 3, 4], Force::Never);
    rounds(&mut group, &[(2, 9), (3, 5), (4, 0)]);
    assert_eq!(group.voters(), [1, 2, 3, 4]);
    group.reconfigure(&[1, 3, 4], Force::Never);
    rounds(&mut group, &[(2, 9), (3, 5), (4, 0)]);
    assert_eq!(group.voters(), [1, 2, 3, 4]);
    rounds(&mut group, &[(2, 9), (3, 9), (4, 0)]);
    assert_eq!(group.voters(), [1, 3, 4]);
}

/// Rule 8.1 (h): a new leader does not take voters that have not replied yet for voters without data.
#[test]
fn a_new_leader_promotes_no_learner_before_it_knows_what_a_quorum_holds() {
    let membership = Membership::new(version(0, 1), THREE.to_vec(), vec![4], 2).unwrap();
    let mut node = Node::new(config(1), HardState { membership, ..first_state(&THREE) }, 0);
    node.step(Input::SetPosition(at_index(9)));
    let asked = node.campaign(&[2]);
    let beats = node.win(0, &[2], &asked);
    node.step(Input::Reconfigure { target: target(&[1, 2, 3, 4], &[]), force: Force::Never });
    node.hear(1, 4, accept(&to(&beats, 4)));
    node.hear(1, 2, accept(&to(&beats, 2)).position(9));
    assert!(node.is_committed());
    assert_eq!(node.lists(), (&THREE[..], &[4][..]));
}

/// Rule 8.1 (h): nodes 1 and 2 may have held 10 as a quorum before node 2 died. Nodes 3 and 4 would be a quorum of
/// {1, 3, 4}, so node 3 must have caught up before node 2 is removed.
#[test]
fn a_new_leader_removes_no_voter_before_a_quorum_holds_what_it_held_when_it_was_elected() {
    let mut node = Node::fresh(1, &THREE);
    node.step(Input::SetPosition(at_index(10)));
    let asked = node.campaign(&[3]);
    let beats = node.win(0, &[3], &asked);
    node.hear(1, 3, accept(&to(&beats, 3)).position(5));
    let mut group = Group { node, news: Vec::new() };
    group.reconfigure(&[1, 3, 4], Force::Never);
    group.rounds(&[(3, 5), (4, 10)]);
    assert_eq!(group.node.lists(), (&THREE[..], &[4][..]));
    group.rounds(&[(3, 10), (4, 10)]);
    assert_eq!(group.voters(), [1, 3, 4]);
}

/// Rule 8.1 (h): the host may know of the data of node 2 before its next reply shows them.
#[test]
fn what_the_leader_held_at_a_step_is_held_by_a_quorum_before_the_next() {
    let mut group = Group::new(&THREE);
    group.set_own(12);
    group.rounds(&[(2, 9), (3, 5)]);
    group.reconfigure(&[1, 3], Force::Never);
    group.rounds(&[(2, 9), (3, 5)]);
    assert_eq!(group.voters(), [1, 3]);
    group.reconfigure(&[1, 3, 4], Force::Never);
    group.rounds(&[(3, 9), (4, 12)]);
    assert_eq!(group.node.lists(), (&[1, 3][..], &[4][..]));
    group.rounds(&[(3, 12), (4, 12)]);
    assert_eq!(group.voters(), [1, 3, 4]);
}
