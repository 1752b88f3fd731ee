//! The processes, as their parent sees them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use std::{env, fs};

use quorate::adapters::clock::BootClock;
use quorate::adapters::record::Deed;
use quorate::adapters::seal::Keyring;
use tempfile::TempDir;

use super::Id;
use super::child::{Members, NODE, Report};
use super::lease_log::{LeaseLog, Process};
use super::node::Node;
use super::pictures::Pictures;
use crate::failure::Failure;
use crate::paint::Paint;
use crate::screen::Screen;

/// How much longer than its promises explain a step may take on a busy machine, before the demo gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A leadership: the leader, its term, and the time of the machine's clock at which it began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leadership {
    pub(crate) id: Id,
    pub(crate) term: u64,
    from: Duration,
}

impl Leadership {
    pub(crate) fn since(&self, earlier: Duration) -> Duration {
        self.from.saturating_sub(earlier)
    }
}

/// What the processes keep their states in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Files,
    None,
}

/// All the processes. They are killed when this is dropped.
pub(crate) struct Processes {
    clock: BootClock,
    storage: Storage,
    /// Where the processes run.
    folder: TempDir,
    key: PathBuf,
    promise: Duration,
    nodes: BTreeMap<Id, Node>,
    /// How many processes start the group: the first ones.
    founders: Id,
    /// The newest membership that any process has reported.
    members: Members,
    sender: Sender<(Process, Report)>,
    reports: Receiver<(Process, Report)>,
    lease_log: LeaseLog,
    leader: Option<Leadership>,
    awaited: u64,
    unexpected_changes: u32,
    screen: Screen,
    paint: Paint,
    pictures: Pictures,
}

/// What is wrong with an id that no process has.
const UNKNOWN: &str = "there is no such process";

impl Processes {
    /// Prepares processes `1..=founders`, which will start a group, and more processes that may join it.
    pub(crate) fn new(
        founders: u32,
        joiners: u32,
        promise_ms: u32,
        storage: Storage,
        pictures: Pictures,
    ) -> Result<Self, Failure> {
        // All sockets exist at once, so that their ports differ, and are closed when this returns.
        let sockets =
            (0..founders.saturating_add(joiners)).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)));
        let sockets = sockets.collect::<Result<Vec<_>, _>>()?;
        let addresses = sockets.iter().map(UdpSocket::local_addr).collect::<Result<Vec<_>, _>>()?;
        let nodes = (1..).zip(addresses).map(|(id, address)| (id, Node::new(id, address)));
        let (sender, reports) = channel();
        let folder = TempDir::with_prefix("quorate-demo-")?;
        let key = folder.path().join("key");
        Keyring::create(&key)?;
        Ok(Processes {
            clock: BootClock::new(),
            storage,
            folder,
            key,
            promise: Duration::from_millis(promise_ms.into()),
            nodes: nodes.collect(),
            founders,
            members: Members::default(),
            sender,
            reports,
            lease_log: LeaseLog::default(),
            leader: None,
            awaited: 0,
            unexpected_changes: 0,
            screen: Screen::new(),
            paint: Paint::for_output(),
            pictures,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How many times the leader changed without a fault.
    pub(crate) fn unexpected_changes(&self) -> u32 {
        self.unexpected_changes
    }

    pub(crate) fn start_all(&mut self) -> Result<Duration, Failure> {
        let began = self.now();
        for id in 1..=self.founders {
            self.spawn(id, true)?;
        }
        Ok(began)
    }

    /// Starts a node that knows no other and waits to be added.
    pub(crate) fn join(&mut self, id: Id) -> Result<(), Failure> {
        self.spawn(id, true)
    }

    pub(crate) fn restart(&mut self, id: Id) -> Result<(), Failure> {
        self.spawn(id, false)
    }

    fn spawn(&mut self, id: Id, new: bool) -> Result<(), Failure> {
        let founders = if id <= self.founders { self.founders } else { 0 };
        let founders = self.nodes.values().filter(|node| node.process.id <= founders);
        let members: Vec<_> = founders.map(|node| node.address.to_string()).collect();
        let data = self.folder.path().join(format!("node-{id}"));
        let node = self.nodes.get_mut(&id).ok_or(UNKNOWN)?;
        let mut command = Command::new(env::current_exe()?);
        command.arg(NODE).arg(format!("--timeout-ms={}", self.promise.as_millis()));
        command.arg("--id").arg(node.process.id.to_string());
        command.arg("--listen").arg(node.address.to_string());
        command.arg("--key").arg(&self.key).current_dir(self.folder.path());
        match self.storage {
            Storage::Files => command.arg("--data").arg(data),
            Storage::None => &mut command,
        };
        if !members.is_empty() {
            command.arg("--members").arg(members.join(","));
        }
        command.args(new.then_some("--new"));
        if let Some(folder) = self.pictures.folder()? {
            command.arg("--record").arg(folder.join(format!("node-{id:03}.record")));
        }
        node.spawn(command, self.sender.clone())
    }

    pub(crate) fn kill(&mut self, id: Id) -> Result<Duration, Failure> {
        self.expect_new_leader();
        let at = self.now();
        let mut child = self.node_mut(id)?.child.take().ok_or("the process is dead already")?;
        self.pictures.deed(Deed::Killed, id)?;
        child.kill()?;
        child.wait()?;
        Ok(at)
    }

    pub(crate) fn freeze(&mut self, id: Id) -> Result<Duration, Failure> {
        self.expect_new_leader();
        let at = self.now();
        self.pictures.deed(Deed::Frozen, id)?;
        self.node_mut(id)?.freeze()?;
        Ok(at)
    }

    pub(crate) fn thaw(&mut self, id: Id) -> Result<(), Failure> {
        self.pictures.deed(Deed::Thawed, id)?;
        self.node_mut(id)?.thaw()
    }

    pub(crate) fn resign(&mut self, id: Id) -> Result<(), Failure> {
        self.expect_new_leader();
        self.node_mut(id)?.dropped = None;
        self.command(id, "resign\n")
    }

    /// Asks the latest known leader for these voters. The request may fail, or the leader may be about to
    /// die, so the caller repeats it.
    pub(crate) fn ask_for(&mut self, voters: &[Id]) {
        let Some(leader) = self.leader else { return };
        let entry = |id: &Id| Some(format!("{id}={}", self.nodes.get(id)?.address));
        let entries: Vec<_> = voters.iter().filter_map(entry).collect();
        let _repeated_by_the_caller = self.command(leader.id, &format!("target {}\n", entries.join(",")));
    }

    fn node_mut(&mut self, id: Id) -> Result<&mut Node, Failure> {
        Ok(self.nodes.get_mut(&id).ok_or(UNKNOWN)?)
    }

    fn command(&mut self, id: Id, line: &str) -> Result<(), Failure> {
        let stdin = self.node_mut(id)?.child.as_mut().and_then(|child| child.stdin.as_mut());
        Ok(stdin.ok_or("the process is dead")?.write_all(line.as_bytes())?)
    }

    pub(crate) fn members(&self) -> Members {
        self.members
    }

    /// The leader of the latest term, as far as is known.
    pub(crate) fn leader(&self) -> Option<Leadership> {
        self.leader
    }

    pub(crate) fn alive(&self) -> Vec<Id> {
        self.nodes.values().filter(|node| node.child.is_some()).map(|node| node.process.id).collect()
    }

    /// Whether the node has ever reported that it is removed.
    pub(crate) fn is_removed(&self, id: Id) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.removed)
    }

    /// Waits until a node knows that it is removed, and stops its process.
    pub(crate) fn retire(&mut self, id: Id) -> Result<(), Failure> {
        self.until(&format!("node {id} to know that it is removed"), |processes| {
            processes.is_removed(id).then_some(())
        })?;
        self.kill(id).map(drop)
    }

    /// Since the machine's clock began.
    pub(crate) fn now(&self) -> Duration {
        self.clock.now().since_origin()
    }

    /// A random length below `most`.
    pub(crate) fn chance(&self, most: Duration) -> Duration {
        most.mul_f64(f64::from(self.now().subsec_nanos() % 1_000) / 1_000.0)
    }

    /// When a node that resigned stopped acting as leader.
    pub(crate) fn dropped(&mut self, id: Id) -> Result<Duration, Failure> {
        self.until("the old leader to stop", |processes| processes.nodes.get(&id)?.dropped)
    }

    /// The next leader, in a later term than all before.
    pub(crate) fn next_leader(&mut self, after: &str) -> Result<Leadership, Failure> {
        let what = format!("a new leader after {after}");
        self.until(&what, |processes| processes.leader.filter(|leader| leader.term > processes.awaited))
    }

    /// Waits until `id` follows the current leader.
    pub(crate) fn until_it_follows(&mut self, id: Id) -> Result<(), Failure> {
        self.until(&format!("node {id} to follow"), |processes| {
            let term = processes.leader?.term;
            (processes.nodes.get(&id)?.follows >= term).then_some(())
        })
    }

    /// Leaves the group alone for about the longest promise, and a random part of one more.
    pub(crate) fn settle(&mut self, leader: &mut Leadership) -> Result<(), Failure> {
        let before = *leader;
        let end = self
            .now()
            .saturating_add(self.promise.saturating_mul(3))
            .saturating_add(self.chance(self.promise));
        while let Some(left) = end.checked_sub(self.now()) {
            self.read(left)?;
        }
        *leader = self.leader.ok_or("there is no leader")?;
        if leader.term != before.term {
            self.unexpected_changes = self.unexpected_changes.saturating_add(1);
        }
        Ok(())
    }

    /// Fails if there is another file in the processes' folder than the key that they were given.
    pub(crate) fn check_that_nothing_was_stored(&self) -> Result<(), Failure> {
        for file in fs::read_dir(self.folder())? {
            let path = file?.path();
            if path != self.key {
                return Err(format!("a process stored something: {}", path.display()).into());
            }
        }
        Ok(())
    }

    /// Prints a line that stays above the table of the processes.
    pub(crate) fn say(&mut self, line: impl Display) -> io::Result<()> {
        self.screen.say(line)
    }

    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    fn rows(&self) -> Vec<String> {
        let now = self.now();
        let rows = self.nodes.values().map(|node| node.row(self.leader, now, self.paint));
        std::iter::once(String::new()).chain(rows).collect()
    }

    /// Ends all processes and returns the log of their leases, and what draws them.
    pub(crate) fn stop(mut self) -> Result<(LeaseLog, Pictures), Failure> {
        self.screen.clear()?;
        for node in self.nodes.values_mut() {
            if let Some(mut child) = node.child.take() {
                child.kill()?;
                child.wait()?;
            }
        }
        // Without the last sender the channel ends once the readers have sent every line.
        let (unused, _) = channel();
        self.sender = unused;
        while let Ok((process, report)) = self.reports.recv() {
            self.take(process, report);
        }
        Ok((std::mem::take(&mut self.lease_log), std::mem::take(&mut self.pictures)))
    }

    /// From now on [`next_leader`](Self::next_leader) waits for a leader of a later term.
    fn expect_new_leader(&mut self) {
        self.awaited = self.leader.map_or(0, |leader| leader.term);
    }

    /// Reads reports until `seen` returns a value. The bound is generous: twenty promises, and [`PATIENCE`].
    fn until<T>(&mut self, what: &str, seen: impl Fn(&Self) -> Option<T>) -> Result<T, Failure> {
        let end = self.now().saturating_add(self.promise.saturating_mul(20)).saturating_add(PATIENCE);
        loop {
            if let Some(found) = seen(self) {
                return Ok(found);
            }
            let left = end.checked_sub(self.now());
            self.read(left.ok_or_else(|| format!("waited in vain for {what}"))?)?;
        }
    }

    pub(crate) fn read(&mut self, timeout: Duration) -> Result<(), Failure> {
        if self.screen.is_due() {
            let rows = self.rows();
            self.screen.draw(&rows)?;
        }
        match self.reports.recv_timeout(timeout.min(Duration::from_millis(50))) {
            Ok((process, report)) => self.take(process, report),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        for node in self.nodes.values_mut() {
            if let Some(child) = &mut node.child
                && let Some(status) = child.try_wait()?
            {
                return Err(format!("node {} ended by itself: {status}", node.process.id).into());
            }
        }
        Ok(())
    }

    fn take(&mut self, process: Process, report: Report) {
        let Some(node) = self.nodes.get_mut(&process.id) else { return };
        match report {
            Report::Lease { term, from, until } => {
                self.lease_log.held(process, term, from, until);
                node.lease_until = Duration::from_nanos(until);
                if self.leader.is_none_or(|leader| leader.term < term) {
                    let from = Duration::from_nanos(from);
                    self.leader = Some(Leadership { id: process.id, term, from });
                }
            }
            Report::Dropped { at } => {
                self.lease_log.dropped(process, at);
                node.dropped = Some(Duration::from_nanos(at));
                node.lease_until = Duration::ZERO;
            }
            Report::Follows { term, .. } if process == node.process => node.follows = term,
            Report::Follows { .. } => {}
            Report::Members(members) => self.members = self.members.max(members),
            Report::Removed => node.removed = true,
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in self.nodes.values_mut().filter_map(|node| node.child.as_mut()) {
            let _dead_already = child.kill();
            let _reaped_already = child.wait();
        }
    }
}
