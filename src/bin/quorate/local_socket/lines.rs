//! The lines: each is an object, and a key that it has is news, or the present state in the first line.

use std::time::Duration;

use quorate::adapters::clock::BootClock;
use quorate::adapters::udp::{LeaderAddress, Notice};
use quorate::{Event, Term, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::Id;
use crate::lengths::part;

/// What a client needs to act under a lease: its term, and when clients have to have stopped.
type Usable = Option<(Term, Timestamp)>;

/// The first line for each client.
pub(super) fn state(group: &str, id: Id, lease: Usable, leader: Option<&LeaderAddress<Id>>) -> String {
    line(&json!({ "group": group, "id": id, "lease": lease_value(lease), "leader": leader_value(leader) }))
}

pub(super) fn lease(lease: Usable) -> String {
    line(&json!({ "lease": lease_value(lease) }))
}

pub(super) fn leader(leader: Option<&LeaderAddress<Id>>) -> String {
    line(&json!({ "leader": leader_value(leader) }))
}

pub(super) fn news(notice: &Notice<Id>) -> Option<String> {
    match notice {
        Notice::Event(event) => Some(line(&json!({ "event": event_value(event)? }))),
        Notice::Missed(count) => Some(line(&json!({ "missed": count }))),
        Notice::Failed(failure) => Some(line(&json!({ "failed": failure.to_string() }))),
        // The leader's address is told; those of other members are of no use to clients.
        _ => None,
    }
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

/// `CLOCK_BOOTTIME` is the clock that any language can read. An NTP daemon may slow that clock down, by a twelfth at
/// most as chrony is shipped, and the clock of the lease is not slowed down with it. So the client is told of a tenth less
/// than what is left.
fn lease_value(lease: Usable) -> Value {
    let Some((term, end)) = lease else { return Value::Null };
    let boot_time = Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default();
    // This clock is read second: what passes between the readings shortens the lease.
    let left = end.saturating_duration_since(BootClock::new().now());
    let left = left.saturating_sub(part(left, 10));
    let until = boot_time.saturating_add(left);
    json!({ "term": term, "for_ms": number(left.as_millis()), "until_ns": number(until.as_nanos()) })
}

fn leader_value(leader: Option<&LeaderAddress<Id>>) -> Value {
    let Some(leader) = leader else { return Value::Null };
    let advertised = leader.advertised.map(|text| text.to_string());
    json!({ "id": leader.id, "term": leader.term, "address": leader.address, "advertised": advertised })
}

/// Numbers of 64 bits are texts, as most programs read numbers as floating-point ones. Terms stay numbers: they count
/// elections, or begin with a time in units of 2^-20 seconds.
fn event_value(event: &Event<Id>) -> Option<Value> {
    let mut value = serde_json::to_value(event).ok()?;
    let texts = match event {
        Event::ForeignCluster { cluster, .. } => Some(("/ForeignCluster/cluster", cluster.to_string())),
        Event::OtherLife { life, .. } => Some(("/OtherLife/life", life.to_string())),
        _ => None,
    };
    if let Some((place, text)) = texts
        && let Some(number) = value.pointer_mut(place)
    {
        *number = Value::String(text);
    }
    Some(value)
}

fn number(length: u128) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
