//! A group of processes on loopback UDP, each with its own durable file, all with one key. They elect a
//! leader, which is killed again and again, asked to resign once, and frozen once. Then another group
//! grows from three nodes to five and shrinks to three others, while its processes are killed.
//!
//! ```text
//! quorate demo
//! quorate demo --nodes 7 --rounds 30 --timeout-ms 60
//! quorate demo --no-disk
//! quorate demo --html demo.html
//! ```
//!
//! With `--no-disk` the processes store nothing: each that was killed has forgotten all, and comes back under its old id.
//! In the end as many are killed at once as the group bears, and then all. There is no second group.
//!
//! The demo fails unless every round elects in time, every membership change is done in
//! time, removed nodes learn that they are removed, terms strictly grow, and no two nodes ever hold a
//! lease at the same time of the machine's clock.

mod child;
mod lease_log;
mod membership_changes;
mod node;
mod pictures;
mod processes;
mod table;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::iter;
use std::path::PathBuf;
use std::time::Duration;

use quorate::Timing;

pub(crate) use self::child::{NODE, node};
use self::lease_log::LeaseLog;
use self::pictures::Pictures;
use self::processes::{Leadership, Processes, Storage};
use self::table::Table;
use crate::failure::Failure;

/// How a process is named.
type Id = u32;

/// Shows elections on this machine: processes whose leader is killed again and again
///
/// Five processes on loopback elect a leader, which is killed again and again, asked to resign once, and frozen once. Then
/// another group grows from three to five and shrinks to three others, while its processes are killed. The demo fails
/// if two leases ever overlap.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many processes
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(3..=99))]
    nodes: u32,
    /// How many times the leader is killed
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// How many processes are killed during each membership change
    #[arg(long, default_value_t = 3)]
    kills: u32,
    /// Length of the promises to a leader; all other lengths are in proportion to it
    #[arg(long, value_name = "MS", default_value_t = 150, value_parser = clap::value_parser!(u32).range(30..=60_000))]
    timeout_ms: u32,
    /// Writes a page that draws what the processes did, and one of the second group beside it, whose name ends in '-members'
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The processes store nothing, and forget all when they are killed; in the end all are killed at once
    #[arg(long)]
    no_disk: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    elections(args)?;
    if args.no_disk { Ok(()) } else { membership_changes::run(args) }
}

/// The lengths of `Timing::lan`, in proportion to this promise.
fn timing(promise_ms: u32) -> Timing {
    let lan = Timing::lan();
    let promise = Duration::from_millis(promise_ms.into());
    let scaled = |length: Duration| length.mul_f64(promise.as_secs_f64() / lan.promise.as_secs_f64());
    Timing {
        promise,
        tuned_from: None,
        promise_limit: scaled(lan.promise_limit),
        heartbeat_interval: scaled(lan.heartbeat_interval),
        retry_interval: scaled(lan.retry_interval),
        stagger: scaled(lan.stagger),
        takeover_delay: scaled(lan.takeover_delay),
        clock_drift_ppm: lan.clock_drift_ppm,
        clock_resolution: lan.clock_resolution,
    }
}

fn elections(args: &Args) -> Result<(), Failure> {
    let storage = if args.no_disk { Storage::None } else { Storage::Files };
    let pictures = Pictures::of(args.html.clone(), "Elections on one machine");
    let mut processes = Processes::new(args.nodes, 0, args.timeout_ms, storage, pictures)?;
    introduce(args, &processes, storage)?;
    let table = Table::begin(storage)?;

    let mut kills = Vec::new();
    let began = processes.start_all()?;
    let mut leader = processes.next_leader("the start")?;
    table.row(&mut processes, 0, "start", None, leader, leader.since(began))?;
    for round in 1..=args.rounds {
        processes.settle(&mut leader)?;
        let old = leader;
        let at = processes.kill(old.id)?;
        leader = processes.next_leader("a kill")?;
        kills.push(leader.since(at));
        table.row(&mut processes, round, "SIGKILL", Some(old), leader, leader.since(at))?;
        processes.restart(old.id)?;
        processes.until_it_follows(old.id)?;
    }

    processes.settle(&mut leader)?;
    let old = leader;
    processes.resign(old.id)?;
    leader = processes.next_leader("a resignation")?;
    let handover = leader.since(processes.dropped(old.id)?);
    table.row(&mut processes, args.rounds.saturating_add(1), "resigns", Some(old), leader, handover)?;

    processes.settle(&mut leader)?;
    let old = leader;
    let at = processes.freeze(old.id)?;
    leader = processes.next_leader("a freeze")?;
    let frozen = leader.since(at);
    table.row(&mut processes, args.rounds.saturating_add(2), "SIGSTOP", Some(old), leader, frozen)?;
    processes.thaw(old.id)?;
    processes.until_it_follows(old.id)?;
    processes.settle(&mut leader)?;

    if args.no_disk {
        kill_many(&mut processes, &table, args, leader)?;
    }

    let unexpected_changes = processes.unexpected_changes();
    let (lease_log, pictures) = processes.stop()?;
    summarize(kills, (handover, frozen), unexpected_changes)?;
    pictures.draw()?;
    audit(&lease_log)
}

fn introduce(args: &Args, processes: &Processes, storage: Storage) -> Result<(), Failure> {
    let files = match storage {
        Storage::Files => format!("files in {}", processes.folder().display()),
        Storage::None => "and no files".into(),
    };
    let (nodes, promise) = (args.nodes, args.timeout_ms);
    Ok(writeln!(io::stdout(), "\n{nodes} processes on loopback UDP, promises of {promise} ms, {files}\n")?)
}

/// Says for how long nothing led after the kills, the handover and the freeze.
fn summarize(
    mut kills: Vec<Duration>,
    (handover, frozen): (Duration, Duration),
    unexpected_changes: u32,
) -> Result<(), Failure> {
    writeln!(io::stdout())?;
    kills.sort_unstable();
    if let (Some(median), Some(worst)) = (kills.get(kills.len() / 2), kills.last()) {
        writeln!(
            io::stdout(),
            "  killed {} times: without a leader for {median:.0?} (median), {worst:.0?} (worst)",
            kills.len()
        )?;
    }
    writeln!(io::stdout(), "  handed over once: {handover:.1?}; frozen once: {frozen:.0?}")?;
    if unexpected_changes > 0 {
        writeln!(
            io::stdout(),
            "  the leader changed {unexpected_changes} more times, as this machine is busy"
        )?;
    }
    Ok(())
}

/// Kills as many processes at once as a group without storage bears, and then all.
fn kill_many(
    processes: &mut Processes,
    table: &Table,
    args: &Args,
    mut leader: Leadership,
) -> Result<(), Failure> {
    let minority = args.nodes.div_ceil(2).saturating_sub(1);
    for (more, victims) in [(3, minority), (4, args.nodes)] {
        let round = args.rounds.saturating_add(more);
        let (old, what) = (leader, format!("{victims} at once"));
        let at = kill_and_restart(processes, old.id, victims)?;
        leader = processes.next_leader(&what)?;
        table.row(processes, round, &what, Some(old), leader, leader.since(at))?;
        for id in 1..=args.nodes {
            processes.until_it_follows(id)?;
        }
        processes.settle(&mut leader)?;
    }
    processes.check_that_nothing_was_stored()
}

/// Kills so many processes at once, the leader among them, and starts them again. Returns when the leader died.
fn kill_and_restart(processes: &mut Processes, leader: Id, victims: u32) -> Result<Duration, Failure> {
    let others = processes.alive().into_iter().filter(|&id| id != leader);
    let victims: Vec<Id> = iter::once(leader).chain(others).take(victims as usize).collect();
    let at = processes.now();
    for &id in &victims {
        processes.kill(id)?;
    }
    for &id in &victims {
        processes.restart(id)?;
    }
    Ok(at)
}

fn audit(lease_log: &LeaseLog) -> Result<(), Failure> {
    let violations = lease_log.violations();
    for violation in &violations {
        writeln!(io::stdout(), "  VIOLATION: {violation}")?;
    }
    if !violations.is_empty() {
        return Err(format!("{} violations", violations.len()).into());
    }
    let terms: BTreeSet<_> = lease_log.intervals().map(|interval| interval.term).collect();
    writeln!(
        io::stdout(),
        "  checked: {} terms strictly growing, {} leases held, never two at the same time\n",
        terms.len(),
        lease_log.reports()
    )?;
    Ok(())
}
