//! The supervisors, and the file into which their command writes.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use rustix::process::Signal;

use crate::process_tree::{Process, blocks_term};
use crate::register_double;
use crate::stamp_audit::{Audit, LINE_END, Stamp};
use crate::{Failure, QUORATE};

const POLL: Duration = Duration::from_millis(2);

/// A generous bound, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Supervisors {
    folder: PathBuf,
    kind: Kind,
    command: Vec<String>,
    options: &'static [&'static str],
    pub(crate) nodes: Vec<Node>,
    file: Option<File>,
    text: String,
    pub(crate) audit: Audit,
}

/// What the supervisors take part in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An election among them.
    Group,
    /// The same, with a voter in a register.
    GroupWithRegister,
    /// The contention for a seat: they hear nothing of each other.
    Seat,
}

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    child: Option<Child>,
    /// Whether the supervisor was told to stop, so that it may end.
    pub(crate) told: bool,
}

impl Supervisors {
    /// Starts this many nodes, which run the worker with these arguments.
    pub(crate) fn start(
        folder: &Path,
        nodes: usize,
        options: &'static [&'static str],
        worker: &[&str],
    ) -> Result<Supervisors, Failure> {
        Supervisors::start_kind(folder, Kind::Group, nodes, options, worker)
    }

    pub(crate) fn start_kind(
        folder: &Path,
        kind: Kind,
        nodes: usize,
        options: &'static [&'static str],
        worker: &[&str],
    ) -> Result<Supervisors, Failure> {
        fs::create_dir_all(folder)?;
        // All sockets exist at once, so that their ports differ, and are closed before the ports are used.
        let sockets = (0..nodes).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)));
        let sockets = sockets.collect::<Result<Vec<_>, _>>()?;
        let node = |socket: UdpSocket| Ok(Node { address: socket.local_addr()?, child: None, told: false });
        let nodes = sockets.into_iter().map(node).collect::<Result<Vec<_>, Failure>>()?;
        let command = ["worker"].iter().chain(worker).map(ToString::to_string).collect();
        let (folder, audit) = (folder.to_owned(), Audit::default());
        let mut supervisors =
            Supervisors { folder, kind, command, options, nodes, file: None, text: String::new(), audit };
        for node in 0..supervisors.nodes.len() {
            supervisors.spawn(node)?;
        }
        Ok(supervisors)
    }

    /// Starts a supervisor through the stage of the program that makes it die with this process.
    fn spawn(&mut self, node: usize) -> Result<(), Failure> {
        let exe = env::current_exe()?;
        let log =
            OpenOptions::new().create(true).append(true).open(self.folder.join(format!("{node}.log")))?;
        let mut command = Command::new(QUORATE);
        command.arg("run:exec").arg(process::id().to_string()).args([QUORATE, "run"]);
        command.arg("--id").arg(node.to_string()).args(["--group", "test", "--pause-ms", "20"]);
        match self.kind {
            Kind::Group => self.join(&mut command, node)?,
            Kind::GroupWithRegister => {
                self.join(&mut command, node)?;
                register_double::connect(&mut command, "--register", &self.folder, node);
            }
            Kind::Seat => register_double::connect(&mut command, "--seat", &self.folder, node),
        }
        command.args(self.options);
        command.arg("--").arg(exe).args(&self.command).current_dir(&self.folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn()?;
        child.stdin.take().ok_or("no pipe")?.write_all(b"\n")?;
        (self.nodes[node].child, self.nodes[node].told) = (Some(child), false);
        Ok(())
    }

    /// Has a supervisor take part in the election.
    fn join(&self, command: &mut Command, node: usize) -> Result<(), Failure> {
        command.arg("--listen").arg(self.nodes[node].address.to_string());
        // The calls of a register take their time.
        command.args(["--promise-ms", if self.kind == Kind::Group { "300" } else { "1500" }]);
        for (peer, Node { address, .. }) in self.nodes.iter().enumerate().filter(|&(peer, _)| peer != node) {
            command.arg("--peer").arg(format!("{peer}={address}"));
        }
        let data = self.folder.join(format!("{node}.state"));
        fs::create_dir_all(&data)?;
        let nodes: Vec<_> = (0..self.nodes.len()).map(|node| node.to_string()).collect();
        command.arg("--data").arg(data).arg(format!("--first-rollout={}", nodes.join(",")));
        Ok(())
    }

    /// Restarts dead supervisors. One that was not killed must have been told to stop, and have exited with
    /// 0.
    fn restart_dead(&mut self) -> Result<(), Failure> {
        for node in 0..self.nodes.len() {
            if let Some(status) = self.nodes[node].child.as_mut().map(Child::try_wait).transpose()?.flatten()
            {
                if !self.nodes[node].told || !status.success() {
                    return Err(format!("supervisor {node} ended with {status}").into());
                }
                self.nodes[node].child = None;
            }
            if self.nodes[node].child.is_none() {
                self.spawn(node)?;
            }
        }
        Ok(())
    }

    pub(crate) fn supervisor(&self, node: usize) -> Option<u32> {
        self.nodes[node].child.as_ref().map(Child::id)
    }

    pub(crate) fn kill(&mut self, node: usize) -> Result<(), Failure> {
        if let Some(mut child) = self.nodes[node].child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Waits until the supervisor ends by itself.
    pub(crate) fn end(&mut self, node: usize) -> Result<ExitStatus, Failure> {
        let mut child = self.nodes[node].child.take().ok_or("the supervisor is dead")?;
        let process = Process::open(child.id()).ok_or("the supervisor is dead")?;
        if !process.dies_within(PATIENCE)? {
            child.kill()?;
            child.wait()?;
            return Err(format!("supervisor {node} does not end").into());
        }
        Ok(child.wait()?)
    }

    pub(crate) fn terminate(&mut self, node: usize) {
        self.nodes[node].told = true;
        if let Some(supervisor) = self.supervisor(node).and_then(Process::open) {
            supervisor.signal(Signal::TERM);
        }
    }

    /// Waits until the command has written a stamp that `seen` accepts, and all supervisors run and handle
    /// SIGTERM. Restarts dead supervisors meanwhile.
    pub(crate) fn until(
        &mut self,
        what: &str,
        mut seen: impl FnMut(&Stamp) -> bool,
    ) -> Result<Stamp, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            self.restart_dead()?;
            self.read()?;
            let stamp = self.audit.last().filter(|&stamp| seen(stamp));
            if let Some(stamp) = stamp.filter(|_| self.handle_sigterm()) {
                return Ok(stamp.clone());
            }
            if Instant::now() > end {
                return Err(format!("waited in vain for {what}; the last was {:?}", self.audit.last()).into());
            }
            thread::sleep(POLL);
        }
    }

    /// Whether all supervisors handle SIGTERM by now. A supervisor that has just started is ended by it.
    fn handle_sigterm(&self) -> bool {
        (0..self.nodes.len()).all(|node| self.supervisor(node).is_some_and(blocks_term))
    }

    /// Reads the new stamps, as far as their lines are complete.
    pub(crate) fn read(&mut self) -> Result<(), Failure> {
        if self.file.is_none() {
            self.file = File::open(self.folder.join("stamps")).ok();
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.read_to_string(&mut self.text)?;
        let whole = self.text.rfind('\n').map_or(0, |end| end + 1);
        let lines: String = self.text.drain(..whole).collect();
        // A line without its end was being written when the command was killed.
        for line in lines.lines().filter_map(|line| line.strip_suffix(LINE_END)) {
            self.audit.add(Stamp::parse(line).ok_or_else(|| format!("not a stamp: {line:?}"))?);
        }
        Ok(())
    }

    pub(crate) fn audit(&self) -> Result<(), Failure> {
        let violations = self.audit.violations();
        if violations.is_empty() { Ok(()) } else { Err(violations.join("\n").into()) }
    }
}

impl Drop for Supervisors {
    fn drop(&mut self) {
        for node in 0..self.nodes.len() {
            let _ended_already = self.kill(node);
        }
    }
}
