//! Operators who ask hosts over sockets.

use quorate::adapters::endpoint::operator::{Change, ChangeKind, Command, Refused};
use quorate::adapters::udp::{Operator, OperatorError};
use quorate::{MemberStatus, RoleKind};

use super::*;

fn operator(keys: &[u8]) -> Operator {
    Operator::new(GROUP, ring(keys)).waiting(PATIENCE)
}

fn resign(successor: Option<Id>) -> Command<Id> {
    Command::Resign { successor, urgency: Urgency::WhenReady }
}

#[test]
fn an_operator_sees_every_node_and_has_the_leader_hand_over_and_change_the_group() {
    let hosts = trio_of(|id| config(id).taking_commands());
    let (place, lease) = leader(&hosts);
    let operator = operator(&[1]);
    for (id, host) in (1..).zip(&hosts) {
        let report = operator.report::<Id>(host.local_addr()).unwrap();
        assert_eq!((report.status.id, report.status.members.len()), (id, 3));
        assert_eq!(report.keys, ring(&[1]).ids().collect::<Vec<_>>());
    }
    let others: Vec<usize> = (0..3).filter(|&other| other != place).collect();
    let refused = operator.command(hosts[others[0]].local_addr(), &resign(None)).unwrap_err();
    assert!(matches!(&refused, OperatorError::Refused(Refused::Rejected(_))), "a follower: {refused}");

    let successor = others[1] as Id + 1;
    let heir = &hosts[others[1]];
    wait("the leader to hand over", || {
        operator.command(hosts[place].local_addr(), &resign(Some(successor))).ok()
    });
    wait("the successor to lead", || heir.lease().filter(|next| next.term > lease.term));

    let newcomer = host(config(4), HardState::joining(GROUP));
    let add = Change { addresses: vec![newcomer.local_addr()], ..Change::new(4 as Id, ChangeKind::Add) };
    wait("the leader to take it", || operator.command(heir.local_addr(), &Command::Change(add.clone())).ok());
    let votes = |member: &MemberStatus<Id>| member.id == 4 && member.voter;
    wait("the newcomer to vote", || newcomer.status().members.iter().any(votes).then_some(()));
    assert_eq!(newcomer.status().role, RoleKind::Follower);
}

#[test]
fn nobody_is_answered_without_the_key_and_nothing_is_done_by_a_host_that_takes_no_commands() {
    let alone = || first(1, &[1]);
    let sealed = host(config(1), alone());
    let impatient = |keys| Operator::new(GROUP, ring(keys)).waiting(Duration::from_millis(50));
    let refused = impatient(&[2]).report::<Id>(sealed.local_addr()).unwrap_err();
    assert!(matches!(refused, OperatorError::TimedOut { .. }), "{refused}");
    let refused = operator(&[1]).command(sealed.local_addr(), &resign(None)).unwrap_err();
    assert!(matches!(refused, OperatorError::Refused(Refused::NoCommands)), "{refused}");
    let open = host(unsealed(1).taking_commands(), alone());
    let refused = impatient(&[1]).report::<Id>(open.local_addr()).unwrap_err();
    assert!(matches!(refused, OperatorError::TimedOut { .. }), "{refused}");
}
