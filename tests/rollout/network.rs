//! The network of the pods: a bridge, and behind it a network namespace for each pod, with an address that no pod has
//! had before.

use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;

/// The folder of all files of the test, in memory that only the driver's processes see.
pub(crate) const FOLDER: &str = "/run/quorate";

/// The address of the driver, where it answers the pods' questions for names.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 90, 0, 1);

/// As Kubernetes writes it for pods.
const RESOLV_CONF: &str = "\
nameserver 10.90.0.1
search default.svc.cluster.local svc.cluster.local cluster.local
options ndots:5
";

pub(crate) struct Network {
    used: u16,
}

/// A network namespace.
pub(crate) struct Machine {
    name: String,
    pub(crate) address: Ipv4Addr,
}

impl Network {
    /// Makes the bridge, in a process whose namespaces are its own.
    pub(crate) fn build() -> Result<Network, Failure> {
        run("mount", &["-t", "tmpfs", "tmpfs", "/run"], "")?;
        for folder in ["netns", "quorate"] {
            fs::create_dir(Path::new("/run").join(folder))?;
        }
        // A bridge that is given no hardware address takes the lowest one of its pods, and another one when that pod goes:
        // the others would write to the old one for seconds.
        let bridge = format!(
            "link set lo up\nlink add name pods address 02:00:00:00:00:01 type bridge\naddr add {GATEWAY}/16 dev pods\nlink set pods up\n"
        );
        run("ip", &["-batch", "-"], &bridge)?;
        for (file, text) in [("/etc/resolv.conf", RESOLV_CONF), ("/etc/nsswitch.conf", "hosts: files dns\n")]
        {
            let ours = Path::new(FOLDER).join(Path::new(file).file_name().ok_or("no file")?);
            fs::write(&ours, text)?;
            run("mount", &["--bind", ours.to_str().ok_or("no text")?, file], "")?;
        }
        Ok(Network { used: 0 })
    }

    pub(crate) fn machine(&mut self) -> Result<Machine, Failure> {
        self.used += 1;
        let [high, low] = self.used.to_be_bytes();
        let (name, address) = (format!("pod{}", self.used), Ipv4Addr::new(10, 90, high + 1, low));
        run("ip", &["netns", "add", &name], "")?;
        let wire = format!(
            "link add name {name} type veth peer name eth0 netns {name}\nlink set {name} master pods up\n"
        );
        run("ip", &["-batch", "-"], &wire)?;
        let up = format!("link set lo up\naddr add {address}/16 dev eth0\nlink set eth0 up\n");
        run("ip", &["-n", &name, "-batch", "-"], &up)?;
        Ok(Machine { name, address })
    }
}

impl Machine {
    pub(crate) fn namespace(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.name)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _gone_already = run("ip", &["netns", "delete", &self.name], "");
    }
}

pub(crate) fn run(program: &str, args: &[&str], input: &str) -> Result<(), Failure> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let _ended_early = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}
