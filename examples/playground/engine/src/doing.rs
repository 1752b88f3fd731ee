//! How a deed is done, and why it cannot be.

use quorate::{Force, Input, Position, Priority, Target, Urgency};
use quorate_sim::{DiskOptions, NetOptions};

use crate::deed::Deed;
use crate::group::Group;
use crate::settings::{check_lengths, check_range, nanos};

/// The farthest that data reach, so that a page can write it.
const LAST_POSITION: u64 = (1 << 53) - 1;
/// A clock runs at half its rate at the least, and at twice its rate at the most.
const LARGEST_DRIFT: u32 = 500_000;

impl Group {
    /// Does a deed. If it cannot be done, this group is to be dropped.
    pub(crate) fn perform(&mut self, deed: &Deed) -> Result<(), String> {
        match deed {
            Deed::Crash { node } => self.crash(*node),
            Deed::Restart { node } => self.restart(*node),
            Deed::Freeze { node } => self.freeze(*node),
            Deed::Thaw { node } => self.thaw(*node),
            Deed::Forget { node } => self.forget(*node),
            Deed::Cut { from, to, both } => self.link(*from, *to, *both, false),
            Deed::Mend { from, to, both } => self.link(*from, *to, *both, true),
            Deed::Isolate { node } => self.partition(&[vec![*node]]),
            Deed::Partition { groups } => self.partition(groups),
            Deed::Heal {} => self.partition(&[]),
            Deed::Loss { ppm } => self.change_net("The loss", *ppm, |net| net.loss = *ppm),
            Deed::Duplicates { ppm } => {
                self.change_net("The share of duplicates", *ppm, |net| net.duplicates = *ppm)
            }
            Deed::Late { ppm } => self.change_net("The share of late messages", *ppm, |net| net.late = *ppm),
            Deed::Delay { us } => {
                check_lengths("The delay", *us)?;
                self.change_net("", 0, |net| net.delay = nanos(*us))
            }
            Deed::Old { node } => {
                let id = self.id(*node)?;
                self.note(Some(id), "old messages to it and from it arrive again");
                self.cluster.repeat_old_messages(id);
                Ok(())
            }
            Deed::Clock { node, ppm, beyond } => self.set_clock(*node, *ppm, *beyond),
            Deed::Disk { node, us } => {
                check_lengths("A write", *us)?;
                let id = self.id(*node)?;
                self.note(Some(id), &format!("its writes take from {} to {} µs", us.0, us.1));
                self.cluster.set_disk_of(id, DiskOptions { write: nanos(*us), ..DiskOptions::default() });
                Ok(())
            }
            Deed::Fill { node } => self.set_room(*node, false),
            Deed::Empty { node } => self.set_room(*node, true),
            Deed::Priority { node, value } => {
                let id = self.id(*node)?;
                self.note(Some(id), &format!("its priority is {value} from now on"));
                self.cluster.set_priority(id, Priority(*value));
                Ok(())
            }
            Deed::Position { node, index } => self.set_position(*node, *index),
            Deed::Campaign { node } => self.command(*node, Input::Campaign),
            Deed::Resign { node, successor, now } => {
                let successor = successor.map(|node| self.id(node)).transpose()?;
                let urgency = if *now { Urgency::Now } else { Urgency::WhenReady };
                self.command(*node, Input::Resign { successor, urgency })
            }
            Deed::Discovered { node, other } => {
                let other = self.id(*other)?;
                self.command(*node, Input::Discovered(other))
            }
            Deed::Lost { node, other } => {
                let other = self.id(*other)?;
                self.command(*node, Input::Lost(other))
            }
            Deed::Reconfigure { node, voters, learners, force } => {
                let target = Target::new(self.ids(voters)?, self.ids(learners)?)
                    .map_err(|error| format!("These cannot be the members: {error}."))?;
                let force = if *force { Force::IfNeeded } else { Force::Never };
                self.command(*node, Input::Reconfigure { target, force })
            }
            Deed::Leave { node } => self.command(*node, Input::Leave),
        }
    }

    /// The id of the node at that index.
    fn id(&self, node: usize) -> Result<u64, String> {
        let count = self.cluster.nodes().count();
        let none = || format!("There is no node at index {node}: the indices are below {count}.");
        self.cluster.nodes().nth(node).ok_or_else(none)
    }

    fn ids(&self, nodes: &[usize]) -> Result<Vec<u64>, String> {
        nodes.iter().map(|&node| self.id(node)).collect()
    }

    /// The id of the node at that index, which has a process.
    fn running(&self, node: usize) -> Result<u64, String> {
        let id = self.id(node)?;
        if self.cluster.is_up(id) { Ok(id) } else { Err(format!("Node {id} does not run: start it first.")) }
    }

    fn note(&mut self, node: Option<u64>, text: &str) {
        let now = self.cluster.now();
        if let Some(timeline) = self.cluster.timeline_mut() {
            timeline.note(now, node, text);
        }
    }

    fn crash(&mut self, node: usize) -> Result<(), String> {
        let id = self.running(node)?;
        self.note(Some(id), "its process is killed");
        self.cluster.crash(id);
        // A node without storage forgets as it crashes.
        if self.cluster.is_up(id) { Err(forms_still(id)) } else { Ok(()) }
    }

    fn restart(&mut self, node: usize) -> Result<(), String> {
        let id = self.id(node)?;
        if self.cluster.is_up(id) {
            return Err(format!("Node {id} runs already."));
        }
        self.note(Some(id), "its process is started");
        self.cluster.restart(id);
        Ok(())
    }

    fn freeze(&mut self, node: usize) -> Result<(), String> {
        let id = self.running(node)?;
        if !self.cluster.is_running(id) {
            return Err(format!("Node {id} is frozen already."));
        }
        self.note(Some(id), "its process is frozen");
        self.cluster.freeze(id);
        Ok(())
    }

    fn thaw(&mut self, node: usize) -> Result<(), String> {
        let id = self.running(node)?;
        if self.cluster.is_running(id) {
            return Err(format!("Node {id} is not frozen."));
        }
        self.note(Some(id), "its process goes on");
        self.cluster.thaw(id);
        Ok(())
    }

    fn forget(&mut self, node: usize) -> Result<(), String> {
        let id = self.id(node)?;
        if !self.cluster.has_run(id) {
            return Err(format!("Node {id} has nothing to forget: it has never run."));
        }
        if !self.cluster.may_forget(id) {
            return Err(forms_still(id));
        }
        self.note(Some(id), "its disk is lost");
        self.cluster.lose_disk(id, true);
        Ok(())
    }

    fn link(&mut self, from: usize, to: usize, both: bool, is_up: bool) -> Result<(), String> {
        let (from, to) = (self.id(from)?, self.id(to)?);
        if from == to {
            return Err(format!("Node {from} has no link to itself."));
        }
        let (arrow, done) = (if both { "and" } else { "to" }, if is_up { "mended" } else { "cut" });
        self.note(None, &format!("the link from node {from} {arrow} node {to} is {done}"));
        self.cluster.link(from, to, is_up);
        if both {
            self.cluster.link(to, from, is_up);
        }
        Ok(())
    }

    /// Opens the links within each of the groups, and among the nodes that none of them lists, and cuts all others.
    fn partition(&mut self, groups: &[Vec<usize>]) -> Result<(), String> {
        let mut sides = Vec::new();
        for (side, group) in groups.iter().enumerate() {
            for id in self.ids(group)? {
                if sides.iter().any(|&(other, _)| other == id) {
                    return Err(format!("Node {id} is in two groups at once."));
                }
                sides.push((id, side));
            }
        }
        let words = if groups.is_empty() { "all links are mended" } else { "the network is partitioned" };
        self.note(None, words);
        let side = |id: u64| sides.iter().find(|&&(listed, _)| listed == id).map(|&(_, side)| side);
        for (from, to) in self.cluster.pairs() {
            self.cluster.link(from, to, side(from) == side(to));
        }
        Ok(())
    }

    fn change_net(
        &mut self,
        what: &str,
        ppm: u32,
        change: impl FnOnce(&mut NetOptions),
    ) -> Result<(), String> {
        check_range(what, u64::from(ppm), (0, 1_000_000))?;
        let mut net = self.cluster.net();
        change(&mut net);
        let NetOptions { delay: (shortest, longest), loss, duplicates, late, .. } = net;
        self.note(
            None,
            &format!(
                "messages take from {} to {} µs; of a million {loss} are lost, {duplicates} are doubled, {late} are late",
                shortest / 1_000,
                longest / 1_000,
            ),
        );
        self.cluster.set_net(net);
        Ok(())
    }

    fn set_clock(&mut self, node: usize, ppm: i32, beyond: bool) -> Result<(), String> {
        let id = self.running(node)?;
        let bound = self.cluster.clock_bound_ppm();
        if ppm.unsigned_abs() > LARGEST_DRIFT {
            return Err(format!(
                "A clock is fast or slow by {LARGEST_DRIFT} millionths at the most, not {ppm}."
            ));
        }
        if ppm.unsigned_abs() > bound && !beyond {
            return Err(format!(
                "Two clocks would differ by more than the nodes of this group have declared if one is fast or slow by \
                 more than {bound} millionths: beyond that nothing is promised."
            ));
        }
        self.note(
            Some(id),
            &format!(
                "its clock runs {} millionths {}",
                ppm.unsigned_abs(),
                if ppm < 0 { "slow" } else { "fast" }
            ),
        );
        self.cluster.set_clock_rate(id, ppm);
        Ok(())
    }

    fn set_room(&mut self, node: usize, has_room: bool) -> Result<(), String> {
        let id = self.id(node)?;
        match (self.cluster.is_disk_full(id), has_room) {
            (true, false) => return Err(format!("The disk of node {id} is full already.")),
            (false, true) => return Err(format!("The disk of node {id} is not full.")),
            (false, false) => {
                self.note(Some(id), "its disk is full");
                self.cluster.fill_disk(id);
            }
            (true, true) => {
                self.note(Some(id), "its disk has room again");
                self.cluster.empty_disk(id);
            }
        }
        Ok(())
    }

    fn set_position(&mut self, node: usize, index: u64) -> Result<(), String> {
        let id = self.id(node)?;
        check_range("A position", index, (0, LAST_POSITION))?;
        let position = Position { term: 0, index };
        let reached = self.cluster.position(id);
        if position < reached {
            return Err(format!("The data of node {id} reach {reached}, and data do not shrink."));
        }
        self.note(Some(id), &format!("its data reach {index}"));
        self.cluster.set_position(id, position);
        Ok(())
    }

    /// Gives a command to the host of a node. If the node refuses it at once, it cannot be done.
    fn command(&mut self, node: usize, input: Input<u64>) -> Result<(), String> {
        let id = self.running(node)?;
        if !self.cluster.is_running(id) {
            return Err(format!("Node {id} is frozen, and hears no command."));
        }
        let refusals = self.cluster.counts().refusals;
        self.cluster.step(id, input);
        let rejection = self.cluster.last_rejection().filter(|_| self.cluster.counts().refusals > refusals);
        match rejection {
            Some(reason) => Err(format!("Node {id} refuses: {reason}.")),
            None => Ok(()),
        }
    }
}

fn forms_still(id: u64) -> String {
    format!(
        "Node {id} cannot forget while the group forms: it would count as one more node than the group may have."
    )
}
