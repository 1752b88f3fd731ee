//! Whole endpoints in virtual time: each node is an election and an endpoint, sealed or not, and datagrams
//! travel between addresses. Nodes move, vanish and come back with what they knew or what they were configured with at
//! first, are translated, and take over the addresses of others; some have sockets for both families, or are known to
//! some of the others by an address of a link or a machine. All that is checked of a cluster is checked here too, and that all members know each other's
//! addresses again, once things have calmed down.

mod addresses;
mod counts;
mod mishaps;
mod sockets;
mod world;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use quorate::{Priority, Timing};

use self::addresses::Addresses;
use self::world::World;
use crate::clock::{MS, SECOND};
use crate::cluster::Cluster;
use crate::disk::DiskOptions;
use crate::net::NetOptions;
use crate::options::{Options, Start};
use crate::records::Counts;
use crate::rng::Dice;
use crate::safety::{Violation, ViolationKind};

pub use self::counts::AddressCounts;

/// How many nodes wait to be added.
const POOL: usize = 3;

/// How much longer than a cluster whose addresses are fixed a group may take to get a leader, and how long its
/// members may take to know each other's addresses under a leader. A silent node is tried everywhere after five
/// seconds, and told again each second; and what one node knows reaches the others hop by hop.
const ADDRESS_BOUND: u64 = 15 * SECOND;

/// How long it takes at most until a process has stepped what was asked of it, which may wait for some writes.
const REQUEST_BOUND: u64 = 20 * MS;

/// One run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndpointScenario {
    /// Decides all.
    pub seed: u64,
    /// For how much virtual time.
    pub seconds: u64,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct EndpointOutcome {
    /// The first violation.
    pub violation: Option<Violation>,
    /// What happened to the cluster.
    pub counts: Counts,
    /// What happened to datagrams and addresses.
    pub addresses: AddressCounts,
    /// The trace, if it was asked for.
    pub lines: Vec<String>,
}

impl fmt::Display for EndpointScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--seed {} --seconds {}", self.seed, self.seconds)
    }
}

impl EndpointScenario {
    /// The command that shows this run again.
    #[must_use]
    pub fn replay(&self) -> String {
        format!("cargo run -p quorate-sim --release -- endpoints --runs 1 --trace {self}")
    }

    /// Runs it.
    ///
    /// # Panics
    /// At a violation, with the end of the trace and how to see all of it.
    pub fn run(&self) -> AddressCounts {
        let outcome = self.watch(false);
        let Some(violation) = outcome.violation else { return outcome.addresses };
        let lines = self.watch(true).lines;
        let tail = lines[lines.len().saturating_sub(80)..].join("\n");
        panic!("{tail}\n{violation}\nseed {}; replay: {}\n", self.seed, self.replay());
    }

    /// Runs it and tells what came of it. A panic of the code counts as a violation.
    #[must_use]
    pub fn watch(&self, traced: bool) -> EndpointOutcome {
        let mut dice = Dice::new(!self.seed);
        let mut world = self.world(&mut dice, traced);
        let run = catch_unwind(AssertUnwindSafe(|| self.liveness(&mut world, &mut dice)));
        if let Err(cause) = run {
            let text = cause.downcast_ref::<String>().cloned();
            let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            world.cluster.fail(ViolationKind::Panic, text.unwrap_or_default());
        }
        let World { mut cluster, counts, .. } = world;
        let lines = cluster.trace.lines().to_vec();
        EndpointOutcome {
            violation: cluster.violation.take(),
            counts: cluster.counts,
            addresses: counts,
            lines,
        }
    }

    fn world(&self, dice: &mut Dice, traced: bool) -> World {
        let founders = dice.pick(&[3, 5]);
        let loss = dice.pick(&[0, 0, 50_000, 200_000]);
        let net = NetOptions {
            delay: (MS / 5, 8 * MS),
            loss,
            duplicates: dice.pick(&[0, 100_000]),
            late: dice.pick(&[0, 5_000]),
            ..NetOptions::default()
        };
        let mut starts = vec![Start::Bootstrapped; founders];
        starts.resize(founders + POOL, Start::Joining);
        let lost_attempts = if loss > 0 { 24 } else { 6 };
        let options = Options {
            timing: Timing::lan(),
            net,
            disk: DiskOptions { write: (0, 2 * MS), ..DiskOptions::default() },
            oversleep: MS / 2,
            catch_up: Some(5 * MS),
            panics: false,
            lost_attempts: Some(lost_attempts),
            starts,
            traced,
            ..Options::default()
        };
        let mut cluster = Cluster::stopped(self.seed, founders + POOL, options);
        cluster.liveness.bound += ADDRESS_BOUND;
        let addresses = Addresses::draw(founders + POOL, dice);
        let first = |node: usize| (node as u64 + 1, addresses.of(node).public);
        let first = if dice.chance(500_000) { (0..founders).map(first).collect() } else { Vec::new() };
        World::new(cluster, addresses, self.seed.is_multiple_of(2), first)
    }

    fn liveness(&self, world: &mut World, dice: &mut Dice) {
        let end = self.seconds * SECOND;
        mishaps::begin(world, dice);
        while world.cluster.now < end && world.cluster.violation.is_none() {
            let pace = dice.pick(&[20 * MS, 200 * MS, SECOND]);
            let storm = world.cluster.now + dice.between((2 * SECOND, 12 * SECOND));
            while world.cluster.now < storm && world.cluster.violation.is_none() {
                world.run_for(dice.between((0, 2 * pace)));
                mishaps::strike(world, dice);
            }
            if dice.chance(700_000) {
                calm(world, dice);
            }
        }
    }
}

/// Everything is mended, and no node moves: a leader must be there in time, and then all addresses be known.
fn calm(world: &mut World, dice: &mut Dice) {
    world.cluster.heal();
    world.cluster.cancel_pending_faults();
    for node in world.cluster.nodes() {
        world.cluster.thaw(node);
        world.cluster.set_priority(node, Priority::default());
    }
    mishaps::start_all(world, dice);
    world.run_for(REQUEST_BOUND);
    for members in expected_members(world) {
        help(world, &members);
        help_translated(world, &members);
    }
    world.cluster.liveness.mark_disturbed(world.cluster.now);
    world.run_for(world.cluster.liveness.bound + dice.between((SECOND, 4 * SECOND)));
    check_addresses(world);
}

/// The members by the newest membership that any node holds, and those by the target of the leader. No durable state may
/// name a node yet that the leader was asked to let in a moment ago.
fn expected_members(world: &World) -> Vec<Vec<u64>> {
    let cluster = &world.cluster;
    let held = cluster.nodes().filter_map(|id| Some(cluster.election(id)?.membership()));
    let newest = held.max_by_key(|membership| membership.version());
    let newest = newest.map(|membership| membership.members().to_vec());
    let leader = cluster.leader().and_then(|(leader, _)| cluster.election(leader));
    let target = leader.and_then(|election| election.status().target);
    let target = target.map(|target| target.voters().iter().chain(target.learners()).copied().collect());
    newest.into_iter().chain(target).collect()
}

/// Tells an address to each of these members that has no other remedy: no member that the others find holds an address at
/// which it is, and it holds none at which a member is that the others find. Both ends have moved, or were started with
/// nothing newer, since either heard the other. A storm of up to a hundred moves a second, or a restart of all with
/// addresses saved before, leaves many such pairs; so does a newcomer without an address of a member that is let in where
/// none reaches it. Nodes that are no members do not help to find members: nobody writes to them. Nor do members that have
/// not been told that they are: to them all others are strangers, whom they tell nothing.
fn help(world: &mut World, members: &[u64]) {
    let is_running = |id: &&u64| world.cluster.is_running(**id);
    let members: Vec<usize> = members.iter().filter(is_running).map(|&id| id as usize - 1).collect();
    let leader = world.cluster.leader().map(|(leader, _)| leader as usize - 1);
    let leader = leader.filter(|leader| members.contains(leader));
    let election = |node: usize| world.cluster.election(node as u64 + 1);
    let tells_others =
        |&node: &usize| election(node).is_some_and(|election| !election.membership().members().is_empty());
    let guides: Vec<usize> = members.iter().copied().filter(tells_others).collect();
    let Some(anchor) = leader.or(guides.first().copied()) else { return };
    let mut found = vec![anchor];
    while found.len() < members.len() {
        let is_new = |node: &&usize| !found.contains(node);
        // A node that is not found has no leader, so it announces itself wherever it may find a member. A follower
        // writes to its leader alone, so that the leader must reach the node too, at an address of the follower.
        let meets = |&&new: &&usize| {
            let finds = |&other: &usize| match leader {
                Some(leader) => world.could_send_another(other, new, leader),
                None => world.could_find(other, new),
            };
            let mut guides = found.iter().filter(|found| guides.contains(found));
            guides.any(|other| world.could_find(new, *other) || finds(other))
        };
        let next = members.iter().filter(is_new).find(meets);
        match next {
            Some(&next) => found.push(next),
            None => {
                let Some(&lost) = members.iter().find(is_new) else { return };
                found.push(lost);
                world.counts.helped += 1;
                let anchor_is_told = !world.addresses.is_reachable(anchor);
                let (told, guide) = if anchor_is_told { (anchor, lost) } else { (lost, anchor) };
                world.help(told, guide);
            }
        }
    }
}

/// Tells a member behind a symmetric translator where those members are that others may reach by an address of one link
/// or one machine alone: none of these others can tell it. It is needed once that member leads, whoever leads now.
fn help_translated(world: &mut World, members: &[u64]) {
    let is_running = |id: &&u64| world.cluster.is_running(**id);
    let members: Vec<usize> = members.iter().filter(is_running).map(|&id| id as usize - 1).collect();
    let is_reachable = |node: usize| world.addresses.is_reachable(node);
    let Some(&translated) = members.iter().find(|&&node| !is_reachable(node)) else { return };
    let is_lost = |&node: &usize| {
        node != translated && world.addresses.is_hidden(node) && !world.could_find(translated, node)
    };
    let lost: Vec<usize> = members.into_iter().filter(is_lost).collect();
    for node in lost {
        world.counts.helped += 1;
        world.help(translated, node);
    }
}

/// Under a leader, every member that runs knows the addresses of all others that run. Of a member whose address means
/// nothing to others, a follower learns no address before that member writes to it, which takes the loss of the leader.
/// Of two such members, neither can be told where the other is.
fn check_addresses(world: &mut World) {
    let Some((leader, _)) = world.cluster.leader() else { return };
    let members = world.cluster.durable(leader).membership.members().to_vec();
    let running: Vec<usize> =
        members.iter().filter(|&&id| world.cluster.is_running(id)).map(|&id| id as usize - 1).collect();
    for &node in &running {
        for &other in running.iter().filter(|&&other| other != node) {
            let follows = node as u64 + 1 != leader && other as u64 + 1 != leader;
            let is_hidden = |node: usize| world.addresses.is_hidden(node);
            let hears_later = follows && is_hidden(other) && (is_hidden(node) || world.knows(other, node));
            if !world.knows(node, other) && !hears_later {
                let (known, is) = (world.address_known(node, other), world.addresses.of(other));
                let table = table(world, &running);
                let text = format!(
                    "{} has {} at {known:?}, but it is at {is:?}{table}; {}",
                    node + 1,
                    other + 1,
                    world.show(other)
                );
                return world.cluster.fail(ViolationKind::Stuck, text);
            }
        }
    }
}

/// Whether each node knows the address of each other: `=` the right one, `~` only the one that it was told at its
/// start, `-` none.
fn table(world: &World, nodes: &[usize]) -> String {
    let mark = |node: usize, other: usize| match (world.knows(node, other), world.could_find(node, other)) {
        (true, _) => '=',
        (false, true) => '~',
        (false, false) => '-',
    };
    let row = |&node: &usize| {
        let known = nodes.iter().filter(|&&other| other != node).map(|&other| (mark(node, other), other + 1));
        let known: Vec<String> = known.map(|(mark, other)| format!("{mark}{other}")).collect();
        format!("; {} knows {}", node + 1, known.join(" "))
    };
    nodes.iter().map(row).collect()
}
