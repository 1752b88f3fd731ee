//! The commands that run clusters under faults: soak, chaos, replay, schedule and interleaving.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Args;
use quorate_sim::{Faults, Interleaving, Outcome, Scenario, Schedule, ViolationKind};

/// Runs `work` for 0, 1, 2, … below `count` on all cores, until one returns false.
pub(crate) fn on_all_cores(count: u64, work: impl Fn(u64) -> bool + Sync) {
    let next = AtomicU64::new(0);
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let worker = || {
        while let Some(item) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&item| item < count) {
            if !work(item) {
                next.store(count, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(worker))));
}

/// Runs clusters under mixed faults for many virtual minutes; fails at the first violation.
#[derive(Args)]
pub(crate) struct Soak {
    /// Virtual minutes.
    #[arg(long, default_value_t = 20_000)]
    minutes: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Nodes in each cluster.
    #[arg(long, default_value_t = 5)]
    nodes: usize,
    /// The kinds of faults.
    #[arg(long, default_value_t = Faults::All)]
    faults: Faults,
    /// Go on after a violation.
    #[arg(long)]
    keep_going: bool,
}

/// The virtual seconds of one run of the soak.
const RUN: u64 = 300;

#[derive(Default)]
struct Totals {
    seconds: u64,
    events: u64,
    elections: u64,
    renewals: u64,
    commits: u64,
    targets: u64,
    removals: u64,
    violations: Vec<(Scenario, String)>,
}

impl Soak {
    pub(crate) fn run(&self) -> bool {
        std::panic::set_hook(Box::new(|_| {}));
        let (totals, started) = (Mutex::new(Totals::default()), Instant::now());
        on_all_cores((self.minutes * 60).div_ceil(RUN), |run| {
            let seed = self.seed + run;
            let scenario = Scenario { seed, nodes: self.nodes, faults: self.faults, seconds: RUN };
            let outcome = scenario.outcome(false);
            let mut totals = totals.lock().expect("no thread panics here");
            totals.add(scenario, outcome);
            if totals.seconds / 60_000 > (totals.seconds - RUN) / 60_000 {
                eprintln!("{:>7} min, {} events", totals.seconds / 60, totals.events);
            }
            self.keep_going || totals.violations.is_empty()
        });
        let totals = totals.into_inner().expect("no thread panics here");
        println!(
            "{} virtual minutes of {} nodes under {}: {} events, {} elections, {} renewals, {} memberships committed, \
             {} targets reached, {} removals, {} violations ({:.0?})",
            totals.seconds / 60,
            self.nodes,
            self.faults,
            totals.events,
            totals.elections,
            totals.renewals,
            totals.commits,
            totals.targets,
            totals.removals,
            totals.violations.len(),
            started.elapsed(),
        );
        for (scenario, text) in &totals.violations {
            print_violation(text, scenario);
        }
        totals.violations.is_empty()
    }
}

impl Totals {
    fn add(&mut self, scenario: Scenario, outcome: Outcome) {
        self.seconds += scenario.seconds;
        self.events += outcome.counts.events;
        self.elections += outcome.counts.elections;
        self.renewals += outcome.counts.renewals;
        self.commits += outcome.counts.commits;
        self.targets += outcome.counts.targets;
        self.removals += outcome.counts.removals;
        self.violations.extend(outcome.violation.map(|violation| (scenario, violation.to_string())));
    }
}

/// Counts the runs with violations for each kind of fault; all counts must be zero.
#[derive(Args)]
pub(crate) struct Chaos {
    /// Runs for each line.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Nodes in each cluster.
    #[arg(long, default_value_t = 5)]
    nodes: usize,
    /// Virtual seconds of each run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only this kind of faults.
    #[arg(long)]
    faults: Option<Faults>,
}

const COLUMNS: [(&str, &[ViolationKind]); 12] = [
    ("two leaders in one term", &[ViolationKind::TwoLeaders]),
    ("two leases at once", &[ViolationKind::TwoLeases]),
    ("quorums apart", &[ViolationKind::QuorumsApart]),
    ("members lost", &[ViolationKind::MembershipLost, ViolationKind::NotCommitted]),
    ("data lost", &[ViolationKind::DataLost]),
    ("falsely removed", &[ViolationKind::FalselyRemoved]),
    ("acts on what is over", &[ViolationKind::OutOfDate]),
    ("needless leader change", &[ViolationKind::NeedlessChange]),
    ("gap in the host's lease", &[ViolationKind::LeaseGap]),
    ("majority leaderless too long", &[ViolationKind::Leaderless, ViolationKind::Stuck]),
    ("panic or loop", &[ViolationKind::Panic, ViolationKind::Unbounded]),
    (
        "other",
        &[
            ViolationKind::TermFell,
            ViolationKind::VoteChanged,
            ViolationKind::TermNotGreater,
            ViolationKind::NotDurable,
            ViolationKind::Nonsense,
        ],
    ),
];

impl Chaos {
    pub(crate) fn run(&self) -> bool {
        std::panic::set_hook(Box::new(|_| {}));
        println!(
            "{} runs of {} nodes, {} virtual seconds each; runs affected",
            self.seeds, self.nodes, self.seconds
        );
        println!("{:>12} {}", "", COLUMNS.map(|(head, _)| format!("| {head} ")).concat());
        let mut failed = Vec::new();
        for faults in Faults::ALL.into_iter().filter(|&faults| self.faults.is_none_or(|only| only == faults))
        {
            let found = Mutex::new(Vec::new());
            on_all_cores(self.seeds, |run| {
                let seed = self.seed + run;
                let scenario = Scenario { seed, nodes: self.nodes, faults, seconds: self.seconds };
                if let Some(violation) = scenario.outcome(false).violation {
                    found.lock().expect("no thread panics here").push((scenario, violation));
                }
                true
            });
            let found = found.into_inner().expect("no thread panics here");
            let cell = |(head, kinds): (&str, &[ViolationKind])| {
                let count = found.iter().filter(|(_, violation)| kinds.contains(&violation.kind)).count();
                format!("| {count:>width$} ", width = head.len())
            };
            println!("{faults:>12} {}", COLUMNS.map(cell).concat());
            failed.extend(found);
        }
        for (scenario, violation) in failed.iter().take(20) {
            print_violation(&violation.to_string(), scenario);
        }
        failed.is_empty()
    }
}

/// Shows one run again, line by line.
#[derive(Args)]
pub(crate) struct Replay {
    /// The seed.
    #[arg(long)]
    seed: u64,
    /// Nodes in the cluster.
    #[arg(long, default_value_t = 5)]
    nodes: usize,
    /// The kinds of faults.
    #[arg(long, default_value_t = Faults::All)]
    faults: Faults,
    /// Virtual seconds.
    #[arg(long, default_value_t = RUN)]
    seconds: u64,
    #[command(flatten)]
    showing: Showing,
}

/// How a run is shown.
#[derive(Args)]
struct Showing {
    /// Only this many of the last lines.
    #[arg(long)]
    tail: Option<usize>,
    /// Draw the run as a page that a browser shows, in this file, instead of printing its lines.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the run as a timeline in JSON, to this file, instead of printing its lines.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Replay {
    pub(crate) fn run(&self) -> bool {
        let Replay { seed, nodes, faults, seconds, ref showing } = *self;
        let scenario = Scenario { seed, nodes, faults, seconds };
        showing.show(|drawn| if drawn { scenario.outcome_with_timeline() } else { scenario.outcome(true) })
    }
}

/// Prints a violation, the command that shows its run line by line, and the one that draws it.
fn print_violation(text: &str, scenario: &Scenario) {
    let replay = scenario.replay();
    println!("{text}\n  {replay}\n  {replay} --html run.html");
}

/// Shows the run that the bytes of a file decide, line by line.
#[derive(Args)]
pub(crate) struct Bytes {
    /// A file of the fuzzer.
    #[arg(required_unless_present = "bytes")]
    file: Option<PathBuf>,
    /// The bytes themselves instead of a file, as hexadecimal digits.
    #[arg(long, value_name = "DIGITS", conflicts_with = "file")]
    bytes: Option<String>,
    #[command(flatten)]
    showing: Showing,
}

impl Bytes {
    /// Shows the run of the target `faults`.
    pub(crate) fn run_schedule(&self) -> bool {
        self.show(|bytes, drawn| {
            let schedule = Schedule::new(bytes);
            if drawn { schedule.outcome_with_timeline() } else { schedule.outcome(true) }
        })
    }

    /// Shows the run of the target `cluster`.
    pub(crate) fn run_interleaving(&self) -> bool {
        self.show(|bytes, drawn| {
            let interleaving = Interleaving::new(bytes);
            if drawn { interleaving.outcome_with_timeline() } else { interleaving.outcome(true) }
        })
    }

    fn show(&self, outcome: impl Fn(&[u8], bool) -> Outcome) -> bool {
        match self.read() {
            Ok(bytes) => self.showing.show(|drawn| outcome(&bytes, drawn)),
            Err(error) => {
                eprintln!("{error}");
                false
            }
        }
    }

    fn read(&self) -> Result<Vec<u8>, String> {
        match (&self.file, &self.bytes) {
            (Some(file), _) => fs::read(file).map_err(|error| format!("{}: {error}", file.display())),
            (None, Some(digits)) => {
                bytes_of(digits).ok_or_else(|| format!("{digits}: two hexadecimal digits for each byte"))
            }
            (None, None) => Ok(Vec::new()),
        }
    }
}

/// The bytes of which these are the hexadecimal digits.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect()
}

impl Showing {
    /// Prints a run line by line, or draws it. Returns whether there was no violation and all was written.
    fn show(&self, outcome: impl Fn(bool) -> Outcome) -> bool {
        if self.html.is_none() && self.json.is_none() {
            return show(&outcome(false), self.tail);
        }
        let outcome = outcome(true);
        let Some(timeline) = &outcome.timeline else { return false };
        let page = self.html.as_ref().map(|file| (file, timeline.page()));
        let json = self.json.as_ref().map(|file| (file, timeline.to_json()));
        for (file, text) in page.into_iter().chain(json) {
            if let Err(error) = fs::write(file, &text) {
                eprintln!("{}: {error}", file.display());
                return false;
            }
            let (file, events, bytes) = (file.display(), timeline.event_count(), text.len());
            let _ = writeln!(std::io::stdout(), "{file}: {events} events of the timeline, {bytes} bytes");
        }
        sum_up(&outcome)
    }
}

/// Prints the last lines of a run. Returns whether there was no violation.
fn show(outcome: &Outcome, tail: Option<usize>) -> bool {
    let skipped = tail.map_or(0, |tail| outcome.lines.len().saturating_sub(tail));
    // A reader such as `head` may close the pipe before the end.
    let mut out = std::io::stdout().lock();
    if outcome.lines.iter().skip(skipped).any(|line| writeln!(out, "{line}").is_err()) {
        return outcome.violation.is_none();
    }
    drop(out);
    sum_up(outcome)
}

/// Prints the counts of a run and its violation. Returns whether there was none.
fn sum_up(outcome: &Outcome) -> bool {
    let found = outcome.violation.as_ref().map_or("no violation".into(), ToString::to_string);
    let _ = writeln!(std::io::stdout(), "{:?}\n{found}", outcome.counts);
    outcome.violation.is_none()
}
