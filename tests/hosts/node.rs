//! A node: a process in a network namespace of its own, which records in its journal what it does.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Parser;
use quorate::adapters::clock::BootClock;
use quorate::adapters::seal::{Key, Keyring};
use quorate::adapters::store::Store;
use quorate::adapters::udp::{Host, HostConfig, Notice};
use quorate::{ClusterId, Config, Event, Force, HardState, Lease, Target, Timestamp, Urgency};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::journal_audit::{Record, TermAndVote};
use crate::launcher::timing;
use crate::{Failure, Id};

/// The end of every complete line of a journal.
pub(crate) const LINE_END: &str = " .";

/// How long the leader's work takes once, and how long the worker pauses before it asks for the lease
/// again.
const WORK: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Parser)]
struct Args {
    #[arg(long)]
    id: Id,
    #[arg(long)]
    namespace: PathBuf,
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    state: PathBuf,
    #[arg(long)]
    journal: PathBuf,
    /// The addresses of all nodes.
    #[arg(long, value_delimiter = ',', value_parser = peer)]
    peers: Vec<(Id, SocketAddr)>,
    /// The first start, in a new group of the peers.
    #[arg(long)]
    found: bool,
    /// The first start, in a group that will add this node.
    #[arg(long, conflicts_with = "found")]
    join: bool,
    /// A start with nothing, in a group that may know this node.
    #[arg(long, conflicts_with_all = ["found", "join"])]
    blank: bool,
    /// A start without storage.
    #[arg(long, conflicts_with_all = ["found", "join", "blank"])]
    volatile: bool,
}

pub(crate) fn main(args: impl Iterator<Item = String>) -> ExitCode {
    let Err(failure) = run(Args::parse_from(args));
    print_error(failure.as_ref());
    ExitCode::FAILURE
}

fn run(args: Args) -> Result<std::convert::Infallible, Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // There is no other thread yet, so all threads will be in the namespace.
    let namespace = File::open(&args.namespace)?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;

    let journal = Journal::open(&args.journal)?;
    let config = Config { timing: timing(), ..Config::new(args.id) };
    // Without a margin the journal shows all that the lease permits.
    let config = HostConfig {
        peers: args.peers.iter().map(|&(id, address)| (id, address.into())).collect(),
        margin: Duration::ZERO,
        ..HostConfig::new(config, args.listen)
    }
    .sealed(Keyring::new([Key::new(&[7; 32])])?);
    let host = Arc::new(start(config, &args, &journal)?);

    let working = Arc::new(Mutex::new(()));
    let (work_ends, watcher) = (Arc::clone(&working), journal.clone());
    host.watch(move |lease| match lease {
        Some(lease) => watcher.write_now(|| held(lease)),
        None => {
            // The work ends before the record is written, and no other node is released before this
            // returns.
            drop(work_ends.lock().unwrap());
            watcher.write_now(|| Some(Record::Dropped(now())));
        }
    });
    let (worker, worker_journal) = (Arc::clone(&host), journal.clone());
    thread::spawn(move || work(&worker, &working, &worker_journal));
    let reporter = Arc::clone(&host);
    thread::spawn(move || report(&reporter, &journal));
    for line in io::stdin().lock().lines() {
        execute(&host, &line?)?;
    }
    // The driver is gone.
    process::exit(0)
}

/// Starts the host, once the journal says with what.
fn start(config: HostConfig<Id>, args: &Args, journal: &Journal) -> Result<Host<Id>, Failure> {
    let ids = || args.peers.iter().map(|&(id, _)| id);
    if args.volatile {
        journal.write(&Record::Blank { stores: false });
        return Ok(Host::start_volatile(config, ClusterId(1), ids())?);
    }
    let first = if args.found {
        Some(HardState::bootstrap(ClusterId(1), ids())?)
    } else {
        args.join.then(|| HardState::joining(ClusterId(1)))
    };
    let (store, saved) = match first {
        Some(first) => (Store::create(&args.state, &first)?, first),
        None if args.blank => Store::open_or_blank(&args.state, ClusterId(1), ids())?,
        None => Store::open(&args.state)?,
    };
    journal.write(&match saved.blank {
        Some(_) => Record::Blank { stores: true },
        None => Record::Start(term_and_vote(&saved)),
    });
    Ok(Host::start(config, saved, recording(store, journal.clone()))?)
}

/// A store that records each write before it begins and when it ends.
fn recording(
    mut store: Store<Id>,
    journal: Journal,
) -> impl FnMut(&HardState<Id>) -> Result<(), quorate::adapters::store::StoreError> {
    move |state| {
        journal.write(&Record::Store(term_and_vote(state)));
        let stored = store.save(state);
        journal.write(match &stored {
            Ok(()) => &Record::Stored,
            Err(error) if error.is_retryable() => &Record::Refused,
            Err(_) => &Record::Failed,
        });
        stored
    }
}

/// Works under the lease. The watcher of the lease waits for the lock, that is, for work under way.
fn work(host: &Host<Id>, working: &Mutex<()>, journal: &Journal) {
    loop {
        let guard = working.lock().unwrap();
        let lease = host.lease();
        if let Some(lease) = lease {
            journal.write_now(|| held(lease));
            thread::sleep(WORK);
        }
        drop(guard);
        thread::sleep(PAUSE);
    }
}

/// The record of a lease, if it holds now. The clock is read last, so the node was allowed to act at that
/// time, however late the record is written because the process was frozen.
fn held(lease: Lease) -> Option<Record> {
    let (term, from, until) = (lease.term.0, now(), nanos(lease.until));
    (from < until).then_some(Record::Lease { term, from, until })
}

fn report(host: &Host<Id>, journal: &Journal) {
    let events = host.events();
    while let Some(notice) = events.recv() {
        match notice {
            Notice::Event(event) => {
                if let Some(record) = record(event, host) {
                    journal.write(&record);
                }
            }
            Notice::Missed(number) => journal.write(&Record::Alarm(format!("{number} notices missed"))),
            Notice::Failed(failure) => {
                print_error(&failure);
                process::exit(1);
            }
            _ => {}
        }
    }
}

fn record(event: Event<Id>, host: &Host<Id>) -> Option<Record> {
    match event {
        Event::Elected { term } => Some(Record::Elected(term.0)),
        Event::LeaderChanged { leader } => {
            Some(Record::Follows(leader.map(|leader| (leader.id, leader.term.0))))
        }
        Event::MembershipChanged { .. } => {
            let status = host.status();
            let members = |voter| status.members.iter().filter(move |member| member.voter == voter);
            let bits = |voter| members(voter).fold(0, |bits, member| bits | 1 << member.id);
            let (term, number) = (status.version.term.0, status.version.number);
            let record = Record::Members { term, number, voters: bits(true), learners: bits(false) };
            status.committed.then_some(record)
        }
        Event::SteppedDown { .. }
        | Event::LeaderLost { .. }
        | Event::Diagnosed(_)
        | Event::Resolved { .. }
        | Event::TickedLate { .. }
        | Event::ReconfigurationStalled { .. }
        | Event::TargetReached { .. }
        | Event::TargetAbandoned
        | Event::HandoverFailed { .. }
        | Event::NoSuccessor { .. }
        | Event::Recovered { .. }
        | Event::QuorumLost { .. }
        | Event::Behind { .. } => None,
        // Every other event reports that something is wrong.
        alarm => Some(Record::Alarm(format!("{alarm:?}"))),
    }
}

/// Executes a line of the driver, which repeats what cannot be done now.
fn execute(host: &Host<Id>, line: &str) -> Result<(), Failure> {
    match line.split_once(' ') {
        Some(("target", voters)) => {
            let voters = voters.split(',').map(peer).collect::<Result<BTreeMap<_, _>, _>>()?;
            let _repeated_by_the_driver =
                host.reconfigure(Target::new(voters.keys().copied(), [])?, Force::Never, voters);
        }
        _ if line == "resign" => {
            let _refused = host.resign(None, Urgency::WhenReady);
        }
        _ => return Err(format!("unknown command {line:?}").into()),
    }
    Ok(())
}

fn peer(text: &str) -> Result<(Id, SocketAddr), Failure> {
    let (id, address) = text.split_once('=').ok_or("ID=ADDRESS")?;
    Ok((id.parse()?, address.parse()?))
}

fn term_and_vote(state: &HardState<Id>) -> TermAndVote {
    (state.term.0, state.voted_for)
}

fn print_error(error: &(dyn Error + 'static)) {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    eprintln!("{}", causes.map(ToString::to_string).collect::<Vec<_>>().join(": "));
}

pub(crate) fn now() -> u64 {
    nanos(BootClock::new().now())
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.since_origin().as_nanos()).unwrap_or(u64::MAX)
}

/// The node's journal: a file to which it appends one line at a time.
#[derive(Clone)]
struct Journal(Arc<Mutex<File>>);

impl Journal {
    fn open(path: &PathBuf) -> io::Result<Journal> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        // The process before may have died in the middle of a line.
        file.write_all(b"\n")?;
        Ok(Journal(Arc::new(Mutex::new(file))))
    }

    fn write(&self, record: &Record) {
        self.write_now(|| Some(record.clone()));
    }

    /// Writes what `record` returns; no other record is written meanwhile.
    fn write_now(&self, record: impl FnOnce() -> Option<Record>) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = record() {
            file.write_all(format!("{record}{LINE_END}\n").as_bytes())
                .expect("the journal can be written to");
        }
    }
}
