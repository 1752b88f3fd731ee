//! The table: a row for each node, and an arrow where nodes disagree.

use std::iter;
use std::time::Duration;

use quorate::RoleKind;
use quorate::adapters::Advertised;
use quorate::adapters::endpoint::operator::Report;

use super::Seen;
use crate::Id;
use crate::operating::leads;
use crate::paint::{Colour, Paint};
use crate::status::{Answer, describe_keys};

/// By how much a clock may differ before it is marked, in milliseconds.
const CLOCKS: u128 = 1_000;

const HEAD: [&str; COLUMNS] = [
    "node",
    "role",
    "term",
    "leader",
    "lease left",
    "last heard",
    "position",
    "version",
    "keys",
    "pending write",
    "clock",
    "advertises",
];
const COLUMNS: usize = 12;

/// Where nothing is known or to be said.
const NONE: &str = "-";

/// A cell: its text, and whether the node contradicts the leader in it.
struct Cell {
    text: String,
    differs: bool,
}

struct Row {
    colour: Option<Colour>,
    cells: Vec<Cell>,
}

/// The lines of the table, with a heading and the problems that nodes report.
pub(crate) fn table(group: &str, seen: &Seen, paint: Paint) -> Vec<String> {
    let leader = seen.leader();
    let reported = seen.answers.values().map(|answer| reported(answer, leader));
    let mut rows: Vec<(Id, Row)> = seen.answers.keys().copied().zip(reported).collect();
    rows.extend(seen.silent.iter().map(|&id| (id, silent(id, leader))));
    rows.sort_by_key(|&(id, _)| id);

    let head = HEAD.map(|text| Cell { text: text.to_owned(), differs: false });
    let mut head = Row { colour: Some(Colour::Unimportant), cells: head.into() };
    drop_unused_column(&mut head, &mut rows);
    let all: Vec<&Row> = iter::once(&head).chain(rows.iter().map(|(_, row)| row)).collect();
    let width = |column: usize| {
        let lengths = all.iter().filter_map(|row| row.cells.get(column)).map(length);
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.cells.len()).map(width).collect();
    let lines = all.iter().map(|row| line(row, &widths, paint));
    let problems = seen.answers.values().filter_map(|Answer { report, .. }| {
        let problem = report.status.diagnosis.as_ref()?;
        Some(paint.paint(Colour::Bad, format_args!("node {}: {problem}", report.status.id)))
    });
    iter::once(summary(group, seen)).chain(lines).chain(problems).collect()
}

/// Leaves out the last column, that of what members advertise, where nobody advertises anything.
fn drop_unused_column(head: &mut Row, rows: &mut [(Id, Row)]) {
    let is_used = |row: &Row| row.cells.last().is_some_and(|cell| cell.text != NONE || cell.differs);
    if !rows.iter().any(|(_, row)| is_used(row)) {
        for row in iter::once(head).chain(rows.iter_mut().map(|(_, row)| row)) {
            row.cells.pop();
        }
    }
}

fn summary(group: &str, seen: &Seen) -> String {
    let nodes = seen.answers.len().saturating_add(seen.silent.len());
    let answer = seen.answers.len();
    match seen.leader() {
        Some(leader) => {
            format!("group {group}: node {} leads; {answer} of {nodes} nodes answer", leader.status.id)
        }
        None => format!("group {group}: no node leads; {answer} of {nodes} nodes answer"),
    }
}

fn length(cell: &Cell) -> usize {
    cell.text.chars().count().saturating_add(if cell.differs { 2 } else { 0 })
}

fn line(row: &Row, widths: &[usize], paint: Paint) -> String {
    let cells = row.cells.iter().zip(widths).map(|(cell, &width)| {
        let arrow = if cell.differs { "→ " } else { "" };
        let text = format!("{:<width$}", format!("{arrow}{}", cell.text));
        match (cell.differs, row.colour) {
            (true, _) => paint.paint(Colour::Bad, text),
            (false, Some(colour)) => paint.paint(colour, text),
            (false, None) => text,
        }
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn reported(answer: &Answer, leader: Option<&Report<Id>>) -> Row {
    let (report, status) = (&answer.report, &answer.report.status);
    let same = |text: String| Cell { text, differs: false };
    // A cell that has to say the same on all nodes.
    let common = |of: &dyn Fn(&Report<Id>) -> String| {
        let text = of(report);
        let differs = leader.is_some_and(|leader| of(leader) != text);
        Cell { text, differs }
    };
    let ahead = answer.clock_ahead;
    let lease = if leads(status) { brief(status.lease_left()) } else { NONE.into() };
    let write = status.pending_write.map_or(NONE.into(), brief);
    let cells = vec![
        same(status.id.to_string()),
        same(status.role.to_string()),
        common(&|report| report.status.term.to_string()),
        common(&|report| report.status.leader.map_or(NONE.into(), |leader| leader.id.to_string())),
        same(lease),
        same(last_heard(status.id, leader)),
        same(status.position.to_string()),
        common(&|report| {
            let mark = if report.status.committed { "" } else { "?" };
            format!("{}{mark}", report.status.version)
        }),
        common(&|report| describe_keys(&report.keys)),
        same(write),
        Cell { text: format!("{ahead:+} ms"), differs: ahead.unsigned_abs() > CLOCKS },
        advertised(report, leader),
    ];
    let colour = match status.role {
        RoleKind::Leader => Some(Colour::Good),
        _ if status.leader.is_none() => Some(Colour::Odd),
        _ => None,
    };
    Row { colour, cells }
}

fn silent(id: Id, leader: Option<&Report<Id>>) -> Row {
    let mut texts = vec![id.to_string(), "silent".into()];
    texts.resize(COLUMNS, NONE.into());
    if let [.., heard, _, _, _, _, _, told] = &mut texts[..] {
        *heard = last_heard(id, leader);
        *told = text_or_none(leader.and_then(|leader| leader.advertised(id)));
    }
    let cells = texts.into_iter().map(|text| Cell { text, differs: false }).collect();
    Row { colour: Some(Colour::Bad), cells }
}

/// What a node advertises. It contradicts the leader that does not know that text.
fn advertised(report: &Report<Id>, leader: Option<&Report<Id>>) -> Cell {
    let id = report.status.id;
    let own = report.advertised(id);
    Cell { text: text_or_none(own), differs: leader.is_some_and(|leader| leader.advertised(id) != own) }
}

fn text_or_none(text: Option<Advertised>) -> String {
    text.map_or(NONE.into(), |text| text.to_string())
}

/// How long ago the leader has heard a node.
fn last_heard(id: Id, leader: Option<&Report<Id>>) -> String {
    let Some(leader) = leader.map(|leader| &leader.status).filter(|leader| leader.id != id) else {
        return NONE.into();
    };
    let member = leader.members.iter().find(|member| member.id == id);
    match member.and_then(|member| member.heard_ago) {
        Some(ago) => brief(ago),
        None => "never".into(),
    }
}

/// A length of time in milliseconds, or in seconds if it is long.
fn brief(length: Duration) -> String {
    if length < Duration::from_secs(10) {
        format!("{} ms", length.as_millis())
    } else {
        format!("{} s", length.as_secs())
    }
}
