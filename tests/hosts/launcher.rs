//! Starts the driver in namespaces of its own, where the system allows it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, process};

use libtest_mimic::{Failed, Trial};
use quorate::Timing;

use crate::fault_schedule::{Storage, fault_schedule};
use crate::{Failure, driver, gone_machines};

const FAULTS: usize = 40;

/// For how many seconds members are gone.
const GONE: u64 = 4;

/// A script that tries what the driver will need.
const PROBE: &str = "\
mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add probe \
&& ip link add hub type veth peer name node netns probe \
&& ip netns exec probe nft add table inet probe";

/// The lengths of `Timing::lan`, each a third longer, so that a busy machine does not count as a fault.
pub(crate) fn timing() -> Timing {
    let (lan, longer) = (Timing::lan(), |length: Duration| length * 4 / 3);
    Timing {
        promise: longer(lan.promise),
        promise_limit: longer(lan.promise_limit),
        heartbeat_interval: longer(lan.heartbeat_interval),
        retry_interval: longer(lan.retry_interval),
        stagger: longer(lan.stagger),
        ..lan
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("the_same_seed_gives_the_same_faults", || {
            let schedule = |seed| fault_schedule(seed, 300, Storage::Files);
            assert_eq!(schedule(7), schedule(7));
            assert_ne!(schedule(7), schedule(8));
            Ok(())
        }),
        Trial::test("hosts_elect_one_leader_at_a_time_whatever_fails_around_them", || {
            hosts(Storage::Files).map_err(|failure| Failed::from(failure.to_string()))
        }),
        Trial::test("hosts_without_storage_elect_one_leader_at_a_time_whatever_they_forget", || {
            hosts(Storage::None).map_err(|failure| Failed::from(failure.to_string()))
        }),
        Trial::test("members_on_machines_that_are_gone_do_not_cost_the_others_their_leader", || {
            gone().map_err(|failure| Failed::from(failure.to_string()))
        }),
    ]
}

fn hosts(storage: Storage) -> Result<(), Failure> {
    if let Err(reason) = in_namespaces("sh", &["-c", PROBE]) {
        println!("skipped: hosts in network namespaces: {reason}");
        return Ok(());
    }
    let seed = setting("QUORATE_HOSTS_SEED")?.unwrap_or_else(any_seed);
    let faults = setting("QUORATE_HOSTS_FAULTS")?.unwrap_or(FAULTS as u64);
    let replay = format!("QUORATE_HOSTS_SEED={seed} QUORATE_HOSTS_FAULTS={faults}");
    println!("{replay}");
    let exe = env::current_exe()?;
    let exe = exe.to_str().ok_or("the path is not valid UTF-8")?;
    let folder = folder(seed, storage);
    let mode = match storage {
        Storage::Files => "driver",
        Storage::None => "driver-without-storage",
    };
    match in_namespaces(exe, &[mode, &seed.to_string(), &faults.to_string()]) {
        Ok(summary) => {
            println!("{}", summary.trim());
            Ok(())
        }
        Err(failure) => Err(format!("{failure}\nfiles: {}\nreplay: {replay}", folder.display()).into()),
    }
}

fn gone() -> Result<(), Failure> {
    if let Err(reason) = in_namespaces("sh", &["-c", PROBE]) {
        println!("skipped: machines that are gone: {reason}");
        return Ok(());
    }
    let seconds = setting("QUORATE_HOSTS_GONE_SECONDS")?.unwrap_or(GONE);
    let exe = env::current_exe()?;
    let exe = exe.to_str().ok_or("the path is not valid UTF-8")?;
    println!("{}", in_namespaces(exe, &["gone", &seconds.to_string()])?.trim());
    Ok(())
}

/// Runs groups whose other members are gone, in a process that was started in namespaces of its own.
pub(crate) fn run_gone_machines() -> ExitCode {
    let seconds = env::args().nth(2).and_then(|seconds| seconds.parse().ok());
    show(gone_machines::main(seconds.unwrap_or(GONE)))
}

/// Runs the driver, in a process that was started in namespaces of its own.
pub(crate) fn run_driver(storage: Storage) -> ExitCode {
    let mut numbers = env::args().skip(2).filter_map(|number| number.parse::<u64>().ok());
    let (Some(seed), Some(faults)) = (numbers.next(), numbers.next()) else { return ExitCode::from(2) };
    show(driver::main(seed, faults as usize, storage, &folder(seed, storage)))
}

fn show(result: Result<String, Failure>) -> ExitCode {
    match result {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// The folder for the files of a failed run.
fn folder(seed: u64, storage: Storage) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hosts-{seed}-{storage:?}").to_lowercase())
}

/// Runs a program in a new network and a new mount namespace, and returns its output.
fn in_namespaces(program: &str, args: &[&str]) -> Result<String, Failure> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--", program]).args(args);
    let output = command.output().map_err(|error| format!("unshare: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().into())
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
