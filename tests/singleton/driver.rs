//! Carries out the fault schedule, and waits after each round until the command runs again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, process, thread};

use libtest_mimic::{Failed, Trial};
use quorate::adapters::clock::BootClock;
use rustix::process::Signal;

use crate::fault_schedule::{Fault, FaultKind, NODES, Part, Round, fault_schedule};
use crate::process_tree::{self, Process};
use crate::supervisors::Supervisors;
use crate::{Failure, setting};

const FAULTS: u64 = 40;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("the_same_seed_gives_the_same_faults", || {
            assert_eq!(fault_schedule(7, 300), fault_schedule(7, 300));
            assert_ne!(fault_schedule(7, 300), fault_schedule(8, 300));
            Ok(())
        }),
        Trial::test("one_copy_runs_at_a_time_whatever_is_killed_or_frozen", || {
            run_driver().map_err(|failure| Failed::from(failure.to_string()))
        }),
    ]
}

fn run_driver() -> Result<(), Failure> {
    let seed = setting("QUORATE_SINGLETON_SEED")?.unwrap_or_else(any_seed);
    let faults = setting("QUORATE_SINGLETON_FAULTS")?.unwrap_or(FAULTS);
    let replay = format!("QUORATE_SINGLETON_SEED={seed} QUORATE_SINGLETON_FAULTS={faults}");
    println!("{replay}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("singleton-{seed}-{}", process::id()));
    let done =
        Driver::start(&folder).and_then(|mut driver| driver.run(&fault_schedule(seed, faults as usize)));
    let failed = |failure| format!("{failure}\nfiles: {}\nreplay: {replay}", folder.display());
    println!("{}", done.map_err(failed)?);
    Ok(fs::remove_dir_all(&folder)?)
}

struct Driver {
    supervisors: Supervisors,
    frozen: Vec<Process>,
    kinds: BTreeMap<(&'static str, FaultKind), u32>,
    slowest: Duration,
}

impl Driver {
    fn start(folder: &Path) -> Result<Driver, Failure> {
        let supervisors = Supervisors::start(folder, NODES, &["--grace-ms", "100"], &["either", "stamps"])?;
        Ok(Driver { supervisors, frozen: Vec::new(), kinds: BTreeMap::new(), slowest: Duration::ZERO })
    }

    fn run(&mut self, fault_schedule: &[Round]) -> Result<String, Failure> {
        let began = Instant::now();
        self.heal()?;
        for round in fault_schedule {
            for (fault, wait) in &round.faults {
                self.inject(*fault)?;
                thread::sleep(*wait);
            }
            self.heal().map_err(|failure| format!("{failure}\nafter {round:?}"))?;
        }
        for node in 0..NODES {
            self.supervisors.terminate(node);
            let status = self.supervisors.end(node)?;
            if !status.success() {
                return Err(format!("supervisor {node} was told to stop, and ended with {status}").into());
            }
        }
        self.supervisors.read()?;
        self.supervisors.audit()?;
        let (terms, copies, stamps) = self.supervisors.audit.size();
        let kinds: Vec<_> =
            self.kinds.iter().map(|((part, kind), count)| format!("{count} {kind:?} {part}")).collect();
        let (took, slowest) = (began.elapsed(), self.slowest);
        Ok(format!(
            "{} in {took:.0?}; {terms} terms, {copies} copies, {stamps} stamps; the slowest recovery took {slowest:.1?}",
            kinds.join(", ")
        ))
    }

    fn inject(&mut self, Fault { node, part, kind }: Fault) -> Result<(), Failure> {
        self.supervisors.read()?;
        let active = self.supervisors.audit.last().map_or(0, |stamp| stamp.node as usize);
        let first = node.unwrap_or(active);
        let alive = |node| self.supervisors.supervisor(node).map(|supervisor| (node, supervisor));
        let mut order = (first..NODES).chain(0..first);
        let (node, supervisor) = order.find_map(alive).ok_or("all supervisors are dead")?;
        let (name, pid) = match part {
            Part::Guard => ("guard", process_tree::guard(supervisor)),
            Part::Command => ("command", process_tree::command(supervisor)),
            Part::Supervisor => ("supervisor", None),
        };
        // Where neither guard nor command runs, the fault affects the supervisor.
        let (name, pid) = pid.map_or(("supervisor", supervisor), |pid| (name, pid));
        *self.kinds.entry((name, kind)).or_default() += 1;
        match kind {
            FaultKind::Terminate => self.supervisors.terminate(node),
            FaultKind::Kill if pid == supervisor => self.supervisors.kill(node)?,
            FaultKind::Kill => Process::open(pid).iter().for_each(|process| process.signal(Signal::KILL)),
            FaultKind::Freeze => {
                let process = Process::open(pid);
                process.iter().for_each(|process| process.signal(Signal::STOP));
                self.frozen.extend(process);
            }
        }
        Ok(())
    }

    /// Mends everything, and waits until the command runs.
    fn heal(&mut self) -> Result<(), Failure> {
        self.frozen.drain(..).for_each(|process| process.signal(Signal::CONT));
        let (began, now) = (Instant::now(), BootClock::new().now());
        self.supervisors
            .until("the command to run", |stamp| u128::from(stamp.at) > now.since_origin().as_nanos())?;
        self.slowest = self.slowest.max(began.elapsed());
        self.supervisors.audit()
    }
}

fn any_seed() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (u64::from(time.subsec_nanos()) << 16 ^ time.as_secs() ^ u64::from(process::id())) % 1_000_000
}
