//! What a node must have been told before it acts: a leader removes a member that is to go, and no other; it gives
//! leadership up for a successor that can win; a node campaigns if a quorum would vote for it. What was said in another
//! life of a node, before it was added again, or in an earlier attempt does not count.

use std::collections::HashMap;

use quorate::message::{Answer, Body, Claim, Denial, Order, Phase, Round};
use quorate::{
    Event, Input, Membership, MembershipVersion, Message, Output, RoleKind, StepDown, Target, Term, Urgency,
};

use crate::clock::Instant;
use crate::cluster::{Cluster, index_of};
use crate::safety::{Verdict, ViolationKind};

/// What the nodes have said and were asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// The wish of each node to leave, its own or that of a leader whose target lacks it.
    wishes: HashMap<u64, Wish>,
    /// When the host of a leader lost each node.
    lost: HashMap<u64, Instant>,
    /// When each node was added, and with which version.
    additions: HashMap<u64, Vec<(MembershipVersion, Instant)>>,
    /// The attempt to hand over that each leader has begun last.
    attempts: HashMap<u64, Attempt>,
    /// By candidate and voter, when the latest pre-vote was granted that has arrived; and the same of all replies that
    /// may count as one.
    grants: HashMap<(u64, u64), Instant>,
    replies: HashMap<(u64, u64), Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Wish {
    since: Instant,
    /// When the process that had the wish ended.
    until: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Attempt {
    successor: u64,
    term: Term,
    round: Round,
    since: Instant,
}

impl Evidence {
    /// A process of `node` has ended, and its wish with it.
    pub(crate) fn end_process(&mut self, node: u64, now: Instant) {
        if let Some(wish) = self.wishes.get_mut(&node) {
            wish.until.get_or_insert(now);
        }
    }

    /// A message that was sent at `sent` arrives at `node`.
    pub(crate) fn arrive(&mut self, node: u64, from: u64, sent: Instant, message: &Message<u64>) {
        let Body::VoteReply(reply) = &message.body() else { return };
        if reply.phase != Phase::Pre {
            return;
        }
        let latest = |of: &mut HashMap<(u64, u64), Instant>| {
            let known = of.entry((node, from)).or_insert(sent);
            *known = sent.max(*known);
        };
        match reply.answer {
            Answer::Granted(_) => {
                latest(&mut self.grants);
                latest(&mut self.replies);
            }
            Answer::Denied(Denial::Bound { .. }) => latest(&mut self.replies),
            Answer::Denied(_) => {}
        }
    }

    /// Remembers the attempt that a heartbeat of `leader` belongs to. Returns whether it is a new one.
    pub(crate) fn record_attempt(
        &mut self,
        leader: u64,
        successor: u64,
        message: &Message<u64>,
        now: Instant,
    ) -> bool {
        let Body::Heartbeat(beat) = &message.body() else { return false };
        let Order::Prepare { attempt: round } = beat.order else { return false };
        let term = message.header().term;
        let known = self.attempts.get(&leader);
        let is_new =
            known.is_none_or(|known| (known.successor, known.term, known.round) != (successor, term, round));
        if is_new {
            self.attempts.insert(leader, Attempt { successor, term, round, since: now });
        }
        is_new
    }

    /// How many of `voters` have said so to `node` since `since`, with `node` itself.
    fn count(&self, of: &HashMap<(u64, u64), Instant>, node: u64, voters: &[u64], since: Instant) -> usize {
        let says =
            |&&voter: &&u64| voter == node || of.get(&(node, voter)).is_some_and(|&latest| latest >= since);
        voters.iter().filter(says).count()
    }

    /// When `node` was added to the members of that version.
    fn added_at(&self, node: u64, version: MembershipVersion) -> Instant {
        let additions = self.additions.get(&node).into_iter().flatten();
        additions.filter(|(added, _)| *added <= version).map(|&(_, at)| at).max().unwrap_or(0)
    }

    fn check_handover(&self, leader: u64, successor: u64, members: &Membership<u64>) -> Verdict {
        let attempt = self.attempts.get(&leader).filter(|attempt| attempt.successor == successor);
        let granted =
            attempt.map_or(0, |attempt| self.count(&self.grants, successor, members.voters(), attempt.since));
        let text =
            format!("{leader} gives leadership up for {successor}, with {granted} votes in {attempt:?}");
        if granted >= members.quorum() { Ok(()) } else { Err((ViolationKind::OutOfDate, text)) }
    }
}

impl Cluster {
    /// Checks what the node at index `node` does in reply to `input`, or to a tick.
    pub(crate) fn check_grounds(&mut self, node: usize, input: Option<&Input<u64>>, outputs: &[Output<u64>]) {
        self.audit_step(node, input, outputs);
        self.audit_requests(node, outputs);
        if self.outbox.is_some() {
            // What arrives over endpoints is not recorded.
            return;
        }
        let is_accepted = !matches!(outputs, [Output::Rejected(_)]);
        self.record_request(node, input.filter(|_| is_accepted));
        let is_urgent = matches!(input, Some(Input::Resign { urgency: Urgency::Now, .. }));
        for output in outputs {
            let verdict = match output {
                Output::Persist(state) => self.check_removals(node, &state.membership),
                Output::Event(Event::SteppedDown { reason, .. }) => {
                    self.check_resignation(node, reason, is_urgent)
                }
                Output::Event(Event::TargetReached { .. }) => self.check_target(node),
                Output::Event(Event::TargetAbandoned) => {
                    self.take_target(node);
                    Ok(())
                }
                Output::Event(_) | Output::Send { .. } | Output::Rejected(_) => Ok(()),
            };
            self.judge(verdict);
        }
    }

    fn record_request(&mut self, node: usize, input: Option<&Input<u64>>) {
        let (now, name) = (self.now, node as u64 + 1);
        let Some(process) = &mut self.hosts[node].process else { return };
        let leads = process.election.role() == RoleKind::Leader;
        match input {
            Some(Input::Reconfigure { target, .. }) => {
                if !target.contains(name) {
                    self.evidence.wishes.insert(name, Wish { since: now, until: None });
                }
                process.target = Some(target.clone());
            }
            Some(&Input::Discovered(id)) if leads => process.extend_target(id),
            Some(&Input::Lost(id)) if leads => {
                process.reduce_target(id);
                self.evidence.lost.insert(id, now);
            }
            Some(Input::Leave) => {
                self.evidence.wishes.insert(name, Wish { since: now, until: None });
            }
            _ => {}
        }
    }

    fn take_target(&mut self, node: usize) -> Option<Target<u64>> {
        self.hosts[node].process.as_mut()?.target.take()
    }

    /// A leader may remove a member that its target lacks, or that has wished to leave since it was added.
    fn check_removals(&mut self, node: usize, next: &Membership<u64>) -> Verdict {
        let now = self.now;
        let Some(process) = &mut self.hosts[node].process else { return Ok(()) };
        let last = std::mem::replace(&mut process.members, next.clone());
        let is_step = process.election.role() == RoleKind::Leader
            && next.version().term == process.election.term()
            && next.version().number == last.version().number + 1;
        if !is_step || last.is_forming() {
            return Ok(());
        }
        let target = process.target.clone();
        let added = next.members().iter().filter(|&&id| !last.contains(id));
        for &id in added {
            self.evidence.additions.entry(id).or_default().push((next.version(), now));
        }
        let removed = last.members().iter().filter(|&&id| !next.contains(id));
        for &id in removed {
            let is_asked = target.as_ref().is_some_and(|target| !target.contains(id));
            if !is_asked && !self.wishes_to_leave(node, id, last.version()) {
                let text = format!("{} removes {id}, which is to stay: {next:?}", node + 1);
                return Err((ViolationKind::OutOfDate, text));
            }
        }
        Ok(())
    }

    /// Whether the leader at index `leader` may know of a wish of `member` to leave. A wish that has ended is known until
    /// the next reply.
    fn wishes_to_leave(&self, leader: usize, member: u64, version: MembershipVersion) -> bool {
        let added = self.evidence.added_at(member, version);
        let is_lost = self.evidence.lost.get(&member).is_some_and(|&lost| lost >= added);
        let Some(wish) = self.evidence.wishes.get(&member).filter(|_| !is_lost) else { return is_lost };
        let is_recent = wish.until.is_none_or(|until| {
            !self.liveness.is_past(until, self.now)
                || !self.liveness.reaches(leader, index_of(member), self.now)
        });
        wish.since >= added && is_recent
    }

    fn check_resignation(&mut self, node: usize, reason: &StepDown<u64>, is_urgent: bool) -> Verdict {
        self.take_target(node);
        let StepDown::Resigned { successor: Some(successor) } = *reason else { return Ok(()) };
        let name = node as u64 + 1;
        let Some(process) = self.hosts[node].process.as_ref().filter(|_| !is_urgent) else { return Ok(()) };
        self.evidence.check_handover(name, successor, process.election.membership())
    }

    /// A target was reached if the members are those of the target.
    fn check_target(&mut self, node: usize) -> Verdict {
        let Some(target) = self.take_target(node) else { return Ok(()) };
        let Some(process) = &self.hosts[node].process else { return Ok(()) };
        let members = process.election.membership();
        if (members.voters(), members.learners()) == (target.voters(), target.learners()) {
            return Ok(());
        }
        let text = format!("{} reports that it has reached {target}, and holds {members:?}", node + 1);
        Err((ViolationKind::Nonsense, text))
    }

    /// Checks that a quorum has answered the pre-votes of this process before it asks for votes.
    pub(crate) fn check_candidacy(&mut self, node: usize, message: &Message<u64>) -> Verdict {
        let Body::VoteRequest(request) = &message.body() else { return Ok(()) };
        let process = self.hosts[node].process.as_mut().filter(|_| self.outbox.is_none());
        let Some(process) = process else { return Ok(()) };
        if request.phase != Phase::Real || request.claim != Claim::Own || process.leads {
            return Ok(());
        }
        let term = message.header().term;
        if std::mem::replace(&mut process.campaigned, term) == term {
            return Ok(());
        }
        let (name, members) = (node as u64 + 1, process.election.membership());
        let answered = self.evidence.count(&self.evidence.replies, name, members.voters(), process.started);
        if answered >= members.quorum() {
            return Ok(());
        }
        let text =
            format!("{name} campaigns, and {answered} have answered its pre-votes since it was started");
        Err((ViolationKind::OutOfDate, text))
    }
}
