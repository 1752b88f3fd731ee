//! Changes of the members of a group.

use quorate::adapters::endpoint::operator::{Change, ChangeKind, Command, intended_members};
use quorate::adapters::udp::PeerAddress;
use quorate::{Force, Status, Target};

use crate::Id;
use crate::failure::{BadInput, Failure};
use crate::hosts::look_up_newcomer;
use crate::node_options::peer;
use crate::operating::CommandOptions;
use crate::output::say;

/// The group, and what the operator has seen of it.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    command: CommandOptions,
    /// Only if the members are still in this version, as 'quorate status' shows it, and no change of them is under way. The
    /// version is another one after a change of the members, and after one of the leader
    #[arg(long, value_name = "VERSION")]
    if_version: Option<String>,
}

/// Changes the members of a group, and waits until the change is committed
///
/// Any node of the group tells where the leader is, and the leader is told. The group grows before it shrinks, one safe
/// step after another. If somebody else changes the members at the same time, this change is refused, and nothing is done:
/// look at the members, and repeat it if it is still wanted. After a change without an answer look at them too: it is
/// refused a second time if it was done.
#[derive(clap::Subcommand)]
pub(crate) enum Task {
    /// Adds a node, which was started with --joins
    Add {
        #[command(flatten)]
        options: Options,
        /// The node, and where it is
        #[arg(value_name = "ID=HOST:PORT", value_parser = peer)]
        node: (Id, PeerAddress),
        /// The node follows without a vote
        #[arg(long)]
        learner: bool,
    },
    /// Adds the voter of a register, which all nodes were started with ('--register'): it has no address
    AddRegister {
        #[command(flatten)]
        options: Options,
        /// The id of the voter
        id: Id,
    },
    /// Removes a node, be it alive or gone for good
    Remove {
        #[command(flatten)]
        options: Options,
        /// The node
        id: Id,
        /// Even if that costs the group its leader for a moment: for nodes that are dead and are half of the group or
        /// more
        #[arg(long)]
        force: bool,
    },
    /// Has a node that was started with --joins take the place of another one
    Replace {
        #[command(flatten)]
        options: Options,
        /// The node that goes
        id: Id,
        /// The node that takes its place, and where it is
        #[arg(value_name = "ID=HOST:PORT", value_parser = peer)]
        by: (Id, PeerAddress),
        /// Even if that costs the group its leader for a moment
        #[arg(long)]
        force: bool,
    },
    /// Gives a learner a vote
    Promote {
        #[command(flatten)]
        options: Options,
        /// The learner
        id: Id,
    },
}

pub(crate) fn run(task: Task) -> Result<(), Failure> {
    let forced = |force| if force { Force::IfNeeded } else { Force::Never };
    let (options, change) = match task {
        Task::Add { options, node: (id, address), learner } => {
            let kind = if learner { ChangeKind::AddLearner } else { ChangeKind::Add };
            (options, Change { addresses: look_up_newcomer(&address)?, ..Change::new(id, kind) })
        }
        Task::AddRegister { options, id } => (options, Change::new(id, ChangeKind::Add)),
        Task::Remove { options, id, force } => {
            (options, Change { force: forced(force), ..Change::new(id, ChangeKind::Remove) })
        }
        Task::Replace { options, id, by: (other, address), force } => {
            let change = Change::new(id, ChangeKind::ReplaceBy(other));
            (options, Change { addresses: look_up_newcomer(&address)?, force: forced(force), ..change })
        }
        Task::Promote { options, id } => (options, Change::new(id, ChangeKind::Promote)),
    };
    carry_out(&options, change)
}

fn carry_out(options: &Options, change: Change<Id>) -> Result<(), Failure> {
    let mut group = options.command.group()?;
    let leader = group.leader()?;
    if let Some(seen) = &options.if_version {
        check_version(seen, &leader.status)?;
    }
    let change = change.seen_in(&leader.status);
    let target = change.target(&leader.status).map_err(|error| {
        BadInput::new(format_args!("{error}: the members are {}", Members(&leader.status)))
    })?;
    group.command(&leader, &Command::Change(change))?;
    match group.until_leader(|status| end_of_change(status, &target)) {
        Some(Ok(done)) => {
            say!("{done}");
            Ok(())
        }
        Some(Err(why)) => Err(why.into()),
        None => Err(
            "the leader has taken the change, and it is not done yet: 'quorate status' of the leader shows \
                     the target, and what is waited for"
                .into(),
        ),
    }
}

/// Refuses a change of members that the operator has not seen.
fn check_version(seen: &str, status: &Status<Id>) -> Result<(), Failure> {
    let (members, version) = (Members(status), status.version);
    if let Some(target) = &status.target {
        return Err(format!("the group has moved on: a change to {target} is under way").into());
    }
    if version.to_string() != seen {
        return Err(format!("the group has moved on: the members are {members}, in version {version}").into());
    }
    Ok(())
}

/// How a change to `target` has ended, on a leader with this status; `None` while it goes on.
fn end_of_change(status: &Status<Id>, target: &Target<Id>) -> Option<Result<String, String>> {
    let intended = intended_members(status).ok()?;
    let (members, version) = (Members(status), status.version);
    match &status.target {
        _ if intended == *target => {
            let is_done = status.target.is_none() && status.committed;
            is_done.then(|| Ok(format!("the members are {members}, in version {version}")))
        }
        Some(other) => Some(Err(format!(
            "the leader has taken the change, and then another one, to {other}: look at the members when that is done"
        ))),
        None => Some(Err(format!(
            "the change has ended before it was done, by another change or with its leader: the members are {members}, \
             in version {version}; repeat the change if it is still wanted"
        ))),
    }
}

/// The members by name, the learners in parentheses.
pub(crate) struct Members<'a>(pub(crate) &'a Status<Id>);

impl std::fmt::Display for Members<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |member: &quorate::MemberStatus<Id>| match member.voter {
            true => member.id.to_string(),
            false => format!("({})", member.id),
        };
        f.write_str(&self.0.members.iter().map(name).collect::<Vec<_>>().join(" "))
    }
}
