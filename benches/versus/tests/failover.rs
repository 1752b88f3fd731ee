//! The table of failover times says what happens.

use quorate_sim::MS;
use quorate_versus::conditions::WriteTimes;
use quorate_versus::failover::{Failover, Outcome, Setting};
use quorate_versus::setups::{
    self, LibrarySetup, OMNIPAXOS, QUORATE, QUORATE_AT_OMNIPAXOS, RAFT_RS_1, RAFT_RS_10,
};
use quorate_versus::summary::{PeaceSummary, Summary, replaced};

/// Three nodes, 5 ms one way.
fn three_nodes(loss: u32) -> Setting {
    Setting::new(3, 5 * MS, loss)
}

fn failovers(outcomes: &[Outcome]) -> Vec<Failover> {
    let failovers: Vec<Failover> = outcomes.iter().filter_map(replaced).collect();
    assert_eq!(failovers.len(), outcomes.len(), "a leader is elected in every run");
    failovers
}

#[test]
fn the_same_seed_is_the_same_run_of_each_library() {
    for setup in setups::ALL {
        let [first, second] = [(); 2].map(|()| setup.outcomes(&three_nodes(50_000), 8));
        assert_eq!(first, second, "{}", setup.name);
    }
}

#[test]
fn quorate_is_back_within_a_promise_five_delays_and_a_stagger() {
    let setting = three_nodes(0);
    let failovers = failovers(&QUORATE.outcomes(&setting, 200));
    let promise = setting.timings.election_timeout + setting.timings.stagger;
    let most = promise.as_nanos() as u64 + 5 * 5 * MS;
    for (seed, failover) in (1..).zip(&failovers) {
        assert!(failover.elected <= most, "seed {seed}: {failover:?}");
        assert_eq!(failover.terms, 1, "seed {seed}: {failover:?}");
    }
    // A leader is not replaced while it may still act: the rest of its promise is waited for.
    let least = failovers.iter().map(|failover| failover.elected).min();
    assert!(least >= Some(100 * MS), "{least:?}");
}

/// A follower of Raft campaigns 150 to 300 ms after the last heartbeat, the first of two after 200 on
/// average. The crash comes 25 ms after the heartbeat, which takes 5 ms, and both rounds of votes take 20.
#[test]
fn raft_rs_takes_as_long_as_can_be_worked_out() {
    for raft in [RAFT_RS_1, RAFT_RS_10] {
        let failovers = failovers(&raft.outcomes(&three_nodes(0), 300));
        let first_try: Vec<u64> = failovers
            .iter()
            .filter(|failover| failover.terms == 1)
            .map(|failover| failover.elected)
            .collect();
        let mean = first_try.iter().sum::<u64>() / first_try.len() as u64;
        assert!((180 * MS..215 * MS).contains(&mean), "{}: {mean}", raft.name);
        let split = failovers.len() - first_try.len();
        assert!((3..45).contains(&split), "{}: {split} of {} split", raft.name, failovers.len());
    }
}

/// A leader sends two heartbeats a round and gets two replies; a round of omnipaxos is six requests and six
/// replies.
#[test]
fn messages_at_rest_are_all_counted() {
    let at_rest = |setup: LibrarySetup| Summary::new(&setup.outcomes(&three_nodes(0), 20)).at_rest;
    for (setup, expected) in
        [(QUORATE, 80.0), (RAFT_RS_10, 80.0), (OMNIPAXOS, 240.0), (QUORATE_AT_OMNIPAXOS, 240.0)]
    {
        let counted = at_rest(setup);
        assert!((counted - expected).abs() < 4.0, "{}: {counted}", setup.name);
    }
}

/// Loss alone replaces leaders of omnipaxos all the time. quorate at rest has a promise of three heartbeats.
#[test]
fn changes_of_the_leader_are_counted_while_nothing_crashes() {
    let in_peace =
        |setup: LibrarySetup, loss| PeaceSummary::new(&setup.in_peace(&three_nodes(loss), 20_000 * MS, 10));
    for setup in [QUORATE, QUORATE_AT_OMNIPAXOS, OMNIPAXOS, RAFT_RS_10] {
        let calm = in_peace(setup, 0);
        assert_eq!((calm.changes, calm.leaderless), (0.0, 0.0), "{}", setup.name);
    }
    let [ours, theirs] = [QUORATE_AT_OMNIPAXOS, OMNIPAXOS].map(|setup| in_peace(setup, 200_000).changes);
    assert!(theirs > 60.0 && 10.0 * ours < theirs, "{ours} and {theirs} in a minute");
}

/// The longest promise has to outlast the writes that are made under it, however short the usual promise is.
#[test]
fn with_slow_disks_and_short_promises_every_leader_is_replaced() {
    let write = (40 * MS, 40 * MS);
    let setting = Setting { writes: WriteTimes::equal(write), ..Setting::new(7, MS / 4, 0) };
    let failovers = failovers(&QUORATE_AT_OMNIPAXOS.outcomes(&setting, 40));
    assert!(failovers.iter().all(|failover| failover.elected < 400 * MS), "{failovers:?}");
}

#[test]
fn a_leader_is_elected_later_by_the_write_that_it_waits_for() {
    let quick = Summary::new(&QUORATE.outcomes(&three_nodes(0), 300)).elected.mean();
    let mut setting = three_nodes(0);
    setting.writes.vote = (10 * MS, 10 * MS);
    setting.writes.candidacy = (3 * MS, 3 * MS);
    let slow = Summary::new(&QUORATE.outcomes(&setting, 300)).elected.mean();
    // The candidate has persisted its vote in advance, and leads before it writes again. That leaves the
    // write of the voter.
    assert!((8.0..12.5).contains(&(slow - quick)), "{quick} and {slow} ms");
}

/// The four survivors have logs of four lengths: only the two with the longest logs can win.
#[test]
fn a_node_with_too_short_a_log_is_not_elected() {
    let mut setting = Setting::new(5, MS / 4, 0);
    setting.unequal_logs = true;
    for setup in [QUORATE, RAFT_RS_1] {
        let failovers = failovers(&setup.outcomes(&setting, 60));
        assert!(
            failovers.iter().all(|failover| [1, 2].contains(&failover.successor)),
            "{}: {failovers:?}",
            setup.name
        );
    }
}
