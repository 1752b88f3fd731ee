//! What each metric is, and where its numbers come from.

use core::time::Duration;
use std::prelude::rust_2024::*;
use std::vec;

use super::Metrics;
use super::open_metrics::{Family, Labels, Samples};
use crate::adapters::counters::{Denials, ElectionCounters, Ends, Histogram};
#[cfg(feature = "register")]
use crate::adapters::register::{CallCounters, RegisterStatus};
#[cfg(feature = "endpoint")]
use crate::adapters::{endpoint::DatagramCounters, seal::Refused};
use crate::types::NodeId;
#[cfg(feature = "register")]
use crate::types::Timestamp;

impl<I: NodeId> Metrics<I> {
    /// All of them, in the order in which they are written.
    pub(super) fn families(&self) -> Vec<Family> {
        let mut families = self.of_the_node();
        families.extend(of_counters(&self.counters, self.counters.leaderless(self.now)));
        #[cfg(feature = "endpoint")]
        families.extend(self.datagrams.iter().flat_map(of_datagrams));
        #[cfg(feature = "register")]
        families.extend(self.register.iter().flat_map(|register| of_register(register, self.now)));
        let version = &[("version", env!("CARGO_PKG_VERSION"))];
        let help = "The release of quorate";
        families.push(Family { name: "build", help, is_in_seconds: false, samples: Samples::Info(version) });
        families
    }

    /// What the node is now.
    fn of_the_node(&self) -> Vec<Family> {
        let (status, leader) = (&self.status, self.leader());
        let voters = status.members.iter().filter(|member| member.voter).count();
        let pending = status.pending_write.unwrap_or_default();
        vec![
            gauge("is_leader", "Whether the node may act as leader", flag(self.is_leader())),
            gauge("has_leader", "Whether the node knows a leader, itself included", flag(leader.is_some())),
            gauge(
                "is_ready",
                "Whether the node knows a leader, and has recovered from its restart",
                flag(self.readiness().is_ok()),
            ),
            gauge("term", "The highest term that the node has taken part in", Some(status.term.0)),
            gauge(
                "leader_term",
                "The term of the leader that the node knows; 0 if it knows none",
                Some(leader.map_or(0, |leader| leader.term.0)),
            ),
            seconds("lease", "For how much longer the node may act as leader", Some(self.lease_left())),
            gauge("voters", "How many voters the group has", number(voters)),
            gauge("quorum", "How many voters make a quorum", number(status.quorum)),
            gauge(
                "voters_that_may_fail",
                "How many more voters may fail before no leader can be elected; only a leader knows",
                self.voters_that_may_fail().and_then(number),
            ),
            seconds(
                "quorum_last_heard",
                "How long ago the node has heard a quorum of the voters, or the leader that it follows",
                self.quorum_heard_ago(),
            ),
            seconds(
                "quarantine",
                "For how much longer the node honours promises from before its restart",
                Some(self.quarantine_left()),
            ),
            seconds("pending_write", "For how long a state has been waiting to be durable", Some(pending)),
        ]
    }
}

/// What became of the node so far.
fn of_counters(counters: &ElectionCounters, leaderless: Duration) -> Vec<Family> {
    vec![
        counter("leader_changes", "How often another leader became known", counters.leaders),
        Family {
            is_in_seconds: true,
            ..family(
                "leaderless",
                "For how long the node has known no leader",
                Samples::SecondsCounter(leaderless.as_secs_f64()),
            )
        },
        counter("elections", "How often the node was elected", counters.elections),
        counter(
            "renewals",
            "How often the node has renewed its leadership in a later term, without a moment between",
            counters.renewals,
        ),
        counters_of("step_downs", "How leaderships of the node have ended", step_downs(&counters.ends)),
        counter("failed_handovers", "How often a failed handover was reported", counters.failed_handovers),
        counter("alarms", "What an operator should look into", counters.alarms),
        counters_of("refusals", "Why requests of the node were refused", refusals(&counters.denials)),
        histogram(
            "round_trip",
            "From a heartbeat or a request for a vote to its answer",
            counters.round_trips,
        ),
        histogram("persist", "How long it took to make a state durable", counters.persists),
        counter(
            "refused_writes",
            "Writes that the disk has refused before their first byte",
            counters.refused_writes,
        ),
        counters_of("messages", "Messages of the election", messages(counters)),
    ]
}

#[cfg(feature = "endpoint")]
fn of_datagrams(counters: &DatagramCounters) -> [Family; 3] {
    let failed = "Look-ups of names of nodes that ended without an address";
    [
        counters_of("datagrams", "Datagrams, and what became of each", datagrams(counters)),
        counter("name_lookups", "Look-ups of names of nodes", counters.lookups),
        counter("failed_name_lookups", failed, counters.failed_lookups),
    ]
}

#[cfg(feature = "register")]
fn of_register<I>(register: &RegisterStatus<I>, now: Timestamp) -> [Family; 4] {
    let CallCounters { reads, swaps, refused, failed, unknown } = register.calls;
    let age = register.last_seen.map(|seen| now.saturating_duration_since(seen));
    let misses = "Calls of the register that did not do what they were to do";
    [
        gauge(
            "register_is_silent",
            "Whether the voter in the register says nothing",
            flag(register.silence.is_some()),
        ),
        seconds("register_last_seen", "How long ago a call has last shown what the register holds", age),
        counters_of(
            "register_calls",
            "Calls of the register",
            vec![(&[("call", "read")], reads), (&[("call", "swap")], swaps)],
        ),
        counters_of(
            "register_misses",
            misses,
            vec![
                (&[("reason", "refused")], refused),
                (&[("reason", "failed")], failed),
                (&[("reason", "unknown")], unknown),
            ],
        ),
    ]
}

fn step_downs(ends: &Ends) -> Vec<(Labels, u64)> {
    let Ends { lapsed, replaced, resigned } = *ends;
    vec![
        (&[("reason", "lease_lapsed")], lapsed),
        (&[("reason", "new_leader")], replaced),
        (&[("reason", "resigned")], resigned),
    ]
}

fn refusals(denials: &Denials) -> Vec<(Labels, u64)> {
    let Denials {
        bound,
        vote_gone,
        term_behind,
        membership_older,
        position_behind,
        stranger,
        membership_conflict,
        other_life,
    } = *denials;
    vec![
        (&[("reason", "bound")], bound),
        (&[("reason", "already_voted")], vote_gone),
        (&[("reason", "stale_term")], term_behind),
        (&[("reason", "stale_membership")], membership_older),
        (&[("reason", "position_behind")], position_behind),
        (&[("reason", "not_a_member")], stranger),
        (&[("reason", "membership_conflict")], membership_conflict),
        (&[("reason", "other_life")], other_life),
    ]
}

fn messages(counters: &ElectionCounters) -> Vec<(Labels, u64)> {
    vec![(&[("direction", "in")], counters.received), (&[("direction", "out")], counters.sent)]
}

/// Each datagram has one verdict.
#[cfg(feature = "endpoint")]
fn datagrams(counters: &DatagramCounters) -> Vec<(Labels, u64)> {
    let DatagramCounters {
        received,
        sent,
        lookups: _,
        failed_lookups: _,
        answered,
        requests,
        strangers,
        foreign,
        oversized,
        other_version,
        undecodable,
        from_own_id,
        from_register_voter,
        misdirected,
        short_questions,
        unroutable,
        held_back,
        unconfirmed,
        send_errors,
        overflowed,
        receive_errors,
        refused,
    } = *counters;
    let mut samples: Vec<(Labels, u64)> = vec![
        (&[("direction", "in"), ("verdict", "accepted")], received.saturating_sub(strangers)),
        (&[("direction", "in"), ("verdict", "stranger")], strangers),
        (&[("direction", "in"), ("verdict", "answered")], answered),
        (&[("direction", "in"), ("verdict", "foreign")], foreign),
        (&[("direction", "in"), ("verdict", "oversized")], oversized),
        (&[("direction", "in"), ("verdict", "other_version")], other_version),
        (&[("direction", "in"), ("verdict", "undecodable")], undecodable),
        (&[("direction", "in"), ("verdict", "from_own_id")], from_own_id),
        (&[("direction", "in"), ("verdict", "from_register_voter")], from_register_voter),
        (&[("direction", "in"), ("verdict", "misdirected")], misdirected),
        (&[("direction", "in"), ("verdict", "request")], requests),
        (&[("direction", "in"), ("verdict", "short_question")], short_questions),
        (&[("direction", "in"), ("verdict", "overflowed")], overflowed),
        (&[("direction", "in"), ("verdict", "error")], receive_errors),
        (&[("direction", "out"), ("verdict", "sent")], sent),
        (&[("direction", "out"), ("verdict", "unroutable")], unroutable),
        (&[("direction", "out"), ("verdict", "held_back")], held_back),
        (&[("direction", "out"), ("verdict", "unconfirmed")], unconfirmed),
        (&[("direction", "out"), ("verdict", "error")], send_errors),
    ];
    samples.extend(refused_datagrams(&refused));
    samples
}

/// What the seal refused.
#[cfg(feature = "endpoint")]
fn refused_datagrams(refused: &Refused) -> Vec<(Labels, u64)> {
    let Refused {
        too_long,
        truncated,
        unsealed,
        unknown_version,
        unknown_key,
        foreign_cluster,
        forged,
        malformed,
        reflected,
        own_id,
        misdirected,
        unproven,
        stale,
        replayed,
        no_randomness,
    } = *refused;
    vec![
        (&[("direction", "in"), ("verdict", "seal_too_long")], too_long),
        (&[("direction", "in"), ("verdict", "seal_truncated")], truncated),
        (&[("direction", "in"), ("verdict", "seal_missing")], unsealed),
        (&[("direction", "in"), ("verdict", "seal_unknown_version")], unknown_version),
        (&[("direction", "in"), ("verdict", "seal_unknown_key")], unknown_key),
        (&[("direction", "in"), ("verdict", "seal_foreign")], foreign_cluster),
        (&[("direction", "in"), ("verdict", "seal_forged")], forged),
        (&[("direction", "in"), ("verdict", "seal_malformed")], malformed),
        (&[("direction", "in"), ("verdict", "seal_reflected")], reflected),
        (&[("direction", "in"), ("verdict", "seal_from_own_id")], own_id),
        (&[("direction", "in"), ("verdict", "seal_misdirected")], misdirected),
        (&[("direction", "in"), ("verdict", "seal_unproven")], unproven),
        (&[("direction", "in"), ("verdict", "seal_stale")], stale),
        (&[("direction", "in"), ("verdict", "seal_replayed")], replayed),
        (&[("direction", "in"), ("verdict", "seal_no_randomness")], no_randomness),
    ]
}

fn family(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, help, is_in_seconds: false, samples }
}

fn gauge(name: &'static str, help: &'static str, value: Option<u64>) -> Family {
    family(name, help, Samples::Gauge(value))
}

fn seconds(name: &'static str, help: &'static str, length: Option<Duration>) -> Family {
    let samples = Samples::SecondsGauge(length.map(|length| length.as_secs_f64()));
    Family { is_in_seconds: true, ..family(name, help, samples) }
}

fn counter(name: &'static str, help: &'static str, count: u64) -> Family {
    family(name, help, Samples::Counter(count))
}

fn counters_of(name: &'static str, help: &'static str, samples: Vec<(Labels, u64)>) -> Family {
    family(name, help, Samples::Counters(samples))
}

fn histogram(name: &'static str, help: &'static str, lengths: Histogram) -> Family {
    Family { is_in_seconds: true, ..family(name, help, Samples::Histogram(lengths)) }
}

fn flag(is_set: bool) -> Option<u64> {
    Some(is_set.into())
}

fn number(count: usize) -> Option<u64> {
    u64::try_from(count).ok()
}
