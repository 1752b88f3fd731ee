//! Starts the driver in namespaces of its own, where the system allows it.

use std::env;
use std::process::{Command, ExitCode};

use libtest_mimic::{Failed, Trial};

use crate::Failure;

pub(crate) const DRIVER: &str = "driver";

/// A script that tries what the driver will need.
const PROBE: &str = "\
mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add probe && ip link add name pods type bridge \
&& ip link add name pod type veth peer name eth0 netns probe && ip link set pod master pods \
&& nsenter --net=/run/netns/probe unshare --pid --fork --kill-child --mount-proc \
setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all --pdeathsig KILL true";

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("the_manifests_survive_what_a_rollout_does", || {
        rollouts().map_err(|failure| Failed::from(failure.to_string()))
    })]
}

fn rollouts() -> Result<(), Failure> {
    if let Err(reason) = in_namespaces("sh", &["-c", PROBE]) {
        println!("skipped: rollouts in network namespaces: {reason}");
        return Ok(());
    }
    let exe = env::current_exe()?;
    println!("{}", in_namespaces(exe.to_str().ok_or("the path is not valid UTF-8")?, &[DRIVER])?.trim());
    Ok(())
}

/// Plays the rollouts, in a process that was started in namespaces of its own.
#[cfg(target_os = "linux")]
pub(crate) fn run_driver() -> ExitCode {
    match crate::rollouts::play() {
        Ok(table) => {
            println!("{table}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
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
