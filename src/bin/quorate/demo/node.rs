//! A node: one process after another, and what the present one has reported.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::Id;
use super::child::Report;
use super::lease_log::Process;
use super::processes::Leadership;
use crate::failure::Failure;
use crate::paint::{Colour, Paint};

pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) child: Option<Child>,
    /// The term of the leader that it follows.
    pub(crate) follows: u64,
    pub(crate) dropped: Option<Duration>,
    pub(crate) removed: bool,
    is_frozen: bool,
    /// The end of the last lease that it has reported.
    pub(crate) lease_until: Duration,
}

impl Node {
    pub(crate) fn new(id: Id, address: SocketAddr) -> Node {
        Node {
            process: Process { id, life: 0 },
            address,
            child: None,
            follows: 0,
            dropped: None,
            removed: false,
            is_frozen: false,
            lease_until: Duration::ZERO,
        }
    }

    /// Starts its next process, whose reports are sent on.
    pub(crate) fn spawn(
        &mut self,
        mut command: Command,
        sender: Sender<(Process, Report)>,
    ) -> Result<(), Failure> {
        self.process.life = self.process.life.saturating_add(1);
        (self.follows, self.lease_until) = (0, Duration::ZERO);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("a child without output")?;
        self.child = Some(child);
        let process = self.process;
        thread::spawn(move || {
            let (mut lines, mut line) = (BufReader::new(output), String::new());
            // A killed child may have left an incomplete line, which is no report.
            while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
                let report = Report::parse(&line).map(|report| sender.send((process, report)));
                if report.is_none_or(|sent| sent.is_err()) {
                    return;
                }
                line.clear();
            }
        });
        Ok(())
    }

    pub(crate) fn freeze(&mut self) -> Result<(), Failure> {
        self.follows = 0;
        self.signal(Signal::STOP)?;
        self.is_frozen = true;
        Ok(())
    }

    pub(crate) fn thaw(&mut self) -> Result<(), Failure> {
        self.is_frozen = false;
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let child = self.child.as_ref().ok_or("the process is dead")?;
        let pid = Pid::from_raw(child.id().try_into()?).ok_or("no such process")?;
        Ok(kill_process(pid, signal)?)
    }

    /// What it does now, and how much is left of its lease, with a mark for each ten milliseconds.
    pub(crate) fn row(&self, leader: Option<Leadership>, now: Duration, paint: Paint) -> String {
        let left = self.lease_until.saturating_sub(now);
        let (colour, does) = match leader {
            _ if self.child.is_none() && self.process.life == 0 => (Colour::Unimportant, "not started"),
            _ if self.child.is_none() => (Colour::Bad, "killed"),
            _ if self.is_frozen => (Colour::Odd, "frozen"),
            _ if self.removed => (Colour::Unimportant, "removed"),
            _ if !left.is_zero() => (Colour::Good, "leads"),
            Some(leader) if self.follows >= leader.term => (Colour::Unimportant, "follows"),
            _ => (Colour::Odd, "has no leader"),
        };
        let (id, does) = (self.process.id, paint.paint(colour, format_args!("{does:<13}")));
        if left.is_zero() || self.child.is_none() {
            return format!("  process {id:>2}  {does}");
        }
        let tens = usize::try_from(left.as_millis()).unwrap_or(usize::MAX).div_euclid(10);
        format!("  process {id:>2}  {does}  lease {:>4} ms {}", left.as_millis(), "=".repeat(tens.min(45)))
    }
}
