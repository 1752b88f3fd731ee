//! Carries out the fault schedule, and waits after each round until the group has recovered.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, mem};

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::Failure;
use crate::disk::Damage;
use crate::fault_schedule::{Fault, Preference, Remedy, Step, Storage, fault_schedule};
use crate::journal_audit::Audit;
use crate::netns::{self, Cut, FOLDER, Links, MACHINES};
use crate::processes::{Processes, StartKind};
use crate::proxy::{Delay, Proxy};

/// How long the group may take to recover once everything is mended. On an idle machine it takes two
/// seconds.
const RECOVERY_LIMIT: Duration = Duration::from_secs(30);

/// Runs the schedule, in a process whose namespaces are its own.
pub(crate) fn main(seed: u64, faults: usize, storage: Storage, keep: &Path) -> Result<String, Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    netns::build()?;
    let mut driver = Driver {
        links: Links::default(),
        proxy: Proxy::start(seed)?,
        processes: Processes::found(match storage {
            Storage::Files => StartKind::Found,
            Storage::None => StartKind::Volatile,
        })?,
        storage,
        open: BTreeMap::new(),
        log: String::new(),
        began: Instant::now(),
        slowest: Duration::ZERO,
    };
    let done = driver.run(&fault_schedule(seed, faults, storage));
    if done.is_err() {
        fs::write(format!("{FOLDER}/journals/driver.log"), mem::take(&mut driver.log))?;
        keep_files(keep)?;
    }
    done
}

fn keep_files(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(format!("{FOLDER}/journals"))? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    Ok(())
}

/// How to mend a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mending {
    Nothing,
    Network,
    Restart(usize),
    Thaw(usize),
    MakeRoom(usize),
    AllowWrites(usize),
    PutCopyBack(usize),
    Replace(usize),
    Forget(usize),
}

impl Mending {
    /// The machine whose node the fault affects.
    fn machine(self) -> Option<usize> {
        match self {
            Mending::Nothing | Mending::Network => None,
            Mending::Restart(index)
            | Mending::Thaw(index)
            | Mending::MakeRoom(index)
            | Mending::AllowWrites(index)
            | Mending::PutCopyBack(index)
            | Mending::Replace(index)
            | Mending::Forget(index) => Some(index),
        }
    }
}

struct Driver {
    links: Links,
    proxy: Proxy,
    processes: Processes,
    storage: Storage,
    /// The faults that are not mended yet, by their number.
    open: BTreeMap<usize, Mending>,
    log: String,
    began: Instant,
    slowest: Duration,
}

impl Driver {
    fn run(&mut self, fault_schedule: &[Step]) -> Result<String, Failure> {
        self.heal()?;
        let mut kinds = BTreeMap::<_, u32>::new();
        let mut number = 0;
        for step in fault_schedule {
            self.log(&format!("{step:?}"));
            match step {
                Step::Break(fault) => {
                    let mending = self.inject(number, fault)?;
                    self.log(&format!("  is fault {number}: {mending:?}"));
                    self.open.insert(number, mending);
                    *kinds.entry(fault.name()).or_default() += 1;
                    number += 1;
                }
                Step::Wait(time) => self.processes.wait(*time)?,
                Step::Mend(number) => self.mend(*number)?,
                Step::MendAll => self.heal()?,
            }
        }
        self.finish(kinds)
    }

    /// Kills all nodes, reads the ends of their journals, and audits them a last time.
    fn finish(&mut self, kinds: BTreeMap<&str, u32>) -> Result<String, Failure> {
        for index in 0..MACHINES {
            self.processes.kill(index)?;
        }
        self.processes.read()?;
        self.audit()?;
        let of = |kind| kinds.get(kind).copied().unwrap_or(0);
        let (stopped, bad_disks) = (self.processes.stopped, of("full disk") + of("read-only folder"));
        let Audit { refusals, forgotten, .. } = self.processes.audit;
        if refusals == 0 && bad_disks >= 10 {
            return Err(format!("none of {bad_disks} bad disks refused a write").into());
        }
        let (terms, leases) = self.processes.audit.size();
        let kinds: Vec<_> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        Ok(format!(
            "{} in {:.0?}; {terms} terms, {leases} lease records, {refusals} writes refused, {stopped} nodes stopped \
             at a failed write, {forgotten} started with nothing; the slowest recovery took {:.1?}",
            kinds.join(", "),
            self.began.elapsed(),
            self.slowest,
        ))
    }

    fn log(&mut self, what: &str) {
        self.log += &format!("{:>9.3} {what}\n", self.began.elapsed().as_secs_f64());
    }

    fn audit(&self) -> Result<(), Failure> {
        let violations = self.processes.audit.violations();
        if violations.is_empty() { Ok(()) } else { Err(violations.join("\n").into()) }
    }

    /// Mends everything, and waits until all nodes follow one leader.
    fn heal(&mut self) -> Result<(), Failure> {
        for number in self.open.keys().copied().collect::<Vec<_>>() {
            self.mend(number)?;
        }
        let began = Instant::now();
        while !self.processes.has_recovered() {
            if began.elapsed() > RECOVERY_LIMIT {
                return Err(format!("the group did not recover: {}", self.processes.describe()).into());
            }
            // A write may have failed just before the disk was mended.
            for index in (0..MACHINES).filter(|&index| !self.processes.is_running(index)).collect::<Vec<_>>()
            {
                self.processes.start(index, self.restart())?;
            }
            self.processes.wait(Duration::from_millis(5))?;
        }
        self.slowest = self.slowest.max(began.elapsed());
        self.log(&format!("recovered after {:.1?}", began.elapsed()));
        self.audit()
    }

    /// How a process starts again.
    fn restart(&self) -> StartKind {
        match self.storage {
            Storage::Files => StartKind::Restart,
            Storage::None => StartKind::Volatile,
        }
    }

    fn inject(&mut self, number: usize, fault: &Fault) -> Result<Mending, Failure> {
        match *fault {
            Fault::Partition { ref side, size, at_sender } => {
                let (side, rest) = self.split(side, size);
                self.cut(number, [(&side, &rest), (&rest, &side)], at_sender, 100)
            }
            Fault::OneWay { ref side, size, outward, at_sender } => {
                let (side, rest) = self.split(side, size);
                let direction = if outward { (&side, &rest) } else { (&rest, &side) };
                self.cut(number, [direction], at_sender, 100)
            }
            Fault::Loss { ref side, size, percent } => {
                let (side, rest) = self.split(side, size);
                self.cut(number, [(&side, &rest), (&rest, &side)], false, percent)
            }
            Fault::Delay { ref side, size, most, doubled } => {
                let machines = self.split(side, size).0;
                self.proxy.delay(number, Delay { machines, most, doubled });
                Ok(Mending::Network)
            }
            Fault::Kill(ref victim) => {
                let index = self.free(victim);
                self.processes.kill(index)?;
                Ok(Mending::Restart(index))
            }
            Fault::PowerCut => {
                let running: Vec<_> =
                    (0..MACHINES).filter(|&index| self.processes.is_running(index)).collect();
                running.iter().try_for_each(|&index| self.processes.kill(index))?;
                running.iter().try_for_each(|&index| self.processes.start(index, self.restart()))?;
                Ok(Mending::Nothing)
            }
            Fault::Freeze(ref victim) => {
                let index = self.free(victim);
                self.processes.signal(index, Signal::STOP)?;
                Ok(Mending::Thaw(index))
            }
            Fault::FullDisk(ref victim) => self.break_disk(victim, Mending::MakeRoom),
            Fault::ReadOnly(ref victim) => self.break_disk(victim, Mending::AllowWrites),
            Fault::Damage { ref victim, how, remedy } => self.damage(victim, how, remedy),
        }
    }

    fn cut<const N: usize>(
        &mut self,
        number: usize,
        directions: [(&Vec<usize>, &Vec<usize>); N],
        at_sender: bool,
        percent: u32,
    ) -> Result<Mending, Failure> {
        let cut = |(from, to): (&Vec<usize>, &Vec<usize>)| Cut {
            from: from.clone(),
            to: to.clone(),
            at_sender,
            percent,
        };
        self.links.cut(number, directions.map(cut).into())?;
        Ok(Mending::Network)
    }

    /// Breaks a disk, and asks the leader to resign: a node writes nothing until there is a new leader.
    fn break_disk(&mut self, victim: &Preference, mending: fn(usize) -> Mending) -> Result<Mending, Failure> {
        let index = self.free(victim);
        let mending = mending(index);
        let machine = &mut self.processes.machines[index];
        if mending == Mending::MakeRoom(index) {
            machine.disk.fill()?;
            machine.bad_disk.push("No space left on device");
        } else {
            machine.disk.forbid_writes()?;
            machine.bad_disk.push("Read-only file system");
        }
        self.processes.resign();
        Ok(mending)
    }

    fn damage(&mut self, victim: &Preference, how: Damage, remedy: Remedy) -> Result<Mending, Failure> {
        let index = self.free(victim);
        self.processes.kill(index)?;
        self.processes.machines[index].disk.damage(how)?;
        let why =
            if how == Damage::Lost { "does not exist: if this node ever ran" } else { "cannot be used: it" };
        self.processes.refuses_to_start(index, why)?;
        Ok(match remedy {
            Remedy::Replace if self.can_spare_a_node() => Mending::Replace(index),
            Remedy::Forget if self.can_spare_a_node() => Mending::Forget(index),
            Remedy::Replace | Remedy::Forget | Remedy::PutCopyBack => Mending::PutCopyBack(index),
        })
    }

    /// Whether every node still knows what it has taken part in, or will know it: one at a time is replaced, or
    /// forgets.
    fn can_spare_a_node(&self) -> bool {
        let is_lost = |open: &Mending| matches!(open, Mending::Replace(_) | Mending::Forget(_));
        !self.open.values().any(is_lost) && self.processes.is_settled() && !self.processes.has_blank_node()
    }

    fn mend(&mut self, number: usize) -> Result<(), Failure> {
        let Some(mending) = self.open.remove(&number) else { return Ok(()) };
        if let Mending::Network = mending {
            self.proxy.mend(number);
            return self.links.mend(number);
        }
        let Some(index) = mending.machine() else { return Ok(()) };
        let mut start = self.restart();
        let disk = &self.processes.machines[index].disk;
        match mending {
            Mending::Nothing | Mending::Network | Mending::Restart(_) => {}
            Mending::Thaw(index) => self.processes.signal(index, Signal::CONT)?,
            Mending::MakeRoom(_) => disk.make_room()?,
            Mending::AllowWrites(_) => disk.allow_writes()?,
            Mending::PutCopyBack(_) => disk.put_copy_back()?,
            Mending::Replace(index) => {
                disk.wipe()?;
                self.processes.rename(index);
                start = StartKind::Join;
            }
            Mending::Forget(_) => {
                disk.wipe()?;
                start = StartKind::Blank;
            }
        }
        self.processes.poll()?;
        if self.processes.is_running(index) { Ok(()) } else { self.processes.start(index, start) }
    }

    /// The first `size` machines of this preference, and the rest.
    fn split(&self, preference: &Preference, size: usize) -> (Vec<usize>, Vec<usize>) {
        let mut order = self.order(preference);
        let rest = order.split_off(size);
        (order, rest)
    }

    /// The first machine of this preference whose node no other fault affects.
    fn free(&self, preference: &Preference) -> usize {
        let busy: Vec<_> = self.open.values().filter_map(|open| open.machine()).collect();
        let order = self.order(preference);
        order.iter().copied().find(|index| !busy.contains(index)).unwrap_or(order[0])
    }

    fn order(&self, preference: &Preference) -> Vec<usize> {
        let mut order = preference.order.clone();
        if let Some(leader) = self.processes.leader().filter(|_| preference.leader) {
            order.sort_by_key(|&index| index != leader);
        }
        order
    }
}
