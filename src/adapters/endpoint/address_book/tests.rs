#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use super::*;

const READER: SocketAddr = at(9);

const fn at(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

fn book(configured: &[(u8, SocketAddr)]) -> AddressBook<u8> {
    let mut book = AddressBook::new();
    configured.iter().for_each(|&(id, address)| book.configure(id, address));
    book
}

fn secs(secs: u64) -> Timestamp {
    Timestamp::ORIGIN.saturating_add(Duration::from_secs(secs))
}

fn report(book: &mut AddressBook<u8>, id: u8, port: u16, age: Option<u32>, now: Timestamp) {
    book.record_report(id, (READER, Word::Trusted), Sighting { address: at(port), age }, now);
}

/// Node `id` sends from `port`, and has shown to receive there.
fn hear(book: &mut AddressBook<u8>, id: u8, port: u16, now: Timestamp) {
    if book.record_source(id, at(port), (100, false), now) {
        assert!(book.challenge(id, at(port), 50, now), "no longer than what came");
        book.confirm(id, at(port), now);
    }
}

fn told(book: &mut AddressBook<u8>, to: u8, now: Timestamp) -> Vec<(u8, u16, Option<u32>)> {
    let enclosed = book.enclose(to, READER, true, now);
    let of_others = enclosed.into_iter().filter(|told| told.0 != to);
    of_others.map(|(id, Sighting { address, age })| (id, address.port(), age)).collect()
}

#[test]
fn the_latest_counts_whichever_node_reports_it() {
    let mut book = book(&[(1, at(10))]);
    assert_eq!(book.address(1), Some(at(10)));
    report(&mut book, 1, 20, Some(8_000), secs(1));
    assert_eq!(book.address(1), Some(at(20)), "seen before this clock began, but seen");
    report(&mut book, 1, 30, Some(9_000), secs(1));
    assert_eq!(book.address(1), Some(at(20)), "older news, told later");
    hear(&mut book, 1, 40, secs(2));
    report(&mut book, 1, 50, Some(1_000), secs(2));
    assert_eq!(book.address(1), Some(at(40)));
    report(&mut book, 1, 60, None, secs(3));
    report(&mut book, 1, 0, Some(0), secs(3));
    assert_eq!(book.address(1), Some(at(40)), "configured, and impossible");
    report(&mut book, 1, 50, Some(0), secs(3));
    assert_eq!(book.address(1), Some(at(40)), "not clearly later");
    report(&mut book, 1, 50, Some(0), secs(4));
    assert_eq!(book.address(1), Some(at(50)));
    report(&mut book, 1, 40, Some(0), secs(6));
    assert_eq!(book.address(1), Some(at(40)), "it came back, as others see");
    hear(&mut book, 1, 50, secs(8));
    report(&mut book, 1, 10, Some(0), secs(10));
    report(&mut book, 1, 50, Some(0), secs(12));
    assert_eq!(book.address(1), Some(at(50)), "where it answered, and was seen last");
}

#[test]
fn a_node_is_reached_where_it_answers_and_everywhere_else_when_it_has_moved_or_is_silent() {
    let mut book = book(&[(1, at(10))]);
    hear(&mut book, 1, 20, secs(1));
    report(&mut book, 1, 30, Some(0), secs(1));
    assert_eq!(book.route(1, secs(1)), [at(20)]);
    report(&mut book, 1, 30, Some(0), secs(2));
    assert_eq!(book.route(1, secs(2)), [at(20)], "others are not believed at once");
    report(&mut book, 1, 30, Some(0), secs(3));
    assert_eq!(book.route(1, secs(3)), [at(30), at(10), at(20)]);
    hear(&mut book, 1, 30, secs(4));
    assert_eq!(book.route(1, secs(4)), [at(30)]);
    assert_eq!(book.route(1, secs(9)), [at(30), at(10), at(20)]);
    assert_eq!(book.route(2, secs(9)), []);
}

#[test]
fn a_source_proves_nothing_until_it_echoes_a_challenge_and_is_sent_no_more_than_came_from_there() {
    let mut book = book(&[]);
    book.introduce(1, at(10), secs(1));
    hear(&mut book, 1, 10, secs(1));
    assert!(book.record_source(1, at(66), (100, false), secs(2)), "it is to be challenged");
    assert_eq!(book.address(1), Some(at(10)));
    assert_eq!(book.route(1, secs(2)), [at(10), at(66)]);
    assert!(book.spend(1, at(66), 60, secs(2)) && !book.spend(1, at(66), 60, secs(2)));
    assert!(book.spend(1, at(10), 60_000, secs(2)));
    book.confirm(1, at(67), secs(2));
    assert_eq!(book.route(1, secs(2)), [at(10), at(66)], "nothing was sent there");
    assert!(book.challenge(1, at(66), 40, secs(2)));
    hear(&mut book, 1, 10, secs(2));
    book.confirm(1, at(66), secs(2));
    assert_eq!(book.address(1), Some(at(10)), "it answered there a moment ago");
    hear(&mut book, 1, 66, secs(3));
    assert_eq!(book.address(1), Some(at(66)));
    assert!(book.spend(1, at(66), 60_000, secs(3)));
}

#[test]
fn addresses_at_which_a_node_has_answered_keep_out_neither_the_latest_report_nor_each_other() {
    let mut book = book(&[]);
    let now = |tenth: u64| Timestamp::ORIGIN.saturating_add(Duration::from_millis(tenth * 100));
    book.introduce(1, at(9), now(0));
    // It moves more often than there is room for, and is heard everywhere.
    (10..=14).for_each(|port| hear(&mut book, 1, port, now(u64::from(port) * 2)));
    // Then this node is away, and the other one moves on twice.
    for (port, second) in [(20, 60), (21, 70)] {
        report(&mut book, 1, port, Some(500), secs(second));
        assert_eq!(book.address(1), Some(at(port)));
        assert_eq!(book.route(1, secs(second)).first(), Some(&at(port)));
    }
    // Whatever else is told, most places are left to those at which it has answered.
    (100..200).for_each(|port| report(&mut book, 1, port, Some(0), secs(80)));
    let route = book.route(1, secs(80));
    assert_eq!(route.iter().filter(|address| (10..15).contains(&address.port())).count(), 4, "{route:?}");
}

#[test]
fn a_configured_source_needs_no_challenge_and_what_was_configured_is_never_dropped() {
    let mut book = book(&[(1, at(10)), (1, at(11))]);
    assert!(!book.record_source(1, at(10), (100, false), secs(1)));
    for port in 100..200 {
        let now = secs(port.into());
        report(&mut book, 1, port, Some(0), now);
        book.record_source(1, at(1_000 + port), (100, false), now);
    }
    let route = book.route(1, secs(300));
    assert!(route.len() <= 8 && route.contains(&at(10)) && route.contains(&at(11)), "{route:?}");
    assert!(
        route.contains(&at(199)) && route.contains(&at(198)),
        "a report is worth more than a source: {route:?}"
    );
}

#[test]
fn an_address_that_anybody_may_have_made_up_is_tried_at_growing_intervals() {
    let mut book = book(&[]);
    book.record_report(
        1,
        (READER, Word::Hearsay { bytes: 50 }),
        Sighting { address: at(66), age: Some(0) },
        secs(0),
    );
    let tenth = |tenth: u64| Timestamp::ORIGIN.saturating_add(Duration::from_millis(tenth * 100));
    let tries = (0..6_000).filter(|&now| book.spend(1, at(66), 100, tenth(now))).count();
    assert!((15..30).contains(&tries), "{tries} in ten minutes");
    report(&mut book, 1, 66, Some(0), secs(600));
    assert!((6_000..6_100).all(|now| book.spend(1, at(66), 100, tenth(now))), "a sealed report is trusted");
}

#[test]
fn a_node_with_two_addresses_is_no_news_each_time_it_is_heard() {
    let mut book = book(&[(2, at(20))]);
    hear(&mut book, 1, 10, secs(1));
    hear(&mut book, 1, 11, secs(1));
    assert_eq!(told(&mut book, 2, secs(1)).len(), 1);
    let revision = book.revision;
    for tenth in 11..50 {
        let now = Timestamp::ORIGIN.saturating_add(Duration::from_millis(tenth * 100));
        report(&mut book, 1, 12, Some(0), now);
        hear(&mut book, 1, 10, now);
        hear(&mut book, 1, 11, now);
    }
    assert_eq!((book.revision, book.address(1)), (revision, Some(at(10))));
}

#[test]
fn a_node_that_was_not_heard_yet_is_told_of_with_the_age_of_the_news() {
    let mut book = book(&[(1, at(10)), (2, at(20))]);
    book.introduce(3, at(30), secs(1));
    hear(&mut book, 1, 10, secs(2));
    assert_eq!(told(&mut book, 2, secs(3)), [(1, 10, Some(1_000)), (3, 30, Some(2_000))]);
    assert_eq!(told(&mut book, 1, secs(3)), [(2, 20, None), (3, 30, Some(2_000))]);
    assert_eq!(told(&mut book, 7, secs(3)), [], "a node that is not in the book is told nothing");
    assert!(book.enclose(2, READER, false, secs(3)).is_empty(), "nothing is new");
    report(&mut book, 3, 31, Some(0), secs(3));
    let moved = book.enclose(2, READER, false, secs(3));
    let ports: Vec<_> = moved.iter().map(|told| (told.0, told.1.address.port())).collect();
    assert_eq!(ports, [(1, 10), (3, 31), (3, 30)], "3 has moved, and has answered at neither address");
    let own: Vec<_> = book.enclose(1, READER, true, secs(4)).into_iter().filter(|told| told.0 == 1).collect();
    assert!(matches!(own[..], [(1, Sighting { address, .. })] if address == at(10)), "where it answers");
}

#[test]
fn addresses_are_kept_in_one_form_and_told_only_where_they_mean_the_same() {
    let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
    let mut book = book(&[]);
    let far = parse("10.0.0.9:1");
    for (id, address) in (1..).zip(["[::ffff:10.0.0.1]:7", "[fe80::2%3]:7", "127.0.0.1:7", "[2001:db8::4]:7"])
    {
        book.configure(id, parse(address));
    }
    let enclosed: Vec<_> =
        book.enclose(4, far, true, secs(1)).iter().map(|told| (told.0, told.1.address)).collect();
    assert_eq!(enclosed, [(1, parse("10.0.0.1:7"))]);
    // What a teller elsewhere calls its loopback, or its link, is not this node's.
    for address in ["127.0.0.1:8", "[fe80::2%3]:8", "0.0.0.0:8"] {
        book.record_report(
            1,
            (far, Word::Trusted),
            Sighting { address: parse(address), age: Some(0) },
            secs(1),
        );
    }
    assert_eq!(book.address(1), Some(parse("10.0.0.1:7")));
    // A reader that may know IPv4 alone is told that address beside the better one.
    book.record_report(
        1,
        (far, Word::Trusted),
        Sighting { address: parse("[2001:db8::1]:7"), age: Some(0) },
        secs(1),
    );
    let to_far: Vec<_> =
        book.enclose(4, far, true, secs(2)).iter().map(|told| told.1.address.to_string()).collect();
    assert_eq!(to_far, ["[2001:db8::1]:7", "10.0.0.1:7"]);
}

#[test]
fn only_configured_peers_and_needed_nodes_stay() {
    let mut book = book(&[(1, at(10))]);
    for id in 1..=9 {
        hear(&mut book, id, id.into(), secs(1));
    }
    book.retain(|id| id == 5);
    assert_eq!(book.entries.keys().copied().collect::<Vec<_>>(), [1, 5]);
    assert_eq!(book.addresses().collect::<Vec<_>>(), [(1, at(1)), (5, at(5))]);
}

#[test]
fn in_a_large_group_news_comes_first_and_the_rest_in_turn() {
    let mut book = book(&[]);
    for id in 0..100 {
        book.introduce(id, at(1_000 + u16::from(id)), secs(1));
    }
    let mut known: Vec<u8> = Vec::new();
    for second in 2..9 {
        known.extend(told(&mut book, 0, secs(second)).iter().map(|told| told.0));
    }
    known.sort_unstable();
    known.dedup();
    assert_eq!(known.len(), 99);
    hear(&mut book, 42, 42, secs(9));
    assert_eq!(told(&mut book, 0, secs(9)).first(), Some(&(42, 42, Some(0))));
}

#[test]
fn a_node_has_moved_to_where_it_was_seen_last() {
    for ports in [[20, 30], [30, 20]] {
        let mut book = book(&[]);
        hear(&mut book, 1, 10, secs(1));
        for port in ports {
            // What is told first is what was seen last.
            report(&mut book, 1, port, Some(if port == 20 { 2_000 } else { 1_000 }), secs(8));
        }
        assert_eq!(book.address(1), Some(at(30)), "told in the order {ports:?}");
        assert_eq!(book.route(1, secs(8)).first(), Some(&at(30)));
    }
}

#[test]
fn of_what_the_program_gives_the_latest_is_kept_and_no_address_is_lost_at_which_the_node_answers() {
    let mut book = book(&[(1, at(10)), (1, at(11)), (1, at(12)), (1, at(13))]);
    // An address that is given again is as good as a new one.
    book.configure(1, at(10));
    book.configure(1, at(14));
    let ports = |book: &AddressBook<u8>, second| -> Vec<u16> {
        let mut ports: Vec<_> = book.route(1, secs(second)).iter().map(SocketAddr::port).collect();
        ports.sort_unstable();
        ports
    };
    assert_eq!(ports(&book, 0), [10, 12, 13, 14]);
    // The program does not know where the node answers.
    hear(&mut book, 1, 12, secs(1));
    (15..=18).for_each(|port| book.configure(1, at(port)));
    assert_eq!((book.address(1), book.route(1, secs(1))), (Some(at(12)), vec![at(12)]));
    assert_eq!(ports(&book, 60), [12, 15, 16, 17, 18], "also when it falls silent");
    (0..100).for_each(|port| book.configure(1, at(100 + port)));
    assert_eq!(ports(&book, 60), [12, 196, 197, 198, 199]);
}

#[test]
fn a_datagram_that_is_late_does_not_lead_back_to_where_the_node_was() {
    let mut book = book(&[]);
    let now = |tenth: u64| Timestamp::ORIGIN.saturating_add(Duration::from_millis(tenth * 100));
    book.introduce(1, at(10), now(0));
    hear(&mut book, 1, 10, now(0));
    (20..60).for_each(|tenth| hear(&mut book, 1, 20, now(tenth)));
    assert_eq!(book.address(1), Some(at(20)));
    // It was under way for four seconds.
    hear(&mut book, 1, 10, now(61));
    assert_eq!((book.address(1), book.route(1, now(61)).first()), (Some(at(20)), Some(&at(20))));
    // Should the node have been silent meanwhile, it is written to at both as soon as it is heard.
    hear(&mut book, 1, 10, now(90));
    hear(&mut book, 1, 20, now(91));
    assert_eq!(book.route(1, now(91)), [at(10), at(20)]);
    hear(&mut book, 1, 20, now(101));
    assert_eq!(book.route(1, now(101)), [at(20)]);
}
