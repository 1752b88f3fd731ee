//! What the operator is told: who runs the command, why no node does, and what is refused.

use std::io;
use std::thread;
use std::time::Duration;

use quorate::adapters::clock::BootClock;
use quorate::adapters::register::RegisterEvent;
use quorate::adapters::udp::{DatagramCounters, Host, Notice};
use quorate::{Event, Status, Timestamp};

use super::log::Log;
use crate::Id;
use crate::local_socket::LocalSocket;

/// How long nothing has to be well before the operator is told, and then told again: twice as long each time, up to
/// the second of these.
const FIRST_PAUSE: Duration = Duration::from_secs(3);
const LAST_PAUSE: Duration = Duration::from_secs(300);

/// Writes the news of the host to the log, and to the clients of the local socket, on a thread of its own. Nothing depends on this thread.
pub(crate) fn follow_events(host: &Host<Id>, local: Option<LocalSocket>, log: Log) -> io::Result<()> {
    let (id, events, worker) = (host.status().id, host.events(), host.worker());
    let report = move || {
        while let Some(notice) = events.recv() {
            local.iter().for_each(|local| local.tell(&notice, &worker));
            match notice {
                Notice::Event(event @ Event::LeaderChanged { leader: Some(leader) }) if leader.id != id => {
                    log.say(format_args!("{event}, so node {} runs the command", leader.id));
                }
                Notice::Event(event) => log.say(event),
                Notice::Missed(news) => log.say(format_args!("{news} events of the election were missed")),
                Notice::Register(RegisterEvent::Silent(Some(why))) => {
                    log.say(format_args!("the voter of the register says nothing: {why}"));
                }
                Notice::Register(RegisterEvent::Silent(None)) => log.say("the voter of the register answers"),
                // The supervisor itself says why the host has failed; addresses are configured.
                _ => {}
            }
        }
    };
    thread::Builder::new().name("report".into()).spawn(report).map(drop)
}

/// What is not well for longer than a moment.
pub(crate) struct Report {
    log: Log,
    clock: BootClock,
    /// Since when no leader is known.
    leaderless_since: Option<Timestamp>,
    leaderless: Pause,
    refusals: Pause,
    /// The refusals that the operator was told of: of datagrams, and of writes.
    told: DatagramCounters,
    told_writes: u64,
}

/// The growing time between two reports of one kind.
struct Pause {
    until: Timestamp,
    length: Duration,
}

impl Pause {
    fn new(now: Timestamp) -> Pause {
        Pause { until: now.saturating_add(FIRST_PAUSE), length: FIRST_PAUSE }
    }

    fn lengthen(&mut self, now: Timestamp) {
        self.length = self.length.saturating_mul(2).min(LAST_PAUSE);
        self.until = now.saturating_add(self.length);
    }
}

impl Report {
    pub(crate) fn new(log: Log) -> Report {
        let clock = BootClock::new();
        let now = clock.now();
        let told = DatagramCounters::default();
        let (leaderless, refusals) = (Pause::new(now), Pause::new(now));
        Report { log, clock, leaderless_since: None, leaderless, refusals, told, told_writes: 0 }
    }

    /// Looks at the node, which has to be done about every second or more often.
    pub(crate) fn look(&mut self, status: &Status<Id>, counters: &DatagramCounters, refused_writes: u64) {
        let now = self.clock.now();
        self.look_for_leader(status, now);
        self.look_for_refusals(counters, refused_writes, now);
    }

    fn look_for_leader(&mut self, status: &Status<Id>, now: Timestamp) {
        if status.leader.is_some() {
            (self.leaderless_since, self.leaderless) = (None, Pause::new(now));
            return;
        }
        let since = *self.leaderless_since.get_or_insert(now);
        if now >= self.leaderless.until {
            let length = now.saturating_duration_since(since).as_secs();
            let why = why_leaderless(status);
            self.log.say(format_args!("no node is known to run the command, for {length} s: {why}"));
            self.leaderless.lengthen(now);
        }
    }

    fn look_for_refusals(&mut self, counters: &DatagramCounters, refused_writes: u64, now: Timestamp) {
        if now < self.refusals.until {
            return;
        }
        let mut refused = refusals(&self.told, counters);
        if refused_writes > self.told_writes {
            let writes = refused_writes.saturating_sub(self.told_writes);
            refused.push(format!("{writes} writes by the disk of this node, which were tried again"));
        }
        if refused.is_empty() {
            if now >= self.refusals.until.saturating_add(LAST_PAUSE) {
                self.refusals = Pause::new(now);
            }
            return;
        }
        self.log.say(format_args!("refused since the last report of this kind: {}", refused.join("; ")));
        (self.told, self.told_writes) = (*counters, refused_writes);
        self.refusals.lengthen(now);
    }
}

/// Why no leader is known, and what to do.
fn why_leaderless(status: &Status<Id>) -> String {
    if !status.quarantine_left.is_zero() {
        let left = status.quarantine_left;
        return format!("this node has restarted, and honours earlier promises for another {left:.1?}");
    }
    let is_silent = |ago: Option<Duration>| ago.is_none_or(|ago| ago >= FIRST_PAUSE);
    let silent = status
        .members
        .iter()
        .filter(|member| member.voter && member.id != status.id && is_silent(member.heard_ago));
    let silent: Vec<_> = silent.map(|member| member.id).collect();
    if !status.quorum_reachable {
        return format!(
            "no majority can be reached, and nodes {silent:?} are silent: see whether they run, and whether \
             their addresses, their group and their keys are right"
        );
    }
    match &status.last_denial {
        Some(denial) => format!("an election is under way; the last vote was denied {denial}"),
        None => "an election is under way".into(),
    }
}

/// What was refused between two readings of the counters, and what it means.
fn refusals(before: &DatagramCounters, now: &DatagramCounters) -> Vec<String> {
    let (seal, earlier) = (&now.refused, &before.refused);
    let kinds = [
        (
            seal.unknown_key,
            earlier.unknown_key,
            "sealed with an unknown key: a node has another file of keys",
        ),
        (seal.forged, earlier.forged, "forged or altered by somebody without the key"),
        (seal.unsealed, earlier.unsealed, "not sealed: a node runs without --key"),
        (seal.unknown_version, earlier.unknown_version, "sealed by another release"),
        (seal.own_id, earlier.own_id, "in the name of this node: another node has the same --id"),
        (seal.foreign_cluster, earlier.foreign_cluster, "of another --group"),
        (now.foreign, before.foreign, "of another --group, unsealed"),
        (now.from_own_id, before.from_own_id, "in the name of this node: another node has the same --id"),
        (now.other_version, before.other_version, "of another release"),
        (now.undecodable, before.undecodable, "of another program, or with ids of another type"),
        (now.send_errors, before.send_errors, "by the system, when they were sent"),
    ];
    let grown = kinds.iter().filter(|(now, before, _)| now > before);
    grown.map(|(now, before, what)| format!("{} datagrams {what}", now.saturating_sub(*before))).collect()
}
