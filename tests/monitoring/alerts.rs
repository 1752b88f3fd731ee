//! The alerts of `examples/monitoring` are raised in the runs that they are for, and in no others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::recordings::{Recording, SCRAPE_INTERVAL};

const TRIO: [&[u64]; 3] = [&[1, 2, 3]; 3];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring")
}

/// Which alerts are raised at an instant, in seconds from the first scrape.
type Raised<'a> = (u64, &'a [&'a str]);

/// Checks by promtool that these alerts are raised at these instants, and that no others have been until the last.
fn check(name: &str, recording: &Recording, raised: &[Raised<'_>]) {
    let Ok(version) = Command::new("promtool").arg("--version").output() else {
        return println!("SKIPPED: no promtool (Debian's package prometheus)");
    };
    assert!(version.status.success());
    let series: Vec<Value> =
        recording.series().map(|(series, values)| json!({ "series": series, "values": values })).collect();
    let mut tests: Vec<Value> = raised.iter().map(|&(at, alerts)| expect(at, "ALERTS", alerts)).collect();
    let (end, mut all) =
        (raised.last().unwrap().0, raised.iter().flat_map(|it| it.1).copied().collect::<Vec<_>>());
    all.sort_unstable();
    all.dedup();
    tests.push(expect(end, "last_over_time(ALERTS", &all));
    let interval = format!("{}s", SCRAPE_INTERVAL.as_secs());
    let test = json!({
        "rule_files": [folder().join("alerts.yml")],
        "evaluation_interval": interval,
        "tests": [{ "name": name, "interval": interval, "input_series": series, "promql_expr_test": tests }],
    });
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("alerts-{}.json", name.replace(' ', "-")));
    fs::write(&file, test.to_string()).unwrap();
    let output = Command::new("promtool").args(["test", "rules"]).arg(&file).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    println!("promtool test rules {}\n{}", file.display(), String::from_utf8_lossy(&said));
    assert!(output.status.success(), "{name}");
}

/// That just these alerts are raised `at` that time, or have been before.
fn expect(at: u64, when: &str, alerts: &[&str]) -> Value {
    let (open, close) = if when == "ALERTS" { ("", "") } else { ("[1h]", ")") };
    let expression = format!("group by (alertname) ({when}{{alertstate=\"firing\"}}{open}{close})");
    let sample = |alert: &&str| json!({ "labels": format!("{{alertname=\"{alert}\"}}"), "value": 1 });
    let samples: Vec<Value> = alerts.iter().map(sample).collect();
    json!({ "expr": expression, "eval_time": format!("{at}s"), "exp_samples": samples })
}

#[tokio::test(start_paused = true)]
async fn a_group_with_one_leader_through_a_crash_and_a_rolling_restart_raises_nothing() {
    let mut run = Recording::new(&TRIO, Duration::ZERO);
    run.record(60).await;
    let leader = run.leader();
    run.crash(leader).await;
    run.record(10).await;
    run.start(leader);
    run.record(50).await;
    for id in 1..=3 {
        run.shut_down(id).await;
        run.record(5).await;
        run.start(id);
        run.record(15).await;
    }
    check("one leader", &run, &[(60, &[]), (120, &[]), (175, &[])]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_cut_apart_for_ten_seconds_has_no_leader() {
    let mut run = Recording::new(&TRIO, Duration::ZERO);
    run.record(60).await;
    (1..=3).for_each(|id| run.cut_off(id));
    run.record(60).await;
    (1..=3).for_each(|id| run.heal(id));
    run.record(60).await;
    let lost: &[&str] = &["QuorateNoLeader"];
    check("no leader", &run, &[(55, &[]), (60, &[]), (65, lost), (115, lost), (120, &[]), (175, &[])]);
}

#[tokio::test(start_paused = true)]
async fn a_group_of_three_that_lacks_one_can_spare_nobody() {
    let mut run = Recording::new(&TRIO, Duration::ZERO);
    run.record(60).await;
    let follower = run.leader() % 3 + 1;
    run.crash(follower).await;
    run.record(90).await;
    run.start(follower);
    run.record(60).await;
    let (first, then): (&[&str], &[&str]) =
        (&["QuorateNobodyMayFail"], &["QuorateNobodyMayFail", "QuorateNodeDown"]);
    check("nobody may fail", &run, &[(60, &[]), (80, first), (130, then), (165, &[]), (205, &[])]);
}

/// Prometheus has the nodes among its targets, as those of a static configuration are.
#[tokio::test(start_paused = true)]
async fn a_group_of_which_all_nodes_are_gone_is_missed_until_one_is_back_however_long_that_takes() {
    let mut run = Recording::new(&TRIO, Duration::ZERO);
    run.record(60).await;
    for id in 1..=3 {
        run.crash(id).await;
    }
    run.record(2 * 3_600).await;
    (1..=3).for_each(|id| run.start(id));
    run.record(60).await;
    let (hour, gone): (u64, &[&str]) = (3_600, &["QuorateGroupGone", "QuorateNodeDown"]);
    check("group gone", &run, &[(55, &[]), (90, &[]), (150, gone), (2 * hour, gone), (2 * hour + 115, &[])]);
}

/// The targets go with the nodes, as pods do, so nothing is left of them but what was recorded.
#[tokio::test(start_paused = true)]
async fn a_group_whose_targets_are_gone_too_is_missed_all_the_same() {
    let mut run = Recording::new(&TRIO, Duration::ZERO);
    run.record(60).await;
    for id in 1..=3 {
        run.remove(id).await;
    }
    run.record(2 * 3_600).await;
    let gone: &[&str] = &["QuorateGroupGone"];
    check("targets gone", &run, &[(55, &[]), (180, gone), (2 * 3_600, gone)]);
}

/// What S2 rests on is taken away: the leader is cut off, and its lease never ends by its own clock.
#[tokio::test(start_paused = true)]
async fn a_leader_whose_clock_stands_still_is_a_second_leader() {
    let mut run = Recording::new(&TRIO, Duration::ZERO);
    run.record(60).await;
    let leader = run.leader();
    run.stop_clock(leader);
    run.cut_off(leader);
    run.record(60).await;
    let both: &[&str] = &["QuorateNobodyMayFail", "QuorateTwoLeaders"];
    check("two leaders", &run, &[(55, &[]), (80, both), (115, both)]);
}

/// What S4 rests on is taken away: both nodes were started as the first of a group of the same name.
#[tokio::test(start_paused = true)]
async fn two_groups_of_one_name_have_two_leaders_in_one_term() {
    let mut run = Recording::new(&[&[1], &[2]], Duration::ZERO);
    run.record(60).await;
    let (first, then): (&[&str], &[&str]) =
        (&["QuorateTwoLeadersInOneTerm"], &["QuorateTwoLeaders", "QuorateTwoLeadersInOneTerm"]);
    check("two leaders in one term", &run, &[(0, first), (15, then), (55, then)]);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_lost_again_and_again_is_reported() {
    let mut run = Recording::new(&TRIO, Duration::ZERO);
    run.record(60).await;
    for _ in 0..12 {
        let leader = run.leader();
        run.crash(leader).await;
        run.record(5).await;
        run.start(leader);
        run.record(15).await;
    }
    check("leader changes", &run, &[(120, &[]), (295, &["QuorateLeaderChanges"])]);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_takes_long_for_each_write_is_reported() {
    let mut run = Recording::new(&TRIO, Duration::from_millis(200));
    run.record(120).await;
    check("slow disk", &run, &[(115, &["QuorateSlowDisk"])]);
}
