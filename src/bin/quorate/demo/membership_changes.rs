//! A group that changes its members while its processes are killed: first the leader in the middle of the
//! change, then any process. The target is lost with a leader that dies, so the next leader is asked again
//! until the change is done.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::child::bits;
use super::pictures::Pictures;
use super::processes::{PATIENCE, Processes, Storage};
use super::{Args, Id, audit};
use crate::failure::Failure;

/// A change must be done within this many promises for each killed process, and [`PATIENCE`].
const PROMISES: u32 = 40;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (promise_ms, kills) = (args.timeout_ms, args.kills);
    let pictures = Pictures::of(args.html.as_deref().map(second_page), "Changes of members on one machine");
    let mut processes = Processes::new(3, 2, promise_ms, Storage::Files, pictures)?;
    let promise = Duration::from_millis(promise_ms.into());
    writeln!(
        io::stdout(),
        "  Another group, of three processes, changes its members while {kills} processes are killed each time:\n"
    )?;
    processes.start_all()?;
    processes.next_leader("the start")?;
    processes.join(4)?;
    processes.join(5)?;

    change(&mut processes, "grows", &[1, 2, 3, 4, 5], kills, promise)?;
    change(&mut processes, "shrinks", &[3, 4, 5], kills, promise)?;
    for id in [1, 2] {
        processes.retire(id)?;
    }
    processes.say("  1 and 2 know that they are removed, and are stopped.")?;

    let mut leader = processes.leader().ok_or("there is no leader")?;
    processes.settle(&mut leader)?;
    processes.kill(leader.id)?;
    let next = processes.next_leader("a kill")?;
    processes.say(format_args!("  {} is killed: {} leads the two that are left.\n", leader.id, next.id))?;
    let (lease_log, pictures) = processes.stop()?;
    pictures.draw()?;
    audit(&lease_log)
}

/// The page beside the first one.
fn second_page(first: &Path) -> PathBuf {
    let part = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = (part(first.file_stem()), part(first.extension()));
    first.with_file_name(format!("{stem}-members.{extension}"))
}

/// Changes the members to `target`.
fn change(
    processes: &mut Processes,
    what: &str,
    target: &[Id],
    kills: u32,
    promise: Duration,
) -> Result<(), Failure> {
    let (began, before) = (processes.now(), processes.members());
    let end = began
        .saturating_add(promise.saturating_mul(PROMISES).saturating_mul(kills.saturating_add(1)))
        .saturating_add(PATIENCE);
    let mut killer =
        Killer { promise, kills_left: kills, next_kill_at: began, killed: Vec::new(), dead: None };
    let mut ask_at = began;
    loop {
        let (now, members) = (processes.now(), processes.members());
        let wanted = members.voters == bits(target.iter().copied()) && members.learners == 0;
        if wanted && members.committed && killer.is_done() {
            break;
        }
        if now > end {
            return Err(format!("waited in vain for a group of {target:?}: {members:?}").into());
        }
        if now >= ask_at {
            processes.ask_for(target);
            ask_at = now.saturating_add(promise);
        }
        if (members.term, members.number) > (before.term, before.number) {
            killer.advance(processes, now)?;
        }
        processes.read(Duration::from_millis(5))?;
    }
    if let Some(&id) = target.iter().find(|&&id| processes.is_removed(id)) {
        return Err(format!("node {id} believes that it is removed").into());
    }
    let (took, killed) = (processes.now().saturating_sub(began).as_secs_f64(), killer.killed);
    processes.say(format_args!("  {what:<8} to {target:?} in {took:.1} s; killed on the way: {killed:?}"))?;
    Ok(())
}

/// Kills processes and restarts them.
struct Killer {
    promise: Duration,
    kills_left: u32,
    next_kill_at: Duration,
    killed: Vec<Id>,
    /// The dead node, and when to restart it: at once, or so late that the group must go on without it.
    dead: Option<(Id, Duration)>,
}

impl Killer {
    fn is_done(&self) -> bool {
        self.kills_left == 0 && self.dead.is_none()
    }

    /// Kills or restarts a process, if it is time to. At most one is dead at a time, since two of three
    /// must be alive.
    fn advance(&mut self, processes: &mut Processes, now: Duration) -> Result<(), Failure> {
        match self.dead {
            Some((id, until)) if now >= until => {
                processes.restart(id)?;
                self.dead = None;
            }
            None if self.kills_left > 0 && now >= self.next_kill_at => {
                let id = self.victim(processes).ok_or("all processes are dead")?;
                processes.kill(id)?;
                self.killed.push(id);
                self.kills_left = self.kills_left.saturating_sub(1);
                let pause = self.promise.saturating_mul(4);
                self.dead = Some((id, now.saturating_add(processes.chance(pause))));
                let next = self.promise.saturating_mul(2).saturating_add(processes.chance(pause));
                self.next_kill_at = now.saturating_add(next);
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// The first victim is the leader, the later ones are any process.
    fn victim(&self, processes: &Processes) -> Option<Id> {
        let alive = processes.alive();
        match processes.leader() {
            Some(leader) if self.killed.is_empty() && alive.contains(&leader.id) => Some(leader.id),
            _ => {
                let any = processes.chance(Duration::from_nanos(1_000)).as_nanos();
                alive.iter().copied().cycle().nth(usize::try_from(any).ok()?)
            }
        }
    }
}
