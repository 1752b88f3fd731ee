//! One node, as a process. It writes a line when its lease begins in a term, and one when its lease ends; at rest it
//! writes nothing.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process;
use std::time::Duration;

use clap::Args;
use quorate::adapters::clock::BootClock;
use quorate::adapters::seal::{Key, Keyring};
use quorate::adapters::store::Store;
use quorate::adapters::tokio::{Handle, Udp};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{ClusterId, Config, HardState, Term, Timestamp};

use crate::{Failure, Kind, timing};

#[derive(Args)]
pub(crate) struct NodeArgs {
    /// The id, from 1.
    #[arg(long)]
    pub(crate) id: u32,
    /// The host.
    #[arg(long, value_enum)]
    pub(crate) host: Kind,
    /// The addresses of all nodes, in the order of their ids.
    #[arg(long, value_delimiter = ',')]
    pub(crate) addresses: Vec<SocketAddr>,
    /// The promise, in milliseconds.
    #[arg(long)]
    pub(crate) promise: u64,
    /// Where the state is.
    #[arg(long)]
    pub(crate) state: PathBuf,
    /// Seals the datagrams.
    #[arg(long)]
    pub(crate) sealed: bool,
    /// Lets a watcher hear of each growth of the lease.
    #[arg(long)]
    pub(crate) watch_growth: bool,
}

impl NodeArgs {
    fn config(&self) -> Config<u32> {
        Config { timing: timing(Duration::from_millis(self.promise)), ..Config::new(self.id) }
    }

    fn listen(&self) -> Result<SocketAddr, Failure> {
        let index = usize::try_from(self.id)?.checked_sub(1).ok_or("ids begin with 1")?;
        Ok(*self.addresses.get(index).ok_or("the node has no address")?)
    }

    fn peers(&self) -> impl Iterator<Item = (u32, SocketAddr)> {
        (1..).zip(self.addresses.iter().copied()).filter(|&(id, _)| id != self.id)
    }

    fn open(&self) -> Result<(Store<u32>, HardState<u32>), Failure> {
        if self.state.exists() {
            return Ok(Store::open(&self.state)?);
        }
        let members = (1..).zip(&self.addresses).map(|(id, _)| id);
        let first = HardState::bootstrap(ClusterId(1), members)?;
        Ok((Store::create(&self.state, &first)?, first))
    }
}

fn keys() -> Result<Keyring, Failure> {
    Ok(Keyring::new([Key::new(&[7; 32])])?)
}

/// Runs until its standard input ends, or until it is killed.
pub(crate) fn main(args: &NodeArgs) -> Result<(), Failure> {
    match args.host {
        Kind::Thread => run_thread_host(args),
        Kind::Tokio => run_tokio_host(args),
    }
}

fn run_thread_host(args: &NodeArgs) -> Result<(), Failure> {
    let (mut store, first) = args.open()?;
    let mut config = HostConfig::new(args.config(), args.listen()?);
    config.peers = args.peers().map(|(id, address)| (id, address.into())).collect();
    if args.sealed {
        config = config.sealed(keys()?);
    }
    let host = Host::start(config, first, move |state| store.save(state))?;
    let clock = BootClock::new();
    if args.watch_growth {
        let mut known = None;
        host.watch(move |lease| {
            let term = lease.map(|lease| lease.term);
            if known != term {
                tell(term, clock.now());
            }
            known = term;
        });
    } else {
        host.watch_term(move |term| tell(term, clock.now()));
    }
    wait_for_parent()
}

fn run_tokio_host(args: &NodeArgs) -> Result<(), Failure> {
    let (store, first) = args.open()?;
    let (listen, sealed, peers) = (args.listen()?, args.sealed, args.peers().collect::<Vec<_>>());
    let bind = move || -> Result<Udp<u32>, Failure> {
        let udp = if sealed { Udp::bind_sealed(listen, keys()?)? } else { Udp::bind(listen)? };
        peers.into_iter().try_fold(udp, |udp, (id, address)| Ok(udp.peer(id, address.into())?))
    };
    let node = Handle::start_on_thread(args.config(), first, store, bind)?;
    std::thread::spawn(|| {
        let _ended = wait_for_parent();
        process::exit(0);
    });
    let clock = BootClock::new();
    let mut leadership = node.leadership();
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async move {
        let mut known = None;
        while leadership.changed().await.is_ok() {
            let term = leadership.borrow_and_update().lease.map(|lease| lease.term);
            if known != term {
                tell(term, clock.now());
            }
            known = term;
        }
    });
    Ok(())
}

/// `lease 7 123456789`, in term 7 since that time of the boot clock, or `none 0 123456789`.
fn tell(term: Option<Term>, at: Timestamp) {
    let (word, term) = term.map_or(("none", 0), |term| ("lease", term.0));
    let line = format!("{word} {term} {}\n", at.since_origin().as_nanos());
    let _parent_is_gone = io::stdout().write_all(line.as_bytes());
}

fn wait_for_parent() -> Result<(), Failure> {
    io::stdin().read_to_end(&mut Vec::new())?;
    process::exit(0)
}
