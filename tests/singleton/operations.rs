//! What an operator does with supervisors: restarts them one after another, rotates their keys, lets go of their log,
//! and makes mistakes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};
use std::{env, thread};

use libtest_mimic::{Failed, Trial};
use quorate::adapters::seal::Keyring;
use quorate::adapters::store::Store;
use quorate::{ClusterId, HardState};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::Failure;
use crate::fault_schedule::NODES;
use crate::process_tree::Process;
use crate::supervisors::Supervisors;

/// How long to wait for an event that has to happen. The bound is generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name, check: fn() -> Result<(), Failure>| {
        Trial::test(name, move || check().map_err(|failure| Failed::from(failure.to_string())))
    };
    vec![
        trial("a_supervisor_that_is_told_to_stop_stays_until_another_node_leads", check_handover),
        trial("a_failure_is_noticed_when_the_reader_of_the_log_is_gone", || check_log(LogReader::Gone)),
        trial("a_failure_is_noticed_when_the_reader_of_the_log_hangs", || check_log(LogReader::Hung)),
        trial("keys_are_read_again_while_the_command_runs", check_keys),
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
        Command::new(env::current_exe()?)
            .args(arguments(&disk.join("state"), "test"))
            .args(["--new", "--promise-ms", "300", "--", "sleep", "600"])
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
    let mut command = Command::new(env::current_exe()?);
    command.args(arguments(&folder.path().join("state"), "test")).arg("--key").arg(&key);
    // The promise is so long that a busy machine loses no lease.
    command.args(["--new", "--promise-ms", "30000", "--", "sleep", "600"]).stderr(File::create(&log)?);
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

fn check_names() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let state = folder.path().join("state");
    drop(Store::create(&state, &HardState::bootstrap(ClusterId::from_name("one"), [0_u64])?)?);
    let run = |arguments: &[&str]| -> io::Result<Output> {
        Command::new(env::current_exe()?).args(arguments).args(["--", "true"]).output()
    };
    let path = state.to_str().ok_or("no text")?;
    let says = |output: Output, what: &str| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() || !said.contains(what) { Err(said) } else { Ok(()) }
    };
    let unnamed = run(&["--id", "0", "--listen", "127.0.0.1:0", "--data", path])?;
    says(unnamed, "--group names the group: the same name on all its machines")?;
    says(run(&["--id", "0", "--group", "", "--listen", "127.0.0.1:0", "--data", path])?, "--group")?;
    let other = run(&["--id", "0", "--group", "two", "--listen", "127.0.0.1:0", "--data", path])?;
    Ok(says(other, "is of another group than \"two\"")?)
}

fn arguments(state: &Path, group: &str) -> Vec<String> {
    let state = state.display().to_string();
    ["--id", "0", "--group", group, "--listen", "127.0.0.1:0", "--data", &state].map(Into::into).into()
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
