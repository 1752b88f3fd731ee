//! One supervisor and one fault: which processes of the command's group may survive it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use libtest_mimic::{Failed, Trial};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::process_tree::{Process, children, command, guard};
use crate::supervisors::Supervisors;
use crate::{Failure, QUORATE};

/// How long to wait for an event that has to happen. The bound is generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name, faults: &'static [(Part, Signal)], survivors: Survivors| {
        Trial::test(name, move || {
            check_deaths(faults, survivors).map_err(|failure| Failed::from(failure.to_string()))
        })
    };
    const KILL: Signal = Signal::KILL;
    const FREEZE: Signal = Signal::STOP;
    vec![
        trial("nothing_outlives_a_killed_supervisor", &[(Part::Supervisor, KILL)], Survivors::None),
        trial("nothing_outlives_a_killed_guard", &[(Part::Guard, KILL)], Survivors::None),
        trial(
            "nothing_outlives_the_lease_of_a_frozen_supervisor",
            &[(Part::Supervisor, FREEZE)],
            Survivors::None,
        ),
        trial("nothing_outlives_the_deadlines_of_a_frozen_guard", &[(Part::Guard, FREEZE)], Survivors::None),
        trial(
            "the_command_does_not_outlive_the_lease_of_a_frozen_supervisor_and_a_frozen_guard",
            &[(Part::Guard, FREEZE), (Part::Supervisor, FREEZE)],
            Survivors::Children,
        ),
        trial(
            "the_command_does_not_outlive_a_guard_killed_under_a_frozen_supervisor",
            &[(Part::Supervisor, FREEZE), (Part::Guard, KILL)],
            Survivors::Children,
        ),
        Trial::test("a_process_that_has_lost_its_guard_does_not_become_the_command", || {
            check_orphan().map_err(|failure| Failed::from(failure.to_string()))
        }),
        Trial::test("the_command_is_asked_to_stop_before_it_is_killed", || {
            check_sigterm().map_err(|failure| Failed::from(failure.to_string()))
        }),
        Trial::test("with_once_the_supervisor_exits_with_the_code_of_the_command", || {
            check_once().map_err(|failure| Failed::from(failure.to_string()))
        }),
    ]
}

#[derive(Clone, Copy)]
enum Part {
    Supervisor,
    Guard,
}

/// The processes that may live until the supervisor is thawed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Survivors {
    None,
    Children,
}

fn check_deaths(faults: &[(Part, Signal)], survivors: Survivors) -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors = Supervisors::start(folder.path(), 1, &[], &["deaf", "stamps", "child-stamps"])?;
    supervisors.until("the command to run", |_| true)?;
    wait_for(&folder.path().join("child-stamps"))?;
    let supervisor = supervisors.supervisor(0).ok_or("no supervisor")?;
    let running = command(supervisor).ok_or("no command")?;
    let child = *children(running).first().ok_or("no child")?;
    let guard = guard(supervisor).and_then(Process::open).ok_or("no guard")?;
    let [supervisor, running, child] = [supervisor, running, child].map(Process::open);
    let (Some(supervisor), Some(running), Some(child)) = (supervisor, running, child) else {
        return Err("a process died before the fault".into());
    };
    for &(part, signal) in faults {
        match part {
            Part::Supervisor => supervisor.signal(signal),
            Part::Guard => guard.signal(signal),
        }
    }
    let command_died = running.dies_within(PATIENCE)?;
    if survivors == Survivors::Children {
        supervisor.signal(Signal::CONT);
    }
    let child_died = child.dies_within(PATIENCE)?;
    child.signal(Signal::KILL);
    if command_died && child_died { Ok(()) } else { Err("the command or its child runs on".into()) }
}

fn wait_for(file: &Path) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    while !fs::exists(file)? {
        if Instant::now() > end {
            return Err(format!("{} was not created", file.display()).into());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// The command ends long before its grace time does, so SIGTERM must have reached it.
fn check_sigterm() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors =
        Supervisors::start(folder.path(), 1, &["--grace-ms", "600000"], &["listening", "stamps"])?;
    supervisors.until("the command to run", |_| true)?;
    supervisors.terminate(0);
    let status = supervisors.end(0)?;
    if status.success() { Ok(()) } else { Err(format!("the supervisor ended with {status}").into()) }
}

fn check_once() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors = Supervisors::start(folder.path(), 1, &["--once"], &["exit", "7"])?;
    let status = supervisors.end(0)?;
    if status.code() == Some(7) { Ok(()) } else { Err(format!("the supervisor ended with {status}").into()) }
}

/// The parent is not the named guard, as if the guard had died before the death signal was set.
fn check_orphan() -> Result<(), Failure> {
    let mut stage = Command::new(QUORATE);
    stage.arg("run:exec").arg(Pid::INIT.to_string()).arg(env::current_exe()?).args(["worker", "exit", "0"]);
    let mut stage = stage.stdin(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let _ended_early = stage.stdin.take().ok_or("no pipe")?.write_all(b"\n");
    if stage.wait()?.success() { Err("the process became the command".into()) } else { Ok(()) }
}
