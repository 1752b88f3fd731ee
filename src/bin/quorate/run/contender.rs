//! What a supervisor takes part in: an election among nodes, or the contention for a seat.

use std::fs;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};
use quorate::ClusterId;
use quorate::adapters::register::{SeatConfig, SeatHostConfig};

use crate::Id;
use crate::failure::{BadInput, Failure};
use crate::lengths::part;
use crate::node_options::NodeOptions;

/// The group of options of which a node needs one, and the options that a contender for a seat has too.
const STATEMENT: &str = "Statement";
const SHARED: [&str; 2] = ["name", "id"];
/// What a node needs under a condition of its own.
const NEEDED_UNLESS: [&str; 1] = ["data"];

/// For how long a seat is held at a time, in milliseconds, and how often it is looked at.
const LENGTH_MS: u64 = 15_000;
const LOOK_MS: u64 = 2_000;

/// A node of a group, or a contender for a seat.
pub(super) enum Contender {
    Node(Box<NodeOptions>),
    Seat(SeatOptions),
}

/// How a process contends for a seat.
pub(super) struct SeatOptions {
    pub(super) url: String,
    /// The name of the group of all that contend.
    pub(super) group: String,
    id: Option<Id>,
    /// For how long the seat is held at a time.
    pub(super) length: Duration,
    look: Duration,
}

impl Contender {
    /// The name of the group.
    pub(super) fn group(&self) -> &str {
        match self {
            Contender::Node(node) => &node.group.name,
            Contender::Seat(seat) => &seat.group,
        }
    }
}

impl SeatOptions {
    /// The name under which the process holds the seat: that of its machine unless it has another one.
    pub(super) fn id(&self) -> Result<Id, Failure> {
        if let Some(id) = self.id {
            return Ok(id);
        }
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let named = host.trim().parse();
        let advice =
            |error| BadInput::new(format_args!("this machine has no name that will do: {error}; give --id"));
        Ok(named.map_err(advice)?)
    }

    /// The margin is that of the guard, so that the supervisor kills at the same time.
    pub(super) fn config(&self, id: Id) -> SeatHostConfig<Id> {
        let (length, look) = (self.length, self.look);
        let seat = SeatConfig { length, look, ..SeatConfig::new(id, ClusterId::from_name(&self.group)) };
        SeatHostConfig { margin: part(length, 6), ..SeatHostConfig::new(seat) }
    }
}

impl Args for Contender {
    fn augment_args(command: Command) -> Command {
        let own: Vec<_> =
            NodeOptions::augment_args(Command::new("node")).get_arguments().map(id_of).collect();
        let mut command = NodeOptions::augment_args(command);
        // A contender for a seat has none of the options of a node but these.
        for id in own.into_iter().filter(|id| !SHARED.contains(&id.as_str())) {
            command = command.mut_arg(id, |arg| without_seat(arg).conflicts_with("seat"));
        }
        let command = command.mut_arg("id", without_seat).arg(
            Arg::new("seat")
                .long("seat")
                .value_name("URL")
                .value_parser(NonEmptyStringValueParser::new())
                .help(
                    "Runs the command on one of any number of machines that share nothing but this register: see 'quorate \
                     register create-seat'. None of them is told of the others; --id is the name of the machine unless it is given",
                ),
        );
        let millis = |name, range: std::ops::RangeInclusive<u64>| {
            Arg::new(name)
                .long(name)
                .value_name("MS")
                .requires("seat")
                .value_parser(value_parser!(u64).range(range))
        };
        command
            .arg(millis("seat-ms", 500..=3_600_000).help(format!(
                "With --seat: for how long the seat is held at a time, the same on all machines. For about this long, and \
                 --look-ms, nothing runs after the holder has died. Each third of it the register is written [default: \
                 {LENGTH_MS}]"
            )))
            .arg(millis("look-ms", 10..=3_600_000).help(format!(
                "With --seat: how often a machine looks at the register that does not hold the seat [default: {LOOK_MS}, \
                 or a seventh of --seat-ms if that is less]"
            )))
            .mut_group(STATEMENT, |group| group.arg("seat"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Contender {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let Some(url) = matches.get_one::<String>("seat") else {
            return NodeOptions::from_arg_matches(matches).map(|node| Contender::Node(Box::new(node)));
        };
        let millis = |name| matches.get_one::<u64>(name).copied();
        let length = millis("seat-ms").unwrap_or(LENGTH_MS);
        let look = millis("look-ms").unwrap_or_else(|| LOOK_MS.min(length.checked_div(7).unwrap_or(length)));
        Ok(Contender::Seat(SeatOptions {
            url: url.clone(),
            group: matches.get_one::<String>("name").cloned().unwrap_or_default(),
            id: matches.get_one::<Id>("id").copied(),
            length: Duration::from_millis(length),
            look: Duration::from_millis(look),
        }))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn id_of(arg: &Arg) -> String {
    arg.get_id().to_string()
}

/// What a node cannot do without, a contender for a seat can.
fn without_seat(arg: Arg) -> Arg {
    let is_needed = arg.is_required_set() || NEEDED_UNLESS.contains(&arg.get_id().as_str());
    if is_needed { arg.required(false).required_unless_present("seat") } else { arg }
}
