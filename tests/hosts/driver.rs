//! Carries out the plan, and sees to it that the group is well again each time.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, mem};

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::Failure;
use crate::disk::Damage;
use crate::fault_schedule::{Fault, Pick, Step, fault_schedule};
use crate::netns::{self, Cut, FOLDER, PLACES, Wires};
use crate::processes::{Birth, Processes};
use crate::proxy::{Delay, Proxy};

/// By when the group is well after all is mended. Two seconds do on an idle machine.
const WELL_WITHIN: Duration = Duration::from_secs(30);

/// In the namespaces of its own that it was started in.
pub(crate) fn main(seed: u64, faults: usize, keep: &Path) -> Result<String, Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    netns::build()?;
    let mut driver = Driver {
        wires: Wires::default(),
        proxy: Proxy::start(seed)?,
        processes: Processes::found()?,
        open: BTreeMap::new(),
        diary: String::new(),
        began: Instant::now(),
        slowest: Duration::ZERO,
    };
    let done = driver.run(&fault_schedule(seed, faults));
    if done.is_err() {
        fs::write(format!("{FOLDER}/ledgers/diary"), mem::take(&mut driver.diary))?;
        keep_files(keep)?;
    }
    done
}

fn keep_files(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(format!("{FOLDER}/ledgers"))? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    Ok(())
}

/// What has to be done to mend a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mending {
    Network,
    Restart(usize),
    Thaw(usize),
    MakeRoom(usize),
    AllowWrites(usize),
    PutCopyBack(usize),
    Replace(usize),
}

impl Mending {
    /// Where the node is that this fault befell.
    fn place(self) -> Option<usize> {
        match self {
            Mending::Network => None,
            Mending::Restart(place)
            | Mending::Thaw(place)
            | Mending::MakeRoom(place)
            | Mending::AllowWrites(place)
            | Mending::PutCopyBack(place)
            | Mending::Replace(place) => Some(place),
        }
    }
}

struct Driver {
    wires: Wires,
    proxy: Proxy,
    processes: Processes,
    /// The faults that are not mended yet, by their number.
    open: BTreeMap<usize, Mending>,
    diary: String,
    began: Instant,
    slowest: Duration,
}

impl Driver {
    fn run(&mut self, fault_schedule: &[Step]) -> Result<String, Failure> {
        self.heal()?;
        let mut kinds = BTreeMap::<_, u32>::new();
        let mut number = 0;
        for step in fault_schedule {
            self.note(&format!("{step:?}"));
            match step {
                Step::Break(fault) => {
                    let mending = self.befall(number, fault)?;
                    self.note(&format!("  is fault {number}: {mending:?}"));
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

    /// The last words of all are read too.
    fn finish(&mut self, kinds: BTreeMap<&str, u32>) -> Result<String, Failure> {
        for place in 0..PLACES {
            self.processes.kill(place)?;
        }
        self.processes.read()?;
        self.audit()?;
        let of = |kind| kinds.get(kind).copied().unwrap_or(0);
        let (stopped, bad_disks) = (self.processes.stopped, of("full disk") + of("read-only folder"));
        if stopped == 0 && bad_disks >= 10 {
            return Err(format!("of {bad_disks} bad disks none stopped a node").into());
        }
        let (terms, stamps) = self.processes.audit.size();
        let kinds: Vec<_> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        Ok(format!(
            "{} in {:.0?}; {terms} terms, {stamps} stamps of leases, {stopped} nodes stopped at a write that \
             failed; well again within {:.1?}",
            kinds.join(", "),
            self.began.elapsed(),
            self.slowest,
        ))
    }

    fn note(&mut self, what: &str) {
        self.diary += &format!("{:>9.3} {what}\n", self.began.elapsed().as_secs_f64());
    }

    fn audit(&self) -> Result<(), Failure> {
        let violations = self.processes.audit.violations();
        if violations.is_empty() { Ok(()) } else { Err(violations.join("\n").into()) }
    }

    /// Mends everything, and waits until all know one leader.
    fn heal(&mut self) -> Result<(), Failure> {
        for number in self.open.keys().copied().collect::<Vec<_>>() {
            self.mend(number)?;
        }
        let began = Instant::now();
        while !self.processes.is_well() {
            if began.elapsed() > WELL_WITHIN {
                return Err(format!("the group did not get well: {}", self.processes.describe()).into());
            }
            // A write may have failed in the last moment before the disk was mended.
            for place in (0..PLACES).filter(|&place| !self.processes.is_running(place)).collect::<Vec<_>>() {
                self.processes.start(place, Birth::Again)?;
            }
            self.processes.wait(Duration::from_millis(5))?;
        }
        self.slowest = self.slowest.max(began.elapsed());
        self.note(&format!("well, after {:.1?}", began.elapsed()));
        self.audit()
    }

    fn befall(&mut self, number: usize, fault: &Fault) -> Result<Mending, Failure> {
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
                let places = self.split(side, size).0;
                self.proxy.delay(number, Delay { places, most, doubled });
                Ok(Mending::Network)
            }
            Fault::Kill(ref victim) => {
                let place = self.free(victim);
                self.processes.kill(place)?;
                Ok(Mending::Restart(place))
            }
            Fault::Freeze(ref victim) => {
                let place = self.free(victim);
                self.processes.signal(place, Signal::STOP)?;
                Ok(Mending::Thaw(place))
            }
            Fault::FullDisk(ref victim) => self.spoil(victim, Mending::MakeRoom),
            Fault::ReadOnly(ref victim) => self.spoil(victim, Mending::AllowWrites),
            Fault::Damage { ref victim, how, new_id } => self.damage(victim, how, new_id),
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
        self.wires.cut(number, directions.map(cut).into())?;
        Ok(Mending::Network)
    }

    /// A disk does no harm until something is to be written: a new leader, that is.
    fn spoil(&mut self, victim: &Pick, mending: fn(usize) -> Mending) -> Result<Mending, Failure> {
        let place = self.free(victim);
        let mending = mending(place);
        let machine = &mut self.processes.machines[place];
        if mending == Mending::MakeRoom(place) {
            machine.disk.fill()?;
            machine.bad_disk.push("No space left on device");
        } else {
            machine.disk.forbid_writes()?;
            machine.bad_disk.push("Read-only file system");
        }
        self.processes.resign();
        Ok(mending)
    }

    fn damage(&mut self, victim: &Pick, how: Damage, new_id: bool) -> Result<Mending, Failure> {
        let place = self.free(victim);
        self.processes.kill(place)?;
        self.processes.machines[place].disk.damage(how)?;
        let why =
            if how == Damage::Lost { "does not exist: if this node ever ran" } else { "cannot be used: it" };
        self.processes.refuses_to_start(place, why)?;
        // One at a time: more than the group can spare must not get lost.
        let lost = self.open.values().any(|open| matches!(open, Mending::Replace(_)));
        let replace = new_id && !lost && self.processes.is_settled();
        Ok(if replace { Mending::Replace(place) } else { Mending::PutCopyBack(place) })
    }

    fn mend(&mut self, number: usize) -> Result<(), Failure> {
        let Some(mending) = self.open.remove(&number) else { return Ok(()) };
        if let Mending::Network = mending {
            self.proxy.mend(number);
            return self.wires.mend(number);
        }
        let Some(place) = mending.place() else { return Ok(()) };
        let mut birth = Birth::Again;
        let disk = &self.processes.machines[place].disk;
        match mending {
            Mending::Network | Mending::Restart(_) => {}
            Mending::Thaw(place) => self.processes.signal(place, Signal::CONT)?,
            Mending::MakeRoom(_) => disk.make_room()?,
            Mending::AllowWrites(_) => disk.allow_writes()?,
            Mending::PutCopyBack(_) => disk.put_copy_back()?,
            Mending::Replace(place) => {
                disk.wipe()?;
                self.processes.rename(place);
                birth = Birth::Joiner;
            }
        }
        self.processes.poll()?;
        if self.processes.is_running(place) { Ok(()) } else { self.processes.start(place, birth) }
    }

    /// So many, and the rest.
    fn split(&self, pick: &Pick, size: usize) -> (Vec<usize>, Vec<usize>) {
        let mut order = self.preferred(pick);
        let rest = order.split_off(size);
        (order, rest)
    }

    /// The first of whom nothing else befalls already.
    fn free(&self, pick: &Pick) -> usize {
        let busy: Vec<_> = self.open.values().filter_map(|open| open.place()).collect();
        let order = self.preferred(pick);
        order.iter().copied().find(|place| !busy.contains(place)).unwrap_or(order[0])
    }

    fn preferred(&self, pick: &Pick) -> Vec<usize> {
        let mut order = pick.order.clone();
        if let Some(leader) = self.processes.leader().filter(|_| pick.leader) {
            order.sort_by_key(|&place| place != leader);
        }
        order
    }
}
