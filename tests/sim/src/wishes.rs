//! Wishes of hosts for other members and other leaders: each is met or refused in bounded time.

use std::time::Duration;

use quorate::{Event, Force, Input, Priority, Target, Timing, Urgency};

use crate::cluster::Cluster;
use crate::rng::Dice;
use crate::safety::ViolationKind;

/// How many wishes a run has.
const WISHES: usize = 6;
/// The priority of a node that is to lead.
const PREFERRED: Priority = Priority(9);

/// What a host can wish for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// The leader is asked for these members.
    Walk { leader: u64, target: Target<u64> },
    /// The node asks to be removed.
    Leave { node: u64 },
    /// The leader is asked to hand over.
    Resign { leader: u64, successor: Option<u64>, urgency: Urgency },
    /// The node has a higher priority than the leader from now on.
    TakeOver { node: u64 },
    /// The leader is not to lead any more.
    StandDown { leader: u64 },
}

/// What has become of a wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Met,
    Refused,
}

/// The state of a group when a wish is uttered, with which its end is found.
struct Before {
    refusals: u64,
    failed_handovers: u64,
    events: usize,
    changes: usize,
}

/// A run: after some mishap the group is whole again, and one of its hosts has a wish.
pub(crate) fn run(cluster: &mut Cluster, dice: &mut Dice) {
    for node in cluster.nodes() {
        let timing = cluster.options.timing_of(node);
        cluster.log(node, || format!("{timing:?}"));
        if cluster.durable(node).membership.contains(node) {
            cluster.restart(node);
        }
    }
    await_leader(cluster);
    for _ in 0..WISHES {
        let pause = draw_pause(cluster, dice);
        cluster.run_for(pause);
        mishap(cluster, dice);
        let pause = draw_pause(cluster, dice);
        cluster.run_for(pause);
        if cluster.violation.is_some() {
            return;
        }
        mend(cluster);
        await_leader(cluster);
        if dice.chance(700_000) {
            let settled = 3 * cluster.options.longest_timing().promise_limit;
            cluster.run_for(settled);
        }
        if cluster.violation.is_none() {
            fulfil_any(cluster, dice);
        }
    }
}

/// A pause of any order of magnitude up to two long promises.
fn draw_pause(cluster: &Cluster, dice: &mut Dice) -> Duration {
    let longest = cluster.options.longest_timing();
    let most = 2 * longest.promise_limit.as_nanos() as u64;
    Duration::from_nanos(most >> dice.below(12)).mul_f64(dice.below(1_000) as f64 / 1_000.0)
}

fn mishap(cluster: &mut Cluster, dice: &mut Dice) {
    let nodes: Vec<u64> = cluster.nodes().filter(|&node| cluster.is_running(node)).collect();
    if nodes.is_empty() {
        return;
    }
    let leader = cluster.leader().map(|(leader, _)| leader);
    let victim = leader.filter(|_| dice.chance(500_000)).unwrap_or(dice.pick(&nodes));
    match dice.below(6) {
        0 => cluster.crash(victim),
        1 => {
            cluster.crash(victim);
            cluster.restart(victim);
        }
        2 => nodes.into_iter().for_each(|other| cluster.cut(victim, other)),
        3 => cluster.cut_one_way(victim, dice.pick(&nodes)),
        _ => {}
    }
}

fn mend(cluster: &mut Cluster) {
    cluster.heal();
    for node in cluster.nodes() {
        if cluster.has_run(node) {
            cluster.restart(node);
        }
        cluster.set_priority(node, Priority::default());
    }
}

/// Lets time pass until a node leads. That one does in time is checked all along.
fn await_leader(cluster: &mut Cluster) {
    let bound = Duration::from_nanos(2 * cluster.liveness.bound);
    let found = cluster.run_till(bound, |cluster| cluster.leader().is_some());
    if found.is_none() {
        cluster.fail(ViolationKind::Leaderless, "no node led when all was mended".into());
    }
}

/// Utters one wish, and waits until it is met or refused.
fn fulfil_any(cluster: &mut Cluster, dice: &mut Dice) {
    let Some((leader, _)) = cluster.leader() else { return };
    let Some(wish) = draw(cluster, leader, dice) else { return };
    cluster.log(leader, || format!("WISH {wish:?}"));
    let before = Before {
        refusals: cluster.counts.refusals,
        failed_handovers: cluster.counts.failed_handovers,
        events: cluster.membership_events.len(),
        changes: cluster.leadership_changes.len(),
    };
    let bound = bound(cluster, &wish);
    wish.utter(cluster);
    let mut end = None;
    let took = cluster.run_till(bound, |cluster| {
        end = wish.end(cluster, &before);
        end.is_some()
    });
    match (took, end) {
        (Some(took), Some(end)) => {
            cluster.log(leader, || format!("WISH {end:?} after {took:?} of {bound:?}"));
            match end {
                End::Met => cluster.counts.wishes_met += 1,
                End::Refused => cluster.counts.wishes_refused += 1,
            }
        }
        _ => cluster.fail(ViolationKind::Stuck, format!("{wish:?} was not met within {bound:?}")),
    }
}

/// A wish that can be met, more often than not.
fn draw(cluster: &mut Cluster, leader: u64, dice: &mut Dice) -> Option<Wish> {
    let members = cluster.durable(leader).membership.clone();
    let others: Vec<u64> = members.voters().iter().copied().filter(|&id| id != leader).collect();
    match dice.below(7) {
        0..=2 => {
            let target = draw_target(cluster, leader, dice)?;
            for &id in target.voters().iter().chain(target.learners()) {
                cluster.restart(id);
            }
            Some(Wish::Walk { leader, target })
        }
        3 => {
            let node = dice.pick(members.members());
            (!others.is_empty() || node != leader).then_some(Wish::Leave { node })
        }
        4 => {
            let successor = (!others.is_empty() && dice.chance(500_000)).then(|| dice.pick(&others));
            let urgency = dice.pick(&[Urgency::WhenReady, Urgency::WhenReady, Urgency::Now]);
            Some(Wish::Resign { leader, successor, urgency })
        }
        5 if !others.is_empty() => Some(Wish::TakeOver { node: dice.pick(&others) }),
        6 if !others.is_empty() => Some(Wish::StandDown { leader }),
        _ => None,
    }
}

fn draw_target(cluster: &Cluster, leader: u64, dice: &mut Dice) -> Option<Target<u64>> {
    let mut all: Vec<u64> = cluster.nodes().collect();
    for end in (1..all.len()).rev() {
        all.swap(end, dice.below(end as u64 + 1) as usize);
    }
    if let Some(at) = all.iter().position(|&id| id == leader).filter(|_| dice.chance(700_000)) {
        all.swap(0, at);
    }
    let count = 1 + dice.below(all.len() as u64) as usize;
    let learners: Vec<u64> = all.split_off(count).into_iter().filter(|_| dice.chance(300_000)).collect();
    Target::new(all, learners).ok()
}

/// The time within which a wish is met or refused.
fn bound(cluster: &Cluster, wish: &Wish) -> Duration {
    let timing = cluster.options.longest_timing();
    let Timing { promise, promise_limit, .. } = timing;
    let nodes = cluster.nodes().count() as u32;
    let election = Duration::from_nanos(cluster.liveness.bound);
    // A step is prepared for two promises, and waits for the end of an older lease.
    let step = 3 * promise + 2 * promise_limit;
    // The leader's own attempts to hand over have up to 32 promises between them.
    let handover = promise_limit + 66 * promise;
    let length = match wish {
        Wish::Walk { .. } | Wish::Leave { .. } => step * (nodes + 3) + handover,
        Wish::Resign { .. } => handover,
        Wish::TakeOver { .. } | Wish::StandDown { .. } => handover + 70 * timing.takeover_delay,
    };
    election + length + length.mul_f64(f64::from(timing.clock_drift_ppm) / 1e6)
}

impl Wish {
    fn utter(&self, cluster: &mut Cluster) {
        match *self {
            Wish::Walk { leader, ref target } => {
                let input = Input::Reconfigure { target: target.clone(), force: Force::Never };
                cluster.step(leader, input);
            }
            Wish::Leave { node } => cluster.step(node, Input::Leave),
            Wish::Resign { leader, successor, urgency } => {
                cluster.step(leader, Input::Resign { successor, urgency });
            }
            Wish::TakeOver { node } => cluster.set_priority(node, PREFERRED),
            Wish::StandDown { leader } => cluster.set_priority(leader, Priority::NEVER_LEADS),
        }
    }

    /// Whether the wish is met or refused.
    fn end(&self, cluster: &Cluster, before: &Before) -> Option<End> {
        if cluster.counts.refusals > before.refusals {
            return Some(End::Refused);
        }
        let acts = cluster.leader().map(|(leader, _)| leader);
        let is_met = match *self {
            Wish::Walk { ref target, .. } => acts.is_some_and(|leader| {
                let members = &cluster.durable(leader).membership;
                let lists = (members.voters(), members.learners());
                let is_committed = cluster.election(leader).is_some_and(|election| election.is_committed());
                lists == (target.voters(), target.learners()) && is_committed
            }),
            Wish::Leave { node } => {
                acts.is_some_and(|leader| !cluster.durable(leader).membership.contains(node))
            }
            Wish::Resign { leader, successor, .. } => {
                acts.is_some_and(|acts| acts != leader && successor.is_none_or(|named| named == acts))
            }
            Wish::TakeOver { node } => acts == Some(node),
            Wish::StandDown { leader } => acts.is_some_and(|acts| acts != leader),
        };
        if is_met {
            return Some(End::Met);
        }
        let mut news = cluster.membership_events[before.events..].iter();
        let is_refused = match *self {
            Wish::Walk { leader, .. } => news.any(|change| change.ends_reconfiguration_of(leader)),
            Wish::Leave { node } => {
                news.any(|change| change.node == node && change.event == Event::LeaveForgotten)
            }
            Wish::Resign { leader, .. } => {
                let changes = &cluster.leadership_changes[before.changes..];
                let has_left = changes.iter().any(|change| !change.elected && change.node == leader);
                let leads_another = acts.is_some_and(|_| has_left);
                leads_another || cluster.counts.failed_handovers > before.failed_handovers
            }
            Wish::TakeOver { .. } | Wish::StandDown { .. } => false,
        };
        is_refused.then_some(End::Refused)
    }
}
