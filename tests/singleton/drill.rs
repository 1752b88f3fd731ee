//! Carries out the plan, and sees to it that the command runs again each time.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, process, thread};

use libtest_mimic::{Failed, Trial};
use quorate::adapters::clock::BootClock;
use rustix::process::Signal;

use crate::Failure;
use crate::crew::Crew;
use crate::plan::{Blow, Fault, NODES, Part, Round, plan};
use crate::processes::{self, Process};

const FAULTS: u64 = 40;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("the_same_seed_brings_the_same_faults", || {
            assert_eq!(plan(7, 300), plan(7, 300));
            assert_ne!(plan(7, 300), plan(8, 300));
            Ok(())
        }),
        Trial::test("one_copy_runs_at_a_time_whatever_is_killed_or_frozen", || {
            drill().map_err(|failure| Failed::from(failure.to_string()))
        }),
    ]
}

fn drill() -> Result<(), Failure> {
    let seed = setting("QUORATE_SINGLETON_SEED")?.unwrap_or_else(any_seed);
    let faults = setting("QUORATE_SINGLETON_FAULTS")?.unwrap_or(FAULTS);
    let replay = format!("QUORATE_SINGLETON_SEED={seed} QUORATE_SINGLETON_FAULTS={faults}");
    println!("{replay}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("singleton-{seed}-{}", process::id()));
    let done = Drill::start(&folder).and_then(|mut drill| drill.run(&plan(seed, faults as usize)));
    let failed = |failure| format!("{failure}\nfiles: {}\nreplay: {replay}", folder.display());
    println!("{}", done.map_err(failed)?);
    Ok(fs::remove_dir_all(&folder)?)
}

struct Drill {
    crew: Crew,
    frozen: Vec<Process>,
    kinds: BTreeMap<(&'static str, Blow), u32>,
    slowest: Duration,
}

impl Drill {
    fn start(folder: &Path) -> Result<Drill, Failure> {
        let crew = Crew::start(folder, NODES, &["--grace-ms", "100"], &["either", "stamps"])?;
        Ok(Drill { crew, frozen: Vec::new(), kinds: BTreeMap::new(), slowest: Duration::ZERO })
    }

    fn run(&mut self, plan: &[Round]) -> Result<String, Failure> {
        let began = Instant::now();
        self.heal()?;
        for round in plan {
            for (fault, wait) in &round.faults {
                self.befall(*fault)?;
                thread::sleep(*wait);
            }
            self.heal().map_err(|failure| format!("{failure}\nafter {round:?}"))?;
        }
        for node in 0..NODES {
            self.crew.terminate(node);
            let status = self.crew.end(node)?;
            if !status.success() {
                return Err(format!("supervisor {node} was to stop, and ended, {status}").into());
            }
        }
        self.crew.read()?;
        self.crew.audit()?;
        let (terms, copies, stamps) = self.crew.ledger.size();
        let kinds: Vec<_> =
            self.kinds.iter().map(|((part, blow), count)| format!("{count} {blow:?} {part}")).collect();
        let (took, slowest) = (began.elapsed(), self.slowest);
        Ok(format!(
            "{} in {took:.0?}; {terms} terms, {copies} copies, {stamps} stamps; it ran again within {slowest:.1?}",
            kinds.join(", ")
        ))
    }

    fn befall(&mut self, Fault { node, part, blow }: Fault) -> Result<(), Failure> {
        self.crew.read()?;
        let active = self.crew.ledger.last().map_or(0, |stamp| stamp.node as usize);
        let first = node.unwrap_or(active);
        let alive = |node| self.crew.supervisor(node).map(|supervisor| (node, supervisor));
        let mut order = (first..NODES).chain(0..first);
        let (node, supervisor) = order.find_map(alive).ok_or("all are dead")?;
        let (name, pid) = match part {
            Part::Guard => ("guard", processes::guard(supervisor)),
            Part::Command => ("command", processes::command(supervisor)),
            Part::Supervisor => ("supervisor", None),
        };
        // Where nothing runs there is a supervisor yet.
        let (name, pid) = pid.map_or(("supervisor", supervisor), |pid| (name, pid));
        *self.kinds.entry((name, blow)).or_default() += 1;
        match blow {
            Blow::Terminate => self.crew.terminate(node),
            Blow::Kill if pid == supervisor => self.crew.kill(node)?,
            Blow::Kill => Process::open(pid).iter().for_each(|process| process.signal(Signal::KILL)),
            Blow::Freeze => {
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
        self.crew.until("the command to run", |stamp| u128::from(stamp.at) > now.as_nanos())?;
        self.slowest = self.slowest.max(began.elapsed());
        self.crew.audit()
    }
}

fn setting(name: &str) -> Result<Option<u64>, Failure> {
    match env::var(name) {
        Ok(value) => Ok(Some(value.parse().map_err(|error| format!("{name}={value}: {error}"))?)),
        Err(_) => Ok(None),
    }
}

fn any_seed() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (u64::from(time.subsec_nanos()) << 16 ^ time.as_secs() ^ u64::from(process::id())) % 1_000_000
}
