//! All members of a group in one table.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use quorate::MAX_MEMBERS;
use quorate::adapters::endpoint::operator::Report;
use quorate::adapters::udp::{Operator, OperatorError, PeerAddress};

use self::table::table;
use crate::Id;
use crate::failure::{Failure, causes};
use crate::hosts::look_up_all;
use crate::operating::{OperatorOptions, leads};
use crate::paint::Paint;
use crate::screen::Screen;
use crate::status::{Answer, ask};

/// Shows all members of a group in one table, again and again
///
/// Any node of the group tells where the others are. An arrow marks what a member says that differs from what the leader
/// says. On a terminal the table is drawn in its place; elsewhere each look is printed below the one before.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    operator: OperatorOptions,
    /// The time from one look to the next
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    interval_ms: u64,
    /// How often to look, unless for ever
    #[arg(long)]
    rounds: Option<u64>,
}

/// How many addresses are asked at most, those of members that have moved included.
const MOST: usize = 2 * MAX_MEMBERS;

/// How long a node has to answer.
const PATIENCE: Duration = Duration::from_millis(800);

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let interval = Duration::from_millis(args.interval_ms);
    let mut watch = Watch::new(&args.operator, PATIENCE.min(interval))?;
    let (mut screen, paint) = (Screen::new(), Paint::for_output());
    let mut round = 0_u64;
    while args.rounds.is_none_or(|rounds| round < rounds) {
        if round > 0 {
            thread::sleep(interval);
        }
        let seen = watch.look();
        let rows = table(&args.operator.name, &seen, paint);
        show(&mut screen, &rows, round > 0)?;
        // What could not be asked at all is wrong at every look.
        if let (0, Some(error)) = (round, seen.why_nobody_answers()) {
            return Err(format!("no node answers: {error}").into());
        }
        round = round.saturating_add(1);
    }
    Ok(())
}

fn show(screen: &mut Screen, rows: &[String], is_later: bool) -> io::Result<()> {
    if screen.is_live() {
        return screen.draw(rows);
    }
    if is_later {
        screen.say("")?;
    }
    rows.iter().try_for_each(|row| screen.say(row))
}

/// What one look at the group has shown.
pub(crate) struct Seen {
    pub(crate) answers: BTreeMap<Id, Answer>,
    /// The members that have not answered, wherever they were asked.
    pub(crate) silent: BTreeSet<Id>,
    error: Option<String>,
}

impl Seen {
    fn why_nobody_answers(&self) -> Option<&str> {
        self.error.as_deref().filter(|_| self.answers.is_empty())
    }

    /// The newest leader's report.
    pub(crate) fn leader(&self) -> Option<&Report<Id>> {
        let leaders = self.answers.values().map(|answer| &answer.report);
        let leaders = leaders.filter(|report| leads(&report.status));
        leaders.max_by_key(|report| report.status.term)
    }
}

/// The nodes that are asked.
struct Watch {
    operator: Operator,
    /// The nodes that were named.
    hosts: Vec<PeerAddress>,
    addresses: BTreeSet<SocketAddr>,
    members: BTreeSet<Id>,
}

impl Watch {
    fn new(options: &OperatorOptions, patience: Duration) -> Result<Watch, Failure> {
        let (operator, hosts) = (options.operator()?.waiting(patience), options.hosts.clone());
        let addresses = look_up_all(&hosts)?.into_iter().collect();
        Ok(Watch { operator, hosts, addresses, members: BTreeSet::new() })
    }

    /// Asks all nodes at once. The first look asks twice, as those that were named tell where the others are.
    fn look(&mut self) -> Seen {
        let before = self.addresses.len();
        let seen = self.ask();
        if let (true, Ok(found)) = (seen.answers.is_empty(), look_up_all(&self.hosts)) {
            // All nodes may have moved.
            self.addresses = found.into_iter().collect();
        }
        if self.members.len() > seen.answers.len() && self.addresses.len() > before {
            self.ask()
        } else {
            seen
        }
    }

    fn ask(&mut self) -> Seen {
        let answers = thread::scope(|scope| {
            let ask = |&address: &SocketAddr| {
                let operator = &self.operator;
                scope.spawn(move || ask(operator, address))
            };
            let asked: Vec<_> = self.addresses.iter().map(ask).collect();
            asked.into_iter().filter_map(|answer| answer.join().ok()).collect::<Vec<_>>()
        });
        let mut seen = Seen { answers: BTreeMap::new(), silent: BTreeSet::new(), error: None };
        for answer in answers {
            match answer {
                Ok(answer) => self.take(&mut seen, answer),
                Err(error @ OperatorError::TimedOut { .. }) => {
                    seen.error.get_or_insert_with(|| causes(&error));
                }
                Err(error) => seen.error = Some(causes(&error)),
            }
        }
        // Members are those of the leader, or of all who answer if there is none.
        let status = seen.leader().map(|leader| &leader.status);
        let told = status.into_iter().chain(seen.answers.values().map(|answer| &answer.report.status));
        let told = told.take(if status.is_some() { 1 } else { usize::MAX });
        let members: BTreeSet<Id> = told.flat_map(|status| &status.members).map(|member| member.id).collect();
        if !members.is_empty() {
            self.members = members;
        }
        let answered = |id: &&Id| !seen.answers.contains_key(*id);
        let silent = self.members.iter().filter(answered).copied().collect();
        Seen { silent, ..seen }
    }

    fn take(&mut self, seen: &mut Seen, answer: Answer) {
        let room = MOST.saturating_sub(self.addresses.len());
        self.addresses.extend(answer.report.addresses.iter().map(|&(_, address)| address).take(room));
        seen.answers.insert(answer.report.status.id, answer);
    }
}
