//! Tests of the audit: it finds each kind of violation, and nothing else.

use libtest_mimic::{Failed, Trial};

use crate::Id;
use crate::journal_audit::{Audit, Record};

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok::<(), Failed>(())
        })
    };
    vec![
        trial("the_audit_finds_each_kind_of_violation", the_audit_finds_each_kind_of_violation),
        trial("the_audit_accepts_a_correct_history", the_audit_accepts_a_correct_history),
        trial("a_record_is_read_as_it_was_written", a_record_is_read_as_it_was_written),
    ]
}

fn violations(lines: &[(Id, &str)]) -> Vec<String> {
    let mut audit = Audit::default();
    for &(id, line) in lines {
        audit.add(id, &Record::parse(line).unwrap());
    }
    audit.violations()
}

#[track_caller]
fn assert_violation(lines: &[(Id, &str)], what: &str) {
    let found = violations(lines);
    assert!(found.iter().any(|violation| violation.contains(what)), "{what} is not among {found:?}");
}

fn the_audit_finds_each_kind_of_violation() {
    assert_violation(&[(1, "elected 4"), (2, "elected 4")], "two leaders in term 4");
    assert_violation(&[(1, "elected 4"), (3, "follows 2 4")], "two leaders in term 4");
    let led = |first, then| [(1, "start 4 1"), (2, "start 5 2"), (1, first), (2, then)];
    assert_violation(&led("lease 4 100 200", "lease 5 199 300"), "two leases at the same time");
    assert_violation(&led("lease 4 100 200", "lease 3 200 300"), "terms do not grow");
    assert_violation(&[(1, "start 3 1"), (1, "lease 4 100 200")], "which it has not stored");
    assert_violation(&[(1, "start 4 2"), (1, "store 4 3")], "changes from Some(2) to Some(3)");
    assert_violation(&[(1, "start 3 1"), (1, "store 4 2"), (1, "stored"), (1, "start 4 0")], "to None");
    assert_violation(
        &[(1, "start 3 1"), (1, "store 4 2"), (1, "stored"), (1, "start 3 1")],
        "falls from 4 to 3",
    );
    assert_violation(&[(1, "start 3 1"), (1, "failed"), (1, "store 4 1")], "after a write that failed");
    assert_violation(
        &[(1, "start 3 1"), (1, "store 4 2"), (1, "refused"), (1, "store 5 1")],
        "does not store again what was refused",
    );
    assert_violation(&[(1, "alarm TwoLeaders")], "reports TwoLeaders");
    assert_violation(
        &[(1, "start 5 2"), (1, "blank 1"), (1, "store 4 1"), (1, "stored"), (1, "store 3 1")],
        "falls",
    );
    assert_violation(&[(1, "blank 0"), (1, "store 4 1")], "no storage");
    let forgetful =
        [(1, "start 4 1"), (1, "lease 4 100 200"), (1, "blank 1"), (1, "store 4 1"), (1, "stored")];
    assert_violation(&[&forgetful[..], &[(1, "lease 4 300 400")]].concat(), "terms do not grow");
    // A node that was frozen writes late that it has stopped, and a restarted node has not stopped before.
    let late = [(1, "start 4 1"), (1, "lease 4 100 200"), (1, "dropped 250"), (1, "start 4 1")];
    let next = [(2, "start 5 2"), (2, "lease 5 190 300")];
    assert_violation(&[&late[..], &next[..]].concat(), "two leases at the same time");
}

fn the_audit_accepts_a_correct_history() {
    let lines = [
        (1, "start 0 0"),
        (1, "store 1 1"),
        (1, "stored"),
        (1, "elected 1"),
        (1, "lease 1 100 200"),
        (1, "lease 1 150 250"),
        (2, "follows 1 1"),
        (1, "dropped 180"),
        (2, "start 1 1"),
        (2, "store 2 2"),
        (2, "stored"),
        (2, "lease 2 180 300"),
        // A write without a result may have become durable, or not.
        (3, "start 0 0"),
        (3, "store 1 1"),
        (3, "start 0 0"),
        (3, "store 1 1"),
        (3, "start 1 1"),
        // A node that accepts a leader without having voted stores the leader as its vote.
        (4, "start 2 0"),
        (4, "store 2 2"),
        (4, "failed"),
        (4, "start 2 0"),
        // A write that was refused is tried again until it succeeds.
        (5, "start 2 0"),
        (5, "store 2 2"),
        (5, "refused"),
        (5, "store 2 2"),
        (5, "refused"),
        (5, "store 2 2"),
        (5, "stored"),
        (5, "store 3 1"),
        // A node that has forgotten may be in a lower term than before.
        (6, "start 5 2"),
        (6, "blank 1"),
        (6, "store 4 6"),
        // One that has no storage leads in terms that it has not stored.
        (7, "blank 0"),
        (7, "elected 7"),
        (7, "lease 7 400 500"),
    ];
    assert_eq!(violations(&lines), Vec::<String>::new());
}

fn a_record_is_read_as_it_was_written() {
    let records = [
        Record::Start((0, None)),
        Record::Blank { stores: true },
        Record::Blank { stores: false },
        Record::Store((7, Some(3))),
        Record::Stored,
        Record::Failed,
        Record::Refused,
        Record::Lease { term: 1, from: 2, until: 3 },
        Record::Dropped(4),
        Record::Elected(5),
        Record::Follows(None),
        Record::Follows(Some((6, 7))),
        Record::Members { term: 1, number: 2, voters: u128::MAX, learners: 0 },
        Record::Alarm("Some thing { is: wrong }".into()),
    ];
    for record in records {
        assert_eq!(Record::parse(&record.to_string()), Some(record));
    }
    assert_eq!(Record::parse("lease 1 2"), None);
}
