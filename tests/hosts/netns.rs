//! The machines: network namespaces around a hub, and the nftables rules that drop datagrams between them.
//!
//! Everything is made inside a network and a mount namespace of the driver. When the driver's last
//! process ends, in whatever way, the system removes everything.
//!
//! A node reaches another one under an alias, an address of the hub. The proxy receives there and passes
//! the datagrams on, so no node ever sees the real address of another one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::Failure;

/// How many machines there are.
pub(crate) const MACHINES: usize = 5;
const PORT: u16 = 7_000;

/// The folder of all files of the test, in memory that only the driver's processes see.
pub(crate) const FOLDER: &str = "/run/quorate";

/// The address at which other nodes reach the node of this machine.
pub(crate) fn alias(index: usize) -> SocketAddr {
    address(0, index)
}

/// The real address of the node of this machine.
pub(crate) fn home(index: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 9, number(index), 2), PORT))
}

/// The machine whose node sends from `address`.
pub(crate) fn machine_at(address: SocketAddr) -> Option<usize> {
    (0..MACHINES).find(|&index| home(index) == address)
}

pub(crate) fn namespace(index: usize) -> PathBuf {
    format!("/run/netns/{}", name(index)).into()
}

fn address(net: u8, index: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 9, net, number(index)), PORT))
}

fn number(index: usize) -> u8 {
    index as u8 + 1
}

fn name(index: usize) -> String {
    format!("node{}", number(index))
}

/// Makes the machines and the hub, in a process whose namespaces are its own.
pub(crate) fn build() -> Result<(), Failure> {
    run("mount", &["-t", "tmpfs", "tmpfs", "/run"], "")?;
    for folder in ["netns", "quorate/journals", "quorate/disks", "quorate/copies"] {
        std::fs::create_dir_all(PathBuf::from("/run").join(folder))?;
    }
    let mut hub = String::from("link set lo up\n");
    for index in 0..MACHINES {
        let (n, name) = (number(index), name(index));
        run("ip", &["netns", "add", &name], "")?;
        writeln!(hub, "link add hub{n} type veth peer name node netns {name}")?;
        writeln!(hub, "addr add 10.9.{n}.1/24 dev hub{n}\nlink set hub{n} up")?;
        writeln!(hub, "addr add {}/32 dev lo", alias(index).ip())?;
    }
    run("ip", &["-batch", "-"], &hub)?;
    for index in 0..MACHINES {
        let n = number(index);
        let up = format!("link set lo up\naddr add 10.9.{n}.2/24 dev node\nlink set node up\n");
        let node = format!("{up}route add default via 10.9.{n}.1\n");
        run("ip", &["-n", &name(index), "-batch", "-"], &node)?;
    }
    Ok(())
}

/// Datagrams from one set of machines to another one are dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cut {
    pub(crate) from: Vec<usize>,
    pub(crate) to: Vec<usize>,
    /// Whether the sender's machine drops them, so that sending fails, or the receiver's.
    pub(crate) at_sender: bool,
    /// How many of a hundred are dropped, at random.
    pub(crate) percent: u32,
}

impl Cut {
    fn rule(&self, index: usize) -> Option<String> {
        let (here, field, others) = match self.at_sender {
            true => (&self.from, "out ip daddr", &self.to),
            false => (&self.to, "in ip saddr", &self.from),
        };
        let others: Vec<_> = others.iter().map(|&other| alias(other).ip().to_string()).collect();
        let lottery = match self.percent {
            100 => String::new(),
            percent => format!("numgen random mod 100 < {percent}"),
        };
        let rule = format!("add rule inet faults {field} {{ {} }} {lottery} drop\n", others.join(", "));
        (here.contains(&index) && !others.is_empty()).then_some(rule)
    }
}

/// The cuts that are in force, and the rules of each machine.
#[derive(Default)]
pub(crate) struct Links {
    cuts: Vec<(usize, Cut)>,
    rules: [String; MACHINES],
}

impl Links {
    /// Adds cuts for the fault of this number.
    pub(crate) fn cut(&mut self, fault: usize, cuts: Vec<Cut>) -> Result<(), Failure> {
        self.cuts.extend(cuts.into_iter().map(|cut| (fault, cut)));
        self.apply()
    }

    pub(crate) fn mend(&mut self, fault: usize) -> Result<(), Failure> {
        self.cuts.retain(|&(number, _)| number != fault);
        self.apply()
    }

    /// Changes the rules of all machines at once, where they are others.
    fn apply(&mut self) -> Result<(), Failure> {
        let mut running = Vec::new();
        for index in 0..MACHINES {
            let rules: String = self.cuts.iter().filter_map(|(_, cut)| cut.rule(index)).collect();
            if rules != self.rules[index] {
                let args = ["netns", "exec", &name(index), "nft", "-f", "-"];
                running.push(start("ip", &args, &format!("{CHAINS}{rules}"))?);
                self.rules[index] = rules;
            }
        }
        running.into_iter().try_for_each(finish)
    }
}

const CHAINS: &str = "\
flush ruleset
add table inet faults
add chain inet faults in { type filter hook input priority 0; }
add chain inet faults out { type filter hook output priority 0; }
";

pub(crate) fn run(program: &str, args: &[&str], input: &str) -> Result<(), Failure> {
    finish(start(program, args, input)?)
}

fn start(program: &str, args: &[&str], input: &str) -> Result<Child, Failure> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let _ended_early = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    Ok(child)
}

fn finish(child: Child) -> Result<(), Failure> {
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()).into())
}
