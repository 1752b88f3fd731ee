//! A handover that an operator asks for.

use quorate::Urgency;
use quorate::adapters::endpoint::operator::Command;

use crate::Id;
use crate::failure::{BadInput, Failure};
use crate::members::Members;
use crate::operating::CommandOptions;
use crate::output::say;

/// Has the leader of a group hand over, and waits until another node leads
///
/// The leader leads on until another node is ready, and if none is.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: CommandOptions,
    /// The node that is to lead next, unless the leader is to choose
    #[arg(long, value_name = "ID")]
    to: Option<Id>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut group = args.command.group()?;
    let leader = group.leader()?;
    let before = leader.status.id;
    if let Some(to) = args.to {
        if to == before {
            say!("node {to} leads already");
            return Ok(());
        }
        if !leader.status.members.iter().any(|member| member.id == to && member.voter) {
            let members = Members(&leader.status);
            let what = format!("node {to} is no voter, so it cannot lead: the members are {members}");
            return Err(BadInput::new(what).into());
        }
    }
    group.command(&leader, &Command::Resign { successor: args.to, urgency: Urgency::WhenReady })?;
    let next = group.until_leader(|status| (status.id != before).then_some((status.id, status.term)));
    match next {
        Some((id, term)) => {
            say!("node {id} leads in term {term}");
            Ok(())
        }
        None => Err(format!("node {before} leads on: no other node was ready to lead").into()),
    }
}
