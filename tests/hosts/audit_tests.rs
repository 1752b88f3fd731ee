//! The ledger has teeth: each of these is flagged.

use libtest_mimic::{Failed, Trial};

use crate::Id;
use crate::audit::{Audit, Record};

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok::<(), Failed>(())
        })
    };
    vec![
        trial("what_must_not_be_is_flagged", what_must_not_be_is_flagged),
        trial("what_may_be_is_not_flagged", what_may_be_is_not_flagged),
        trial("a_record_is_read_as_it_was_written", a_record_is_read_as_it_was_written),
    ]
}

fn audited(lines: &[(Id, &str)]) -> Vec<String> {
    let mut audit = Audit::default();
    for &(id, line) in lines {
        audit.add(id, &Record::parse(line).unwrap());
    }
    audit.violations()
}

#[track_caller]
fn flagged(lines: &[(Id, &str)], what: &str) {
    let found = audited(lines);
    assert!(found.iter().any(|violation| violation.contains(what)), "{what} is not among {found:?}");
}

fn what_must_not_be_is_flagged() {
    flagged(&[(1, "elected 4"), (2, "elected 4")], "two leaders in term 4");
    flagged(&[(1, "elected 4"), (3, "follows 2 4")], "two leaders in term 4");
    let led = |first, then| [(1, "start 4 1"), (2, "start 5 2"), (1, first), (2, then)];
    flagged(&led("lease 4 100 200", "lease 5 199 300"), "two leases at one moment");
    flagged(&led("lease 4 100 200", "lease 3 200 300"), "terms do not grow");
    flagged(&[(1, "start 3 1"), (1, "lease 4 100 200")], "which it has not stored");
    flagged(&[(1, "start 4 2"), (1, "store 4 3")], "changes from Some(2) to Some(3)");
    flagged(&[(1, "start 3 1"), (1, "store 4 2"), (1, "stored"), (1, "start 4 0")], "to None");
    flagged(&[(1, "start 3 1"), (1, "store 4 2"), (1, "stored"), (1, "start 3 1")], "falls from 4 to 3");
    flagged(&[(1, "start 3 1"), (1, "refused"), (1, "store 4 1")], "after a write that failed");
    flagged(&[(1, "alarm TwoLeaders")], "reports TwoLeaders");
    // One that was frozen says late that it has stopped, and one that starts again has not.
    let late = [(1, "start 4 1"), (1, "lease 4 100 200"), (1, "dropped 250"), (1, "start 4 1")];
    let next = [(2, "start 5 2"), (2, "lease 5 190 300")];
    flagged(&[&late[..], &next[..]].concat(), "two leases at one moment");
}

fn what_may_be_is_not_flagged() {
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
        // A write that nobody heard the end of may have been durable, or not.
        (3, "start 0 0"),
        (3, "store 1 1"),
        (3, "start 0 0"),
        (3, "store 1 1"),
        (3, "start 1 1"),
        // Whom it follows counts as its vote, if it gave none.
        (4, "start 2 0"),
        (4, "store 2 2"),
        (4, "refused"),
        (4, "start 2 0"),
    ];
    assert_eq!(audited(&lines), Vec::<String>::new());
}

fn a_record_is_read_as_it_was_written() {
    let records = [
        Record::Start((0, None)),
        Record::Store((7, Some(3))),
        Record::Stored,
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
