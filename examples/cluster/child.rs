//! One of the processes: a host that says on its standard output what the parent has to know.

use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::{process, thread};

use quorate::adapters::clock::BootClock;
use quorate::adapters::store::Store;
use quorate::adapters::udp::{Host, HostConfig, Notice};
use quorate::{ClusterId, Config, Event, HardState, Timing, Urgency};

use crate::{Failure, Id};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    pub(crate) id: Id,
    #[arg(long)]
    pub(crate) listen: SocketAddr,
    #[arg(long, num_args = 0.., value_delimiter = ',')]
    pub(crate) members: Vec<SocketAddr>,
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// The first start
    #[arg(long)]
    pub(crate) new: bool,
}

/// What a child says, one line each. Times are those of the machine's clock, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Report {
    Lease { term: u64, from: u64, until: u64 },
    Dropped { at: u64 },
    Follows { leader: Id, term: u64 },
}

impl Report {
    fn line(self) -> String {
        match self {
            Report::Lease { term, from, until } => format!("lease {term} {from} {until}\n"),
            Report::Dropped { at } => format!("dropped {at}\n"),
            Report::Follows { leader, term } => format!("follows {leader} {term}\n"),
        }
    }

    pub(crate) fn parse(line: &str) -> Option<Report> {
        let mut words = line.strip_suffix('\n')?.split(' ');
        let kind = words.next()?;
        let mut number = || words.next()?.parse().ok();
        match kind {
            "lease" => Some(Report::Lease { term: number()?, from: number()?, until: number()? }),
            "dropped" => Some(Report::Dropped { at: number()? }),
            "follows" => Some(Report::Follows { leader: number()?.try_into().ok()?, term: number()? }),
            _ => None,
        }
    }
}

pub(crate) fn run(args: &Args, timing: Timing) -> Result<(), Failure> {
    // The end of the standard input says that the parent is gone, but not to a frozen process.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let peers: Vec<(Id, SocketAddr)> = (1..).zip(args.members.iter().copied()).collect();
    let (mut store, saved) = if args.new {
        let first = HardState::bootstrap(ClusterId(1), peers.iter().map(|&(id, _)| id))?;
        (Store::create(&args.data, &first)?, first)
    } else {
        Store::open(&args.data)?
    };
    let config = Config { timing, ..Config::new(args.id) };
    // No margin: what is claimed here is all that the lease permits.
    let config = HostConfig { peers, margin: Duration::ZERO, ..HostConfig::new(config, args.listen) };
    let host = Host::start(config, saved, move |state| store.save(state))?;

    let clock = BootClock::new();
    host.watch(move |lease| {
        // A process that was frozen is told late. What counts is what it may do from now on.
        let now = clock.now();
        match lease {
            Some(lease) if lease.holds_at(now) => {
                say(Report::Lease { term: lease.term.0, from: nanos(now), until: nanos(lease.until) });
            }
            Some(_) => {}
            None => say(Report::Dropped { at: nanos(now) }),
        }
    });
    let events = host.events();
    thread::spawn(move || {
        while let Some(notice) = events.recv() {
            match notice {
                Notice::Event(Event::LeaderChanged { leader: Some((leader, term)) }) => {
                    say(Report::Follows { leader, term: term.0 });
                }
                Notice::Failed(failure) => {
                    eprintln!("node stopped: {failure}: {:?}", std::error::Error::source(&failure));
                    process::exit(1);
                }
                _ => {}
            }
        }
    });
    for line in io::stdin().lock().lines() {
        if line? == "resign" {
            // An attempt lasts for one promise at most, and may be refused while a voter is silent.
            while host.lease().is_some() {
                let _tried_again_below = host.resign(None, Urgency::WhenReady);
                thread::sleep(timing.promise * 2);
            }
        }
    }
    // The parent is gone, or has closed the pipe: no lines, no life.
    process::exit(0)
}

/// One line, whole.
fn say(report: Report) {
    let mut out = io::stdout().lock();
    if out.write_all(report.line().as_bytes()).and_then(|()| out.flush()).is_err() {
        process::exit(0);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
