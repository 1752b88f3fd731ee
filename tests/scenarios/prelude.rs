//! What the scenarios on a [`ManualNetwork`] share: lengths of time, groups to begin with, requests of
//! the operator, and time that passes while some messages are lost.

pub(crate) use std::time::Duration;

pub(crate) use quorate::message::{Body, Heartbeat, Order, Phase};
pub(crate) use quorate::{
    ClusterId, Event, Force, HardState, Input, Leader, Limits, Position, Priority, StepDown, Target, Term,
    Timing, Urgency,
};
pub(crate) use quorate_sim::{Mail, ManualNetwork};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const CLUSTER: ClusterId = ClusterId(7);

/// `voters` voters led by node 1, which has added the node after them as a learner.
pub(crate) fn with_a_learner(voters: u64) -> ManualNetwork {
    let learner = voters + 1;
    let mut network = ManualNetwork::new(voters, Timing::lan());
    network.durable.insert(learner, HardState::joining(CLUSTER));
    network.restart(learner);
    network.elect(1);
    let _ = network.step(1, reconfigure(1..=voters, [learner]));
    run(&mut network, 1_000 * MS, |_| false);
    assert!(network.nodes.values().all(|node| node.membership().learners() == [learner]));
    network
}

/// The operator's request for these voters and these learners.
pub(crate) fn reconfigure(
    voters: impl IntoIterator<Item = u64>,
    learners: impl IntoIterator<Item = u64>,
) -> Input<u64> {
    Input::Reconfigure { target: Target::new(voters, learners).expect("a valid target"), force: Force::Never }
}

/// Lets `length` pass. Messages that are `lost` never arrive; all others arrive at once.
///
/// Panics if two nodes ever hold a lease at the same time.
pub(crate) fn run(network: &mut ManualNetwork, length: Duration, lost: impl Fn(&Mail) -> bool) {
    let end = network.now + length;
    while network.now < end {
        exchange(network, &lost);
        network.pass(MS);
    }
    exchange(network, &lost);
}

fn exchange(network: &mut ManualNetwork, lost: &impl Fn(&Mail) -> bool) {
    loop {
        network.lose(lost);
        if network.deliver(|_| true) == 0 {
            break;
        }
    }
    let holders = network.nodes.values().filter_map(|node| Some((node.id(), node.lease()?)));
    let holders: Vec<_> = holders.filter(|(_, lease)| lease.holds_at(network.now.into())).collect();
    assert!(holders.len() < 2, "two leases: {holders:?}");
}

/// Selects the messages that `node` sends or receives.
pub(crate) fn involves(node: u64) -> impl Fn(&Mail) -> bool {
    move |mail| mail.from == node || mail.to == node
}
