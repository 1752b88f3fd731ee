//! The rules by which a node carries out the commands of its host, or refuses them.

use alloc::format;
use alloc::string::String;

use super::Step;
use crate::adapters::record::timeline::acts::Act;
use crate::io::{Force, Input, Output, Urgency};
use crate::rejection::Rejection;
use crate::types::NodeId;

impl<I: NodeId> Step<'_, I> {
    pub(super) fn on_command(&self, command: &Input<I>) -> Option<Act> {
        let rejection = self.outputs.iter().find_map(|output| match output {
            Output::Rejected(rejection) => Some(rejection),
            _ => None,
        });
        let (words, rules) = of_a_command(command)?;
        Some(match rejection {
            Some(rejection) => Act::new(format!("{words}: refused; {rejection}"), of_a_rejection(rejection)),
            None => Act::new(words, rules),
        })
    }
}

fn of_a_command<I: NodeId>(command: &Input<I>) -> Option<(String, &'static [&'static str])> {
    Some(match command {
        Input::Receive { .. } => return None,
        Input::Campaign => ("is told to campaign".into(), &["4.2"]),
        Input::Resign { successor, urgency } => {
            let favour = successor.map_or_else(String::new, |id| format!(" in favour of node {id:?}"));
            let soon = if *urgency == Urgency::Now { " at once" } else { "" };
            (format!("is told to resign{favour}{soon}"), &["6.1"])
        }
        Input::Reconfigure { target, force } => {
            let forced = if *force == Force::IfNeeded { ", by force if needed" } else { "" };
            (format!("is told to change the members to {target}{forced}"), &["8.2"])
        }
        Input::Discovered(id) => (format!("is told that there is node {id:?}"), &["8.4"]),
        Input::Lost(id) => (format!("is told that node {id:?} is lost"), &["8.4"]),
        Input::Leave => ("is told to leave the group".into(), &["8.3"]),
        Input::SetPosition(position) => (format!("has data up to position {position}"), &["4.2"]),
        Input::SetPriority(priority) => (format!("has priority {priority} from now on"), &["6.5"]),
    })
}

fn of_a_rejection<I>(rejection: &Rejection<I>) -> &'static [&'static str] {
    match rejection {
        Rejection::Recovering => &["9.1"],
        Rejection::Bound { .. } => &["2.1"],
        Rejection::CannotLead(_) => &["4.2"],
        Rejection::Renewing => &["5.1", "8.2"],
        Rejection::QuorumUnreachable { .. }
        | Rejection::LeaderAsLearner
        | Rejection::NoVoterLeft
        | Rejection::TooManyMembers
        | Rejection::NobodyCouldLead => &["8.2"],
        Rejection::TooFewFounders { .. } => &["9.9"],
        Rejection::OnlyVoter => &["8.3"],
        Rejection::NoLimits | Rejection::GroupFull { .. } | Rejection::GroupTooSmall { .. } => &["8.4"],
        Rejection::NoSuccessor { .. } | Rejection::UnfitSuccessor { .. } => &["6.1"],
        Rejection::ClockWentBackwards { .. }
        | Rejection::ClockOutOfRange { .. }
        | Rejection::NotLeader { .. }
        | Rejection::AlreadyLeads { .. }
        | Rejection::AlreadyCampaigning
        | Rejection::ReconfigurationLeftOut
        | Rejection::VersionsExhausted
        | Rejection::NotAMember { .. }
        | Rejection::DiscoveredItself
        | Rejection::LostItself => &[],
    }
}
