//! One of the processes: a host that reports to the parent on its standard output.

use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, iter, process, thread};

use clap::Parser;
use quorate::adapters::clock::BootClock;
use quorate::adapters::record::Recorder;
use quorate::adapters::seal::Keyring;
use quorate::adapters::store::Store;
use quorate::adapters::udp::{Host, HostConfig, Notice};
use quorate::{ClusterId, Config, Event, Force, HardState, NameError, Target, Timestamp, Timing, Urgency};

use super::{Id, timing};
use crate::Id as Name;
use crate::failure::Failure;

/// The first argument of one of the processes.
pub(crate) const NODE: &str = "demo:node";

/// One of the processes of the demo
#[derive(Parser)]
struct Args {
    #[arg(long)]
    id: Id,
    /// Length of the promises to a leader
    #[arg(long)]
    timeout_ms: u32,
    #[arg(long)]
    listen: SocketAddr,
    /// The nodes that start the group; none on a node that will be added to it
    #[arg(long, num_args = 0.., value_delimiter = ',')]
    members: Vec<SocketAddr>,
    /// The file for the node's state; without one the node stores nothing
    #[arg(long)]
    data: Option<PathBuf>,
    /// The file with the group's key
    #[arg(long)]
    key: PathBuf,
    /// Where to record
    #[arg(long)]
    record: Option<PathBuf>,
    /// The first start
    #[arg(long)]
    new: bool,
}

/// What a child reports, one line each. Times are readings of the machine's clock, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Report {
    Lease { term: u64, from: u64, until: u64 },
    Dropped { at: u64 },
    Follows { leader: Id, term: u64 },
    Members(Members),
    Removed,
}

/// A membership as a process knows it, with a bit for each id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Members {
    pub(crate) term: u64,
    pub(crate) number: u64,
    pub(crate) committed: bool,
    pub(crate) voters: u128,
    pub(crate) learners: u128,
}

/// The bits of these ids.
pub(crate) fn bits(ids: impl IntoIterator<Item = Id>) -> u128 {
    ids.into_iter().fold(0, |bits, id| bits | 1 << id)
}

impl Report {
    fn line(self) -> String {
        match self {
            Report::Lease { term, from, until } => format!("lease {term} {from} {until}\n"),
            Report::Dropped { at } => format!("dropped {at}\n"),
            Report::Follows { leader, term } => format!("follows {leader} {term}\n"),
            Report::Members(Members { term, number, committed, voters, learners }) => {
                format!("members {term} {number} {} {voters} {learners}\n", u8::from(committed))
            }
            Report::Removed => "removed\n".into(),
        }
    }

    pub(crate) fn parse(line: &str) -> Option<Report> {
        let mut words = line.strip_suffix('\n')?.split(' ');
        let kind = words.next()?;
        let mut bits = || words.next()?.parse::<u128>().ok();
        let mut number = || bits()?.try_into().ok();
        match kind {
            "lease" => Some(Report::Lease { term: number()?, from: number()?, until: number()? }),
            "dropped" => Some(Report::Dropped { at: number()? }),
            "follows" => Some(Report::Follows { leader: number()?.try_into().ok()?, term: number()? }),
            "members" => Some(Report::Members(Members {
                term: number()?,
                number: number()?,
                committed: number()? == 1,
                voters: bits()?,
                learners: bits()?,
            })),
            "removed" => Some(Report::Removed),
            _ => None,
        }
    }
}

pub(crate) fn node(args: impl Iterator<Item = OsString>) -> Result<ExitCode, Failure> {
    let args = Args::try_parse_from(iter::once(NODE.into()).chain(args))?;
    let timing = timing(args.timeout_ms);
    // A frozen process does not see the end of its standard input when the parent dies.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let founders = (1..).map(name).zip(args.members.iter().copied());
    let founders = founders.map(|(id, address)| Ok((id?, address))).collect::<Result<Vec<_>, Failure>>()?;
    let members = founders.iter().map(|&(id, _)| id).collect();
    let address_file = args.data.as_ref().map(|data| AddressFile(data.with_extension("peers")));
    let mut peers = address_file.as_ref().map(AddressFile::read).unwrap_or_default();
    peers.extend(founders);
    let peers = peers.into_iter().map(|(id, address)| (id, address.into())).collect();
    let config = Config { timing, ..Config::new(name(args.id)?) };
    // Without a margin the reports show all that the lease permits.
    let config = HostConfig { peers, margin: Duration::ZERO, ..HostConfig::new(config, args.listen) }
        .sealed(Keyring::read(&args.key)?);
    let config = HostConfig { recorder: args.record.as_ref().map(Recorder::to_file).transpose()?, ..config };
    let host = Arc::new(start(config, &args, members)?);
    report_leases(&host);
    let reporter = Arc::clone(&host);
    thread::spawn(move || report_news(&reporter, address_file.as_ref()));
    obey(&host, &timing)?;
    // The parent is gone, or has closed the pipe.
    process::exit(0)
}

fn report_leases(host: &Host<Name>) {
    let clock = BootClock::new();
    host.watch(move |lease| {
        // A process that was frozen hears of a lease late. The report covers the time from now on.
        let now = clock.now();
        match lease {
            Some(lease) if lease.holds_at(now) => {
                send(Report::Lease { term: lease.term.0, from: nanos(now), until: nanos(lease.until) });
            }
            Some(_) => {}
            None => send(Report::Dropped { at: nanos(now) }),
        }
    });
}

fn report_news(host: &Host<Name>, address_file: Option<&AddressFile>) {
    let events = host.events();
    while let Some(notice) = events.recv() {
        match notice {
            Notice::Event(event) => report(event, host),
            Notice::Addresses(addresses) => address_file.iter().for_each(|file| file.write(&addresses)),
            Notice::Failed(failure) => {
                let source = std::error::Error::source(&failure);
                let _nobody_reads = writeln!(io::stderr(), "node stopped: {failure}: {source:?}");
                process::exit(1);
            }
            _ => {}
        }
    }
}

/// Does what the lines of the standard input say, until it ends.
fn obey(host: &Host<Name>, timing: &Timing) -> Result<(), Failure> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("target", members)) => reconfigure(host, members)?,
            _ if line == "resign" => {
                // An attempt lasts for one promise at most, and may be refused while a voter is silent.
                while host.lease().is_some() {
                    let _repeated = host.resign(None, Urgency::WhenReady);
                    thread::sleep(timing.promise.saturating_mul(2));
                }
            }
            _ => return Err(format!("unknown command {line:?}").into()),
        }
    }
    Ok(())
}

/// Starts the node, for the first time or again, with its file or with nothing.
fn start(config: HostConfig<Name>, args: &Args, members: Vec<Name>) -> Result<Host<Name>, Failure> {
    let Some(data) = &args.data else {
        return Ok(Host::start_volatile(config, ClusterId(1), members)?);
    };
    let (mut store, saved) = if args.new {
        let first = match members[..] {
            [] => HardState::joining(ClusterId(1)),
            _ => HardState::bootstrap(ClusterId(1), members)?,
        };
        (Store::create(data, &first)?, first)
    } else {
        Store::open(data)?
    };
    Ok(Host::start(config, saved, move |state| store.save(state))?)
}

fn report(event: Event<Name>, host: &Host<Name>) {
    match event {
        Event::LeaderChanged { leader: Some(leader) } => {
            let term = leader.term.0;
            number(leader.id).into_iter().for_each(|leader| send(Report::Follows { leader, term }));
        }
        Event::MembershipChanged { .. } => {
            let status = host.status();
            let members = |voter| status.members.iter().filter(move |member| member.voter == voter);
            send(Report::Members(Members {
                term: status.version.term.0,
                number: status.version.number,
                committed: status.committed,
                voters: bits(members(true).filter_map(|member| number(member.id))),
                learners: bits(members(false).filter_map(|member| number(member.id))),
            }));
        }
        Event::Removed => send(Report::Removed),
        _ => {}
    }
}

/// Asks for these members. The parent repeats a request that is rejected.
fn reconfigure(host: &Host<Name>, members: &str) -> Result<(), Failure> {
    let mut voters = Vec::new();
    for member in members.split(',') {
        let (id, address) = member.split_once('=').ok_or("ID=ADDRESS")?;
        voters.push((Name::try_from(id)?, address.parse()?));
    }
    let target = Target::new(voters.iter().map(|&(id, _)| id), [])?;
    let _repeated_by_the_parent = host.reconfigure(target, Force::Never, voters);
    Ok(())
}

/// A file of the other nodes' addresses, for the next start: a node that was added is configured with none.
struct AddressFile(PathBuf);

impl AddressFile {
    fn read(&self) -> Vec<(Name, SocketAddr)> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        let entry = |line: &str| {
            let (id, address) = line.split_once('=')?;
            Some((id.parse().ok()?, address.parse().ok()?))
        };
        text.lines().filter_map(entry).collect()
    }

    /// Replaces the whole file at once, since the process may be killed at any time.
    fn write(&self, addresses: &[(Name, SocketAddr)]) {
        let lines: String = addresses.iter().map(|(id, address)| format!("{id}={address}\n")).collect();
        let new = self.0.with_extension("new");
        let _best_effort = fs::write(&new, lines).and_then(|()| fs::rename(&new, &self.0));
    }
}

/// The id of a process as that of its node, so that the program has one kind of node.
fn name(id: Id) -> Result<Name, NameError> {
    id.to_string().parse()
}

fn number(name: Name) -> Option<Id> {
    name.as_str().parse().ok()
}

/// Writes one complete line.
fn send(report: Report) {
    let mut out = io::stdout().lock();
    if out.write_all(report.line().as_bytes()).and_then(|()| out.flush()).is_err() {
        process::exit(0);
    }
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.since_origin().as_nanos()).unwrap_or(u64::MAX)
}
