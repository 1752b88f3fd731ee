//! The supervisor, which is the process that takes part in the election and starts the command while it
//! leads.

use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use nix::sys::signal::{SigSet, Signal};
use quorate::adapters::seal::Keyring;
use quorate::adapters::store::Store;
use quorate::adapters::udp::{Host, HostConfig, Protection};
use quorate::{ClusterId, Config, HardState, Timing};
use rustix::process::{getpid, set_child_subreaper};

use super::log::Log;
use super::report::{self, Report};
use super::service::{CommandSettings, Next, Service};
use super::succession::{self, Succession};
use super::{causes, complain, keys};

pub(crate) type Id = u64;
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// How long the end of this process waits for its log to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs a command on exactly one machine of a group.
#[derive(Parser)]
struct Args {
    /// This node's number
    #[arg(long)]
    id: Id,
    /// The name of the group: the same on all its machines, and another than that of any other group, above
    /// all of one with the same key
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    group: String,
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
    /// loopback. Read again when it changes, and on SIGHUP
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
    let args = parse_args();
    // There is no other thread yet, so all threads will leave these signals to the one that waits for them.
    handled_signals().thread_block()?;
    set_child_subreaper(Some(getpid()))?;
    let log = Log::start(format!("node {} of group {}", args.id, args.group))?;
    let code = supervise(&args, &log).unwrap_or_else(|error| {
        log.say(format_args!("error: {}", causes(error.as_ref())));
        ExitCode::FAILURE
    });
    log.flush(LAST_WORDS);
    Ok(code)
}

/// A missing option is worth a sentence, since nothing says which name the others have.
fn parse_args() -> Args {
    Args::try_parse().unwrap_or_else(|error| {
        let _nobody_reads = error.print();
        if error.kind() == ErrorKind::MissingRequiredArgument {
            complain(
                "--group names the group: the same name on all its machines, and another name than that of any \
                 other group, above all of one with the same key",
            );
        }
        std::process::exit(error.exit_code())
    })
}

fn supervise(args: &Args, log: &Log) -> Result<ExitCode, Failure> {
    let promise = Duration::from_millis(args.promise_ms);
    let settings = CommandSettings {
        id: args.id,
        command: args.command.clone(),
        margin: promise / 6,
        notice: promise / 6,
        grace: Duration::from_millis(args.grace_ms),
        pause: Duration::from_millis(args.pause_ms),
    };
    let service = Service::new(settings, log.clone());
    let keys = args.key.as_ref().map(Keyring::read).transpose()?;
    let host = start_host(args, keys.clone(), timing(promise), promise / 6)?;
    let peers: Vec<_> = args.peer.iter().map(|(id, address)| format!("{id} at {address}")).collect();
    log.say(format_args!("listens on {}; the other nodes are {}", host.local_addr(), peers.join(", ")));
    let watcher = Arc::clone(&service);
    host.watch(move |lease| watcher.watch(lease));
    let (closed, waiting) = (host.closed(), Arc::clone(&service));
    // What must be noticed is noticed by a thread that does nothing else.
    spawn("host-end", move || {
        let _main_asks_for_it = closed.wait();
        waiting.host_has_ended();
    })?;
    report::follow_events(args.id, host.events(), log.clone())?;
    let key_file = match (&args.key, keys) {
        (Some(path), Some(keys)) => {
            log.say(format_args!("the keys are {keys:?}"));
            Some(keys::watch(path.clone(), keys, Arc::clone(&service), log.clone())?)
        }
        _ => None,
    };
    let stopper = Arc::clone(&service);
    spawn("signals", move || {
        while let Ok(Signal::SIGHUP) = handled_signals().wait() {
            // Without keys the signal means what it means to most programs.
            if key_file.as_ref().is_none_or(|file| file.send(()).is_err()) {
                break;
            }
        }
        stopper.ask_to_stop();
    })?;
    serve(host, &service, args, log)
}

fn serve(host: Host<Id>, service: &Arc<Service>, args: &Args, log: &Log) -> Result<ExitCode, Failure> {
    let timing = timing(Duration::from_millis(args.promise_ms));
    let (mut report, mut succession) = (Report::new(log.clone()), Succession::new(&timing));
    let code = loop {
        match service.next(succession.interval()) {
            Next::Start => service.start()?,
            Next::Ended(code) if args.once => break ExitCode::from(u8::try_from(code)?),
            Next::Ended(_) => {}
            Next::Stop => {
                log.say("is told to stop: waits until another node can take over, if this one leads");
                succession.wait(&host);
                break ExitCode::SUCCESS;
            }
            Next::HostEnded => return host.abort().map(|()| ExitCode::FAILURE).map_err(Into::into),
            Next::NewKeys(keys) => host.set_keys(keys)?,
            Next::Look => {
                let status = host.status();
                succession.look(&status);
                report.look(&status, &host.counters(), host.election_counters().refused_writes);
            }
        }
    };
    let follows = !succession::leads(&host.status());
    service.stop();
    succession.hand_over(&host);
    // The node stays until another one leads: the successor may need its vote.
    host.shutdown()?;
    if follows {
        // The leader finds it silent, and knows that it will be bound for a while after its next start.
        thread::sleep(timing.promise);
    }
    log.say("has stopped");
    Ok(code)
}

fn start_host(
    args: &Args,
    keys: Option<Keyring>,
    timing: Timing,
    margin: Duration,
) -> Result<Host<Id>, Failure> {
    let cluster = ClusterId::from_name(&args.group);
    let (mut store, saved) = if args.new {
        let members = args.peer.iter().map(|&(peer, _)| peer).chain([args.id]);
        let first = HardState::bootstrap(cluster, members)?;
        (Store::create(&args.data, &first)?, first)
    } else {
        Store::open(&args.data)?
    };
    if saved.cluster != cluster {
        let (data, group, stored) = (args.data.display(), &args.group, saved.cluster);
        return Err(format!(
            "{data} is of another group than {group:?}, which is number {cluster}, and not {stored}: correct \
             --group or --data"
        )
        .into());
    }
    let config = Config { timing, ..Config::new(args.id) };
    // With this margin the supervisor kills at the same time as the guard.
    let protection = match keys {
        Some(keys) => Protection::Sealed(keys),
        None if args.unsealed => Protection::Unsealed,
        None => Protection::OnlyLoopback,
    };
    let peers = args.peer.iter().map(|&(id, address)| (id, address.into())).collect();
    let config = HostConfig { peers, margin, protection, ..HostConfig::new(config, args.listen) };
    Ok(Host::start(config, saved, move |state| store.save(state))?)
}

/// A thread that cannot be started is an error, and not a panic.
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(body).map(drop)
}

/// For delays as on a local network. The command runs on while no more than two heartbeats in a row are
/// lost.
fn timing(promise: Duration) -> Timing {
    let lan = Timing::lan();
    Timing {
        promise,
        promise_limit: (promise * 3).max(lan.promise_limit),
        heartbeat_interval: promise / 5,
        retry_interval: lan.retry_interval.max(promise / 1_000),
        ..lan
    }
}

/// The signals that the supervisor waits for. It blocks them, and the other stages unblock them.
pub(crate) fn handled_signals() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect()
}

fn peer(text: &str) -> Result<(Id, SocketAddr), String> {
    let (id, address) = text.split_once('=').ok_or("write it as ID=ADDRESS")?;
    let id = id.parse().map_err(|error| format!("{id:?}: {error}"))?;
    let address = address.parse().map_err(|error| format!("{address:?}: {error}"))?;
    Ok((id, address))
}
