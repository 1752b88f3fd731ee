//! When a register is called at all. Rules 10.13 and 10.14.

use std::time::Duration;

use quorate::adapters::register::{self, AgentConfig, Step, Use};
use quorate::message::{Body, Phase};
use quorate::{Config, Election, Force, HardState, Input, Output, RoleKind, Target, Timing};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::bench::{A, B, CLUSTER, Machine, R, Register, at, is_granted};

const LOOK: Duration = Duration::from_secs(10);

/// Lets A and B, which reach each other and the register at once, run until `end`, in steps of a millisecond. Returns how
/// many reads and swaps each machine has asked for.
fn run(
    machines: &mut [Machine; 2],
    register: &mut Register,
    from: u64,
    end: u64,
    b_is_up: bool,
) -> [(u64, u64); 2] {
    let before = [0, 1].map(|index| calls(&machines[index]));
    for now in from..end {
        for index in 0..2 {
            if index == 1 && !b_is_up {
                continue;
            }
            let mut steps = machines[index].tick(now);
            let mut outputs = machines[index].node.tick(at(now));
            loop {
                let asked = std::mem::take(&mut steps);
                for message in machines[index].carry_out(asked, register, now) {
                    outputs.extend(machines[index].node.step(Input::Receive { from: R, message }));
                }
                if outputs.is_empty() {
                    break;
                }
                for output in std::mem::take(&mut outputs) {
                    let Output::Send { to, message } = output else { continue };
                    if to == R {
                        steps.extend(machines[index].ask(message, now));
                    } else if b_is_up {
                        outputs.extend(exchange(machines, index, message, now));
                    }
                }
            }
        }
    }
    [0, 1].map(|index| {
        let after = calls(&machines[index]);
        (after.0 - before[index].0, after.1 - before[index].1)
    })
}

/// Passes a message to the other node, and its answers back.
fn exchange(
    machines: &mut [Machine; 2],
    from: usize,
    message: quorate::Message<u64>,
    now: u64,
) -> Vec<Output<u64>> {
    let (sender, other) = ([A, B][from], 1 - from);
    let mut replies = machines[other].node.tick(at(now));
    replies.extend(machines[other].node.step(Input::Receive { from: sender, message }));
    let mut outputs = Vec::new();
    for reply in replies {
        match reply {
            Output::Send { to, message } if to == sender => {
                outputs.extend(machines[from].node.step(Input::Receive { from: [A, B][other], message }));
            }
            _ => {}
        }
    }
    outputs
}

fn calls(machine: &Machine) -> (u64, u64) {
    let calls = machine.agent.status().calls;
    (calls.reads, calls.swaps)
}

fn machines(usage: Use) -> [Machine; 2] {
    [A, B].map(|id| Machine::with(AgentConfig::new(id, R, CLUSTER, usage)))
}

/// Rules 10.13 and 10.14: at rest a spare register is read by the node that does not lead, and not written.
#[test]
fn a_spare_register_is_not_written_at_rest_and_a_leader_looks_rarely() {
    let (mut register, mut machines) = (Register::signed(), machines(Use::Spare { look: LOOK }));
    run(&mut machines, &mut register, 0, 20_000, true);
    let leader = machines.iter().position(|machine| machine.node.role() == RoleKind::Leader).unwrap();
    let rest = run(&mut machines, &mut register, 20_000, 80_000, true);
    assert_eq!(rest[leader], (0, 0));
    assert_eq!(rest[1 - leader], (6, 0), "a look each ten seconds");
}

/// Rule 10.13: the other machine dies, and the leader goes on with the register's promise, which was asked for in time.
#[test]
fn a_leader_keeps_its_lease_by_the_spare_vote_when_the_other_machine_dies() {
    let (mut register, mut machines) = (Register::signed(), machines(Use::Spare { look: LOOK }));
    // B does not campaign, so that A leads.
    let _ = machines[1].node.step(Input::SetPriority(quorate::Priority(0)));
    run(&mut machines, &mut register, 0, 20_000, true);
    let term = machines[0].node.lease().expect("A leads").term;
    for second in 20..60 {
        run(&mut machines, &mut register, second * 1_000, (second + 1) * 1_000, false);
        let now = at((second + 1) * 1_000);
        assert!(machines[0].node.lease().is_some_and(|lease| lease.term == term && lease.holds_at(now)));
    }
}

/// Rule 10.13: with `Always`, and while the other machine is down, a write each two fifths of a promise.
#[test]
fn a_register_is_written_each_two_fifths_of_a_promise_at_most() {
    let (mut register, mut machines) = (Register::signed(), machines(Use::Always { look: LOOK }));
    run(&mut machines, &mut register, 0, 20_000, true);
    let rest = run(&mut machines, &mut register, 20_000, 20_000 + 36_000, true);
    let swaps = rest[0].1 + rest[1].1;
    // 36 s, and a heartbeat each 300 ms: one in five.
    assert!((23..=25).contains(&swaps), "{swaps} writes");
}

/// Rule 10.14: what B has seen in time is over when A dies.
#[test]
fn a_node_that_has_looked_in_time_wins_at_once() {
    let (mut register, mut a) = (Register::signed(), Machine::new(A));
    let mut b = Machine::with(AgentConfig::new(B, R, CLUSTER, Use::Spare { look: LOOK }));
    let request = a.request(Phase::Real, 1, 0);
    assert!(is_granted(&a.answer(request, &mut register, 0)));
    for now in [1_000, 11_000] {
        let steps = b.tick(now);
        assert_eq!(steps, [Step::Read]);
        b.carry_out(steps, &mut register, now);
        assert_eq!(b.agent.deadline(), at(now + 10_000));
    }
    let request = b.request(Phase::Real, 2, 12_000);
    assert!(matches!(&request.body(), Body::VoteRequest(_)));
    assert!(is_granted(&b.answer(request, &mut register, 12_000)));
}

/// Rule 10.10: a register that is of no use is looked at as often as any, and not with each heartbeat.
#[test]
fn a_register_that_is_of_no_use_is_not_read_with_each_heartbeat() {
    let (mut register, mut machines) = (Register::signed(), machines(Use::Spare { look: LOOK }));
    run(&mut machines, &mut register, 0, 20_000, true);
    register.bytes.truncate(9);
    let rest = run(&mut machines, &mut register, 20_000, 620_000, true);
    // The leader finds out by a look that it has a thirtieth as often, and looks as often as the other from then on.
    assert!(rest.iter().all(|&(reads, swaps)| reads <= 61 && swaps == 0), "{rest:?}");
    assert!(machines.iter().all(|machine| machine.silence().is_some()));
}

/// Rule 10.13: B signs only after the leader has asked, and no message is lost that would have the leader ask again.
#[test]
fn a_register_that_is_added_to_a_running_group_becomes_a_voter() {
    let mut register = Register::new();
    register.bytes = register::create(&HardState::joining(CLUSTER), R).unwrap();
    let mut machines = machines(Use::Spare { look: LOOK });
    for (index, machine) in machines.iter_mut().enumerate() {
        let two = HardState::bootstrap(CLUSTER, [A, B]).unwrap();
        let config = Config { timing: Timing::wan(), ..Config::new([A, B][index]) };
        machine.node = Election::new(config, two, at(0), ChaCha8Rng::seed_from_u64(index as u64)).unwrap();
        machine.node.expect_register_voter();
    }
    run(&mut machines, &mut register, 0, 20_000, true);
    let leader = machines.iter().position(|machine| machine.node.role() == RoleKind::Leader).unwrap();
    let reconfigure = |machines: &mut [Machine; 2], register: &mut Register, voters: &[u64], now| {
        let target = Target::new(voters.to_vec(), []).unwrap();
        let change = Input::Reconfigure { target, force: Force::Never };
        let outputs = machines[leader].node.step(change);
        assert!(!outputs.iter().any(|output| matches!(output, Output::Rejected(_))), "{outputs:?}");
        run(machines, register, now, now + 20_000, true);
        assert_eq!(machines[leader].node.membership().voters(), voters);
    };
    reconfigure(&mut machines, &mut register, &[A, B, R], 20_000);
    assert_eq!(machines[leader].silence(), None);
    // At rest R is bound to nobody, and is not taken for silent.
    run(&mut machines, &mut register, 40_000, 60_000, true);
    reconfigure(&mut machines, &mut register, &[[A, B][leader], R], 60_000);
}
