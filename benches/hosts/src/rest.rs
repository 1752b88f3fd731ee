//! What a leader and a follower cost at rest: wake-ups, system calls, processor time.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::group::Group;
use crate::{Failure, GroupArgs, Kind, for_each};

/// How long a new group is left alone before it counts as being at rest.
const SETTLED: Duration = Duration::from_secs(4);

/// What a process has used so far.
#[derive(Clone, Copy, Default)]
struct Usage {
    wake_ups: u64,
    /// On a processor.
    running: Duration,
}

pub(crate) fn main(args: &GroupArgs, time: Duration, nodes: usize) -> Result<(), Failure> {
    for_each(args, |kind, promise| measure(args, kind, promise, time, nodes))
}

fn measure(
    args: &GroupArgs,
    kind: Kind,
    promise: Duration,
    time: Duration,
    nodes: usize,
) -> Result<(), Failure> {
    let mut group = Group::start(args, kind, promise, nodes)?;
    group.wait_for_leader()?;
    group.wait(SETTLED);
    let (leader, _) = group.leader.ok_or("the group has lost its leader")?;
    let pids: Vec<u32> = group.pids().into_iter().flatten().collect();
    let usages = || pids.iter().map(|&pid| usage(pid)).collect::<Result<Vec<_>, _>>();
    let before = usages()?;
    thread::sleep(time);
    let after = usages()?;
    let follower = (0..nodes).find(|&node| node != leader).ok_or("one node has no followers")?;
    let sealed = if args.sealed { "sealed" } else { "not sealed" };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{kind} host, {nodes} nodes, promise {promise:?}, {sealed}; the load was {}", load.trim());
    for (role, node) in [("leader", leader), ("follower", follower)] {
        let (before, after) = (before[node], after[node]);
        let wake_ups = after.wake_ups.saturating_sub(before.wake_ups) as f64 / time.as_secs_f64();
        let running = after.running.saturating_sub(before.running).as_secs_f64() * 1e3 / time.as_secs_f64();
        println!("  {role}: {wake_ups:.1} wake-ups and {running:.2} ms of processor time in a second");
        match system_calls(pids[node], time) {
            Some(calls) => {
                let total: u64 = calls.values().sum();
                let rounds = rounds(&calls, (node == leader).then_some(nodes - 1));
                let kinds: Vec<String> = calls
                    .iter()
                    .map(|(name, &count)| format!("{name} {:.2}", count as f64 / rounds))
                    .collect();
                println!("    {:.2} system calls a round: {}", total as f64 / rounds, kinds.join(", "));
            }
            None => println!("    system calls are not counted: there is no strace, or it may not look"),
        }
    }
    Ok(())
}

/// How many rounds of heartbeats a process has sent to so many followers, or how many heartbeats a follower has answered.
/// `strace` takes a while to begin, so they are counted.
fn rounds(calls: &BTreeMap<String, u64>, followers: Option<usize>) -> f64 {
    let count = |name| calls.get(name).copied().unwrap_or(0) as f64;
    match followers {
        Some(_) if calls.contains_key("sendmmsg") => count("sendmmsg"),
        Some(followers) => count("sendto") / followers as f64,
        None => count("sendto"),
    }
}

/// What all threads of a process have used.
fn usage(pid: u32) -> Result<Usage, Failure> {
    let mut sum = Usage::default();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        let status = fs::read_to_string(task.join("status"))?;
        let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        sum.wake_ups += switches.map_or(Ok(0), |switches| switches.trim().parse())?;
        let schedule = fs::read_to_string(task.join("schedstat"))?;
        let running = schedule.split(' ').next().map_or(Ok(0), str::parse)?;
        sum.running += Duration::from_nanos(running);
    }
    Ok(sum)
}

/// Counts the system calls of a process by `strace`, by their names.
fn system_calls(pid: u32, time: Duration) -> Option<BTreeMap<String, u64>> {
    let mut command = Command::new("timeout");
    command.args(["--signal=INT", &time.as_secs_f64().to_string()]);
    command.args(["strace", "-c", "-f", "-qq", "-p", &pid.to_string()]);
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output().ok()?;
    let table = String::from_utf8_lossy(&output.stderr).into_owned();
    let calls: BTreeMap<String, u64> = table.lines().filter_map(row).collect();
    (!calls.is_empty()).then_some(calls)
}

/// The name and the count of `  0.10    0.000012     3      4     1 recvfrom`, whose errors may be left out.
fn row(line: &str) -> Option<(String, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let name = *words.last().filter(|&&name| name != "total" && name != "syscall")?;
    let count = words.get(3)?.parse().ok()?;
    words.first()?.parse::<f64>().ok()?;
    Some((name.into(), count))
}
