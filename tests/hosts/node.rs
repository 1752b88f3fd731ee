//! A node: a process in a network namespace of its own, that writes down what it does.

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
use quorate::{ClusterId, Config, Event, HardState, Lease, Target, Timestamp, Urgency};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::audit::{Ballot, Record};
use crate::supervisor::timing;
use crate::{Failure, Id};

/// What every whole line of a ledger ends with.
pub(crate) const LINE_END: &str = " .";

/// How long an act of a leader takes, and how often one that may not act looks whether it may.
const ACT: Duration = Duration::from_millis(20);
const LOOK: Duration = Duration::from_millis(2);

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
    audit: PathBuf,
    /// Where everybody is.
    #[arg(long, value_delimiter = ',', value_parser = peer)]
    peers: Vec<(Id, SocketAddr)>,
    /// The first start, in a new group of the peers.
    #[arg(long)]
    found: bool,
    /// The first start, in a group that will add this node.
    #[arg(long, conflicts_with = "found")]
    join: bool,
}

pub(crate) fn main(args: impl Iterator<Item = String>) -> ExitCode {
    let Err(failure) = run(Args::parse_from(args));
    tell(failure.as_ref());
    ExitCode::FAILURE
}

fn run(args: Args) -> Result<std::convert::Infallible, Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Before there is any other thread: all are to be there.
    let namespace = File::open(&args.namespace)?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;

    let first = if args.found {
        Some(HardState::bootstrap(ClusterId(1), args.peers.iter().map(|&(id, _)| id))?)
    } else {
        args.join.then(|| HardState::joining(ClusterId(1)))
    };
    let (store, saved) = match first {
        Some(first) => (Store::create(&args.state, &first)?, first),
        None => Store::open(&args.state)?,
    };
    let book = Book::open(&args.audit)?;
    book.write(&Record::Start(ballot(&saved)));
    let config = Config { timing: timing(), ..Config::new(args.id) };
    // No margin: what is written down is all that the lease permits.
    let config =
        HostConfig { peers: args.peers, margin: Duration::ZERO, ..HostConfig::new(config, args.listen) }
            .sealed(Keyring::new([Key::new(&[7; 32])])?);
    let host = Arc::new(Host::start(config, saved, recording(store, book.clone()))?);

    let acting = Arc::new(Mutex::new(()));
    let (act, watching) = (Arc::clone(&acting), book.clone());
    host.watch(move |lease| match lease {
        Some(lease) => watching.write_now(|| held(lease)),
        None => {
            // It stops acting before it says so; and before this returns nobody else is let in.
            drop(act.lock().unwrap());
            watching.write_now(|| Some(Record::Dropped(now())));
        }
    });
    let (worker, working) = (Arc::clone(&host), book.clone());
    thread::spawn(move || work(&worker, &acting, &working));
    let reporter = Arc::clone(&host);
    thread::spawn(move || report(&reporter, &book));
    for line in io::stdin().lock().lines() {
        obey(&host, &line?)?;
    }
    // Whoever started it is gone.
    process::exit(0)
}

/// A store that says what it is asked to do and what becomes of it.
fn recording(
    mut store: Store<Id>,
    book: Book,
) -> impl FnMut(&HardState<Id>) -> Result<(), quorate::adapters::store::StoreError> {
    move |state| {
        book.write(&Record::Store(ballot(state)));
        let stored = store.save(state);
        book.write(if stored.is_ok() { &Record::Stored } else { &Record::Refused });
        stored
    }
}

/// Acts under the lease. Whoever is told that it has ended waits for the act that is going on.
fn work(host: &Host<Id>, acting: &Mutex<()>, book: &Book) {
    loop {
        let act = acting.lock().unwrap();
        let lease = host.lease();
        if let Some(lease) = lease {
            book.write_now(|| held(lease));
            thread::sleep(ACT);
        }
        drop(act);
        thread::sleep(LOOK);
    }
}

/// The clock is read last: however late this runs or is written, because the process was frozen, at
/// that time it was allowed to act.
fn held(lease: Lease) -> Option<Record> {
    let (term, from, until) = (lease.term.0, now(), nanos(lease.until));
    (from < until).then_some(Record::Lease { term, from, until })
}

fn report(host: &Host<Id>, book: &Book) {
    let events = host.events();
    while let Some(notice) = events.recv() {
        match notice {
            Notice::Event(event) => {
                if let Some(record) = record(event, host) {
                    book.write(&record);
                }
            }
            Notice::Missed(number) => book.write(&Record::Alarm(format!("{number} notices missed"))),
            Notice::Failed(failure) => {
                tell(&failure);
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
            Some(Record::Follows(leader.map(|(leader, term)| (leader, term.0))))
        }
        Event::MembershipChanged { .. } => {
            let status = host.status();
            let those = |voter| status.members.iter().filter(move |member| member.voter == voter);
            let bits = |voter| those(voter).fold(0, |bits, member| bits | 1 << member.id);
            let (term, number) = (status.version.term.0, status.version.number);
            let members = Record::Members { term, number, voters: bits(true), learners: bits(false) };
            status.committed.then_some(members)
        }
        Event::SteppedDown { .. }
        | Event::TargetReached { .. }
        | Event::TargetAbandoned
        | Event::HandoverFailed { .. }
        | Event::Behind { .. } => None,
        // All that is left says that something is wrong.
        alarm => Some(Record::Alarm(format!("{alarm:?}"))),
    }
}

/// What cannot be done now is asked for again.
fn obey(host: &Host<Id>, line: &str) -> Result<(), Failure> {
    match line.split_once(' ') {
        Some(("target", voters)) => {
            let voters = voters.split(',').map(peer).collect::<Result<BTreeMap<_, _>, _>>()?;
            let _asked_again = host.reconfigure(Target::new(voters.keys().copied(), [])?, false, voters);
        }
        _ if line == "resign" => {
            let _refused = host.resign(None, Urgency::WhenReady);
        }
        _ => return Err(format!("what is {line:?}?").into()),
    }
    Ok(())
}

fn peer(text: &str) -> Result<(Id, SocketAddr), Failure> {
    let (id, address) = text.split_once('=').ok_or("ID=ADDRESS")?;
    Ok((id.parse()?, address.parse()?))
}

fn ballot(state: &HardState<Id>) -> Ballot {
    (state.term.0, state.voted_for)
}

fn tell(error: &(dyn Error + 'static)) {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    eprintln!("{}", causes.map(ToString::to_string).collect::<Vec<_>>().join(": "));
}

pub(crate) fn now() -> u64 {
    nanos(BootClock::new().now())
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.since_origin().as_nanos()).unwrap_or(u64::MAX)
}

/// The node's own ledger: one line at a time, at the end of its file.
#[derive(Clone)]
struct Book(Arc<Mutex<File>>);

impl Book {
    fn open(path: &PathBuf) -> io::Result<Book> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        // The life before may have died in the middle of a line.
        file.write_all(b"\n")?;
        Ok(Book(Arc::new(Mutex::new(file))))
    }

    fn write(&self, record: &Record) {
        self.write_now(|| Some(record.clone()));
    }

    /// What `record` says, while nothing else is written.
    fn write_now(&self, record: impl FnOnce() -> Option<Record>) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = record() {
            file.write_all(format!("{record}{LINE_END}\n").as_bytes())
                .expect("a ledger that can be written to");
        }
    }
}
