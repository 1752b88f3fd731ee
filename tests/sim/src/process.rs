//! A host of a node: the disk, which survives a crash, and the process, which does not.

use std::collections::VecDeque;
use std::time::Duration;

use quorate::{
    Config, Election, HardState, Input, Lease, Life, Membership, MembershipVersion, Output, Position, Target,
    Term,
};
use rand_chacha::ChaCha8Rng;

use crate::clock::{Clock, Instant};
use crate::disk::DiskOptions;
use crate::news_audit::NewsAudit;
use crate::request_audit::RequestAudit;

/// A machine with a disk, on which a process may run.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) config: Config<u64>,
    pub(crate) durable: HardState<u64>,
    pub(crate) process: Option<Process>,
    /// The life, and the version of the membership, that it held before it forgot, until it has come back.
    pub(crate) forgotten: Option<(Life, MembershipVersion)>,
    /// When the last process started.
    pub(crate) started: Instant,
    /// What the wall clock has shown last, at the loss of the disk or when a group was founded, and when that was.
    pub(crate) wall_clock: (Duration, Instant),
    /// The number of processes so far. An event that is meant for one process never reaches the next one.
    pub(crate) process_number: u32,
    /// Whether the node has ever held a membership that contains it.
    pub(crate) was_member: bool,
    /// When the members in its durable state last changed.
    pub(crate) members_changed: Instant,
    /// When the copy of all data is complete that the host makes now, if it makes one.
    pub(crate) copied_at: Option<Instant>,
    /// The membership before that change.
    pub(crate) former: Option<Membership<u64>>,
    /// When the members last changed by a forced step.
    pub(crate) forced: Option<Instant>,
    /// Whether the node has reported that so many have forgotten that an operator has to decide.
    pub(crate) has_lost_quorum: bool,
    /// The disk that was lost last, if the node has not come back since.
    pub(crate) unmounted: Option<UnmountedDisk>,
    /// The disk of this machine, if it is another one than that of the others.
    pub(crate) disk: Option<DiskOptions>,
    /// Whether no write ends on that disk.
    pub(crate) disk_is_full: bool,
    /// How many messages the node has sent.
    pub(crate) sent: u64,
}

/// A disk that is missing, and the data on it.
#[derive(Clone, Debug)]
pub(crate) struct UnmountedDisk {
    pub(crate) state: HardState<u64>,
    pub(crate) position: Position,
}

/// A single-threaded process: it blocks while it writes, and reads its clock for each message.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) election: Election<u64, ChaCha8Rng>,
    pub(crate) clock: Clock,
    /// The outputs that the process has not acted on yet.
    pub(crate) pending: VecDeque<Output<u64>>,
    /// The inputs that were received and not stepped yet.
    pub(crate) inbox: VecDeque<Input<u64>>,
    /// How many inputs of the inbox were received before the last reading of the clock.
    pub(crate) ticked: usize,
    /// The state that is being written.
    pub(crate) writing: Option<HardState<u64>>,
    /// Whether that write waits until there is room on the disk.
    pub(crate) waits_for_room: bool,
    pub(crate) frozen: bool,
    /// The lease that was published last. The leader's workers act under it.
    pub(crate) published: Option<Lease>,
    /// The time of the scheduled wake-up.
    pub(crate) wake: Option<Instant>,
    /// The fault that strikes after this number of outputs.
    pub(crate) pending_fault: Option<(u32, PendingFault)>,
    /// Whether the process has acted on `Elected`, and not on `SteppedDown` since.
    pub(crate) leads: bool,
    /// Since when the process leads, that is, since a published lease first held.
    pub(crate) leads_since: Option<Instant>,
    pub(crate) style: HostStyle,
    /// Whether the last request allowed a membership change to cost the lease.
    pub(crate) forced: bool,
    /// Whether the process has reported that its node is removed.
    pub(crate) knows_removal: bool,
    /// What the host was told.
    pub(crate) news: NewsAudit,
    /// What the node asks for while it can win no election.
    pub(crate) requests: RequestAudit,
    /// When the process was started.
    pub(crate) started: Instant,
    /// The last term in which the node has asked for votes.
    pub(crate) campaigned: Term,
    /// The target that the host has asked for, and that the node has neither reached nor abandoned.
    pub(crate) target: Option<Target<u64>>,
    /// The membership that the node has persisted last, which may not be durable yet.
    pub(crate) members: Membership<u64>,
}

/// A fault that strikes between two outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PendingFault {
    Crash,
    /// A freeze of this length.
    Freeze(u64),
    /// A crash in which the disk is lost, and the data too if `with_data`. A `trap` waits for the next promise.
    Forget {
        with_data: bool,
        trap: bool,
    },
}

/// Choices that the contract of `Election` leaves to the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostStyle {
    /// Whether the process acts on the outputs of a tick before it steps the message.
    pub(crate) separate: bool,
    /// Whether the process steps all received inputs after one reading of the clock.
    pub(crate) burst: bool,
    /// Whether the workers act under the longest published lease until the leadership ends.
    pub(crate) keeps_longest_lease: bool,
}

/// How many inputs a process can hold, like the buffer of a socket. It drops the rest.
pub(crate) const INBOX: usize = 2_000;

impl Host {
    /// The lease under which workers would act at `now`. A frozen or blocked process counts, since its
    /// workers may run on under the lease that was published last.
    pub(crate) fn acts_under(&self, now: Instant) -> Option<Lease> {
        let process = self.process.as_ref()?;
        process.published.filter(|lease| lease.holds_at(process.clock.read(now)))
    }

    /// The life of the node and the version of its membership, or those before it forgot if it has not come back yet.
    pub(crate) fn last_known(&self) -> (Life, MembershipVersion) {
        self.forgotten.unwrap_or((self.durable.life, self.durable.membership.version()))
    }

    /// The version of the membership of this life that the node holds, or held before it forgot.
    pub(crate) fn last_known_version(&self, life: Life) -> Option<MembershipVersion> {
        let (of, version) = self.last_known();
        (of == life).then_some(version)
    }

    /// Whether the node takes part in this life.
    pub(crate) fn is_of(&self, life: Life) -> bool {
        !self.is_blank() && self.durable.life == life
    }

    /// Whether the node has forgotten what it took part in, and has not come back yet.
    pub(crate) fn is_blank(&self) -> bool {
        self.durable.blank.is_some()
    }

    /// Whether there is a process that takes part in its group, or would if it were told something new.
    pub(crate) fn takes_part(&self) -> bool {
        self.is_running() && !self.is_blank()
    }

    /// Whether there is a process and it is not frozen.
    pub(crate) fn is_running(&self) -> bool {
        self.process.as_ref().is_some_and(|process| !process.frozen)
    }
}

impl Process {
    /// Publishes the lease of the election to the workers. Returns the one published before if it had ended
    /// by now although the node leads on: the workers had no lease for a while, and need not have stopped.
    pub(crate) fn publish(&mut self, now: Instant) -> Option<Lease> {
        let reading = self.clock.read(now);
        let ended = self.published.filter(|lease| self.leads && !lease.holds_at(reading));
        let known = self.published.filter(|_| self.style.keeps_longest_lease);
        let longer = |lease: Lease| Lease {
            until: known.map_or(lease.until, |known| known.until.max(lease.until)),
            ..lease
        };
        self.published = self.election.lease().map(longer);
        ended.filter(|_| self.published.is_some_and(|lease| lease.holds_at(reading)))
    }

    /// The host has discovered a node that is to be a voter too.
    pub(crate) fn extend_target(&mut self, id: u64) {
        self.target = self.target.take().and_then(|target| {
            let voters = target.voters().iter().copied().filter(|&voter| voter != id);
            let learners = target.learners().iter().copied().filter(|&learner| learner != id);
            Target::new(voters.chain([id]), learners).ok()
        });
    }

    /// The host has lost a node.
    pub(crate) fn reduce_target(&mut self, id: u64) {
        self.target = self.target.take().and_then(|target| {
            let stays = |&member: &u64| member != id;
            let voters = target.voters().iter().copied().filter(stays);
            Target::new(voters, target.learners().iter().copied().filter(stays)).ok()
        });
    }

    /// Whether the process neither writes nor is frozen.
    pub(crate) fn is_idle(&self) -> bool {
        !self.frozen && self.writing.is_none()
    }
}
