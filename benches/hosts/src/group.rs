//! A group of processes, and what they say.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use quorate::adapters::clock::BootClock;
use tempfile::TempDir;

use crate::{Failure, GroupArgs, Kind};

/// How long a group may be without a leader until the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a node says: whether it has a lease.
pub(crate) struct Word {
    pub(crate) node: usize,
    /// Which of its processes says so.
    process: usize,
    pub(crate) term: Option<u64>,
    /// By the boot clock, which all processes share.
    pub(crate) at: Duration,
}

/// Processes that are killed when this is dropped.
pub(crate) struct Group {
    args: GroupArgs,
    kind: Kind,
    promise: Duration,
    addresses: Vec<SocketAddr>,
    nodes: Vec<Option<Child>>,
    /// How many processes each node has had.
    processes: Vec<usize>,
    folder: TempDir,
    tell: Sender<Word>,
    told: Receiver<Word>,
    /// The node that has a lease, and its term.
    pub(crate) leader: Option<(usize, u64)>,
    /// How often a node lost its lease that was not killed.
    pub(crate) lost: usize,
}

impl Group {
    pub(crate) fn start(
        args: &GroupArgs,
        kind: Kind,
        promise: Duration,
        nodes: usize,
    ) -> Result<Self, Failure> {
        let sockets: Vec<_> = (0..nodes).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
        let addresses = sockets.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>()?;
        drop(sockets);
        // In memory where there is such a folder, so that writes take no longer than the simulated ones.
        let shared = fs::metadata("/dev/shm").is_ok_and(|folder| folder.is_dir());
        let folder = if shared { TempDir::new_in("/dev/shm")? } else { TempDir::new()? };
        let (tell, told) = channel();
        let mut group = Group {
            args: args.clone(),
            kind,
            promise,
            addresses,
            nodes: (0..nodes).map(|_| None).collect(),
            processes: vec![0; nodes],
            folder,
            tell,
            told,
            leader: None,
            lost: 0,
        };
        (0..nodes).try_for_each(|node| group.spawn(node))?;
        Ok(group)
    }

    /// Starts a process of the node, with the state that the one before has left.
    pub(crate) fn spawn(&mut self, node: usize) -> Result<(), Failure> {
        let exe = env::current_exe()?;
        let mut command = if self.args.fifo {
            let mut command = Command::new("chrt");
            command.args(["-f", "50"]).arg(exe);
            command
        } else {
            Command::new(exe)
        };
        let addresses: Vec<String> = self.addresses.iter().map(SocketAddr::to_string).collect();
        command.args(["node", "--id", &(node + 1).to_string(), "--host", &self.kind.to_string()]);
        command.args(["--addresses", &addresses.join(",")]);
        command.args(["--promise", &self.promise.as_millis().to_string()]);
        command.arg("--state").arg(self.folder.path().join(format!("node-{node}")));
        command.args(self.args.sealed.then_some("--sealed"));
        command.args(self.args.watch_growth.then_some("--watch-growth"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
        let (tell, process) = (self.tell.clone(), self.processes[node] + 1);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let Some((term, at)) = parse(&line) else { continue };
                let _measurement_is_over = tell.send(Word { node, process, term, at });
            }
        });
        self.processes[node] = process;
        self.nodes[node] = Some(child);
        Ok(())
    }

    /// Kills a node. Returns when, by the boot clock.
    pub(crate) fn kill(&mut self, node: usize) -> Result<Duration, Failure> {
        let at = BootClock::new().now().since_origin();
        if let Some(mut child) = self.nodes[node].take() {
            child.kill()?;
            child.wait()?;
        }
        if self.leader.is_some_and(|(leader, _)| leader == node) {
            self.leader = None;
        }
        Ok(at)
    }

    /// The processes of the nodes that run.
    pub(crate) fn pids(&self) -> Vec<Option<u32>> {
        self.nodes.iter().map(|node| node.as_ref().map(Child::id)).collect()
    }

    /// Waits for the next word of a process that runs.
    pub(crate) fn hear(&mut self, timeout: Duration) -> Option<Word> {
        let end = Instant::now() + timeout;
        loop {
            let word = self.told.recv_timeout(end.saturating_duration_since(Instant::now())).ok()?;
            if self.nodes[word.node].is_none() || word.process != self.processes[word.node] {
                continue;
            }
            match (word.term, self.leader) {
                (Some(term), _) => self.leader = Some((word.node, term)),
                (None, Some((leader, _))) if leader == word.node => {
                    self.leader = None;
                    self.lost += 1;
                }
                (None, _) => {}
            }
            return Some(word);
        }
    }

    /// Lets time pass, and takes note of what the nodes say.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while self.hear(end.saturating_duration_since(Instant::now())).is_some() {}
    }

    /// Waits until a node leads. Returns which, in which term, and since when.
    pub(crate) fn wait_for_leader(&mut self) -> Result<(usize, u64, Duration), Failure> {
        let end = Instant::now() + PATIENCE;
        while let Some(word) = self.hear(end.saturating_duration_since(Instant::now())) {
            if let Some(term) = word.term {
                return Ok((word.node, term, word.at));
            }
        }
        Err(format!("no node leads for {PATIENCE:?}").into())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for node in 0..self.nodes.len() {
            let _killed = self.kill(node);
        }
    }
}

fn parse(line: &str) -> Option<(Option<u64>, Duration)> {
    let mut words = line.split(' ');
    let (word, term, at) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(((word == "lease").then_some(term), Duration::from_nanos(at)))
}
