//! The nodes, as whoever runs them sees them: processes, and the ledgers that they write.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, mem, thread};

use rustix::process::{Pid, Signal, kill_process};

use crate::audit::{Audit, Record};
use crate::disk::Disk;
use crate::netns::{FOLDER, PLACES, alias, home, namespace};
use crate::node::{LINE_END, now};
use crate::{Failure, Id};

const POLL: Duration = Duration::from_millis(5);

/// By when a process has started, or has given up. Generous: machines are busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a change of the members is asked for again: whoever was asked may be dead or deposed.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// A machine and the node on it.
pub(crate) struct Machine {
    pub(crate) id: Id,
    pub(crate) disk: Disk,
    child: Option<Child>,
    /// Why its disk may have refused writes since the process started.
    pub(crate) bad_disk: Vec<&'static str>,
    started: bool,
    follows: Option<(Id, u64)>,
}

/// How a node starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Birth {
    Founder,
    Joiner,
    Again,
}

pub(crate) struct Processes {
    pub(crate) machines: Vec<Machine>,
    pub(crate) audit: Audit,
    /// How far each ledger has been read.
    read: BTreeMap<Id, (File, String)>,
    /// The newest committed membership that anybody knows of: its version, voters and learners.
    members: (u64, u64, u128, u128),
    next_id: Id,
    asked: Instant,
    /// How many stopped because they could not store their state.
    pub(crate) stopped: u32,
}

impl Processes {
    pub(crate) fn found() -> Result<Processes, Failure> {
        let machine = |place| {
            let (id, disk) = (place as Id + 1, Disk::new(place)?);
            Ok(Machine { id, disk, child: None, bad_disk: Vec::new(), started: false, follows: None })
        };
        let machines = (0..PLACES).map(machine).collect::<Result<Vec<_>, Failure>>()?;
        let mut processes = Processes {
            machines,
            audit: Audit::default(),
            read: BTreeMap::new(),
            members: (0, 0, 0, 0),
            next_id: PLACES as Id + 1,
            asked: Instant::now(),
            stopped: 0,
        };
        for place in 0..PLACES {
            processes.start(place, Birth::Founder)?;
        }
        Ok(processes)
    }

    fn peers(&self) -> String {
        let peer = |(place, machine): (usize, &Machine)| format!("{}={}", machine.id, alias(place));
        self.machines.iter().enumerate().map(peer).collect::<Vec<_>>().join(",")
    }

    fn spawn(&mut self, place: usize, birth: Birth) -> Result<(), Failure> {
        let (peers, machine) = (self.peers(), &mut self.machines[place]);
        let (id, file) = (machine.id, |kind| format!("{FOLDER}/ledgers/{}.{kind}", machine.id));
        let mut command = Command::new(env::current_exe()?);
        command.arg("node").arg("--id").arg(id.to_string()).arg("--namespace").arg(namespace(place));
        command.arg("--listen").arg(home(place).to_string()).arg("--state").arg(machine.disk.state());
        command.arg("--ledger").arg(file("ledger")).arg("--peers").arg(peers);
        match birth {
            Birth::Founder => command.arg("--found"),
            Birth::Joiner => command.arg("--join"),
            Birth::Again => &mut command,
        };
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(file("stderr"))?);
        machine.child = Some(command.spawn()?);
        (machine.started, machine.follows, machine.bad_disk) = (false, None, Vec::new());
        Ok(())
    }

    /// Starts a node, and returns when it has read or made its state.
    pub(crate) fn start(&mut self, place: usize, birth: Birth) -> Result<(), Failure> {
        self.spawn(place, birth)?;
        self.until(&format!("node {} to start", self.machines[place].id), |processes| {
            processes.machines[place].started.then_some(())
        })
    }

    /// Starts a node that must not run, and checks that it says why.
    pub(crate) fn refuses_to_start(&mut self, place: usize, why: &str) -> Result<(), Failure> {
        self.spawn(place, Birth::Again)?;
        let mut child = self.machines[place].child.take().ok_or("it was just started")?;
        let end = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > end => {
                    child.kill()?;
                    child.wait()?;
                    return Err(format!("node {} runs on a damaged file", self.machines[place].id).into());
                }
                None => thread::sleep(POLL),
            }
        };
        self.ended_saying(place, status, "", &[why])
    }

    /// Whether it gave up, and said `what` and one of these reasons.
    fn ended_saying(
        &self,
        place: usize,
        status: ExitStatus,
        what: &str,
        reasons: &[&str],
    ) -> Result<(), Failure> {
        let id = self.machines[place].id;
        let said = fs::read_to_string(format!("{FOLDER}/ledgers/{id}.stderr"))?;
        let clear = said.contains(what) && reasons.iter().any(|reason| said.contains(reason));
        if status.code() == Some(1) && clear {
            return Ok(());
        }
        Err(format!("node {id} ended, {status}, and not for {reasons:?}, saying: {}", said.trim()).into())
    }

    pub(crate) fn kill(&mut self, place: usize) -> Result<(), Failure> {
        if let Some(mut child) = self.machines[place].child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    pub(crate) fn signal(&self, place: usize, signal: Signal) -> Result<(), Failure> {
        let Some(child) = &self.machines[place].child else { return Ok(()) };
        let pid = Pid::from_raw(child.id().try_into()?).ok_or("no such process")?;
        Ok(kill_process(pid, signal)?)
    }

    pub(crate) fn is_running(&self, place: usize) -> bool {
        self.machines[place].child.is_some()
    }

    /// Gives the machine a new node.
    pub(crate) fn rename(&mut self, place: usize) {
        self.machines[place].id = self.next_id;
        self.next_id += 1;
    }

    /// Where the leader is, as far as is known.
    pub(crate) fn leader(&self) -> Option<usize> {
        let id = self.audit.leader()?;
        self.machines.iter().position(|machine| machine.id == id)
    }

    pub(crate) fn resign(&mut self) {
        if let Some(place) = self.leader() {
            self.order(place, "resign\n");
        }
    }

    /// It may be dead, and is asked again where that matters.
    fn order(&mut self, place: usize, line: &str) {
        let stdin = self.machines[place].child.as_mut().and_then(|child| child.stdin.as_mut());
        let _dead = stdin.map(|stdin| stdin.write_all(line.as_bytes()));
    }

    /// Whether the members are the nodes of all machines, and that is committed.
    pub(crate) fn is_settled(&self) -> bool {
        let wanted = self.machines.iter().fold(0, |bits, machine| bits | 1 << machine.id);
        (self.members.2, self.members.3) == (wanted, 0)
    }

    /// Whether all know one leader, which may act now, and the members are as wanted.
    pub(crate) fn is_well(&self) -> bool {
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

    /// Lets so much time pass.
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

    /// Reads what is new, notes who has died, and asks for the members that there ought to be.
    pub(crate) fn poll(&mut self) -> Result<(), Failure> {
        self.read()?;
        for place in 0..PLACES {
            let machine = &mut self.machines[place];
            let Some(status) = machine.child.as_mut().map(Child::try_wait).transpose()?.flatten() else {
                continue;
            };
            machine.child = None;
            // It could not store its state: nothing else may end it.
            let reasons = mem::take(&mut machine.bad_disk);
            self.ended_saying(place, status, "cannot store the state of the election: cannot ", &reasons)?;
            self.stopped += 1;
        }
        if !self.is_settled() && self.asked.elapsed() > ASK_EVERY {
            self.asked = Instant::now();
            let target = format!("target {}\n", self.peers());
            self.leader().into_iter().for_each(|place| self.order(place, &target));
        }
        Ok(())
    }

    pub(crate) fn read(&mut self) -> Result<(), Failure> {
        for id in 1..self.next_id {
            for record in self.news_of(id)? {
                self.audit.add(id, &record);
                self.take(id, record);
            }
        }
        Ok(())
    }

    /// The new lines of a node's ledger, as far as they are whole.
    fn news_of(&mut self, id: Id) -> Result<Vec<Record>, Failure> {
        let (file, text) = match self.read.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => match File::open(format!("{FOLDER}/ledgers/{id}.ledger")) {
                Ok(file) => entry.insert((file, String::new())),
                Err(_) => return Ok(Vec::new()),
            },
        };
        file.read_to_string(text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let lines: String = text.drain(..whole).collect();
        // Without its end a line was being written when the node was killed.
        let lines = lines.lines().filter_map(|line| line.strip_suffix(LINE_END));
        let record = |line: &str| Record::parse(line).ok_or_else(|| format!("what is {line:?}?").into());
        lines.map(record).collect()
    }

    fn take(&mut self, id: Id, record: Record) {
        if let Record::Members { term, number, voters, learners } = record {
            self.members = self.members.max((term, number, voters, learners));
        }
        let Some(machine) = self.machines.iter_mut().find(|machine| machine.id == id) else { return };
        match record {
            Record::Start(_) => machine.started = true,
            Record::Follows(leader) => machine.follows = leader,
            _ => {}
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for place in 0..PLACES {
            let _dead = self.kill(place);
        }
    }
}
