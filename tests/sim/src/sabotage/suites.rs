//! The tests of one copy of the sources, and which of them fail.

use std::fmt;
use std::fs::File;
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};

use super::files::{copy_sources, describe, read};
use super::patch::{Original, Patch};

/// The test programs, in the order in which they are tried: the first notices that most rules are gone,
/// which spares building and running the others.
const QUICK: [&[&str]; 3] = [
    &["--package=quorate", "--test=rules"],
    &["--package=quorate", "--lib", "--test=config", "--test=quorums"],
    &["--package=quorate", "--test=scenarios", "--test=properties"],
];
/// The same of what adapters promise, each with one filter at most, as cargo takes no more: the slowest tests of an endpoint come last.
const ADAPTERS: [&[&str]; 24] = [
    &["--package=quorate", "--test=register"],
    &["--package=quorate", "--lib", "adapters::"],
    &["--package=quorate", "--test=records"],
    &["--package=quorate", "--test=endpoint", "addresses::"],
    &["--package=quorate", "--test=endpoint", "bounds::"],
    &["--package=quorate", "--test=endpoint", "lives::"],
    &["--package=quorate", "--test=endpoint", "names::"],
    &["--package=quorate", "--test=endpoint", "diagnoses::"],
    &["--package=quorate", "--test=tokio", "diagnoses::"],
    &["--package=quorate", "--test=tokio", "losses::"],
    &["--package=quorate", "--test=tokio", "without_storage::"],
    &["--package=quorate", "--test=tokio", "graceful::"],
    &["--package=quorate", "--test=endpoint", "operators::"],
    &["--package=quorate", "--test=endpoint", "advertisements::"],
    &["--package=quorate", "--test=seal"],
    &["--package=quorate", "--test=store"],
    &["--package=quorate", "--test=wire"],
    &["--package=quorate", "--test=endpoint", "upgrades::"],
    &["--package=quorate", "--test=monitoring", "snapshots::"],
    &["--package=quorate", "--test=monitoring", "requests::"],
    &["--package=quorate", "--test=monitoring", "probes::"],
    &["--package=quorate", "--test=monitoring", "spans::"],
    &["--package=quorate", "--test=endpoint"],
    // In real time.
    &["--package=quorate", "--test=register_hosts"],
];
/// The same of the program, from outside.
const PROGRAM: [&[&str]; 11] = [
    &["--package=quorate", "--test=program", "bad_input::"],
    &["--package=quorate", "--test=program", "registers::"],
    &["--package=quorate", "--test=program", "files::"],
    &["--package=quorate", "--test=program", "records::"],
    &["--package=quorate", "--test=program", "nodes::"],
    &["--package=quorate", "--test=program", "stopping::"],
    &["--package=quorate", "--test=program", "operators::"],
    &["--package=quorate", "--test=singleton", "hooks"],
    &["--package=quorate", "--test=singleton", "keys"],
    &["--package=quorate", "--test=program", "local_socket::"],
    &["--package=quorate", "--test=singleton"],
];
/// The test programs that take minutes.
const SLOW: [&[&str]; 2] =
    [&["--package=quorate", "--test=simulation"], &["--package=quorate-model", "--test=model"]];

/// How the copies are built.
const PROFILE: [&str; 2] = ["profile.dev.debug=false", "profile.dev.incremental=true"];
/// What the other programs ask of the simulator is not worth optimizing it for each rule.
const NOT_OPTIMIZED: &str = "profile.dev.package.quorate-sim.opt-level=0";

/// A rule that is taken out may well leave an endless loop.
const LIMIT: Duration = Duration::from_secs(300);

/// Which tests have to notice a patch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Suite {
    /// The tests of the rules, built without adapters.
    Rules,
    /// The same and those of the simulator and the model.
    RulesSlowly,
    /// The tests of the adapters, which say nothing of rules.
    Adapters,
    /// The tests of the program.
    Program,
}

impl Suite {
    pub(super) fn of(patch: &Patch, slow: bool) -> Self {
        match slow {
            _ if patch.is_of_program() => Suite::Program,
            _ if patch.is_of_adapters() => Suite::Adapters,
            true => Suite::RulesSlowly,
            false => Suite::Rules,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Suite::Rules => "rules",
            Suite::RulesSlowly => "rules-slowly",
            Suite::Adapters => "adapters",
            Suite::Program => "program",
        }
    }

    /// The stages, of which each is run only if those before it do not notice.
    fn stages(self) -> Vec<&'static [&'static str]> {
        match self {
            Suite::Rules => QUICK.to_vec(),
            Suite::RulesSlowly => QUICK.into_iter().chain(SLOW).collect(),
            Suite::Adapters => ADAPTERS.to_vec(),
            Suite::Program => PROGRAM.to_vec(),
        }
    }
}

pub(super) enum Verdict {
    Noticed(Vec<String>),
    Unnoticed,
    DoesNotBuild,
}

/// A copy of the sources, with a folder of its own for what is built of it.
pub(super) struct Copy {
    folder: PathBuf,
    suite: Suite,
}

impl Copy {
    pub(super) fn of(root: &Path, folder: PathBuf, suite: Suite) -> Result<Copy, String> {
        copy_sources(root, &folder, suite != Suite::Rules)?;
        Ok(Copy { folder, suite })
    }

    /// Whether all tests pass while no rule is taken out.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.test()? {
            Verdict::Unnoticed => Ok(()),
            Verdict::Noticed(tests) => Err(format!("these fail as it is: {}", tests.join(", "))),
            Verdict::DoesNotBuild => Err("the copy does not build".into()),
        }
    }

    /// Which tests notice that `patch` is applied. Afterwards the copy is as it was.
    pub(super) fn test_patched(&self, patch: &Patch) -> Result<Verdict, String> {
        let originals = patch.apply(&self.folder)?;
        let verdict = self.test();
        Original::restore_all(&originals)?;
        verdict
    }

    /// Runs one stage after another until one notices.
    fn test(&self) -> Result<Verdict, String> {
        for programs in self.suite.stages() {
            let verdict = self.run(programs)?;
            if !matches!(verdict, Verdict::Unnoticed) {
                return Ok(verdict);
            }
        }
        Ok(Verdict::Unnoticed)
    }

    fn run(&self, programs: &[&str]) -> Result<Verdict, String> {
        // What is built takes as long as it takes; only the tests may be endless.
        let mut build = self.cargo(programs)?;
        if !build.arg("--no-run").status().map_err(|error| error.to_string())?.success() {
            return Ok(Verdict::DoesNotBuild);
        }
        let finished = finish(self.cargo(programs)?.spawn().map_err(|error| error.to_string())?);
        let log = read(&self.log())?;
        let failed = |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?.to_owned());
        let mut failed: Vec<String> = log.lines().filter_map(failed).collect();
        Ok(match finished {
            Some(true) => Verdict::Unnoticed,
            Some(false) => Verdict::Noticed(failed),
            None => {
                failed.push("a test that never ends".into());
                Verdict::Noticed(failed)
            }
        })
    }

    fn log(&self) -> PathBuf {
        self.folder.join("sabotage.log")
    }

    fn cargo(&self, programs: &[&str]) -> Result<Command, String> {
        let log = self.log();
        let out = File::create(&log).map_err(|error| describe(&log, error))?;
        let again = out.try_clone().map_err(|error| describe(&log, error))?;
        let mut command = Command::new(env!("CARGO"));
        command.args(["test", "--offline", "--no-fail-fast"]).args(programs);
        let unoptimized = (self.suite != Suite::RulesSlowly).then_some(&NOT_OPTIMIZED);
        command.args(PROFILE.iter().chain(unoptimized).flat_map(|setting| ["--config", setting]));
        command.current_dir(&self.folder).env("CARGO_TARGET_DIR", self.folder.join("target"));
        // What is set in the environment takes precedence over the settings above.
        command.env_remove("CARGO_INCREMENTAL").env("PROPTEST_CASES", "64");
        command.stdin(Stdio::null()).stdout(out).stderr(again);
        // A process group of its own, so that a test that never ends can be ended.
        #[cfg(unix)]
        command.process_group(0);
        Ok(command)
    }
}

/// Whether the tests passed; `None` if they never end.
fn finish(mut child: Child) -> Option<bool> {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status.success());
        }
        sleep(Duration::from_millis(100));
    }
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ended_meanwhile = kill_process_group(group, Signal::KILL);
    }
    let _ended_meanwhile = child.kill();
    let _reaped = child.wait();
    None
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Noticed(tests) => {
                let first = tests.first().map_or("a failure", String::as_str);
                write!(f, "{} tests, among them {first}", tests.len())
            }
            Verdict::Unnoticed => f.write_str("NOT NOTICED"),
            Verdict::DoesNotBuild => f.write_str("DOES NOT BUILD"),
        }
    }
}
