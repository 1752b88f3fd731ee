//! A group that changes its members while its processes are killed: the leader in the middle of the
//! change, then any of them. A leader that dies forgets where it was going, so the next is asked
//! again, until the change is done.

use std::time::Duration;

use crate::child::bits;
use crate::processes::Processes;
use crate::{Failure, Id, audit};

/// By when a change must be done: so many promises for each that is killed, and ten seconds.
const PROMISES: u32 = 40;

pub(crate) fn run(promise_ms: u32, kills: u32) -> Result<(), Failure> {
    let mut processes = Processes::new(3, 2, promise_ms)?;
    let promise = Duration::from_millis(promise_ms.into());
    println!(
        "  Another group, of three processes, changes its members while {kills} are killed each time:\n"
    );
    processes.start_all()?;
    processes.next_leader("the start")?;
    processes.join(4)?;
    processes.join(5)?;

    change(&mut processes, "grows", &[1, 2, 3, 4, 5], kills, promise)?;
    change(&mut processes, "shrinks", &[3, 4, 5], kills, promise)?;
    for id in [1, 2] {
        processes.retire(id)?;
    }
    println!("  1 and 2 know that they are out, and are stopped.");

    let mut leader = processes.leader().ok_or("nobody leads")?;
    processes.settle(&mut leader)?;
    processes.kill(leader.id)?;
    let next = processes.next_leader("a kill")?;
    println!("  {} is killed: {} leads the two that are left.\n", leader.id, next.id);
    audit(&processes.stop()?)
}

/// From the members there are to `target`.
fn change(
    processes: &mut Processes,
    what: &str,
    target: &[Id],
    kills: u32,
    promise: Duration,
) -> Result<(), Failure> {
    let (began, before) = (processes.now(), processes.members());
    let end = began + promise * PROMISES * (kills + 1) + Duration::from_secs(10);
    let mut hand = Hand { promise, left: kills, free_at: began, killed: Vec::new(), dead: None };
    let mut ask_at = began;
    loop {
        let (now, members) = (processes.now(), processes.members());
        let wanted = members.voters == bits(target.iter().copied()) && members.learners == 0;
        if wanted && members.committed && hand.is_done() {
            break;
        }
        if now > end {
            return Err(format!("waited in vain for a group of {target:?}: {members:?}").into());
        }
        if now >= ask_at {
            processes.ask_for(target);
            ask_at = now + promise;
        }
        if (members.term, members.number) > (before.term, before.number) {
            hand.act(processes, now)?;
        }
        processes.read(Duration::from_millis(5))?;
    }
    if let Some(&id) = target.iter().find(|&&id| processes.is_removed(id)) {
        return Err(format!("node {id} believes that it is out").into());
    }
    let (took, killed) = ((processes.now() - began).as_secs_f64(), hand.killed);
    println!("  {what:<8} to {target:?} in {took:.1} s; killed on the way: {killed:?}");
    Ok(())
}

/// The hand that kills.
struct Hand {
    promise: Duration,
    left: u32,
    free_at: Duration,
    killed: Vec<Id>,
    /// Whom it lets live again, and when: at once, or so late that the group must go on without.
    dead: Option<(Id, Duration)>,
}

impl Hand {
    fn is_done(&self) -> bool {
        self.left == 0 && self.dead.is_none()
    }

    /// Never two at a time: of three, two must be alive.
    fn act(&mut self, processes: &mut Processes, now: Duration) -> Result<(), Failure> {
        match self.dead {
            Some((id, until)) if now >= until => {
                processes.restart(id)?;
                self.dead = None;
            }
            None if self.left > 0 && now >= self.free_at => {
                let id = self.victim(processes);
                processes.kill(id)?;
                self.killed.push(id);
                self.left -= 1;
                self.dead = Some((id, now + processes.chance(self.promise * 4)));
                self.free_at = now + self.promise * 2 + processes.chance(self.promise * 4);
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// First the leader, then anybody.
    fn victim(&self, processes: &Processes) -> Id {
        let alive = processes.alive();
        let any = processes.chance(Duration::from_nanos(1_000)).as_nanos() as usize;
        match processes.leader() {
            Some(reign) if self.killed.is_empty() && alive.contains(&reign.id) => reign.id,
            _ => alive[any % alive.len()],
        }
    }
}
