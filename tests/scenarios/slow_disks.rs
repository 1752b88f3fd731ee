//! Hosts that do nothing else while they write.

use quorate::Message;
use quorate::message::{Answer, Denial, HeartbeatReply};
use quorate_sim::{Cluster, DiskOptions, Options, Setting, Start, failover};

use crate::prelude::*;

/// Rules 4.1 (d), 4.9 and 4.10: while the successor writes its vote the others neither use up theirs nor time
/// out, and no term is burnt.
#[test]
fn after_a_crash_writes_cost_their_time_and_no_term() {
    let ms = Duration::from_millis;
    let writes = [(0, 0), (20, 20), (40, 40), (70, 70), (100, 100), (0, 100)];
    for (nodes, (shortest, longest)) in [3, 4, 5, 7].into_iter().flat_map(|n| writes.map(|write| (n, write)))
    {
        let setting = Setting { nodes, write: (ms(shortest), ms(longest)), loss: 0, stagger: ms(20) };
        for seed in 0..10 {
            let result = failover(&setting, seed);
            assert!(result.length <= setting.bound(), "{setting:?}, seed {seed}: {result:?}");
            assert_eq!(result.candidacies, 1, "{setting:?}, seed {seed}: {result:?}");
        }
    }
}

/// Rule 4.10 (c): a follower that reserved its vote for a handover that failed does not delay the next election,
/// whichever follower is next.
#[test]
fn after_a_failed_handover_a_crash_costs_no_time() {
    for (nodes, successor) in [(3, 2), (3, 3), (5, 2), (5, 4)] {
        let mut network = ManualNetwork::new(nodes, Timing::lan());
        network.elect(1);
        network.run(1_000 * MS);
        let _ = network.step(1, Input::Resign { successor: Some(successor), urgency: Urgency::WhenReady });
        run(
            &mut network,
            500 * MS,
            |mail| matches!(&mail.message.body(), Body::HeartbeatReply(reply) if reply.ready),
        );
        assert_eq!((network.leader(), network.durable[&successor].term), (Some(1), Term(2)));
        let next = (2..=nodes).find(|&node| node != successor).unwrap_or(successor);
        let _ = network.step(next, Input::SetPosition(Position { term: 0, index: 1 }));
        run(&mut network, 300 * MS, |_| false);
        network.nodes.remove(&1);
        let start = network.now;
        while network.leader().is_none() && network.now < start + 1_000 * MS {
            run(&mut network, MS, |_| false);
        }
        assert_eq!(network.leader(), Some(next), "{nodes} nodes, {successor} was to lead");
        assert!(network.now - start <= Timing::lan().promise + MS, "{:?}", network.now - start);
    }
}

/// Five voters and two nodes to be added, which have run for a while and write for as long as allowed.
fn slow_group(seed: u64, write: Duration) -> Cluster {
    let nanos = write.as_nanos() as u64;
    let mut starts = vec![Start::Bootstrapped; 5];
    starts.resize(7, Start::Joining);
    let disk = DiskOptions { write: (nanos, nanos), ..DiskOptions::default() };
    let mut cluster = Cluster::new(seed, 7, Options { disk, starts, ..Options::default() });
    cluster.run_for(3_000 * MS + seed as u32 * 7 * MS);
    cluster
}

/// A reply of `from` that shows `leader` a term which is five higher than its own.
fn news_of_a_term(cluster: &Cluster, from: u64, leader: u64) -> Input<u64> {
    let node = cluster.election(leader).expect("the leader runs");
    let header = quorate::message::Header {
        cluster: node.cluster(),
        life: node.life(),
        term: Term(node.term().0 + 5),
        version: node.membership().version(),
        committed: false,
        round: quorate::message::Round(0),
        sent_at: quorate::Timestamp::ORIGIN,
    };
    let body = Body::HeartbeatReply(HeartbeatReply {
        request_term: node.term(),
        answer: Answer::Denied(Denial::StaleTerm),
        position: Position::default(),
        priority: Priority::default(),
        ready: false,
        leaving: false,
        membership: None,
    });
    Input::Receive { from, message: Message::new(header, body) }
}

/// Rule 3.5 (b): while its members change and while it renews its term, a leader writes, and its host sees a
/// lease all the time. The simulator checks that.
#[test]
fn the_host_of_a_leader_that_writes_sees_a_lease_all_the_time() {
    for (seed, write) in (0..8).flat_map(|seed| [0, 60, 100, 130].map(|write| (seed, write * MS))) {
        let mut cluster = slow_group(seed, write);
        let (leader, _) = cluster.leader().expect("a leader after three seconds");
        let others = (1..=7).filter(|&node| node != leader).skip(2);
        cluster.step(leader, reconfigure(others.chain([leader]), []));
        cluster.run_for(5_000 * MS);
        assert_eq!(cluster.counts().targets, 1, "seed {seed}, {write:?}");
        let members = cluster.durable(leader).membership.voters();
        let follower = *members.iter().find(|&&member| member != leader).expect("another voter");
        let (news, before) = (news_of_a_term(&cluster, follower, leader), cluster.counts().renewals);
        cluster.step(leader, news);
        cluster.run_for(3_000 * MS);
        let counts = cluster.counts();
        assert_eq!((counts.renewals - before, counts.step_downs), (1, 0), "seed {seed}, {write:?}");
    }
}
