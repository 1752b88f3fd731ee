//! Members on machines that are gone from the leader's subnet. What is sent to such a machine waits in the leader's
//! system until the address is known to be dead, and takes room in the one buffer that all its datagrams go through.
//!
//! Each group has a control group, at the same time on the same machine: its lost members are as silent, but their
//! machines are there and answer for their addresses. A machine that is too busy for the promises of a group changes
//! the leader of both.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::seal::{Key, Keyring};
use quorate::adapters::tokio::{Handle, MemoryStorage, Peers, Udp};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{ClusterId, Config, HardState, Priority, Term, Timing};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{
    CapabilitySet, LinkNameSpaceType, capabilities, move_into_link_name_space, set_capabilities,
};

use crate::netns::run;
use crate::own_loop::{self, View};
use crate::{Failure, Id};

/// How many members run, how many are lost, and how long their promises are. What the leaders would send to the lost
/// members in three seconds is more than a socket's buffer takes, unless the machine allows larger ones to programs that
/// ask for them.
const GROUPS: [(Id, Id, Duration); 3] = [
    (9, 8, Duration::from_millis(150)),
    (6, 5, Duration::from_millis(150)),
    (3, 2, Duration::from_millis(50)),
];

/// How often a group and its control group are looked at, on a machine that is too busy for them.
const ROUNDS: usize = 3;

/// How long it may take until both have a leader.
const FORMATION: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Thread,
    Tokio,
    Loop,
}

enum Node {
    Thread(Box<Host<Id>>),
    Tokio(Handle<Id>, Peers<Id>),
    Loop(View),
}

impl Node {
    /// The term of the leader that the node knows.
    fn leader_term(&self) -> Option<Term> {
        match self {
            Node::Thread(host) => host.leader().map(|leader| leader.term),
            Node::Tokio(handle, _) => handle.leadership().borrow().leader.map(|leader| leader.term),
            Node::Loop(view) => view.lock().unwrap().0,
        }
    }

    /// How many datagrams the system has refused to send.
    fn refused(&self) -> u64 {
        match self {
            Node::Thread(host) => host.counters().send_errors,
            Node::Tokio(_, peers) => peers.counters().send_errors,
            Node::Loop(view) => view.lock().unwrap().1,
        }
    }
}

/// A group, in a subnet of its own: its leader on one machine, all others on another one.
struct Group {
    number: u8,
    kind: Kind,
    live: Id,
    lost: Id,
    promise: Duration,
    /// Whether the machines of the lost members answer for their addresses.
    is_control: bool,
    nodes: Vec<Node>,
}

/// Runs the groups, each for so many seconds, in a process whose namespaces are its own.
pub(crate) fn main(seconds: u64) -> Result<String, Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    run("mount", &["-t", "tmpfs", "tmpfs", "/run"], "")?;
    std::fs::create_dir_all("/run/netns")?;
    let (mut report, mut number) = (String::new(), 0);
    for (live, lost, promise) in GROUPS {
        for kind in [Kind::Thread, Kind::Tokio, Kind::Loop] {
            let mut start = |is_control| -> Result<Group, Failure> {
                number += 1;
                let mut group = Group { number, kind, live, lost, promise, is_control, nodes: Vec::new() };
                group.start()?;
                Ok(group)
            };
            let pair = [start(false)?, start(true)?];
            compare(&pair, Duration::from_secs(seconds), &mut report)?;
        }
    }
    Ok(report)
}

/// Looks at a group and its control group until the group keeps its leader for so long. If the control group does not
/// keep its own, this says nothing; but whatever the machine has to do, no datagram is refused for want of room.
fn compare(pair: &[Group; 2], length: Duration, report: &mut String) -> Result<(), Failure> {
    let Group { kind, live, lost, promise, .. } = &pair[0];
    let ready = Instant::now() + FORMATION;
    while pair.iter().any(|group| group.leader_term().is_none()) && Instant::now() < ready {
        thread::sleep(Duration::from_millis(50));
    }
    for round in 1..=ROUNDS {
        let before = pair.each_ref().map(Group::leader_term);
        thread::sleep(length);
        let after = pair.each_ref().map(Group::leader_term);
        writeln!(
            report,
            "{kind:?}, {live} + {lost} gone, {promise:?}: terms {before:?} to {after:?} in {length:?}, \
             where the machines are gone and where they are there"
        )?;
        let refused = pair.each_ref().map(Group::refused);
        if refused[0] > refused[1] {
            return Err(format!("{report}the leader's system refused {refused:?} datagrams").into());
        }
        let [changes, of_control] = [0, 1].map(|index| Some(after[index]?.0 - before[index]?.0));
        match (changes, of_control) {
            (Some(0), _) => return Ok(()),
            (_, None | Some(1..)) => writeln!(report, "the machine is too busy for these promises")?,
            (None | Some(_), Some(0)) if round == ROUNDS => {
                return Err(
                    format!("{report}changes of leader, and none where the machines are there").into()
                );
            }
            (None | Some(_), Some(0)) => {}
        }
    }
    Ok(())
}

impl Group {
    fn address(&self, id: Id) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::new(10, 8, self.number, id as u8), 7_000))
    }

    /// The namespace of the machine of node `id`.
    fn machine(&self, id: Id) -> String {
        format!("{}{}", if id == 1 { "leader" } else { "others" }, self.number)
    }

    fn start(&mut self) -> Result<(), Failure> {
        let (one, two) = (self.machine(1), self.machine(2));
        run("ip", &["netns", "add", &one], "")?;
        run("ip", &["netns", "add", &two], "")?;
        let cable = format!("link add cable netns {one} type veth peer name cable netns {two}\n");
        run("ip", &["-batch", "-"], &cable)?;
        let there = if self.is_control { self.live + self.lost } else { self.live };
        for (machine, ids) in [(one, 1..=1), (two, 2..=there)] {
            let mut setup = String::from("link set lo up\n");
            for id in ids {
                writeln!(setup, "addr add {}/24 dev cable", self.address(id).ip())?;
            }
            setup.push_str("link set cable up\n");
            run("ip", &["-n", &machine, "-batch", "-"], &setup)?;
        }
        for id in 1..=self.live {
            let node = self.start_node(id)?;
            self.nodes.push(node);
        }
        Ok(())
    }

    /// Starts a node on a thread that has moved to its machine, as a program without privileges: its socket gets the
    /// buffers that the system allows to any program.
    fn start_node(&self, id: Id) -> Result<Node, Failure> {
        let namespace = format!("/run/netns/{}", self.machine(id));
        let peers: Vec<_> = (1..=self.live + self.lost).filter(|&other| other != id).collect();
        let peers: Vec<_> = peers.into_iter().map(|other| (other, self.address(other))).collect();
        let first = HardState::bootstrap(ClusterId(1), 1..=self.live + self.lost)?;
        let (config, listen, kind) = (self.config(id), self.address(id), self.kind);
        let start = move || -> Result<Node, Failure> {
            let keys = Keyring::new([Key::new(&[7; 32])])?;
            move_to(&namespace)?;
            match kind {
                Kind::Thread => {
                    let peers = peers.into_iter().map(|(id, at)| (id, at.into())).collect();
                    let config = HostConfig { peers, ..HostConfig::new(config, listen) }.sealed(keys);
                    let host = Host::start(config, first, |_| Ok::<_, Infallible>(()))?;
                    Ok(Node::Thread(Box::new(host)))
                }
                Kind::Loop => Ok(Node::Loop(own_loop::start(config, first, listen, peers, keys)?)),
                Kind::Tokio => {
                    let (report, bound) = sync_channel(1);
                    let bind = move || -> Result<Udp<Id>, Failure> {
                        let transport = Udp::bind_sealed(listen, keys)?;
                        let transport =
                            peers.into_iter().try_fold(transport, |it, (id, at)| it.peer(id, at.into()))?;
                        report.send(transport.peers())?;
                        Ok(transport)
                    };
                    let handle = Handle::start_on_thread(config, first, MemoryStorage::new(), bind)?;
                    Ok(Node::Tokio(handle, bound.recv()?))
                }
            }
        };
        thread::spawn(start).join().map_err(|_| "a node does not start")?
    }

    /// Node 1 alone ever leads, so that each change of leader is one that it lost and took again.
    fn config(&self, id: Id) -> Config<Id> {
        let lan = Timing::lan();
        let part = |length: Duration| {
            Duration::from_nanos(
                (length.as_nanos() * self.promise.as_nanos() / lan.promise.as_nanos()) as u64,
            )
        };
        let timing = Timing {
            promise: self.promise,
            promise_limit: part(lan.promise_limit),
            heartbeat_interval: part(lan.heartbeat_interval),
            retry_interval: part(lan.retry_interval),
            ..lan
        };
        let priority = if id == 1 { Priority::default() } else { Priority::NEVER_LEADS };
        Config { timing, priority, ..Config::new(id) }
    }

    /// How many datagrams the leader's system has refused to send.
    fn refused(&self) -> u64 {
        self.nodes.first().map_or(0, Node::refused)
    }

    fn leader_term(&self) -> Option<Term> {
        self.nodes.iter().filter_map(Node::leader_term).max()
    }
}

/// Moves this thread, and those that it starts, to a machine, and takes the privilege to enlarge buffers from them.
fn move_to(namespace: &str) -> Result<(), Failure> {
    let file = File::open(namespace)?;
    let mut sets = capabilities(None)?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
    sets.effective.remove(CapabilitySet::NET_ADMIN);
    sets.permitted.remove(CapabilitySet::NET_ADMIN);
    set_capabilities(None, sets)?;
    Ok(())
}
