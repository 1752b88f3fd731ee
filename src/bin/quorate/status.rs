//! One node in ten lines.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate::adapters::Advertised;
use quorate::adapters::endpoint::operator::Report;
use quorate::adapters::udp::{Operator, OperatorError, PeerAddress, who_leads};
use serde_json::{Value, json};

use crate::Id;
use crate::failure::{Failure, causes};
use crate::hosts::look_up_all;
use crate::lengths::part;
use crate::members::Members;
use crate::node_options::GroupOptions;
use crate::operating::{HERE, leads};
use crate::output::{complain, say};

/// Shows what nodes of a group say of themselves
///
/// A group without keys tells only who leads it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    group: GroupOptions,
    /// Prints an object of JSON for each node, on a line of its own
    #[arg(long)]
    json: bool,
    /// The nodes to ask. Of a name that stands for several addresses all are asked
    #[arg(value_name = "HOST:PORT", default_value = HERE)]
    hosts: Vec<PeerAddress>,
}

/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A node as JSON. Numbers of 64 bits are texts, as most programs read numbers as floating-point ones.
fn json(address: SocketAddr, answer: Result<&Report<Id>, &OperatorError>) -> serde_json::Result<Value> {
    let report = match answer {
        Ok(report) => report,
        Err(error) => return Ok(json!({ "address": address, "error": causes(error) })),
    };
    let mut value = json!({ "address": address, "report": serde_json::to_value(report)? });
    let texts = [
        ("/report/keys", report.keys.iter().map(|key| format!("{key:016x}")).collect()),
        ("/report/status/cluster", Value::String(report.status.cluster.to_string())),
        ("/report/status/life", Value::String(report.status.life.to_string())),
    ];
    for (place, text) in texts {
        if let Some(number) = value.pointer_mut(place) {
            *number = text;
        }
    }
    Ok(value)
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let Some(keys) = args.group.keys()? else { return ask_who_leads(args) };
    let operator = Operator::new(args.group.cluster(), keys).waiting(PATIENCE);
    let mut failed = 0_usize;
    let addresses = look_up_all(&args.hosts)?;
    for (place, &address) in addresses.iter().enumerate() {
        let report = ask(&operator, address);
        failed = failed.saturating_add(usize::from(report.is_err()));
        if args.json {
            say!("{}", json(address, report.as_ref().map(|answer| &answer.report))?);
            continue;
        }
        match report {
            Ok(report) => {
                let gap = if place > 0 { "\n" } else { "" };
                say!("{gap}{}", describe(&args.group.name, address, &report));
            }
            Err(error) if addresses.len() == 1 => return Err(error.into()),
            Err(error) => complain(format_args!("error: {}", causes(&error))),
        }
    }
    if failed == 0 {
        return Ok(());
    }
    Err(format!("{failed} of {} nodes did not say how they are", addresses.len()).into())
}

fn ask_who_leads(args: &Args) -> Result<(), Failure> {
    for address in look_up_all(&args.hosts)? {
        match who_leads::<Id>(args.group.cluster(), address, PATIENCE)? {
            Some(leader) => say!("{leader}"),
            None => say!("the node at {address} knows of no leader"),
        }
    }
    Ok(())
}

/// What a node has said, and how far its wall clock was ahead of this machine's, in milliseconds.
pub(crate) struct Answer {
    pub(crate) report: Report<Id>,
    pub(crate) clock_ahead: i128,
}

/// Asks a node. Its clock is compared with the middle of the time that question and answer took.
pub(crate) fn ask(operator: &Operator, address: SocketAddr) -> Result<Answer, OperatorError> {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let before = now();
    let report = operator.report::<Id>(address)?;
    let middle = part(before.saturating_add(now()), 2);
    let millis = |time: Duration| i128::try_from(time.as_millis()).unwrap_or(i128::MAX);
    let clock_ahead = millis(report.wall_clock).saturating_sub(millis(middle));
    Ok(Answer { report, clock_ahead })
}

/// A node in about ten lines.
fn describe(group: &str, address: SocketAddr, Answer { report, clock_ahead }: &Answer) -> String {
    let status = &report.status;
    let mut text = format!("node {} of group {group} at {address}", status.id);
    let mut line = |name: &str, value: String| {
        let _a_string_takes_all = write!(text, "\n  {name:<11} {value}");
    };
    let leaving = if status.leaving { ", and wants to be removed" } else { "" };
    line("role", format!("{} in term {}{leaving}", status.role, status.term));
    line("leader", describe_leader(report));
    if let Some(promise) = &status.promise {
        line("promise", format!("to {}, for another {:.1?}", promise.holder, promise.remaining));
    }
    let committed = if status.committed { "committed" } else { "not known to be committed" };
    line("members", format!("{}, version {}, {committed}", Members(status), status.version));
    if let Some(target) = &status.target {
        line("target", target.to_string());
    }
    let reachable = if status.quorum_reachable { "reachable" } else { "not reachable" };
    // Only a leader hears of all voters.
    let present =
        if leads(status) { format!("{} voters present, ", status.present_voters) } else { String::new() };
    line("quorum", format!("{reachable}: {present}{} needed", status.quorum));
    line("position", format!("{}, priority {}", status.position, status.priority));
    if !report.advertised.is_empty() {
        line("advertised", describe_advertised(&report.advertised));
    }
    line("keys", describe_keys(&report.keys));
    let write = status.pending_write.map_or("none pending".into(), |age| format!("pending for {age:.1?}"));
    line("write", write);
    line("clock", describe_clock(*clock_ahead));
    if let Some(recovery) = &status.recovery {
        line("recovery", recovery.to_string());
    }
    if !status.quarantine_left.is_zero() {
        line("quarantine", format!("for another {:.1?}", status.quarantine_left));
    }
    if let Some(diagnosis) = &status.diagnosis {
        line("problem", diagnosis.to_string());
    }
    text
}

fn describe_leader(report: &Report<Id>) -> String {
    let status = &report.status;
    match status.leader {
        None => "none is known".into(),
        Some(_) if leads(status) => format!("this node, for another {:.1?} at least", status.lease_left()),
        Some(leader) => {
            let known = report.addresses.iter().find(|(id, _)| *id == leader.id);
            let place = known.map_or(String::new(), |(_, address)| format!(" at {address}"));
            format!("{leader}{place}")
        }
    }
}

/// What each member advertises.
fn describe_advertised(advertised: &[(Id, Advertised)]) -> String {
    let texts: Vec<_> = advertised.iter().map(|(id, text)| format!("{id} {text}")).collect();
    texts.join(", ")
}

/// The ids of keys, as datagrams show them.
pub(crate) fn describe_keys(keys: &[u64]) -> String {
    keys.iter().map(|key| format!("{key:016x}")).collect::<Vec<_>>().join(" ")
}

fn describe_clock(ahead: i128) -> String {
    match ahead {
        -20..=20 => "that of this machine".into(),
        ahead if ahead < 0 => format!("{} ms behind this machine", ahead.saturating_neg()),
        ahead => format!("{ahead} ms ahead of this machine"),
    }
}
