//! What the commands of operators have in common: whom they ask, and how they find the leader.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use clap::builder::NonEmptyStringValueParser;
use quorate::adapters::endpoint::operator::{Command, Refused, Report};
use quorate::adapters::seal::Keyring;
use quorate::adapters::udp::{Operator, OperatorError, PeerAddress};
use quorate::{ClusterId, Status};

use crate::Id;
use crate::failure::{BadInput, Failure, causes};
use crate::hosts::look_up_all;

/// Where a node of this machine is asked unless another address is given.
pub(crate) const HERE: &str = "127.0.0.1:7000";

/// How long to wait before the group is looked at again.
const PAUSE: Duration = Duration::from_millis(100);

/// The group, its key, and nodes of it that are asked first.
#[derive(clap::Args)]
pub(crate) struct OperatorOptions {
    /// The name of the group
    #[arg(long = "group", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// The file of the group's keys. A group without keys is neither watched nor changed over the network
    #[arg(long, value_name = "FILE")]
    key: std::path::PathBuf,
    /// A node of the group, any one: it tells where the others are
    #[arg(long = "at", value_name = "HOST:PORT", default_value = HERE)]
    pub(crate) hosts: Vec<PeerAddress>,
}

/// The same for a command that takes a while.
#[derive(clap::Args)]
pub(crate) struct CommandOptions {
    #[command(flatten)]
    operator: OperatorOptions,
    /// How long to wait until what was asked for is done
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait_s: u64,
}

/// A group whose leader is told to do something.
pub(crate) struct Group {
    operator: Operator,
    addresses: Vec<SocketAddr>,
    patience: Duration,
}

/// A leader, where it is, and what it said last.
pub(crate) struct LeaderReport {
    address: SocketAddr,
    pub(crate) status: Status<Id>,
}

impl OperatorOptions {
    pub(crate) fn operator(&self) -> Result<Operator, Failure> {
        let keys = Keyring::read(&self.key).map_err(BadInput::says)?;
        Ok(Operator::new(ClusterId::from_name(&self.name), keys))
    }
}

impl CommandOptions {
    pub(crate) fn group(&self) -> Result<Group, Failure> {
        let (operator, addresses) = (self.operator.operator()?, look_up_all(&self.operator.hosts)?);
        Ok(Group { operator, addresses, patience: Duration::from_secs(self.wait_s) })
    }
}

impl Group {
    /// What the leader says of itself. Nodes that know no leader are asked again for a while, as an election may be under
    /// way.
    pub(crate) fn leader(&mut self) -> Result<LeaderReport, Failure> {
        let mut why = String::new();
        self.until(|group| {
            group.look_for_leader().unwrap_or_else(|error| {
                why = error;
                None
            })
        })
        .ok_or_else(|| {
            let why = if why.is_empty() { "the nodes that answer know of none".to_owned() } else { why };
            format!("no leader was found: {why}").into()
        })
    }

    /// Tells the leader to do something, and returns what the leader said before.
    pub(crate) fn command(&mut self, leader: &LeaderReport, command: &Command<Id>) -> Result<(), Failure> {
        self.operator.command(leader.address, command).map_err(|error| match error {
            OperatorError::Refused(Refused::NoCommands) => {
                format!("node {} was started with --no-commands, so nothing was done", leader.status.id)
                    .into()
            }
            error => Failure::from(error),
        })
    }

    /// Looks at the leader until `seen` returns something, for as long as the operator waits at most.
    pub(crate) fn until_leader<T>(&mut self, mut seen: impl FnMut(&Status<Id>) -> Option<T>) -> Option<T> {
        self.until(|group| seen(&group.look_for_leader().ok()??.status))
    }

    fn until<T>(&mut self, mut seen: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        let began = Instant::now();
        loop {
            if let Some(seen) = seen(self) {
                return Some(seen);
            }
            if began.elapsed() >= self.patience {
                return None;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Asks the known nodes, until one of them is the leader or says where the leader is. An error says what the last
    /// one did that was asked in vain.
    fn look_for_leader(&mut self) -> Result<Option<LeaderReport>, String> {
        let mut known = self.addresses.clone();
        let mut place = 0_usize;
        let mut error = None;
        while let Some(&address) = known.get(place) {
            place = place.saturating_add(1);
            let report = match self.operator.report::<Id>(address) {
                Ok(report) => report,
                Err(failed) => {
                    error = Some(causes(&failed));
                    continue;
                }
            };
            if leads(&report.status) {
                self.addresses = addresses_first(address, &report, &known);
                return Ok(Some(LeaderReport { address, status: report.status }));
            }
            let leader = report.status.leader.map(|leader| leader.id);
            for &(id, address) in &report.addresses {
                if Some(id) == leader && !known.contains(&address) {
                    known.push(address);
                }
            }
        }
        error.map_or(Ok(None), Err)
    }
}

/// The leader's address, and those that it knows: a group whose first node is removed is still found.
fn addresses_first(leader: SocketAddr, report: &Report<Id>, known: &[SocketAddr]) -> Vec<SocketAddr> {
    let others = report.addresses.iter().map(|&(_, address)| address).chain(known.iter().copied());
    let mut all = vec![leader];
    for address in others {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    all
}

pub(crate) fn leads(status: &Status<Id>) -> bool {
    status.leader.is_some_and(|leader| leader.id == status.id)
}
