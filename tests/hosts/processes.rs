//! The nodes as the driver sees them: processes, and the journals that they write.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, mem, thread};

use rustix::process::{Pid, Signal, kill_process};

use crate::disk::Disk;
use crate::journal_audit::{Audit, Record};
use crate::netns::{FOLDER, MACHINES, alias, home, namespace};
use crate::node::{LINE_END, now};
use crate::{Failure, Id};

const POLL: Duration = Duration::from_millis(5);

/// How long a process may take to start or to give up. The bound is generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the driver repeats its request for members. The node that was asked may be dead or deposed.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// A machine, and the node on it.
pub(crate) struct Machine {
    pub(crate) id: Id,
    pub(crate) disk: Disk,
    child: Option<Child>,
    /// The errors with which its disk may have refused writes since the process started.
    pub(crate) bad_disk: Vec<&'static str>,
    started: bool,
    /// Whether its node has started with nothing, and does not follow again yet.
    is_blank: bool,
    follows: Option<(Id, u64)>,
}

/// How a process of a node starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartKind {
    /// For the first time, in a new group.
    Found,
    /// For the first time, as a node that the group will add.
    Join,
    /// From the state file.
    Restart,
    /// With nothing, although the group knows it.
    Blank,
    /// With nothing, as each time, and without storage.
    Volatile,
}

pub(crate) struct Processes {
    pub(crate) machines: Vec<Machine>,
    pub(crate) audit: Audit,
    /// The open journals, and what was read of each incomplete last line.
    read: BTreeMap<Id, (File, String)>,
    /// The newest committed membership in any journal: its version, voters and learners.
    members: (u64, u64, u128, u128),
    next_id: Id,
    asked: Instant,
    /// How many stopped because they could not store their state.
    pub(crate) stopped: u32,
}

impl Processes {
    /// A new group, whose nodes all start in this way.
    pub(crate) fn found(start: StartKind) -> Result<Processes, Failure> {
        let machine = |index| {
            let (id, disk) = (index as Id + 1, Disk::new(index)?);
            let bad_disk = Vec::new();
            Ok(Machine { id, disk, child: None, bad_disk, started: false, is_blank: false, follows: None })
        };
        let machines = (0..MACHINES).map(machine).collect::<Result<Vec<_>, Failure>>()?;
        let mut processes = Processes {
            machines,
            audit: Audit::default(),
            read: BTreeMap::new(),
            members: (0, 0, 0, 0),
            next_id: MACHINES as Id + 1,
            asked: Instant::now(),
            stopped: 0,
        };
        for index in 0..MACHINES {
            processes.start(index, start)?;
        }
        Ok(processes)
    }

    fn peers(&self) -> String {
        let peer = |(index, machine): (usize, &Machine)| format!("{}={}", machine.id, alias(index));
        self.machines.iter().enumerate().map(peer).collect::<Vec<_>>().join(",")
    }

    fn spawn(&mut self, index: usize, start: StartKind) -> Result<(), Failure> {
        let (peers, machine) = (self.peers(), &mut self.machines[index]);
        let (id, file) = (machine.id, |kind| format!("{FOLDER}/journals/{}.{kind}", machine.id));
        let mut command = Command::new(env::current_exe()?);
        command.arg("node").arg("--id").arg(id.to_string()).arg("--namespace").arg(namespace(index));
        command.arg("--listen").arg(home(index).to_string()).arg("--state").arg(machine.disk.state());
        command.arg("--journal").arg(file("journal")).arg("--peers").arg(peers);
        match start {
            StartKind::Found => command.arg("--found"),
            StartKind::Join => command.arg("--join"),
            StartKind::Restart => &mut command,
            StartKind::Blank => command.arg("--blank"),
            StartKind::Volatile => command.arg("--volatile"),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(file("stderr"))?);
        machine.child = Some(command.spawn()?);
        (machine.started, machine.follows, machine.bad_disk) = (false, None, Vec::new());
        machine.is_blank |= start == StartKind::Blank;
        Ok(())
    }

    /// Starts a node, and returns when it has read or created its state.
    pub(crate) fn start(&mut self, index: usize, start: StartKind) -> Result<(), Failure> {
        self.spawn(index, start)?;
        self.until(&format!("node {} to start", self.machines[index].id), |processes| {
            processes.machines[index].started.then_some(())
        })
    }

    /// Starts a node that must refuse to run, and checks that it says why.
    pub(crate) fn refuses_to_start(&mut self, index: usize, why: &str) -> Result<(), Failure> {
        self.spawn(index, StartKind::Restart)?;
        let mut child = self.machines[index].child.take().ok_or("it was just started")?;
        let end = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > end => {
                    child.kill()?;
                    child.wait()?;
                    return Err(format!("node {} runs on a damaged file", self.machines[index].id).into());
                }
                None => thread::sleep(POLL),
            }
        };
        self.check_last_words(index, status, "", &[why])
    }

    /// Fails unless the node gave up with `what` and one of these reasons in its error message.
    fn check_last_words(
        &self,
        index: usize,
        status: ExitStatus,
        what: &str,
        reasons: &[&str],
    ) -> Result<(), Failure> {
        let id = self.machines[index].id;
        let message = fs::read_to_string(format!("{FOLDER}/journals/{id}.stderr"))?;
        let clear = message.contains(what) && reasons.iter().any(|reason| message.contains(reason));
        if status.code() == Some(1) && clear {
            return Ok(());
        }
        let message = message.trim();
        Err(format!("node {id} ended with {status}, not for one of {reasons:?}: {message}").into())
    }

    pub(crate) fn kill(&mut self, index: usize) -> Result<(), Failure> {
        if let Some(mut child) = self.machines[index].child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    pub(crate) fn signal(&self, index: usize, signal: Signal) -> Result<(), Failure> {
        let Some(child) = &self.machines[index].child else { return Ok(()) };
        let pid = Pid::from_raw(child.id().try_into()?).ok_or("no such process")?;
        Ok(kill_process(pid, signal)?)
    }

    pub(crate) fn is_running(&self, index: usize) -> bool {
        self.machines[index].child.is_some()
    }

    /// Gives the machine a node with a new id.
    pub(crate) fn rename(&mut self, index: usize) {
        self.machines[index].id = self.next_id;
        self.next_id += 1;
    }

    /// The machine of the leader, as far as the journals show.
    pub(crate) fn leader(&self) -> Option<usize> {
        let id = self.audit.leader()?;
        self.machines.iter().position(|machine| machine.id == id)
    }

    pub(crate) fn resign(&mut self) {
        if let Some(index) = self.leader() {
            self.command(index, "resign\n");
        }
    }

    /// Sends a command to a node. The node may be dead; commands that matter are repeated.
    fn command(&mut self, index: usize, line: &str) {
        let stdin = self.machines[index].child.as_mut().and_then(|child| child.stdin.as_mut());
        let _dead = stdin.map(|stdin| stdin.write_all(line.as_bytes()));
    }

    /// Whether a node waits for the others to tell it what it has forgotten.
    pub(crate) fn has_blank_node(&self) -> bool {
        self.machines.iter().any(|machine| machine.is_blank)
    }

    /// Whether the nodes of all machines are the members, and this membership is committed.
    pub(crate) fn is_settled(&self) -> bool {
        let wanted = self.machines.iter().fold(0, |bits, machine| bits | 1 << machine.id);
        (self.members.2, self.members.3) == (wanted, 0)
    }

    /// Whether all nodes follow one leader, it may act now, and the intended members are committed.
    pub(crate) fn has_recovered(&self) -> bool {
        let Some((leader, term)) = self.machines[0].follows else { return false };
        let agreed = self.machines.iter().all(|machine| machine.follows == Some((leader, term)));
        let runs = |machine: &Machine| machine.id == leader && machine.child.is_some();
        agreed && self.machines.iter().any(runs) && self.audit.until(term) > now() && self.is_settled()
    }

    pub(crate) fn describe(&self) -> String {
        let machine = |machine: &Machine| {
            let (id, runs, follows) = (machine.id, machine.child.is_some(), machine.follows);
            format!("\n  node {id}: runs {runs}, follows {follows:?}")
        };
        let all: String = self.machines.iter().map(machine).collect();
        format!("members {:?}{all}", self.members)
    }

    /// Lets this time pass.
    pub(crate) fn wait(&mut self, time: Duration) -> Result<(), Failure> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.poll()?;
            thread::sleep(POLL);
        }
        Ok(())
    }

    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        mut seen: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            self.poll()?;
            if let Some(found) = seen(self) {
                return Ok(found);
            }
            if Instant::now() > end {
                return Err(format!("waited in vain for {what}: {}", self.describe()).into());
            }
            thread::sleep(POLL);
        }
    }

    /// Reads the journals, checks why processes have ended, and asks the leader for the intended members.
    pub(crate) fn poll(&mut self) -> Result<(), Failure> {
        self.read()?;
        for index in 0..MACHINES {
            let machine = &mut self.machines[index];
            let Some(status) = machine.child.as_mut().map(Child::try_wait).transpose()?.flatten() else {
                continue;
            };
            machine.child = None;
            // A node may end only because it could not store its state.
            let reasons = mem::take(&mut machine.bad_disk);
            self.check_last_words(
                index,
                status,
                "cannot store the state of the election: cannot ",
                &reasons,
            )?;
            self.stopped += 1;
        }
        if !self.is_settled() && self.asked.elapsed() > ASK_EVERY {
            self.asked = Instant::now();
            let target = format!("target {}\n", self.peers());
            self.leader().into_iter().for_each(|index| self.command(index, &target));
        }
        Ok(())
    }

    pub(crate) fn read(&mut self) -> Result<(), Failure> {
        for id in 1..self.next_id {
            for record in self.new_records(id)? {
                self.audit.add(id, &record);
                self.take(id, record);
            }
        }
        Ok(())
    }

    /// The new records in a node's journal, as far as their lines are complete.
    fn new_records(&mut self, id: Id) -> Result<Vec<Record>, Failure> {
        let (file, text) = match self.read.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => match File::open(format!("{FOLDER}/journals/{id}.journal")) {
                Ok(file) => entry.insert((file, String::new())),
                Err(_) => return Ok(Vec::new()),
            },
        };
        file.read_to_string(text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let lines: String = text.drain(..whole).collect();
        // A line without its end was being written when the node was killed.
        let lines = lines.lines().filter_map(|line| line.strip_suffix(LINE_END));
        let record = |line: &str| Record::parse(line).ok_or_else(|| format!("not a record: {line:?}").into());
        lines.map(record).collect()
    }

    fn take(&mut self, id: Id, record: Record) {
        if let Record::Members { term, number, voters, learners } = record {
            self.members = self.members.max((term, number, voters, learners));
        }
        let Some(machine) = self.machines.iter_mut().find(|machine| machine.id == id) else { return };
        match record {
            Record::Start(_) | Record::Blank { .. } => machine.started = true,
            Record::Follows(leader) => {
                machine.follows = leader;
                machine.is_blank &= leader.is_none();
            }
            _ => {}
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for index in 0..MACHINES {
            let _ended_already = self.kill(index);
        }
    }
}
