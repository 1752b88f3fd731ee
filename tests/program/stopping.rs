//! How long the program takes to stop is what its help says, and what the guide and the manifests allow for.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::nodes::{Process, until};
use crate::{free_address, printed, quorate};

/// The formula as it stands in the help and in the guide.
const FORMULA: &str = "17 * --promise-ms + --grace-ms + --hook-ms + 3000";

#[test]
fn a_supervisor_says_how_long_its_end_takes_by_the_formula_of_its_help() {
    let folder = TempDir::new().unwrap();
    let help = printed(&["run", "--help"]);
    assert!(
        help.contains(FORMULA)
            && help.contains("with --seat, --seat-ms takes the place of 17 * --promise-ms")
    );
    for (hooks, longest) in [(&[][..], "7.3s"), (&["--on-elected", "true"], "7.8s")] {
        let (data, address) = (folder.path().to_str().unwrap(), free_address());
        let log = folder.path().join("log");
        let mut command =
            quorate(&["run", "--group", "test", "--id", "n", "--first-rollout=n", "--data", data]);
        command.args(["--listen", &address, "--promise-ms", "200", "--grace-ms", "900", "--hook-ms", "500"]);
        command.args(hooks).args(["--", "sleep", "600"]).stdout(Stdio::null());
        let mut node = Process(command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap());
        let said = || fs::read_to_string(&log).unwrap();
        until("the command to run", || said().contains("runs the command").then_some(()));
        kill_process(Pid::from_child(&node.0), Signal::TERM).unwrap();
        assert!(node.0.wait().unwrap().success(), "{}", said());
        let stop = format!("is told to stop, which takes no longer than {longest}: ");
        assert!(said().contains(&stop), "{stop:?} in {}", said());
    }
}

#[test]
fn the_guide_and_the_manifests_have_the_same_formula() {
    let read = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    for name in [
        "src/guide/kubernetes.md",
        "src/bin/quorate/run.rs",
        "examples/systemd/quorate-scheduler.service",
        "examples/kubernetes/with-volumes.yaml",
        "examples/kubernetes/without-volumes.yaml",
    ] {
        assert!(read(name).contains(FORMULA), "{name}");
    }
}
