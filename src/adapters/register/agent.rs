//! The agent: it speaks for the voter of a register to the node on its machine.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use rand_core::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{self, Reply};
use super::content::{Content, WriteId};
use super::format::{ContentError, parse, render};
use super::sight::Sight;
use super::status::{
    AgentConfig, AgentError, CallCounters, Outcome, Reads, RegisterEvent, RegisterStatus, Silence, Step, Tag,
};
use super::work::{Call, Job, Task, Waiting, Write};
use crate::election::Election;
use crate::message::{Body, Heartbeat, Message};
use crate::types::{Nanos, NodeId, Position, Term, Timestamp};

/// A leader looks as rarely as once in so many looks of the others.
const LEADERS_LOOK: u32 = 30;
/// How often a task is begun anew after another write came before its own. A node asks again by itself.
const MOST_ATTEMPTS: u8 = 3;

/// The agent of one node: see the [module](super).
#[derive(Clone, Debug)]
pub struct Agent<I> {
    pub(super) config: AgentConfig<I>,
    /// The number that this process has drawn, and that of its last write.
    last_write: WriteId,
    pub(super) now: Timestamp,
    pub(super) sight: Option<Sight<I>>,
    /// The highest number that a content was ever seen with.
    known_sequence: u64,
    /// The highest term that was ever seen. S1.
    known_term: Term,
    waiting: Waiting<I>,
    call: Option<Call<I>>,
    /// When the node sent the request that the voter has granted last.
    pub(super) asked_at: Timestamp,
    /// When the register is looked at next, unless the node leads.
    next_look: Timestamp,
    last_seen: Option<Timestamp>,
    pub(super) silence: Option<Silence<I>>,
    counters: CallCounters,
}

impl<I: NodeId + Serialize + DeserializeOwned> Agent<I> {
    /// The agent of a node that is just being started. It reads the register as soon as it is [ticked](Self::tick). What
    /// `rng` gives has to differ from one process to the next.
    ///
    /// # Errors
    /// [`AgentError`] if the configuration contradicts itself.
    pub fn new(config: AgentConfig<I>, rng: &mut impl Rng) -> Result<Self, AgentError<I>> {
        if config.node == config.voter {
            return Err(AgentError::SameId(config.node));
        }
        let look = config.usage.look();
        if !(Duration::from_millis(1)..=Duration::from_secs(3600)).contains(&look) {
            return Err(AgentError::Look(look));
        }
        crate::config::CheckedTiming::new(&config.timing)?;
        Ok(Agent {
            last_write: WriteId { process: rng.next_u64(), write: 0 },
            now: Timestamp::ORIGIN,
            sight: None,
            known_sequence: config.known_sequence,
            known_term: Term(0),
            waiting: Waiting { release: None, request: None, position: None, sign: false, look: false },
            call: None,
            asked_at: Timestamp::ORIGIN,
            next_look: Timestamp::ORIGIN,
            last_seen: None,
            silence: None,
            counters: CallCounters::default(),
            config,
        })
    }

    /// Takes a message that the node has for the voter of the register. It is answered once the register permits, or, like
    /// a message that is lost, not at all.
    pub fn ask<R: Rng>(
        &mut self,
        election: &Election<I, R>,
        message: Message<I>,
        now: Timestamp,
        out: &mut Vec<Step<I>>,
    ) {
        self.now = self.now.max(now);
        match message.body() {
            Body::Heartbeat(Heartbeat { promise: Nanos::ZERO, .. }) => {
                // Whatever waits was asked before the node gave up.
                self.waiting.request = None;
                self.waiting.release = Some(message);
            }
            Body::Heartbeat(_) if self.is_out_of_use() || !self.needs_voter(election, &message) => {}
            Body::Heartbeat(_) | Body::VoteRequest(_) | Body::RecoveryRequest => {
                self.waiting.request = Some(self.lengthened(message));
            }
            Body::VoteReply(_) | Body::HeartbeatReply(_) | Body::RecoveryReply(_) | Body::BlankReply(_) => {}
        }
        self.proceed(out);
    }

    /// Takes the outcome of the call that is under way. `now` is read **after** the call has returned: from then on a promise
    /// is watched (rule 10.4). The outcome of an earlier call, which was reported as unknown, must not be passed on.
    pub fn complete(&mut self, outcome: Outcome, now: Timestamp, out: &mut Vec<Step<I>>) {
        self.now = self.now.max(now);
        match self.call.take() {
            Some(Call::Read(job)) => {
                let is_seen = self.look_at(outcome, out);
                if is_seen {
                    self.work(Job { has_looked: true, ..job }, out);
                } else {
                    self.refuse(&job, out);
                }
            }
            Some(Call::Swap(write)) => self.end_swap(outcome, write, out),
            Some(Call::Check(write)) => {
                let is_seen = self.look_at(outcome, out);
                if is_seen {
                    self.end_check(write, out);
                } else {
                    self.refuse(&write.job, out);
                }
            }
            None => {}
        }
        self.proceed(out);
    }

    /// Looks at the register if that is due: a node that does not lead has to know since when the voter is bound, and one
    /// that leads whether the register is there. Rules 10.4 and 10.14.
    pub fn tick<R: Rng>(&mut self, election: &Election<I, R>, now: Timestamp, out: &mut Vec<Step<I>>) {
        self.now = self.now.max(now);
        if self.now >= self.next_look {
            let look = self.config.usage.look();
            self.next_look = self.now.saturating_add(look);
            // A leader finds out now and then whether it could have the voter's promise.
            let seen_until =
                self.last_seen.map(|seen| seen.saturating_add(look.saturating_mul(LEADERS_LOOK)));
            let is_at_rest = election.lease().is_some() && self.silence.is_none();
            self.waiting.look |= !is_at_rest || seen_until.is_none_or(|until| until <= self.now);
        }
        self.drop_position_without_lease(election, out);
        self.proceed(out);
    }

    /// The latest instant for the next tick.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.next_look
    }

    /// Has the register hold that the data of this leader reach so far. From [`RegisterEvent::PositionRecorded`] on the
    /// voter elects no node whose data reach less far. In a group of up to four voters a primary may then acknowledge what
    /// no other machine holds, because each quorum has that voter or the primary; in a larger one it must not.
    ///
    /// Tell the election of the position ([`SetPosition`](crate::Input::SetPosition)) before, and acknowledge only if the
    /// lease still holds after the event. A node without a lease, and one that the voter does not follow, is
    /// [refused](RegisterEvent::PositionRefused). A later call takes the place of one that was not begun. Rule 10.15.
    pub fn record_position<R: Rng>(
        &mut self,
        election: &Election<I, R>,
        position: Position,
        now: Timestamp,
        out: &mut Vec<Step<I>>,
    ) {
        self.now = self.now.max(now);
        self.waiting.position = self.waiting.position.max(Some(position));
        self.drop_position_without_lease(election, out);
        self.proceed(out);
    }

    /// Rule 10.15: what a former leader holds is required of nobody.
    fn drop_position_without_lease<R: Rng>(&mut self, election: &Election<I, R>, out: &mut Vec<Step<I>>) {
        let now = self.now;
        let leads = election.lease().is_some_and(|lease| lease.holds_at(now));
        if let Some(position) = self.waiting.position.take_if(|_| !leads) {
            out.push(Step::Event(RegisterEvent::PositionRefused(position)));
        }
    }

    /// The agent as operators see it.
    #[must_use]
    pub fn status(&self) -> RegisterStatus<I> {
        let resolution = self.resolution();
        let bound = self.sight.as_ref().and_then(|sight| sight.promise_in_force(resolution, self.now));
        RegisterStatus {
            silence: self.silence.clone(),
            last_seen: self.last_seen,
            sequence: self.sight.as_ref().map(|sight| sight.content.sequence),
            bound: bound.map(|promise| (promise.to, promise.until)),
            calls: self.counters,
        }
    }

    /// Goes on with what waits, as long as no call is under way. Each turn takes one thing that waits.
    fn proceed(&mut self, out: &mut Vec<Step<I>>) {
        while self.call.is_none()
            && let Some(task) = self.next_task()
        {
            self.work(Job { task, attempts: 0, has_looked: false }, out);
        }
    }

    fn next_task(&mut self) -> Option<Task<I>> {
        if self.waiting.request.as_ref().is_some_and(|request| self.is_early(request)) {
            self.waiting.request = None;
        }
        let Waiting { release, request, position, sign, look } = &mut self.waiting;
        let message = release.take().or_else(|| request.take()).map(Task::Answer);
        let task = message.or_else(|| position.take().map(Task::Record));
        let task = task.or_else(|| mem::take(sign).then_some(Task::Sign));
        task.or_else(|| mem::take(look).then_some(Task::Look))
    }

    /// Does as much of a task as no call is needed for, and begins the next call.
    fn work(&mut self, job: Job<I>, out: &mut Vec<Step<I>>) {
        match self.reply_to(&job.task) {
            Some(Reply { messages, write: Some(content) }) => {
                self.swap(Write { content, messages, job }, out)
            }
            // What is said without a write rests on a read that began after the question, so that it is news.
            _ if !job.has_looked => self.read(Call::Read(job), out),
            Some(Reply { messages, write: None }) => self.say(&job.task, messages, out),
            None => self.refuse(&job, out),
        }
    }

    /// What the voter makes of a task, as far as the agent has seen the register; nothing if it has not, or if the voter is
    /// lost.
    fn reply_to(&self, task: &Task<I>) -> Option<Reply<I>> {
        let sight = self.sight.as_ref().filter(|sight| !sight.content.is_lost)?;
        let AgentConfig { node, timing, .. } = self.config;
        match task {
            Task::Answer(message) => answer::answer(sight, timing, node, message.clone(), self.now),
            Task::Record(position) => answer::record(&sight.content, node, *position).map(Reply::of_write),
            Task::Sign if !sight.content.awaits_signature_of(node) => None,
            Task::Sign => Some(Reply::of_write(sight.content.clone())),
            Task::Look => None,
        }
    }

    fn read(&mut self, call: Call<I>, out: &mut Vec<Step<I>>) {
        self.counters.reads = self.counters.reads.saturating_add(1);
        self.call = Some(call);
        out.push(Step::Read);
    }

    /// Rules 10.1, 10.3 and 10.12: a write replaces just what was seen, has a number of its own, and is signed.
    fn swap(&mut self, mut write: Write<I>, out: &mut Vec<Step<I>>) {
        let Some(sight) = &self.sight else { return };
        let Some(sequence) = write.content.sequence.checked_add(1) else {
            return self.give_up(&write, out);
        };
        self.last_write.write = self.last_write.write.saturating_add(1);
        write.content.sequence = sequence;
        write.content.written_by = self.last_write;
        write.content.sign(self.config.node);
        self.waiting.sign = false;
        let Some(bytes) = render(&write.content) else { return self.give_up(&write, out) };
        self.counters.swaps = self.counters.swaps.saturating_add(1);
        out.push(Step::Swap { tag: sight.tag.clone(), bytes });
        self.call = Some(Call::Swap(write));
    }

    /// There is no number left, or the content has become too large: no agent has written what leads to that.
    fn give_up(&mut self, write: &Write<I>, out: &mut Vec<Step<I>>) {
        self.refuse(&write.job, out);
        self.distrust(Silence::Unreadable(ContentError::Malformed), out);
    }

    fn end_swap(&mut self, outcome: Outcome, write: Write<I>, out: &mut Vec<Step<I>>) {
        match outcome {
            Outcome::Swapped(tag) => self.succeed(tag, write, out),
            // Rule 10.8: a client may have repeated a call by itself, which then met its own write.
            Outcome::Refused | Outcome::Unknown => {
                self.counters.count_unsettled(&outcome);
                self.read(Call::Check(write), out);
            }
            Outcome::Failed | Outcome::Missing | Outcome::Found { .. } => {
                self.refuse(&write.job, out);
                self.note_failure(&outcome, out);
            }
        }
    }

    /// Rule 10.8: what the register holds shows whether the write was done. If it was not, as far as this read can tell,
    /// the task is begun anew on what is there. Rule 10.9.
    fn end_check(&mut self, write: Write<I>, out: &mut Vec<Step<I>>) {
        let found = self.sight.as_ref().map(|sight| (sight.content.written_by, sight.tag.clone()));
        match found {
            Some((written_by, tag)) if written_by == write.content.written_by => {
                self.succeed(tag, write, out)
            }
            Some(_) if write.job.attempts < MOST_ATTEMPTS => {
                let attempts = write.job.attempts.saturating_add(1);
                self.work(Job { attempts, has_looked: true, ..write.job }, out);
            }
            Some(_) | None => self.refuse(&write.job, out),
        }
    }

    /// The write was done: what follows from it follows now. Rule 10.7: the holder of a promise counts it from when it
    /// asked.
    fn succeed(&mut self, tag: Tag, write: Write<I>, out: &mut Vec<Step<I>>) {
        self.see(tag, write.content, out);
        let asked = write.messages.iter().map(|message| message.header().sent_at).max();
        self.asked_at = asked.unwrap_or(self.asked_at);
        self.say(&write.job.task, write.messages, out);
        if let Task::Record(position) = write.job.task {
            out.push(Step::Event(RegisterEvent::PositionRecorded(position)));
        }
    }

    fn refuse(&mut self, job: &Job<I>, out: &mut Vec<Step<I>>) {
        if let Task::Record(position) = job.task {
            out.push(Step::Event(RegisterEvent::PositionRefused(position)));
        }
    }

    /// Takes what a read has shown. Returns whether the voter can be resumed from it.
    fn look_at(&mut self, outcome: Outcome, out: &mut Vec<Step<I>>) -> bool {
        let Outcome::Found { tag, bytes } = outcome else {
            self.note_failure(&outcome, out);
            return false;
        };
        let content = match parse(&bytes, self.config.cluster, self.config.voter) {
            Ok(_) if self.has_seen_an_older_copy() => return false,
            Ok(content) if self.is_sound(&content) => content,
            Ok(_) => return self.distrust(Silence::Unreadable(ContentError::Malformed), out),
            Err(error) => return self.distrust(Silence::Unreadable(error), out),
        };
        let (known, found) = (self.known_sequence, content.sequence);
        let seen = self.sight.as_ref().filter(|sight| sight.content.sequence == found);
        if seen.is_some_and(|seen| seen.content != content) {
            return self.distrust(Silence::Older { known, found }, out);
        }
        if found < known {
            return match self.config.reads {
                Reads::MayBeStale => self.sight.is_some(),
                Reads::Fresh => self.distrust(Silence::Older { known, found }, out),
            };
        }
        self.waiting.sign = !content.is_lost && content.awaits_signature_of(self.config.node);
        self.see(tag, content, out);
        true
    }

    /// Whether the voter can be resumed from `content`, and has not gone back to an earlier term by a later write.
    fn is_sound(&self, content: &Content<I>) -> bool {
        let runs_backwards = content.sequence > self.known_sequence && content.state.term < self.known_term;
        !runs_backwards && answer::is_sound(content, self.config.timing, self.now)
    }

    /// Goes by a content from now on, and tells whether the voter may speak.
    fn see(&mut self, tag: Tag, content: Content<I>, out: &mut Vec<Step<I>>) {
        let sight = Sight::after_call(self.sight.as_ref(), tag, content, self.now);
        let Content { sequence, is_lost, .. } = sight.content;
        let missing = sight.content.missing_signature();
        self.last_seen = Some(self.now);
        self.known_term = self.known_term.max(sight.content.state.term);
        self.sight = Some(sight);
        if sequence > self.known_sequence {
            self.known_sequence = sequence;
            out.push(Step::Remember(sequence));
        }
        self.set_silence(if is_lost { Some(Silence::Lost) } else { missing.map(Silence::Unsigned) }, out);
    }

    /// Uses nothing of what the register holds, now or before.
    fn distrust(&mut self, reason: Silence<I>, out: &mut Vec<Step<I>>) -> bool {
        self.sight = None;
        if !self.has_seen_an_older_copy() {
            self.set_silence(Some(reason), out);
        }
        false
    }

    /// Rule 10.11: what was lost is not found again by later writes.
    fn has_seen_an_older_copy(&self) -> bool {
        matches!(self.silence, Some(Silence::Older { .. }))
    }

    fn note_failure(&mut self, outcome: &Outcome, out: &mut Vec<Step<I>>) {
        self.counters.failed = self.counters.failed.saturating_add(1);
        if *outcome == Outcome::Missing {
            self.distrust(Silence::Missing, out);
        } else if self.silence.is_none() {
            self.set_silence(Some(Silence::Unreachable), out);
        }
    }

    fn set_silence(&mut self, silence: Option<Silence<I>>, out: &mut Vec<Step<I>>) {
        if self.silence != silence {
            self.silence.clone_from(&silence);
            out.push(Step::Event(RegisterEvent::Silent(silence)));
        }
    }

    /// Rule 10.2: says what a task has led to, which answers a request that the node has repeated meanwhile too.
    fn say(&mut self, task: &Task<I>, messages: Vec<Message<I>>, out: &mut Vec<Step<I>>) {
        self.waiting.request.take_if(|request| task.is_repeated_by(request));
        self.deliver(messages, out);
    }

    /// Rules 10.11 and 10.12: says nothing in the name of a voter that is lost, or whose register not all have signed.
    fn deliver(&mut self, messages: Vec<Message<I>>, out: &mut Vec<Step<I>>) {
        if self.silence.is_none() {
            out.extend(messages.into_iter().map(Step::Deliver));
        }
    }
}
