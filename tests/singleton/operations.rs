//! What an operator does with supervisors: restarts them one after another, rotates their keys, lets go of their log,
//! and makes mistakes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use quorate::adapters::seal::Keyring;
use quorate::adapters::store::Store;
use quorate::{ClusterId, HardState};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::fault_schedule::NODES;
use crate::process_tree::Process;
use crate::supervisors::Supervisors;
use crate::{Failure, QUORATE, setting};

/// How long to wait for an event that has to happen. The bound is generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name, check: fn() -> Result<(), Failure>| {
        Trial::test(name, move || check().map_err(|failure| Failed::from(failure.to_string())))
    };
    vec![
        trial("a_supervisor_that_is_told_to_stop_stays_until_another_node_leads", check_handover),
        trial(
            "machines_are_restarted_one_after_another_and_the_command_is_handed_over",
            check_rolling_restart,
        ),
        trial("a_failure_is_noticed_when_the_reader_of_the_log_is_gone", || check_log(LogReader::Gone)),
        trial("a_failure_is_noticed_when_the_reader_of_the_log_hangs", || check_log(LogReader::Hung)),
        trial("keys_are_read_again_while_the_command_runs", check_keys),
        trial("hooks_are_told_of_the_beginning_and_the_end_of_a_leadership", check_hooks),
        trial("a_hook_that_takes_too_long_is_killed_and_delays_nothing", check_slow_hook),
        trial("hooks_that_are_left_at_the_end_share_the_time_of_one", check_last_hooks),
        trial("a_group_has_to_be_named_and_to_be_that_of_the_state", check_names),
    ]
}

fn wait_until(what: &str, mut done: impl FnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    while !done()? {
        if Instant::now() > end {
            return Err(format!("waited in vain for {what}").into());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// With one node frozen, the next leader needs the vote of the one that stops.
fn check_handover() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors = Supervisors::start(folder.path(), NODES, &[], &["listening", "stamps"])?;
    let leader = supervisors.until("the command to run", |_| true)?.node as usize;
    let frozen = supervisors.supervisor((leader + 1) % NODES).and_then(Process::open);
    let frozen = frozen.ok_or("no supervisor")?;
    // The leader has to have heard of both others before one of them falls silent.
    thread::sleep(Duration::from_millis(600));
    frozen.signal(Signal::STOP);
    supervisors.terminate(leader);
    let status = supervisors.end(leader)?;
    let next = wait_until("another node to run the command", || {
        supervisors.read()?;
        Ok(supervisors.audit.last().is_some_and(|stamp| stamp.node as usize != leader))
    });
    frozen.signal(Signal::CONT);
    next?;
    if !status.success() {
        return Err(format!("the supervisor ended with {status}").into());
    }
    supervisors.audit()
}

/// For how long a machine is bound at most that has restarted: three of the promises that the supervisors have.
const PROMISE_LIMIT: Duration = Duration::from_millis(900);

/// How many times the machine is restarted on which the command runs.
const HANDOVERS: u64 = 5;

/// The command runs on until another machine can take over. Prints for how long no copy of it runs then, as it ends at once
/// when it is asked to.
fn check_rolling_restart() -> Result<(), Failure> {
    let handovers = setting("QUORATE_SINGLETON_HANDOVERS")?.unwrap_or(HANDOVERS);
    let folder = TempDir::new()?;
    let mut supervisors = Supervisors::start(folder.path(), NODES, &[], &["listening", "stamps"])?;
    let mut gaps = Vec::new();
    while gaps.len() < usize::try_from(handovers)? {
        let before = supervisors.until("the command to run", |_| true)?;
        supervisors.terminate(before.node as usize);
        let status = supervisors.end(before.node as usize)?;
        if !status.success() {
            return Err(format!("the supervisor ended with {status}").into());
        }
        let next = supervisors.until("another node to run the command", |stamp| stamp.node != before.node)?;
        let [old, new] = [before, next].map(|stamp| supervisors.audit.lifetime(stamp.copy));
        let (Some((began, last)), Some((first, _))) = (old, new) else { return Err("no stamps".into()) };
        // This machine was told to stop as soon as the command ran, and no other can take over sooner.
        let ran = Duration::from_nanos(last.saturating_sub(began));
        if ran < PROMISE_LIMIT {
            return Err(format!(
                "the command was stopped after {ran:.1?}, before another machine could run it"
            )
            .into());
        }
        gaps.push(Duration::from_nanos(first.saturating_sub(last)));
    }
    supervisors.audit()?;
    let short = gaps.iter().filter(|&&gap| gap < Duration::from_millis(50)).count();
    let longest = gaps.iter().max().copied().unwrap_or_default();
    println!(
        "{short} of {handovers} handovers without the command for less than 50 ms, the longest {longest:.1?}: {gaps:.1?}"
    );
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LogReader {
    Gone,
    Hung,
}

/// A save fails for good, so the host fails, and the process has to end.
fn check_log(reader: LogReader) -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let disk = folder.path().join("disk");
    fs::create_dir(&disk)?;
    let (read, mut write) = io::pipe()?;
    let supervisor = Supervisor(
        Command::new(QUORATE)
            .args(arguments(&disk, "test"))
            .args(["--promise-ms", "300", "--", "sleep", "600"])
            .stderr(write.try_clone()?)
            .spawn()?,
    );
    let reader = match reader {
        LogReader::Gone => None,
        LogReader::Hung => Some(read),
    };
    if reader.is_some() {
        // This fills the pipe, and goes on to.
        thread::spawn(move || while write.write_all(&[b'.'; 4_096]).is_ok() {});
    }
    let process = Process::open(supervisor.0.id()).ok_or("no supervisor")?;
    wait_until("the command to run", || Ok(crate::process_tree::command(supervisor.0.id()).is_some()))?;
    // No file can take the place of a folder.
    fs::remove_file(disk.join("state"))?;
    fs::create_dir(disk.join("state"))?;
    // When it is thawed, its lease is over, and it stores the term of the next, unless it has stored before.
    process.signal(Signal::STOP);
    thread::sleep(Duration::from_secs(4));
    process.signal(Signal::CONT);
    let ended = process.dies_within(PATIENCE)?;
    drop(reader);
    if !ended {
        return Err("the host has failed, and the process lives on".into());
    }
    match supervisor.end()?.code() {
        Some(1) => Ok(()),
        code => Err(format!("the supervisor ended with {code:?}").into()),
    }
}

fn check_keys() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let (key, log) = (folder.path().join("key"), folder.path().join("log"));
    let first = Keyring::create(&key)?;
    let mut command = Command::new(QUORATE);
    command.args(arguments(folder.path(), "test")).arg("--key").arg(&key);
    // The promise is so long that a busy machine loses no lease, and a first start waits for three of them.
    command.args(["--promise-ms", "3000", "--", "sleep", "600"]).stderr(File::create(&log)?);
    let supervisor = Supervisor(command.spawn()?);
    let says = |what: String| wait_until(&what, || Ok(fs::read_to_string(&log)?.contains(&what)));
    says(format!("the keys are {first:?}"))?;
    says("this node runs the command".into())?;
    let running = || crate::process_tree::command(supervisor.0.id());
    wait_until("the command to run", || Ok(running().is_some()))?;
    let first_copy = running();
    // A file that holds no keys changes nothing.
    fs::write(&key, "nothing")?;
    says(format!("the keys stay {first:?}"))?;
    let replace = || -> Result<Keyring, Failure> {
        let new = folder.path().join("new-key");
        let keys = Keyring::create(&new)?;
        fs::rename(new, &key)?;
        Ok(keys)
    };
    let second = replace()?;
    says(format!("the keys are {second:?} from now on"))?;
    let third = replace()?;
    Process::open(supervisor.0.id()).ok_or("no supervisor")?.signal(Signal::HUP);
    says(format!("the keys are {third:?} from now on"))?;
    if running() != first_copy {
        return Err("the command was started again".into());
    }
    let time = fs::read_to_string(&log)?.chars().take(24).collect::<String>();
    humantime::parse_rfc3339(&time).map(drop).map_err(|error| format!("{time}: {error}").into())
}

/// A supervisor that runs `sleep` and is so configured, with its log.
fn with_hooks(folder: &Path, options: &[&str]) -> Result<Supervisor, Failure> {
    let mut command = Command::new(QUORATE);
    command.args(arguments(folder, "test")).args(["--promise-ms", "300"]).args(options);
    command.args(["--", "sleep", "600"]).current_dir(folder).stderr(File::create(folder.join("log"))?);
    Ok(Supervisor(command.spawn()?))
}

fn check_hooks() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let told = folder.path().join("told");
    const ELECTED: &str =
        "echo elected $QUORATE_GROUP $QUORATE_ID $QUORATE_TERM $QUORATE_FENCING_TOKEN >>told; false";
    const STEPPED_DOWN: &str = "echo stepped down $QUORATE_TERM >>told; sleep 600 &";
    let hooks = ["--on-elected", ELECTED, "--on-stepped-down", STEPPED_DOWN];
    let supervisor = with_hooks(folder.path(), &hooks)?;
    wait_until("the command to run and the hook to tell of it", || {
        Ok(crate::process_tree::command(supervisor.0.id()).is_some() && told.exists())
    })?;
    Process::open(supervisor.0.id()).ok_or("no supervisor")?.signal(Signal::TERM);
    let status = supervisor.end()?;
    let said = fs::read_to_string(&told)?;
    let term = said.split_whitespace().nth(3).ok_or("no term")?;
    let log = fs::read_to_string(folder.path().join("log"))?;
    let expected = format!("elected test 0 {term} {term}\nstepped down {term}\n");
    if !status.success() || said != expected || !log.contains("--on-elected of term") {
        return Err(format!("{status}: {said:?}\n{log}").into());
    }
    Ok(())
}

/// Neither the start of the command nor the handover waits, and nothing of the hook outlives its time.
fn check_slow_hook() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let hooks = ["--hook-ms", "1000", "--on-elected", "touch began; sleep 600 & sleep 600"];
    let supervisor = with_hooks(folder.path(), &hooks)?;
    let id = supervisor.0.id();
    wait_until("the command to run beside the hook", || {
        let children = crate::process_tree::children(id);
        Ok(crate::process_tree::command(id).is_some() && children.len() == 2)
    })?;
    wait_until("the hook to begin", || Ok(folder.path().join("began").exists()))?;
    wait_until("the hook to be killed", || {
        Ok(fs::read_to_string(folder.path().join("log"))?.contains("was killed: it must not take longer"))
    })?;
    let guard = crate::process_tree::guard(id).ok_or("no guard")?;
    match crate::process_tree::children(id)[..] {
        [only] if only == guard => Ok(()),
        ref children => Err(format!("besides the guard {guard} there are {children:?}").into()),
    }
}

/// While the first hook runs, the supervisor is frozen again and again, and each time loses its lease: so many hooks wait
/// when it is told to stop that they could keep it for half a minute.
fn check_last_hooks() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    const SLOW: &str = "echo $QUORATE_TERM >>began; exec sleep 600";
    let hooks = ["--hook-ms", "5000", "--pause-ms", "0", "--on-elected", SLOW, "--on-stepped-down", SLOW];
    let supervisor = with_hooks(folder.path(), &hooks)?;
    let process = Process::open(supervisor.0.id()).ok_or("no supervisor")?;
    let log = || fs::read_to_string(folder.path().join("log"));
    // A process that goes on may say so once more of a term that is over.
    let terms = || {
        let log = log()?;
        let terms = log.lines().filter_map(|line| line.split_once("runs the command, in term "));
        Ok::<_, Failure>(terms.map(|(_, term)| term.to_owned()).collect::<BTreeSet<_>>().len())
    };
    for round in 1..=3 {
        wait_until("the command to run", || Ok(terms()? >= round))?;
        if round < 3 {
            // No lease is longer than three promises.
            process.signal(Signal::STOP);
            thread::sleep(Duration::from_millis(1_000));
            process.signal(Signal::CONT);
        }
    }
    let began = || Ok::<_, Failure>(fs::read_to_string(folder.path().join("began"))?.lines().count());
    let before = began()?;
    process.signal(Signal::TERM);
    let status = supervisor.end()?;
    let (after, log) = (began()?, log()?);
    // The second hook tells of the end of the leadership of which the first has told.
    let terms = fs::read_to_string(folder.path().join("began"))?;
    if let Some((first, second)) = terms.lines().next().zip(terms.lines().nth(1))
        && first != second
    {
        return Err(format!("hooks ran out of their order, for the terms {terms}").into());
    }
    let left_out = log.matches("was left out: when this process stops, all hooks have 5s together").count();
    if !status.success() || after > before + 2 || after + left_out != 6 {
        return Err(format!("{status}: {before}, then {after} of 6 hooks, {left_out} left out\n{log}").into());
    }
    Ok(())
}

fn check_names() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let state = folder.path().join("state");
    drop(Store::create(
        &state,
        &HardState::bootstrap(ClusterId::from_name("one"), [quorate::Name::<63>::try_from("0")?])?,
    )?);
    let run = |arguments: &[&str]| -> io::Result<Output> {
        Command::new(QUORATE).arg("run").args(arguments).args(["--", "true"]).output()
    };
    let path = folder.path().to_str().ok_or("no text")?;
    let says = |output: Output, what: &str| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() || !said.contains(what) { Err(said) } else { Ok(()) }
    };
    let unnamed = run(&["--id", "0", "--listen", "127.0.0.1:0", "--data", path, "--first-rollout=0"])?;
    says(unnamed, "--group names the group: the same name on all its machines")?;
    says(
        run(&["--id", "0", "--group", "", "--listen", "127.0.0.1:0", "--data", path, "--first-rollout=0"])?,
        "--group",
    )?;
    let other = run(&[
        "--id",
        "0",
        "--group",
        "two",
        "--listen",
        "127.0.0.1:0",
        "--data",
        path,
        "--first-rollout=0",
    ])?;
    Ok(says(other, "is of another group than \"two\"")?)
}

fn arguments(data: &Path, group: &str) -> Vec<String> {
    let data = data.display().to_string();
    ["run", "--id", "0", "--group", group, "--listen", "127.0.0.1:0", "--data", &data, "--first-rollout=0"]
        .map(Into::into)
        .into()
}

/// A supervisor without peers, which dies with this value.
struct Supervisor(Child);

impl Supervisor {
    fn end(mut self) -> io::Result<std::process::ExitStatus> {
        self.0.wait()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _ = self.0.wait();
    }
}
