//! Groups of which so many nodes forget that they are over, or that their operator has to step in.

use quorate::Life;

use crate::cluster::{Cluster, index_of};
use crate::process::UnmountedDisk;
use crate::rng::Dice;
use crate::safety::ViolationKind;

impl Cluster {
    /// Whether `node` may forget now: any node at any time in a group that began with nothing, or that may end; otherwise
    /// if the others suffice to bring it back, in each membership that may be in force.
    #[must_use]
    pub fn may_forget(&self, node: u64) -> bool {
        self.options.begins_blank()
            || self.options.may_end && !self.is_forming()
            || self.is_remembered_without(node)
    }

    /// Whether a node still forms a group. One that forms a group and forgets would count as another one.
    fn is_forming(&self) -> bool {
        self.hosts.iter().any(|host| !host.is_blank() && host.durable.membership.is_forming())
    }

    /// Whether as many voters as make a quorum have not forgotten, and one of the list that blank nodes ask, and `node` is
    /// none of them. A list that is blank as a whole could found a group beside this one.
    fn is_remembered_without(&self, node: u64) -> bool {
        let remembers = |&&id: &&u64| id != node && !self.is_blank(id);
        let mut held = self.hosts.iter().filter(|host| !host.is_blank());
        !self.is_forming()
            && self.options.list(self.hosts.len()).iter().any(|id| remembers(&id))
            && held.all(|host| {
                let members = &host.durable.membership;
                members.quorum() == 0
                    || members.version() < self.members.newest(host.durable.life)
                    || members.voters().iter().filter(remembers).count() >= members.quorum()
            })
    }

    /// Checks that nodes which remember say so, once everything is mended, if so many voters have forgotten that no leader
    /// can be elected.
    pub(crate) fn check_lost_quorum(&mut self) {
        self.cancel_pending_faults();
        let limit = self.options.longest_timing().promise_limit;
        // They ask every six of the longest promises, and ask again if a reply was not there yet.
        let _ = self.run_till(30 * limit, |cluster| cluster.silent_about_lost_quorum().is_none());
        if let Some(node) = self.silent_about_lost_quorum().filter(|_| self.violation.is_none()) {
            let status = self.election(node).map(|election| election.status().to_string());
            self.fail(
                ViolationKind::Stuck,
                format!("{node} does not say that a quorum has forgotten: {status:?}"),
            );
        }
    }

    /// A voter that remembers, and has not reported that too few others do.
    fn silent_about_lost_quorum(&self) -> Option<u64> {
        let is_silent = |&node: &u64| {
            let host = &self.hosts[index_of(node)];
            let members = &host.durable.membership;
            let is_blank = |&&id: &&u64| self.is_running(id) && self.is_blank(id);
            let left = members.voters().len() - members.voters().iter().filter(is_blank).count();
            host.takes_part() && members.is_voter(node) && left < members.quorum() && !host.has_lost_quorum
        };
        self.nodes().find(is_silent)
    }

    /// The operator gives up what the nodes with storage know of a group whose quorum has forgotten, or of a life that is
    /// over because another one is led.
    pub(crate) fn wipe_lost_groups(&mut self) {
        let led = self.leader().map(|(leader, _)| self.durable(leader).life);
        for node in self.nodes() {
            let host = &self.hosts[index_of(node)];
            let is_left =
                led.is_some_and(|life| !host.is_blank() && ![life, Life::NONE].contains(&host.durable.life));
            // A group that was started otherwise is over: its operator would have to start another one.
            if self.options.begins_blank() && (host.has_lost_quorum || is_left) {
                self.lose_disk(node, false);
            }
        }
    }

    /// The operator mounts the disks that were only missing, if a group is over without them. What a node held is still
    /// the latest that it has known, as long as it has not come back otherwise.
    pub(crate) fn mount_missing_disks(&mut self) {
        if !self.options.may_end || self.leader().is_some() {
            return;
        }
        for node in self.nodes() {
            let at = index_of(node);
            let is_missing = self.is_blank(node) && self.hosts[at].unmounted.is_some();
            if is_missing && self.dice.chance(600_000) {
                self.kill(node);
                self.mount(node);
            }
        }
    }

    fn mount(&mut self, node: u64) {
        let host = &mut self.hosts[index_of(node)];
        let Some(UnmountedDisk { state, position }) = host.unmounted.take() else { return };
        (host.durable, host.config.position, host.forgotten) = (state.clone(), position, None);
        self.log(node, || "DISK MOUNTED".into());
        self.note(Some(node), || "its disk, which was missing, is mounted again".into());
        let verdict = self.safety.durable(node, &state);
        self.judge(verdict);
    }
}

/// Whether so many nodes may forget that a group is over: one in three of those that do not begin with nothing.
pub(crate) fn may_end(seed: u64) -> bool {
    Dice::new(seed ^ 0xe4d5).chance(333_000)
}
