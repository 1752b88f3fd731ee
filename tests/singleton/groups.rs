//! One supervisor, one fault: what is left of the command and of the child that it started.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use libtest_mimic::{Failed, Trial};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::Failure;
use crate::processes::{Process, children, command, guard};
use crate::supervisors::Supervisors;

/// For what is not to happen late, but not to fail to happen.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name, faults: &'static [(Part, Signal)], left: Left| {
        Trial::test(name, move || befall(faults, left).map_err(|failure| Failed::from(failure.to_string())))
    };
    const KILL: Signal = Signal::KILL;
    const FREEZE: Signal = Signal::STOP;
    vec![
        trial("nothing_outlives_a_killed_supervisor", &[(Part::Supervisor, KILL)], Left::Nothing),
        trial("nothing_outlives_a_killed_guard", &[(Part::Guard, KILL)], Left::Nothing),
        trial(
            "nothing_outlives_the_lease_of_a_frozen_supervisor",
            &[(Part::Supervisor, FREEZE)],
            Left::Nothing,
        ),
        trial("nothing_outlives_the_orders_of_a_frozen_guard", &[(Part::Guard, FREEZE)], Left::Nothing),
        trial(
            "the_command_does_not_outlive_the_lease_of_a_frozen_supervisor_and_a_frozen_guard",
            &[(Part::Guard, FREEZE), (Part::Supervisor, FREEZE)],
            Left::Children,
        ),
        trial(
            "the_command_does_not_outlive_a_guard_killed_under_a_frozen_supervisor",
            &[(Part::Supervisor, FREEZE), (Part::Guard, KILL)],
            Left::Children,
        ),
        Trial::test("what_has_lost_its_guard_does_not_become_the_command", || {
            orphan().map_err(|failure| Failed::from(failure.to_string()))
        }),
        Trial::test("the_command_is_asked_to_stop_before_it_is_killed", || {
            asked().map_err(|failure| Failed::from(failure.to_string()))
        }),
        Trial::test("with_once_the_supervisor_exits_as_the_command_does", || {
            once().map_err(|failure| Failed::from(failure.to_string()))
        }),
    ]
}

#[derive(Clone, Copy)]
enum Part {
    Supervisor,
    Guard,
}

/// What may be left until the supervisor is thawed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    Children,
}

fn befall(faults: &[(Part, Signal)], left: Left) -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors = Supervisors::start(folder.path(), 1, &[], &["deaf", "stamps", "childs"])?;
    supervisors.until("the command to run", |_| true)?;
    wait_for(&folder.path().join("childs"))?;
    let supervisor = supervisors.supervisor(0).ok_or("no supervisor")?;
    let running = command(supervisor).ok_or("no command")?;
    let child = *children(running).first().ok_or("no child")?;
    let guard = guard(supervisor).and_then(Process::open).ok_or("no guard")?;
    let [supervisor, running, child] = [supervisor, running, child].map(Process::open);
    let (Some(supervisor), Some(running), Some(child)) = (supervisor, running, child) else {
        return Err("died too early".into());
    };
    for &(part, signal) in faults {
        match part {
            Part::Supervisor => supervisor.signal(signal),
            Part::Guard => guard.signal(signal),
        }
    }
    let command_died = running.dies_within(PATIENCE)?;
    if left == Left::Children {
        supervisor.signal(Signal::CONT);
    }
    let child_died = child.dies_within(PATIENCE)?;
    child.signal(Signal::KILL);
    if command_died && child_died { Ok(()) } else { Err("it runs on".into()) }
}

fn wait_for(file: &Path) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    while !fs::exists(file)? {
        if Instant::now() > end {
            return Err(format!("{} does not come", file.display()).into());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// It would be killed later than this test waits.
fn asked() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors =
        Supervisors::start(folder.path(), 1, &["--grace-ms", "600000"], &["listening", "stamps"])?;
    supervisors.until("the command to run", |_| true)?;
    supervisors.terminate(0);
    let status = supervisors.end(0)?;
    if status.success() { Ok(()) } else { Err(format!("it ended, {status}").into()) }
}

fn once() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors = Supervisors::start(folder.path(), 1, &["--once"], &["exit", "7"])?;
    let status = supervisors.end(0)?;
    if status.code() == Some(7) { Ok(()) } else { Err(format!("it ended, {status}").into()) }
}

/// As if the guard had died before the system was told to kill the command with it.
fn orphan() -> Result<(), Failure> {
    let exe = env::current_exe()?;
    let mut stage = Command::new(&exe);
    stage.arg("exec").arg(Pid::INIT.to_string()).arg(&exe).args(["worker", "exit", "0"]);
    let mut stage = stage.stdin(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let _refuses_to_hear_it = stage.stdin.take().ok_or("no pipe")?.write_all(b"\n");
    if stage.wait()?.success() { Err("it became the command".into()) } else { Ok(()) }
}
