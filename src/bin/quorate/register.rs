//! What operators do with a register: create it, once, and look at it.

use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use quorate::adapters::register::{
    Cell, ContentError, Inspection, SeatInspection, create, create_seat, inspect, inspect_seat,
};
use quorate::{ClusterId, HardState};

use crate::Id;
use crate::failure::{BadInput, Failure};
use crate::output::say;
use crate::register_program::RegisterProgram;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Creates a register, and shows one: a row, a key or an object with an atomic compare-and-swap
///
/// A register is reached by the program quorate-register, beside this one, in PATH or as QUORATE_REGISTER names it; which
/// URL it takes for which store it says itself. The page guide::register of the documentation says which stores will do.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Creates the register of a seat, for 'quorate run --seat'
    CreateSeat {
        /// The register, which must not exist
        url: String,
        /// The name of the group of all that contend for the seat
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        group: String,
    },
    /// Creates the register of a voter, which votes beside the nodes of a group
    Create {
        /// The register, which must not exist
        url: String,
        /// The name of the group
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        group: String,
        /// The id of the voter, which no node has, and no register has had before
        #[arg(long, value_name = "ID")]
        voter: Id,
        /// The voter is one of these first voters of a new group, which all nodes are bootstrapped with. Without, it is
        /// added to a group that runs
        #[arg(long, value_name = "IDS", value_delimiter = ',')]
        bootstrap: Option<Vec<Id>>,
    },
    /// Shows what a register holds
    Inspect {
        /// The register
        url: String,
        /// The name of the group, if you know it: a register of another one is an error
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        group: Option<String>,
    },
}

pub(crate) fn run(task: Task) -> Result<(), Failure> {
    match task {
        Task::CreateSeat { url, group } => {
            write(&url, &create_seat(ClusterId::from_name(&group)))?;
            say!("created: the seat of group {group}, which nobody has held");
        }
        Task::Create { url, group, voter, bootstrap } => {
            let cluster = ClusterId::from_name(&group);
            let first = match &bootstrap {
                Some(voters) => {
                    HardState::bootstrap(cluster, voters.iter().copied()).map_err(BadInput::says)?
                }
                None => HardState::joining(cluster),
            };
            write(&url, &create(&first, voter).map_err(BadInput::says)?)?;
            say!("created: the voter {voter} of group {group}");
        }
        Task::Inspect { url, group } => show(&url, group.as_deref())?,
    }
    Ok(())
}

/// The client of the register. What its program says is said once, in the end.
fn open(url: &str) -> Result<RegisterProgram, Failure> {
    RegisterProgram::tried_out(url, TIMEOUT, Arc::new(|_| {}))
}

fn write(url: &str, bytes: &[u8]) -> Result<(), Failure> {
    match open(url)?.create(bytes)? {
        Some(_) => Ok(()),
        None => {
            Err(BadInput::new("there is a register already, and it stays as it is: name another one").into())
        }
    }
}

fn show(url: &str, group: Option<&str>) -> Result<(), Failure> {
    let Some((_, bytes)) = open(url)?.read()? else {
        return Err(BadInput::new("there is no register: create it, or correct the URL").into());
    };
    // Content of one kind is foreign to the other.
    match inspect_seat::<Id>(&bytes) {
        Ok(seat) => show_seat(&seat, &name(seat.group, group)?),
        Err(ContentError::Foreign) => {
            let voter = inspect::<Id>(&bytes).map_err(BadInput::says)?;
            show_voter(&voter, &name(voter.state.cluster, group)?);
        }
        Err(error) => return Err(BadInput::says(error).into()),
    }
    Ok(())
}

/// What a group is called that has this number.
fn name(found: ClusterId, group: Option<&str>) -> Result<String, Failure> {
    match group {
        None => Ok(format!("the group number {found}")),
        Some(name) if ClusterId::from_name(name) == found => Ok(format!("group {name}")),
        Some(name) => Err(BadInput::new(format_args!(
            "the register is that of the group number {found}, and not of {name:?}: correct --group or the URL"
        ))
        .into()),
    }
}

fn show_seat(seat: &SeatInspection<Id>, group: &str) {
    let SeatInspection { term, holder, length, sequence, .. } = seat;
    match holder {
        None => say!("the seat of {group}, which nobody has held"),
        Some(holder) if length.is_zero() => {
            say!("the seat of {group}, given back by {holder} in term {term}")
        }
        Some(holder) => {
            say!("the seat of {group}, held by {holder} in term {term}, for {length:?} from each write on");
        }
    }
    say!("the last write was number {sequence}");
}

fn show_voter(voter: &Inspection<Id>, group: &str) {
    let Inspection { voter: id, state, sequence, promised, signatures, is_lost, .. } = voter;
    say!("the voter {id} of {group}, in term {}", state.term);
    let voters: Vec<_> = state.membership.voters().iter().map(ToString::to_string).collect();
    let signed: Vec<_> = signatures.iter().map(ToString::to_string).collect();
    say!("voters {}; signed by {}", list(&voters), list(&signed));
    match promised {
        Some((holder, length)) if !length.is_zero() => {
            say!("bound to {} in term {}, for {length:?} from the last write on", holder.id, holder.term);
        }
        _ => say!("bound to no node"),
    }
    if *is_lost {
        say!("it has lost what it had acknowledged: replace it by one with another id");
    }
    say!("the last write was number {sequence}");
}

fn list(ids: &[String]) -> String {
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}
