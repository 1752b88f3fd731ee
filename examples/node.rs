//! One node with a command line, to try a group by hand in several terminals or on several machines.
//!
//! ```text
//! cargo run --example node -- --new-key /tmp/group.key
//! cargo run --example node -- --group try --key /tmp/group.key --id 1 --listen 127.0.0.1:7001 --peer 2=127.0.0.1:7002 --peer 3=127.0.0.1:7003 --data /tmp/node-1 --new
//! cargo run --example node -- --group try --key /tmp/group.key --id 2 --listen 127.0.0.1:7002 --peer 1=127.0.0.1:7001 --peer 3=127.0.0.1:7003 --data /tmp/node-2 --new
//! ```
//!
//! Either all nodes of a group have the same key, or all are started with `--unsealed`.
//!
//! The very first start of a node, and no later one, says how the node begins. A node that lost its file
//! must never be started as a new one.
//!
//! - `--new`: in a new group of this node and its peers;
//! - `--join`: outside any group, until the leader of a running group is told `add 4=127.0.0.1:7004`;
//! - `--form 3/5`: in a new group of three to five nodes that find each other. Each is told of the others
//!   with `discovered 2=127.0.0.1:7002`. No more than five nodes may ever start so.
//!
//! Then type `help`. Learned addresses are kept in a file beside `--data` for the next start. To ask a
//! node from another machine who leads:
//!
//! ```text
//! cargo run --example node -- --group try --key /tmp/group.key --ask 127.0.0.1:7001
//! ```

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::time::Duration;
use std::{fs, thread};

use clap::Parser;
use quorate::adapters::seal::Keyring;
use quorate::adapters::store::Store;
use quorate::adapters::udp::{Host, HostConfig, Notice, Protection, who_leads, who_leads_sealed};
use quorate::{ClusterId, Config, Force, HardState, Limits, MemberStatus, Target, Timing, Urgency};
use tempfile::NamedTempFile;

/// Prints a line. The node runs on if nobody reads it, so `println` will not do: it panics.
macro_rules! say {
    ($($what:tt)*) => {{
        let _ = writeln!(io::stdout(), $($what)*);
    }};
}

type Id = u64;
type Failure = Box<dyn Error + Send + Sync>;

/// One node of a group that elects its leader.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    key: KeyArgs,
    /// This node's number
    #[arg(long, required_unless_present_any = ["ask", "new_key"])]
    id: Option<Id>,
    /// Where to listen
    #[arg(long, required_unless_present_any = ["ask", "new_key"])]
    listen: Option<SocketAddr>,
    /// Another node: its number and its address
    #[arg(long, value_name = "ID=ADDRESS", value_parser = peer)]
    peer: Vec<(Id, SocketAddr)>,
    /// The file with this node's state
    #[arg(long, required_unless_present_any = ["ask", "new_key"])]
    data: Option<PathBuf>,
    #[command(flatten)]
    first: First,
    /// The name of the group: the same on every node, and another than that of any other group
    #[arg(long, value_name = "NAME", required_unless_present = "new_key")]
    group: Option<String>,
    /// Timings for nodes that are far apart
    #[arg(long)]
    wan: bool,
    /// Only ask the node at this address who leads
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["id", "listen", "data"])]
    ask: Option<SocketAddr>,
}

/// How the messages of the group are protected
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct KeyArgs {
    /// File of the group's keys: one on a line, 64 hexadecimal digits; the first one seals, all of them
    /// open
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Do without a key: everyone who can send to the port can forge messages
    #[arg(long)]
    unsealed: bool,
    /// Only generate a key, and write it to a new file
    #[arg(long, value_name = "FILE")]
    new_key: Option<PathBuf>,
}

/// The very first start, which creates the file
#[derive(clap::Args)]
#[group(multiple = false)]
struct First {
    /// First start, in a new group of this node and its peers
    #[arg(long)]
    new: bool,
    /// First start, as a node that a running group will add
    #[arg(long)]
    join: bool,
    /// First start, in a new group of MIN to MAX nodes that find each other
    #[arg(long, value_name = "MIN/MAX", value_parser = limits)]
    form: Option<Limits>,
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
    if let Some(path) = args.key.new_key {
        say!("{:?} is in {}", Keyring::create(&path)?, path.display());
        return Ok(());
    }
    let key_file = args.key.key;
    let protection = match &key_file {
        Some(path) => Protection::Sealed(Keyring::read(path)?),
        None => Protection::Unsealed,
    };
    let cluster = ClusterId::from_name(&args.group.ok_or("--group names the group")?);
    if let Some(address) = args.ask {
        return ask(cluster, address, &protection);
    }
    let (Some(id), Some(listen), Some(data)) = (args.id, args.listen, args.data) else {
        return Err("--id, --listen and --data belong together".into());
    };
    let first = args.first.state(cluster, id, &args.peer)?;
    let (mut store, saved) = match first {
        Some(first) => (Store::create(&data, &first)?, first),
        None => Store::open(&data)?,
    };
    if saved.cluster != cluster {
        return Err(format!("{} is of another group: correct --group or --data", data.display()).into());
    }
    let learned = data.with_extension("peers");
    // Either may be out of date, so a node is tried at both.
    let mut peers = read_peers(&learned)?;
    peers.extend(args.peer);
    let peers = peers.into_iter().map(|(id, address)| (id, address.into())).collect();
    let timing = if args.wan { Timing::wan() } else { Timing::lan() };
    let config = Config { timing, ..Config::new(id) };
    let config = HostConfig { peers, protection, ..HostConfig::new(config, listen) };
    let host = Host::start(config, saved, move |state| store.save(state))?;
    say!("node {id} listens on {}; type help", host.local_addr());

    let events = host.events();
    let printer = thread::spawn(move || {
        while let Some(notice) = events.recv() {
            if let Err(failure) = show(notice, &learned) {
                report(failure.as_ref());
                process::exit(1);
            }
        }
    });
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.trim() == "quit" {
            break;
        }
        if let Err(error) = execute(&host, &line, key_file.as_deref()) {
            say!("{error}");
        }
    }
    host.shutdown()?;
    drop(printer.join());
    Ok(())
}

fn ask(cluster: ClusterId, address: SocketAddr, protection: &Protection) -> Result<(), Failure> {
    let timeout = Duration::from_secs(2);
    let leader = match protection {
        Protection::Sealed(keys) => who_leads_sealed::<Id>(cluster, address, keys, timeout)?,
        Protection::OnlyLoopback | Protection::Unsealed => who_leads(cluster, address, timeout)?,
    };
    match leader {
        Some(leader) => say!("{leader}"),
        None => say!("the node knows of no leader"),
    }
    Ok(())
}

impl First {
    /// The state to create, or `None` at a later start.
    fn state(
        &self,
        cluster: ClusterId,
        id: Id,
        peers: &[(Id, SocketAddr)],
    ) -> Result<Option<HardState<Id>>, Failure> {
        Ok(match self.form {
            _ if self.new => {
                let members = peers.iter().map(|&(peer, _)| peer).chain([id]);
                Some(HardState::bootstrap(cluster, members)?)
            }
            _ if self.join => Some(HardState::joining(cluster)),
            Some(limits) => Some(HardState::forming(cluster, limits)?),
            None => None,
        })
    }
}

/// Prints a notice. Fails if the node could not store its state and must not go on.
fn show(notice: Notice<Id>, learned: &Path) -> Result<(), Failure> {
    match notice {
        Notice::Event(event) => say!("{event}"),
        Notice::Addresses(addresses) => {
            let lines = addresses.iter().map(|(id, address)| format!("{id}={address}\n"));
            // The node runs on without the file, but its next start may need a peer's address again.
            if let Err(error) = replace(learned, &lines.collect::<String>()) {
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
add ID=ADDRESS, remove ID           one more voter, one member less
target 1,2,4=ADDRESS [learners 5=ADDRESS] [force]
                                    exactly these voters and learners
discovered ID=ADDRESS, lost ID      in a group that forms itself
keys                                read the file of keys again";

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
            let (id, address) = peer(newcomer)?;
            let (mut voters, mut learners) = intended_members(host);
            learners.retain(|&learner| learner != id);
            voters.extend((!voters.contains(&id)).then_some(id));
            host.reconfigure(Target::new(voters, learners)?, Force::Never, [(id, address)])?;
        }
        ["remove", member] => {
            let id = member.parse()?;
            let (mut voters, mut learners) = intended_members(host);
            voters.retain(|&voter| voter != id);
            learners.retain(|&learner| learner != id);
            host.reconfigure(Target::new(voters, learners)?, Force::Never, [])?;
        }
        ["target", voters, ref rest @ ..] => {
            let (learners, force) = match rest {
                [] => ("", Force::Never),
                ["force"] => ("", Force::IfNeeded),
                ["learners", learners] => (*learners, Force::Never),
                ["learners", learners, "force"] => (*learners, Force::IfNeeded),
                _ => return Err("write it as: target 1,2,3 learners 4,5 force".into()),
            };
            let (mut addresses, mut learner_ids) = (Vec::new(), Vec::new());
            let voters = nodes(voters, &mut addresses)?;
            if !learners.is_empty() {
                learner_ids = nodes(learners, &mut addresses)?;
            }
            host.reconfigure(Target::new(voters, learner_ids)?, force, addresses)?;
        }
        ["discovered", newcomer] => {
            let (id, address) = peer(newcomer)?;
            host.discovered(id, address)?;
        }
        ["lost", member] => host.lost(member.parse()?)?,
        ["keys"] => host.set_keys(Keyring::read(key_file.ok_or("this node has no file of keys")?)?)?,
        _ => say!("unknown command {line:?}; type help"),
    }
    Ok(())
}

/// The voters and learners of the target, if there is one, and otherwise those of the membership.
fn intended_members(host: &Host<Id>) -> (Vec<Id>, Vec<Id>) {
    let status = host.status();
    if let Some(target) = status.target {
        return (target.voters().to_vec(), target.learners().to_vec());
    }
    let (voters, learners): (Vec<_>, Vec<_>) = status.members.iter().partition(|member| member.voter);
    let ids = |members: Vec<&MemberStatus<Id>>| members.iter().map(|member| member.id).collect();
    (ids(voters), ids(learners))
}

/// Parses a list of `ID`, or `ID=ADDRESS` for new nodes.
fn nodes(list: &str, addresses: &mut Vec<(Id, SocketAddr)>) -> Result<Vec<Id>, Failure> {
    let node = |text: &str| {
        if !text.contains('=') {
            return Ok(text.parse()?);
        }
        let (id, address) = peer(text)?;
        addresses.push((id, address));
        Ok(id)
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

fn read_peers(path: &Path) -> Result<Vec<(Id, SocketAddr)>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().map(peer).collect::<Result<_, _>>()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn report(error: &dyn Error) {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let line = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let _nobody_reads = writeln!(io::stderr(), "error: {line}");
}

fn peer(text: &str) -> Result<(Id, SocketAddr), String> {
    let (id, address) = text.split_once('=').ok_or("write it as ID=ADDRESS")?;
    let id = id.parse().map_err(|error| format!("{id:?}: {error}"))?;
    let address = address.parse().map_err(|error| format!("{address:?}: {error}"))?;
    Ok((id, address))
}

fn limits(text: &str) -> Result<Limits, String> {
    let (least, most) = text.split_once('/').ok_or("write it as MIN/MAX")?;
    let number = |text: &str| text.parse().map_err(|error| format!("{text:?}: {error}"));
    Ok(Limits { min_members: number(least)?, max_members: number(most)? })
}
