//! Supervisors that share nothing but a register, while they are killed, told to stop, and cut off from it.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::Failure;
use crate::process_tree::{Process, command};
use crate::register_double;
use crate::supervisors::{Kind, Supervisors};

/// How long to wait for an event that has to happen. The bound is generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A seat that is held for as long as a busy machine needs to renew it.
const SHORT: [&str; 4] = ["--seat-ms", "2000", "--look-ms", "50"];
/// One that outlasts the test.
const LONG: [&str; 4] = ["--seat-ms", "600000", "--look-ms", "50"];

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name, check: fn() -> Result<(), Failure>| {
        Trial::test(name, move || check().map_err(|failure| Failed::from(failure.to_string())))
    };
    vec![
        trial("a_killed_holder_of_a_seat_is_followed_by_another_machine", check_kills),
        trial("a_holder_that_is_told_to_stop_gives_the_seat_up_at_once", check_stop),
        trial("the_command_stops_before_its_lease_ends_when_the_register_hangs", || check_silence("hang")),
        trial("the_command_stops_before_its_lease_ends_when_writes_are_not_answered", || {
            check_silence("no-answer")
        }),
        trial("a_register_program_that_is_killed_is_started_again", check_program),
        trial("of_two_machines_and_a_register_one_machine_is_enough", check_voter),
    ]
}

fn contend(folder: &TempDir, options: &'static [&'static str]) -> Result<Supervisors, Failure> {
    register_double::create(folder.path(), "create-seat", &[])?;
    Supervisors::start_kind(folder.path(), Kind::Seat, 3, options, &["either", "stamps"])
}

fn check_kills() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors = contend(&folder, &SHORT)?;
    let mut holder = supervisors.until("the command to run", |_| true)?;
    for _ in 0..3 {
        supervisors.kill(holder.node as usize)?;
        let term = holder.term;
        holder = supervisors.until("the command to run again", |stamp| stamp.term > term)?;
    }
    supervisors.audit()
}

/// No machine waits for the end of that length.
fn check_stop() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors = contend(&folder, &LONG)?;
    let holder = supervisors.until("the command to run", |_| true)?;
    supervisors.terminate(holder.node as usize);
    let status = supervisors.end(holder.node as usize)?;
    if !status.success() {
        return Err(format!("the supervisor ended with {status}").into());
    }
    supervisors.until("another machine to run the command", |stamp| stamp.term > holder.term)?;
    supervisors.audit()
}

/// The stamps of the next holder show whether the command has stopped in time.
fn check_silence(fault: &str) -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors = contend(&folder, &SHORT)?;
    let holder = supervisors.until("the command to run", |_| true)?;
    let file = folder.path().join(format!("{fault}-{}", holder.node));
    fs::write(&file, "")?;
    let next = supervisors.until("another machine to run the command", |stamp| stamp.node != holder.node)?;
    if next.term <= holder.term {
        return Err(format!("{next:?} after {holder:?}").into());
    }
    fs::remove_file(&file)?;
    supervisors.kill(next.node as usize)?;
    supervisors.until("the command to run again", |stamp| stamp.term > next.term)?;
    supervisors.audit()
}

/// The seat is renewed as if nothing had happened, for longer than it is held at a time.
fn check_program() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let mut supervisors = contend(&folder, &["--seat-ms", "20000", "--look-ms", "50"])?;
    let holder = supervisors.until("the command to run", |_| true)?;
    let supervisor = supervisors.supervisor(holder.node as usize).ok_or("no supervisor")?;
    let running = command(supervisor).and_then(Process::open).ok_or("no command")?;
    let program = || {
        let is_program = |&pid: &u32| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split('\0').nth(1).is_some_and(|url| url.starts_with("double:"))
        };
        crate::process_tree::children(supervisor).into_iter().find(is_program)
    };
    let first = program().ok_or("no program")?;
    Process::open(first).ok_or("no program")?.signal(rustix::process::Signal::KILL);
    let end = Instant::now() + PATIENCE;
    while program().is_none_or(|second| second == first) {
        if Instant::now() > end {
            return Err("the program is not started again".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    if running.dies_within(Duration::ZERO)? {
        return Err("the command was stopped".into());
    }
    supervisors.audit()
}

/// The voter of the register is added while both machines run. Then the one that leads is killed, and stays dead.
fn check_voter() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let quorate = |args: &[&str]| Command::new(crate::QUORATE).args(args).current_dir(folder.path()).output();
    if !quorate(&["keygen", "key"])?.status.success() {
        return Err("no key".into());
    }
    let options = &["--key", "key", "--register-voter", "bucket", "--register-look-ms", "200"];
    let mut supervisors =
        Supervisors::start_kind(folder.path(), Kind::GroupWithRegister, 2, options, &["either", "stamps"])?;
    supervisors.until("the command to run", |_| true)?;
    register_double::create(folder.path(), "create", &["--voter", "bucket"])?;
    let address = supervisors.nodes[0].address.to_string();
    let end = Instant::now() + PATIENCE;
    loop {
        let args = ["members", "add-register", "bucket", "--group", "test", "--key", "key", "--at", &address];
        let output = quorate(&args)?;
        if output.status.success() {
            break;
        }
        if Instant::now() > end {
            return Err(String::from_utf8(output.stderr)?.into());
        }
    }
    let holder = supervisors.until("the command to run", |_| true)?.node;
    supervisors.kill(holder as usize)?;
    let end = Instant::now() + PATIENCE;
    while supervisors.audit.last().is_none_or(|stamp| stamp.node == holder) {
        if Instant::now() > end {
            return Err("the other machine does not run the command".into());
        }
        supervisors.read()?;
        thread::sleep(Duration::from_millis(20));
    }
    supervisors.audit()
}
