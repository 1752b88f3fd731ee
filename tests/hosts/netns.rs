//! Machines of one's own: network namespaces around a hub, and what nftables drop between them.
//!
//! All of it is made inside a network and a mount namespace that belong to the drill alone: when
//! its last process is gone, however it went, the system removes everything.
//!
//! Each node reaches each other under an alias, an address of the hub, where the relay takes and
//! passes on what is sent; no node ever sees where another really is.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::Failure;

/// How many machines there are.
pub(crate) const PLACES: usize = 5;
const PORT: u16 = 7_000;

/// Where everything is that the test writes: memory that only the drill sees.
pub(crate) const FOLDER: &str = "/run/quorate";

/// Where the others find the node at `place`.
pub(crate) fn alias(place: usize) -> SocketAddr {
    address(0, place)
}

/// Where it really is.
pub(crate) fn home(place: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 9, number(place), 2), PORT))
}

/// The place whose node sends from `address`.
pub(crate) fn place_of(address: SocketAddr) -> Option<usize> {
    (0..PLACES).find(|&place| home(place) == address)
}

pub(crate) fn namespace(place: usize) -> PathBuf {
    format!("/run/netns/{}", name(place)).into()
}

fn address(net: u8, place: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 9, net, number(place)), PORT))
}

fn number(place: usize) -> u8 {
    place as u8 + 1
}

fn name(place: usize) -> String {
    format!("node{}", number(place))
}

/// Makes all of it, in a process whose namespaces are its own.
pub(crate) fn build() -> Result<(), Failure> {
    run("mount", &["-t", "tmpfs", "tmpfs", "/run"], "")?;
    for folder in ["netns", "quorate/ledgers", "quorate/disks", "quorate/copies"] {
        std::fs::create_dir_all(PathBuf::from("/run").join(folder))?;
    }
    let mut hub = String::from("link set lo up\n");
    for place in 0..PLACES {
        let (n, name) = (number(place), name(place));
        run("ip", &["netns", "add", &name], "")?;
        writeln!(hub, "link add hub{n} type veth peer name node netns {name}")?;
        writeln!(hub, "addr add 10.9.{n}.1/24 dev hub{n}\nlink set hub{n} up")?;
        writeln!(hub, "addr add {}/32 dev lo", alias(place).ip())?;
    }
    run("ip", &["-batch", "-"], &hub)?;
    for place in 0..PLACES {
        let n = number(place);
        let up = format!("link set lo up\naddr add 10.9.{n}.2/24 dev node\nlink set node up\n");
        let node = format!("{up}route add default via 10.9.{n}.1\n");
        run("ip", &["-n", &name(place), "-batch", "-"], &node)?;
    }
    Ok(())
}

/// Datagrams from one set of places to another that are dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cut {
    pub(crate) from: Vec<usize>,
    pub(crate) to: Vec<usize>,
    /// On the sender's machine, so that it is told; else on the receiver's.
    pub(crate) at_sender: bool,
    /// So many of a hundred, at random.
    pub(crate) percent: u32,
}

impl Cut {
    fn rule(&self, place: usize) -> Option<String> {
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
        (here.contains(&place) && !others.is_empty()).then_some(rule)
    }
}

/// What is cut on each machine.
#[derive(Default)]
pub(crate) struct Wires {
    cuts: Vec<(usize, Cut)>,
    rules: [String; PLACES],
}

impl Wires {
    /// Cuts them on behalf of the fault of this number.
    pub(crate) fn cut(&mut self, fault: usize, cuts: Vec<Cut>) -> Result<(), Failure> {
        self.cuts.extend(cuts.into_iter().map(|cut| (fault, cut)));
        self.apply()
    }

    pub(crate) fn mend(&mut self, fault: usize) -> Result<(), Failure> {
        self.cuts.retain(|&(number, _)| number != fault);
        self.apply()
    }

    /// On all machines at once, as far as their rules have changed.
    fn apply(&mut self) -> Result<(), Failure> {
        let mut running = Vec::new();
        for place in 0..PLACES {
            let rules: String = self.cuts.iter().filter_map(|(_, cut)| cut.rule(place)).collect();
            if rules != self.rules[place] {
                let args = ["netns", "exec", &name(place), "nft", "-f", "-"];
                running.push(start("ip", &args, &format!("{CHAINS}{rules}"))?);
                self.rules[place] = rules;
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
    let _dies_unheard = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    Ok(child)
}

fn finish(child: Child) -> Result<(), Failure> {
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()).into())
}
