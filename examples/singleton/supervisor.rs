//! The supervisor, which is the process that takes part in the election and starts the command while it
//! leads.

use std::error::Error;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use nix::sys::signal::{SigSet, Signal};
use quorate::adapters::seal::Keyring;
use quorate::adapters::store::Store;
use quorate::adapters::udp::{Host, HostConfig, Notice, Protection};
use quorate::{ClusterId, Config, HardState, Timing, Urgency};
use rustix::process::{getpid, set_child_subreaper};

use super::service::{CommandSettings, Next, Service};

type Id = u64;
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Runs a command on exactly one machine of a group.
#[derive(Parser)]
struct Args {
    /// This node's number
    #[arg(long)]
    id: Id,
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// Another node: its number and its address
    #[arg(long, value_name = "ID=ADDRESS", value_parser = peer)]
    peer: Vec<(Id, SocketAddr)>,
    /// The file with this node's state
    #[arg(long)]
    data: PathBuf,
    /// The file of the group's keys: one on a line, 64 hexadecimal digits. Needed on any address but
    /// loopback
    #[arg(long, value_name = "FILE", conflicts_with = "unsealed")]
    key: Option<PathBuf>,
    /// Do without a key on any address: everyone who can send to the port can forge messages
    #[arg(long)]
    unsealed: bool,
    /// First start, which creates the file: the node is in a new group with its peers
    #[arg(long)]
    new: bool,
    /// Length of the promises to a leader: for about this long nothing runs after the leader has died
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    promise_ms: u64,
    /// How long the command may take to stop when this process is told to stop
    #[arg(long, default_value_t = 5_000)]
    grace_ms: u64,
    /// How long after its end the command is started again
    #[arg(long, default_value_t = 1_000)]
    pause_ms: u64,
    /// When the command exits by itself, hand over leadership and exit with the command's code
    #[arg(long)]
    once: bool,
    /// The command to run
    #[arg(required = true, last = true)]
    command: Vec<OsString>,
}

pub(crate) fn main() -> Result<ExitCode, Failure> {
    let args = Args::parse();
    // There is no other thread yet, so all threads will leave these signals to the one that waits for them.
    stop_signals().thread_block()?;
    set_child_subreaper(Some(getpid()))?;
    let promise = Duration::from_millis(args.promise_ms);
    let service = Service::new(CommandSettings {
        id: args.id,
        command: args.command.clone(),
        margin: promise / 6,
        notice: promise / 6,
        grace: Duration::from_millis(args.grace_ms),
        pause: Duration::from_millis(args.pause_ms),
    });
    let host = start_host(&args, timing(promise), promise / 6)?;
    let watcher = Arc::clone(&service);
    host.watch(move |lease| watcher.watch(lease));
    let (reporter, events) = (Arc::clone(&service), host.events());
    thread::spawn(move || {
        while let Some(notice) = events.recv() {
            match notice {
                Notice::Event(event) => eprintln!("{event}"),
                Notice::Failed(_) => reporter.fail(),
                _ => {}
            }
        }
    });
    let stopper = Arc::clone(&service);
    thread::spawn(move || stop_signals().wait().map(|_| stopper.ask_to_stop()));
    serve(host, &service, &args)
}

fn serve(host: Host<Id>, service: &Arc<Service>, args: &Args) -> Result<ExitCode, Failure> {
    let code = loop {
        match service.next() {
            Next::Start => service.start()?,
            Next::Ended(code) if args.once => break ExitCode::from(u8::try_from(code)?),
            Next::Ended(code) => eprintln!("the command exited with {code}"),
            Next::Stop => break ExitCode::SUCCESS,
            Next::Fail => return host.shutdown().map(|()| ExitCode::FAILURE).map_err(Into::into),
        }
    };
    service.stop();
    // If a handover succeeds, the next leader need not wait for the end of a promise.
    if host.resign(None, Urgency::WhenReady).is_ok() {
        service.wait_for_no_lease(timing(Duration::from_millis(args.promise_ms)).promise_limit);
    }
    host.shutdown()?;
    Ok(code)
}

fn start_host(args: &Args, timing: Timing, margin: Duration) -> Result<Host<Id>, Failure> {
    let (mut store, saved) = if args.new {
        let members = args.peer.iter().map(|&(peer, _)| peer).chain([args.id]);
        let first = HardState::bootstrap(ClusterId(1), members)?;
        (Store::create(&args.data, &first)?, first)
    } else {
        Store::open(&args.data)?
    };
    let config = Config { timing, ..Config::new(args.id) };
    // With this margin the supervisor kills at the same time as the guard.
    let protection = match &args.key {
        Some(path) => Protection::Sealed(Keyring::read(path)?),
        None if args.unsealed => Protection::Unsealed,
        None => Protection::OnlyLoopback,
    };
    let peers = args.peer.clone();
    let config = HostConfig { peers, margin, protection, ..HostConfig::new(config, args.listen) };
    Ok(Host::start(config, saved, move |state| store.save(state))?)
}

/// For delays as on a local network. The command runs on while no more than two heartbeats in a row are
/// lost.
fn timing(promise: Duration) -> Timing {
    let lan = Timing::lan();
    Timing {
        promise,
        promise_limit: (promise * 3).max(lan.promise_limit),
        heartbeat_interval: promise / 5,
        ..lan
    }
}

/// The signals that tell the supervisor to stop. It blocks them, and the other stages unblock them.
pub(crate) fn stop_signals() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT].into_iter().collect()
}

fn peer(text: &str) -> Result<(Id, SocketAddr), String> {
    let (id, address) = text.split_once('=').ok_or("write it as ID=ADDRESS")?;
    let id = id.parse().map_err(|error| format!("{id:?}: {error}"))?;
    let address = address.parse().map_err(|error| format!("{address:?}: {error}"))?;
    Ok((id, address))
}
