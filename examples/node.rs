//! One node by hand, for two terminals or two machines.
//!
//! ```text
//! cargo run --example node -- --id 1 --listen 127.0.0.1:7001 --peer 2=127.0.0.1:7002 --peer 3=127.0.0.1:7003 --data /tmp/node-1 --new
//! cargo run --example node -- --id 2 --listen 127.0.0.1:7002 --peer 1=127.0.0.1:7001 --peer 3=127.0.0.1:7003 --data /tmp/node-2 --new
//! ```
//!
//! `--new` is for the very first start: a node that lost its file must not pretend to be new.
//! Then type `status`, `leader`, `resign`, `campaign` or `quit`. From anywhere else:
//!
//! ```text
//! cargo run --example node -- --ask 127.0.0.1:7001
//! ```

use std::error::Error;
use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;

use clap::Parser;
use quorate::adapters::store::Store;
use quorate::adapters::udp::{Host, HostConfig, Notice, who_leads};
use quorate::{ClusterId, Config, HardState, Timing, Urgency};

type Id = u64;
type Failure = Box<dyn Error + Send + Sync>;

/// One node of a group that elects its leader.
#[derive(Parser)]
struct Args {
    /// This node's number
    #[arg(long, required_unless_present = "ask")]
    id: Option<Id>,
    /// Where to listen
    #[arg(long, required_unless_present = "ask")]
    listen: Option<SocketAddr>,
    /// Another node: its number and its address
    #[arg(long, value_name = "ID=ADDRESS", value_parser = peer)]
    peer: Vec<(Id, SocketAddr)>,
    /// The file with this node's state
    #[arg(long, required_unless_present = "ask")]
    data: Option<PathBuf>,
    /// The very first start: creates the file, for a group of this node and its peers
    #[arg(long)]
    new: bool,
    /// Number of the group, the same on every node
    #[arg(long, default_value_t = 1)]
    cluster: u64,
    /// Timings for nodes that are far apart
    #[arg(long)]
    wan: bool,
    /// Only ask the node at this address who leads
    #[arg(long, value_name = "ADDRESS", exclusive = true)]
    ask: Option<SocketAddr>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Failure> {
    if let Some(address) = args.ask {
        match who_leads::<Id>(address, Duration::from_secs(2))? {
            Some(leader) => println!("{leader:?}"),
            None => println!("it knows of no leader"),
        }
        return Ok(());
    }
    let (Some(id), Some(listen), Some(data)) = (args.id, args.listen, args.data) else {
        return Err("--id, --listen and --data belong together".into());
    };
    let (mut store, saved) = if args.new {
        let members = args.peer.iter().map(|&(peer, _)| peer).chain([id]);
        let first = HardState::bootstrap(ClusterId(args.cluster), members)?;
        (Store::create(&data, &first)?, first)
    } else {
        Store::open(&data)?
    };
    let timing = if args.wan { Timing::wan() } else { Timing::lan() };
    let config =
        HostConfig { peers: args.peer, ..HostConfig::new(Config { timing, ..Config::new(id) }, listen) };
    let host = Host::start(config, saved, move |state| store.save(state))?;
    println!("node {id} listens on {}; type status, leader, resign, campaign or quit", host.local_addr());

    let events = host.events();
    let printer = thread::spawn(move || {
        while let Some(notice) = events.recv() {
            match notice {
                Notice::Event(event) => println!("{event:?}"),
                Notice::Failed(failure) => {
                    // A node that cannot store its state must not go on.
                    report(&failure);
                    process::exit(1);
                }
                other => println!("{other:?}"),
            }
        }
    });
    for line in io::stdin().lock().lines() {
        let met = match line?.trim() {
            "" => Ok(()),
            "status" => {
                println!("{:#?}\n{:?}\n{:?}", host.status(), host.lease(), host.counters());
                Ok(())
            }
            "leader" => {
                println!("{:?}", host.leader());
                Ok(())
            }
            "resign" => host.resign(None, Urgency::WhenReady),
            "campaign" => host.campaign(),
            "quit" => break,
            other => {
                println!("what is {other:?}?");
                Ok(())
            }
        };
        if let Err(error) = met {
            println!("{error}");
        }
    }
    host.shutdown()?;
    drop(printer.join());
    Ok(())
}

fn report(error: &dyn Error) {
    eprint!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
}

fn peer(text: &str) -> Result<(Id, SocketAddr), String> {
    let (id, address) = text.split_once('=').ok_or("write it as ID=ADDRESS")?;
    let id = id.parse().map_err(|error| format!("{id:?}: {error}"))?;
    let address = address.parse().map_err(|error| format!("{address:?}: {error}"))?;
    Ok((id, address))
}
