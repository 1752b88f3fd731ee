//! A group that changes its members while its processes are killed: the leader in the middle of the
//! change, then any of them. A leader that dies forgets where it was going, so the next is asked
//! again, until the change is done.

use std::time::Duration;

use crate::child::bits;
use crate::crew::Crew;
use crate::{Failure, Id, audit};

/// By when a change must be done: so many promises for each that is killed, and ten seconds.
const PROMISES: u32 = 40;

pub(crate) fn run(promise_ms: u32, kills: u32) -> Result<(), Failure> {
    let mut crew = Crew::new(3, 2, promise_ms)?;
    let promise = Duration::from_millis(promise_ms.into());
    println!(
        "  Another group, of three processes, changes its members while {kills} are killed each time:\n"
    );
    crew.start_all()?;
    crew.next_leader("the start")?;
    crew.join(4)?;
    crew.join(5)?;

    change(&mut crew, "grows", &[1, 2, 3, 4, 5], kills, promise)?;
    change(&mut crew, "shrinks", &[3, 4, 5], kills, promise)?;
    for id in [1, 2] {
        crew.retire(id)?;
    }
    println!("  1 and 2 know that they are out, and are stopped.");

    let mut leader = crew.leader().ok_or("nobody leads")?;
    crew.settle(&mut leader)?;
    crew.kill(leader.id)?;
    let next = crew.next_leader("a kill")?;
    println!("  {} is killed: {} leads the two that are left.\n", leader.id, next.id);
    audit(&crew.stop()?)
}

/// From the members there are to `target`.
fn change(
    crew: &mut Crew,
    what: &str,
    target: &[Id],
    mut kills: u32,
    promise: Duration,
) -> Result<(), Failure> {
    let (began, before) = (crew.now(), crew.members());
    let end = began + promise * PROMISES * (kills + 1) + Duration::from_secs(10);
    let (mut ask_at, mut kill_at, mut killed) = (began, began, Vec::new());
    loop {
        let (now, members) = (crew.now(), crew.members());
        let done =
            members.committed && members.voters == bits(target.iter().copied()) && members.learners == 0;
        if done && kills == 0 {
            break;
        }
        if now > end {
            return Err(format!("waited in vain for a group of {target:?}: {members:?}").into());
        }
        if now >= ask_at {
            crew.ask_for(target);
            ask_at = now + promise;
        }
        let begun = (members.term, members.number) > (before.term, before.number);
        if kills > 0 && begun && now >= kill_at {
            let victim = victim(crew, killed.is_empty());
            crew.kill(victim)?;
            crew.restart(victim)?;
            killed.push(victim);
            kills -= 1;
            kill_at = now + promise * 2 + crew.chance(promise * 4);
        }
        crew.read(Duration::from_millis(5))?;
    }
    if let Some(&id) = target.iter().find(|&&id| crew.is_removed(id)) {
        return Err(format!("node {id} believes that it is out").into());
    }
    let took = (crew.now() - began).as_secs_f64();
    println!("  {what:<8} to {target:?} in {took:.1} s; killed on the way: {killed:?}");
    Ok(())
}

/// The leader, or anybody.
fn victim(crew: &Crew, leader: bool) -> Id {
    let alive = crew.alive();
    let any = crew.chance(Duration::from_nanos(1_000)).as_nanos() as usize;
    match crew.leader() {
        Some(reign) if leader && alive.contains(&reign.id) => reign.id,
        _ => alive[any % alive.len()],
    }
}
