//! The supervisor, which is the process that takes part in the election and starts the command while it
//! leads.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use nix::sys::signal::{SigSet, Signal};
use quorate::adapters::seal::Keyring;
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{Config, Timing};
use rustix::process::{getpid, set_child_subreaper};

use super::contender::Contender;
use super::hooks::{HookSettings, Hooks};
use super::keys;
use super::log::Log;
use super::report::{self, Report};
use super::seat;
use super::service::{CommandSettings, Next, Service};
use super::stop;
use super::succession::Succession;
use crate::Id;
use crate::failure::{Failure, causes, exit_code};
use crate::lengths::part;
use crate::local_socket::LocalSocket;
use crate::node_options::{LastLines, NodeOptions};
use crate::operating::leads;

/// Runs a command on exactly one machine of a group
///
/// The machine that leads runs the command. When that machine dies, hangs or is cut off, the command is
/// started on another one, and never before it has stopped on the first.
///
/// For example, on the first of three machines, with the same file of keys on all of them ('quorate keygen'):
///   quorate run --group backup --key group.key --id a --listen 10.0.0.1:7000 --data /var/lib/backup \
///       --peer b=10.0.0.2:7000 --peer c=10.0.0.3:7000 --first-rollout=a,b,c -- ./backup.sh
///
/// The same command line serves every start, the first one too. One of four options says what the node is: --first-rollout
/// for the first nodes of a new group, --joins for a node that is added to it later ('quorate members add'); the other two
/// are for groups that began otherwise.
///
/// Without nodes that reach each other, on any number of machines that share nothing but a register:
///   quorate register create-seat s3://bucket/backup --group backup
///   quorate run --seat s3://bucket/backup --group backup -- ./backup.sh
///
/// In the environment of the command:
///   QUORATE_GROUP          the name of the group
///   QUORATE_ID             the id of the node
///   QUORATE_TERM           the term of the leader: a copy on another machine has another one, and a later
///                          copy never has a lower one
///   QUORATE_FENCING_TOKEN  the same number, to send along with each write: what is written to is to refuse
///                          a lower one than it has seen
///
/// A process that leaves the process group of the command, as daemons do, is not stopped with it. What is
/// under way in a device or on the network ends later than the command: hence the fencing token.
///
/// Signals:
///   SIGTERM, SIGINT  stop: the command runs on until another node can take over, for four promises at
///                    most, then leadership is handed over, and this process ends when another node leads
///   SIGHUP           read the keys again
///
/// It has stopped within this many milliseconds of SIGTERM, whatever hangs: give the service manager no less time.
///   17 * --promise-ms + --grace-ms + --hook-ms + 3000, of which --hook-ms counts only if there are hooks
///   with --seat, --seat-ms takes the place of 17 * --promise-ms
///
/// Exit codes:
///   0  it was told to stop, and has stopped
///   1  it has failed: the last line of its log says how
///   2  bad input: the last line of its log says what to correct
///   with --once, the code of the command, which is 127 if it cannot be started
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    contender: Contender,
    /// Length of the promises to a leader: for about this long nothing runs after the leader has died
    #[arg(long, value_name = "MS", default_value_t = 1_000, conflicts_with = "seat", value_parser = clap::value_parser!(u64).range(100..=60_000))]
    promise_ms: u64,
    /// How long the command may take to stop when this process is told to stop
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    grace_ms: u64,
    /// How long after its end the command is started again
    #[arg(long, value_name = "MS", default_value_t = 1_000)]
    pause_ms: u64,
    /// Has a shell run CMD when this machine is elected, while the command is started, with the same
    /// environment as the command
    #[arg(long, value_name = "CMD", value_parser = NonEmptyStringValueParser::new())]
    on_elected: Option<String>,
    /// Has a shell run CMD when this machine has stepped down, once the command has stopped
    #[arg(long, value_name = "CMD", value_parser = NonEmptyStringValueParser::new())]
    on_stepped_down: Option<String>,
    /// How long a hook may take before it is killed, and all of them together when this process stops. Neither the election
    /// nor the command waits for hooks
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    hook_ms: u64,
    /// When the command exits by itself, hand over leadership and exit with the command's code
    #[arg(long)]
    once: bool,
    /// The command to run
    #[arg(required = true, last = true)]
    command: Vec<OsString>,
}

impl Args {
    /// How long it takes at most to stop.
    pub(super) fn longest_stop(&self) -> Duration {
        let has_hooks = self.on_elected.is_some() || self.on_stepped_down.is_some();
        let [promise, grace, hooks] =
            [self.promise_ms, self.grace_ms, if has_hooks { self.hook_ms } else { 0 }]
                .map(Duration::from_millis);
        match &self.contender {
            Contender::Node(_) => stop::longest(promise, grace, hooks),
            Contender::Seat(seat) => stop::longest_of_seat(seat.length, grace, hooks),
        }
    }

    /// Whether the command is not started again when it has exited.
    pub(super) fn once(&self) -> bool {
        self.once
    }
}

pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    // There is no other thread yet, so all threads will leave these signals to the one that waits for them.
    handled_signals().thread_block()?;
    set_child_subreaper(Some(getpid()))?;
    let id = match &args.contender {
        Contender::Node(node) => node.id,
        Contender::Seat(seat) => seat.id()?,
    };
    let log = Log::start(format!("node {id} of group {}", args.contender.group()))?;
    let supervised = match &args.contender {
        Contender::Node(node) => supervise(&args, node, &log),
        Contender::Seat(seat) => seat::supervise(&args, seat, &log),
    };
    let code = supervised.unwrap_or_else(|error| {
        log.say(format_args!("error: {}", causes(error.as_ref())));
        exit_code(error.as_ref())
    });
    log.flush(stop::LAST_WORDS);
    Ok(code)
}

/// What runs the command and the hooks, whatever the supervisor takes part in.
pub(super) struct Supervision {
    pub(super) service: Arc<Service>,
    pub(super) hooks: Hooks,
}

impl Supervision {
    /// The command is killed a sixth of `length` before the end of its lease, and asked to stop a sixth before that.
    pub(super) fn new(args: &Args, id: Id, length: Duration, log: &Log) -> Result<Supervision, Failure> {
        let group = args.contender.group();
        let settings = CommandSettings {
            id,
            group: group.to_owned(),
            command: args.command.clone(),
            margin: part(length, 6),
            notice: part(length, 6),
            grace: Duration::from_millis(args.grace_ms),
            pause: Duration::from_millis(args.pause_ms),
        };
        let hooks = HookSettings {
            on_elected: args.on_elected.clone(),
            on_stepped_down: args.on_stepped_down.clone(),
            most: Duration::from_millis(args.hook_ms),
            group: group.to_owned(),
            id,
        };
        let hooks = Hooks::start(hooks, log.clone())?;
        Ok(Supervision { service: Service::new(settings, hooks.clone(), log.clone()), hooks })
    }
}

fn supervise(args: &Args, node: &NodeOptions, log: &Log) -> Result<ExitCode, Failure> {
    let promise = Duration::from_millis(args.promise_ms);
    let Supervision { service, hooks } = Supervision::new(args, node.id, promise, log)?;
    let keys = node.group.keys()?;
    let (bound, margin) = (node.bind_socket()?, part(promise, 6));
    let (host, _waits_for_its_end) = start_host(node, keys.clone(), (timing(promise), margin), log)?;
    let local = bound.as_ref().map(|bound| bound.serve(&node.group.name, margin, &host)).transpose()?;
    // The list of peers may be the same on all nodes.
    let others = node.peer.iter().filter(|(id, _)| *id != node.id);
    let peers: Vec<_> = others.map(|(id, address)| format!("{id} at {address}")).collect();
    log.say(format_args!("listens on {}; the other nodes are {}", host.local_addr(), peers.join(", ")));
    watch(&host, Arc::clone(&service), local.clone());
    let (closed, waiting) = (host.closed(), Arc::clone(&service));
    // The end of the host must not go unnoticed, so a thread waits for nothing else.
    spawn("host-end", move || {
        let _main_asks_for_it = closed.wait();
        waiting.host_has_ended();
    })?;
    report::follow_events(&host, local, log.clone())?;
    let key_file = match (&node.group.key, keys) {
        (Some(path), Some(keys)) => {
            log.say(format_args!("the keys are {keys:?}"));
            Some(keys::watch(path.clone(), keys, Arc::clone(&service), log.clone())?)
        }
        _ => None,
    };
    let how = "waits until another node can take over, if this one leads";
    stop_at_signals(Arc::clone(&service), log.clone(), args.longest_stop(), how, key_file)?;
    let code = serve(host, &service, args, node, log);
    // The host has stopped, so that another machine may lead while this one tells of its end.
    hooks.finish();
    code
}

/// Stops the service at a signal, on a thread of its own, and this process after `longest` in any case. At SIGHUP, the file
/// of keys is read again if there is one.
pub(super) fn stop_at_signals(
    service: Arc<Service>,
    log: Log,
    longest: Duration,
    how: &'static str,
    key_file: Option<Sender<()>>,
) -> io::Result<()> {
    spawn("signals", move || {
        while let Ok(Signal::SIGHUP) = handled_signals().wait() {
            // Without keys the signal means what it means to most programs.
            if key_file.as_ref().is_none_or(|file| file.send(()).is_err()) {
                break;
            }
        }
        log.say(format_args!("is told to stop, which takes no longer than {longest:?}: {how}"));
        service.ask_to_stop();
        stop::end_after(longest, &log)
    })
}

/// Tells the service and the clients of the local socket of the lease. Both stop at the same time.
fn watch(host: &Host<Id>, service: Arc<Service>, local: Option<LocalSocket>) {
    host.watch(move |lease| {
        if lease.is_none() {
            local.iter().for_each(|local| local.tell_lease(lease));
        }
        service.watch(lease);
        if lease.is_some() {
            local.iter().for_each(|local| local.tell_lease(lease));
        } else {
            local.iter().for_each(LocalSocket::wait_for_clients);
        }
    });
}

fn serve(
    host: Host<Id>,
    service: &Arc<Service>,
    args: &Args,
    node: &NodeOptions,
    log: &Log,
) -> Result<ExitCode, Failure> {
    let timing = timing(Duration::from_millis(args.promise_ms));
    let _answers_until_the_end = node.serve_probes(&host)?;
    let (mut report, mut succession) = (Report::new(log.clone()), Succession::new(&timing));
    let code = loop {
        match service.next(succession.interval()) {
            Next::Start => service.start()?,
            Next::Ended(code) if args.once => {
                let (log, longest) = (log.clone(), args.longest_stop());
                spawn("stop", move || stop::end_after(longest, &log))?;
                break ExitCode::from(u8::try_from(code)?);
            }
            Next::Ended(_) => {}
            Next::Stop => {
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
    let follows = !leads(&host.status());
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
    node: &NodeOptions,
    keys: Option<Keyring>,
    (timing, margin): (Timing, Duration),
    log: &Log,
) -> Result<(Host<Id>, LastLines), Failure> {
    let config = Config { timing, ..Config::new(node.id) };
    // With this margin the supervisor kills at the same time as the guard.
    let (peers, protection) = (node.peer.clone(), node.group.protection(keys));
    let config = HostConfig { peers, margin, protection, ..HostConfig::new(config, node.listen) };
    let log = log.clone();
    node.start(config, Arc::new(move |line| log.say(line)))
}

/// A thread that cannot be started is an error, and not a panic.
pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(body).map(drop)
}

/// For delays as on a local network. The command runs on while no more than two heartbeats in a row are
/// lost.
fn timing(promise: Duration) -> Timing {
    let lan = Timing::lan();
    Timing {
        promise,
        promise_limit: promise.saturating_mul(3).max(lan.promise_limit),
        heartbeat_interval: part(promise, 5),
        retry_interval: lan.retry_interval.max(part(promise, 1_000)),
        ..lan
    }
}

/// The signals that the supervisor waits for. It blocks them, and the other stages unblock them.
pub(crate) fn handled_signals() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect()
}
