//! What the table of failover times says is what happens.

use quorate_versus::clock::MS;
use quorate_versus::competitor::{self, OMNIPAXOS, QUORATE, QUORATE_AT_OMNIPAXOS, RAFT_RS_1, RAFT_RS_10};
use quorate_versus::failover::{Outcome, Setting, Trial};
use quorate_versus::summary::{Summary, replaced};

/// Three nodes, 5 ms apart.
fn apart(loss: u32) -> Setting {
    Setting::new(3, 5 * MS, loss)
}

fn trials(outcomes: &[Outcome]) -> Vec<Trial> {
    let trials: Vec<Trial> = outcomes.iter().filter_map(replaced).collect();
    assert_eq!(trials.len(), outcomes.len(), "somebody is elected in every run");
    trials
}

#[test]
fn a_seed_is_a_whole_run_of_each() {
    for competitor in competitor::ALL {
        let [first, second] = [(); 2].map(|()| competitor.outcomes(&apart(50_000), 8));
        assert_eq!(first, second, "{}", competitor.name);
    }
}

#[test]
fn quorate_is_back_within_a_promise_five_delays_and_a_stagger() {
    let setting = apart(0);
    let trials = trials(&QUORATE.outcomes(&setting, 200));
    let promise = setting.pace.timeout + setting.pace.stagger;
    let most = promise.as_nanos() as u64 + 5 * 5 * MS;
    for (seed, trial) in (1..).zip(&trials) {
        assert!(trial.elected <= most, "seed {seed}: {trial:?}");
        assert_eq!(trial.terms, 1, "seed {seed}: {trial:?}");
    }
    // Nobody is replaced while it may still act: what is left of its promise is waited for.
    let least = trials.iter().map(|trial| trial.elected).min();
    assert!(least >= Some(100 * MS), "{least:?}");
}

/// A follower of Raft stands 150 to 300 ms after the last heartbeat, the first of two after 200 on
/// average; the crash comes 25 ms after it, a heartbeat takes 5 ms, and both rounds of votes take 20.
#[test]
fn raft_rs_takes_as_long_as_can_be_worked_out() {
    for raft in [RAFT_RS_1, RAFT_RS_10] {
        let trials = trials(&raft.outcomes(&apart(0), 300));
        let first_try: Vec<u64> =
            trials.iter().filter(|trial| trial.terms == 1).map(|trial| trial.elected).collect();
        let mean = first_try.iter().sum::<u64>() / first_try.len() as u64;
        assert!((180 * MS..215 * MS).contains(&mean), "{}: {mean}", raft.name);
        let split = trials.len() - first_try.len();
        assert!((3..45).contains(&split), "{}: {split} of {} split", raft.name, trials.len());
    }
}

/// Requests and replies: twice two for each heartbeat of a leader, twice six for each round of OmniPaxos.
#[test]
fn messages_at_rest_are_all_counted() {
    let at_rest =
        |competitor: competitor::Competitor| Summary::of(&competitor.outcomes(&apart(0), 20)).at_rest;
    for (competitor, expected) in
        [(QUORATE, 80.0), (RAFT_RS_10, 80.0), (OMNIPAXOS, 240.0), (QUORATE_AT_OMNIPAXOS, 240.0)]
    {
        let counted = at_rest(competitor);
        assert!((counted - expected).abs() < 4.0, "{}: {counted}", competitor.name);
    }
}

#[test]
fn who_waits_for_a_write_is_elected_so_much_later() {
    let quick = Summary::of(&QUORATE.outcomes(&apart(0), 300)).elected.mean();
    let mut setting = apart(0);
    setting.writes.vote = (10 * MS, 10 * MS);
    setting.writes.candidacy = (3 * MS, 3 * MS);
    let slow = Summary::of(&QUORATE.outcomes(&setting, 300)).elected.mean();
    // The candidate has written ahead, and leads before it writes again: the voter's write is left.
    assert!((8.0..12.5).contains(&(slow - quick)), "{quick} and {slow} ms");
}

/// The four that are left have data of four lengths: only the two whose data reach furthest can win.
#[test]
fn whose_data_reach_too_short_is_not_elected() {
    let mut setting = Setting::new(5, MS / 4, 0);
    setting.ranked = true;
    for competitor in [QUORATE, RAFT_RS_1] {
        let trials = trials(&competitor.outcomes(&setting, 60));
        assert!(trials.iter().all(|trial| [1, 2].contains(&trial.new)), "{}: {trials:?}", competitor.name);
    }
}
