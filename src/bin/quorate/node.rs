//! One node with a command line, to try a group by hand in several terminals or on several machines.
//!
//! ```text
//! quorate keygen /tmp/group.key
//! mkdir /tmp/node-1 /tmp/node-2 /tmp/node-3
//! quorate node --group try --key /tmp/group.key --id 1 --listen 127.0.0.1:7001 --peer 2=127.0.0.1:7002 --peer 3=127.0.0.1:7003 --data /tmp/node-1 --first-rollout
//! quorate node --group try --key /tmp/group.key --id 2 --listen 127.0.0.1:7002 --peer 1=127.0.0.1:7001 --peer 3=127.0.0.1:7003 --data /tmp/node-2 --first-rollout
//! ```
//!
//! Then type `help`. Learned addresses are kept in the folder of the node for the next start. A group that forms itself
//! (`--forms`) is told of its nodes with `discovered 2=127.0.0.1:7002`.
//!
//! A node needs no standard input: it runs on when that ends, unless it is a terminal. `quit`, SIGTERM and SIGINT hand
//! leadership over, and end it.

use std::fs::{self, File};
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use quorate::adapters::endpoint::operator::{Change, ChangeKind};
use quorate::adapters::seal::Keyring;
use quorate::adapters::udp::{Host, HostConfig, Notice, PeerAddress};
use quorate::{Config, Force, Target, Timing, Urgency};
use tempfile::NamedTempFile;

use crate::Id;
use crate::failure::{BadInput, Failure, report};
use crate::hosts::look_up;
use crate::node_options::{NodeOptions, peer};
use crate::output::{complain, say};

/// Runs one node with a command line, to try a group by hand
///
/// Reads commands from the standard input, and prints the news of the election; 'help' lists the commands. The node
/// runs on when its standard input ends, unless that is a terminal. 'quit', SIGTERM and SIGINT hand leadership over,
/// and end it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    node: NodeOptions,
    /// Timings for nodes that are far apart
    #[arg(long)]
    wan: bool,
}

/// What the node is asked to do.
enum Request {
    Line(String),
    Quit,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let (requests, asked) = channel();
    wait_for_signals(requests.clone())?;
    let node = args.node;
    let keys = node.group.keys()?;
    let learned = node.data.as_ref().map(|folder| folder.join("peers"));
    // Either may be out of date, so a node is tried at both.
    let mut peers = learned.as_deref().map(read_peers).transpose()?.unwrap_or_default();
    peers.extend(node.peer.iter().cloned());
    let timing = if args.wan { Timing::wan() } else { Timing::lan() };
    let (config, protection) = (Config { timing, ..Config::new(node.id) }, node.group.protection(keys));
    let config = HostConfig { peers, protection, ..HostConfig::new(config, node.listen) };
    let (bound, margin) = (node.bind_socket()?, config.margin);
    let (host, last_lines) = node.start(config, Arc::new(|line| complain(line)))?;
    let _answers_until_the_end = node.serve_probes(&host)?;
    let local = bound.as_ref().map(|bound| bound.serve(&node.group.name, margin, &host)).transpose()?;
    if let Some(local) = local.clone() {
        host.watch(move |lease| {
            local.tell_lease(lease);
            if lease.is_none() {
                local.wait_for_clients();
            }
        });
    }
    say!("node {} listens on {}; type help", node.id, host.local_addr());

    let (events, worker) = (host.events(), host.worker());
    let printer = thread::spawn(move || {
        while let Some(notice) = events.recv() {
            local.iter().for_each(|local| local.tell(&notice, &worker));
            if let Err(failure) = show(notice, learned.as_deref()) {
                report(failure.as_ref());
                process::exit(1);
            }
        }
    });
    thread::spawn(move || read_input(&requests));
    while let Ok(Request::Line(line)) = asked.recv() {
        if let Err(error) = execute(&host, &line, node.group.key.as_deref()) {
            say!("{error}");
        }
    }
    host.shutdown()?;
    drop(printer.join());
    drop(last_lines);
    Ok(())
}

/// Reads commands until the input ends, and then returns without a request, or with one to quit at a terminal.
fn read_input(requests: &Sender<Request>) {
    for line in io::stdin().lock().lines() {
        let request = match line {
            Ok(line) if line.trim() == "quit" => Request::Quit,
            Ok(line) => Request::Line(line),
            Err(_cannot_be_read) => break,
        };
        if requests.send(request).is_err() {
            return;
        }
    }
    if io::stdin().is_terminal() {
        let _node_has_ended = requests.send(Request::Quit);
        return;
    }
    // The channel stays open: the node runs on until it is sent a signal.
    loop {
        thread::park();
    }
}

/// Makes the signals that end a process requests to quit. Called before there is another thread, so that all threads
/// leave these signals to the one that waits for them.
#[cfg(unix)]
fn wait_for_signals(requests: Sender<Request>) -> Result<(), Failure> {
    use nix::sys::signal::{SigSet, Signal};

    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    signals.thread_block()?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if signals.wait().is_ok() {
            let _node_has_ended = requests.send(Request::Quit);
        }
    })?;
    Ok(())
}

/// Elsewhere the system ends the process, and the others elect the next leader.
#[cfg(not(unix))]
fn wait_for_signals(_requests: Sender<Request>) -> Result<(), Failure> {
    Ok(())
}

/// Prints a notice. Fails if the node could not store its state and must not go on.
fn show(notice: Notice<Id>, learned: Option<&Path>) -> Result<(), Failure> {
    match notice {
        Notice::Event(event) => say!("{event}"),
        Notice::Addresses(addresses) => {
            let lines = addresses.iter().map(|(id, address)| format!("{id}={address}\n"));
            // The node runs on without the file, but its next start may need a peer's address again.
            if let Some(learned) = learned
                && let Err(error) = replace(learned, &lines.collect::<String>())
            {
                say!("cannot write {}: {error}", learned.display());
            }
        }
        Notice::Failed(failure) => return Err(failure.into()),
        other => say!("{other:?}"),
    }
    Ok(())
}

const HELP: &str = "\
status, leader, quit
resign, campaign, leave
add ID=HOST:PORT, remove ID           one more voter, one member less
promote ID                            a vote for a learner
target 1,2,4=HOST:PORT [learners 5=HOST:PORT] [force]
                                      exactly these voters and learners
discovered ID=HOST:PORT, lost ID      in a group that forms itself
keys                                  read the file of keys again";

fn execute(host: &Host<Id>, line: &str, key_file: Option<&Path>) -> Result<(), Failure> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [] => {}
        ["help"] => say!("{HELP}"),
        ["status"] => {
            say!("{}\n{:?}\n{:?}", host.status(), host.counters(), host.election_counters());
        }
        ["leader"] => match host.leader() {
            Some(leader) => say!("{leader}"),
            None => say!("no leader is known"),
        },
        ["resign"] => host.resign(None, Urgency::WhenReady)?,
        ["campaign"] => host.campaign()?,
        ["leave"] => host.leave()?,
        ["add", newcomer] => {
            let mut addresses = Vec::new();
            let id = introduce(host, newcomer, &mut addresses)?;
            change(host, id, ChangeKind::Add, addresses)?;
        }
        ["promote", learner] => change(host, learner.parse()?, ChangeKind::Promote, Vec::new())?,
        ["remove", member] => change(host, member.parse()?, ChangeKind::Remove, Vec::new())?,
        ["target", voters, ref rest @ ..] => {
            let (learners, force) = match rest {
                [] => ("", Force::Never),
                ["force"] => ("", Force::IfNeeded),
                ["learners", learners] => (*learners, Force::Never),
                ["learners", learners, "force"] => (*learners, Force::IfNeeded),
                _ => return Err("write it as: target 1,2,3 learners 4,5 force".into()),
            };
            let (mut addresses, mut learner_ids) = (Vec::new(), Vec::new());
            let voters = nodes(host, voters, &mut addresses)?;
            if !learners.is_empty() {
                learner_ids = nodes(host, learners, &mut addresses)?;
            }
            host.reconfigure(Target::new(voters, learner_ids)?, force, addresses)?;
        }
        ["discovered", newcomer] => {
            let mut addresses = Vec::new();
            introduce(host, newcomer, &mut addresses)?;
            for (id, address) in addresses.into_iter().take(1) {
                host.discovered(id, address)?;
            }
        }
        ["lost", member] => host.lost(member.parse()?)?,
        ["keys"] => host.set_keys(Keyring::read(key_file.ok_or("this node has no file of keys")?)?)?,
        _ => say!("unknown command {line:?}; type help"),
    }
    Ok(())
}

/// Changes the members as 'quorate members' does.
fn change(
    host: &Host<Id>,
    id: Id,
    kind: ChangeKind<Id>,
    addresses: Vec<(Id, SocketAddr)>,
) -> Result<(), Failure> {
    let target = Change::new(id, kind).target(&host.status())?;
    Ok(host.reconfigure(target, Force::Never, addresses)?)
}

/// Tells the host where a new node is, written as `ID=HOST:PORT`, and adds its addresses to the list.
fn introduce(host: &Host<Id>, text: &str, addresses: &mut Vec<(Id, SocketAddr)>) -> Result<Id, Failure> {
    let (id, place) = peer(text)?;
    addresses.extend(look_up(&place)?.into_iter().map(|address| (id, address)));
    host.introduce(id, place)?;
    Ok(id)
}

/// Parses a list of `ID`, or `ID=HOST:PORT` for new nodes.
fn nodes(host: &Host<Id>, list: &str, addresses: &mut Vec<(Id, SocketAddr)>) -> Result<Vec<Id>, Failure> {
    let node = |text: &str| {
        if !text.contains('=') {
            return Ok(text.parse()?);
        }
        introduce(host, text, addresses)
    };
    list.split(',').map(node).collect()
}

/// Replaces a file, which is the old one or the new one whenever the machine crashes.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // Windows has no such sync.
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}

fn read_peers(path: &Path) -> Result<Vec<(Id, PeerAddress)>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => text.lines().map(peer).collect::<Result<_, _>>().map_err(|error| {
            let (file, advice) = (path.display(), "correct the line, or remove the file");
            BadInput::new(format_args!(
                "{file} holds the addresses that this node has learned: {error}, or {advice}"
            ))
            .into()
        }),
        // Whatever is wrong with the folder is noticed when the state is read.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(format!("cannot read {}: {error}", path.display()).into()),
    }
}
