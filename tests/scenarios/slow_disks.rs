//! Hosts that do nothing else while they write.

use quorate_sim::{Setting, failover};

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
            200 * MS,
            |mail| matches!(&mail.message.body, Body::HeartbeatReply(reply) if reply.ready),
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
