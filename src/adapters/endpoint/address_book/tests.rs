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

fn seen(port: u16, age: u32) -> Sighting {
    Sighting { address: at(port), age: Some(age) }
}

fn told(book: &mut AddressBook<u8>, to: u8, now: Timestamp) -> Vec<(u8, u16, Option<u32>)> {
    let enclosed = book.enclose(to, READER, true, now);
    enclosed.into_iter().map(|(id, Sighting { address, age })| (id, address.port(), age)).collect()
}

#[test]
fn the_latest_sighting_counts_whichever_node_reports_it() {
    let mut book = book(&[(1, at(10))]);
    assert_eq!(book.address(1), Some(at(10)));
    book.record_report(1, seen(20, 8_000), secs(1));
    assert_eq!(book.address(1), Some(at(20)), "seen before this clock began, but seen");
    book.record_report(1, seen(30, 9_000), secs(1));
    assert_eq!(book.address(1), Some(at(20)), "older news, told later");
    book.record_source(1, at(40), secs(2));
    book.record_report(1, seen(50, 1_000), secs(2));
    assert_eq!(book.address(1), Some(at(40)));
    book.record_report(1, Sighting { address: at(60), age: None }, secs(3));
    book.record_report(1, Sighting { address: at(0), age: Some(0) }, secs(3));
    assert_eq!(book.address(1), Some(at(40)), "configured, and impossible");
    book.record_report(1, seen(50, 0), secs(3));
    assert_eq!(book.address(1), Some(at(40)), "not clearly later");
    book.record_report(1, seen(50, 0), secs(4));
    assert_eq!(book.address(1), Some(at(50)));
    book.record_report(1, seen(40, 100), secs(5));
    book.record_report(1, seen(50, 200), secs(5));
    assert_eq!(book.address(1), Some(at(40)), "it came back");
}

#[test]
fn a_node_is_reached_where_it_is_heard_and_everywhere_else_when_it_has_moved_or_is_silent() {
    let mut book = book(&[(1, at(10))]);
    book.record_source(1, at(20), secs(1));
    book.record_report(1, seen(30, 500), secs(1));
    assert_eq!(book.route(1, secs(1)), [at(20)]);
    book.record_report(1, seen(30, 0), secs(2));
    assert_eq!(book.route(1, secs(2)), [at(20)], "others are not believed at once");
    book.record_report(1, seen(30, 0), secs(3));
    assert_eq!(book.route(1, secs(3)), [at(20), at(30), at(10)]);
    book.record_source(1, at(30), secs(4));
    assert_eq!(book.route(1, secs(4)), [at(30)]);
    assert_eq!(book.route(1, secs(9)), [at(30), at(10)]);
    assert_eq!(book.route(2, secs(9)), []);
}

#[test]
fn a_node_with_two_addresses_is_no_news_each_time_it_is_seen() {
    let mut book = book(&[(2, at(20))]);
    book.record_source(1, at(10), secs(1));
    assert_eq!(told(&mut book, 2, secs(1)).len(), 1);
    for tenth in 11..50 {
        let now = Timestamp::ORIGIN.saturating_add(Duration::from_millis(tenth * 100));
        book.record_report(1, seen(11, 0), now);
        assert!(book.enclose(2, READER, false, now).is_empty() || tenth % 10 == 0);
        book.record_source(1, at(10), now);
    }
}

#[test]
fn a_node_that_was_not_heard_yet_is_told_of_with_the_age_of_the_news() {
    let mut book = book(&[(1, at(10)), (2, at(20))]);
    book.introduce(3, at(30), secs(1));
    book.record_source(1, at(10), secs(2));
    assert_eq!(told(&mut book, 2, secs(3)), [(1, 10, Some(1_000)), (3, 30, Some(2_000))]);
    assert_eq!(told(&mut book, 1, secs(3)), [(2, 20, None), (3, 30, Some(2_000))]);
    assert_eq!(told(&mut book, 7, secs(3)), [], "a node that is not in the book is told nothing");
    assert!(book.enclose(2, READER, false, secs(3)).is_empty(), "nothing is new");
    book.record_report(3, seen(31, 0), secs(3));
    assert_eq!(book.enclose(2, READER, false, secs(3)).len(), 2, "3 has moved");
}

#[test]
fn only_configured_peers_and_needed_nodes_stay() {
    let mut book = book(&[(1, at(10))]);
    for id in 1..=9 {
        book.record_source(id, at(id.into()), secs(1));
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
    book.record_source(42, at(42), secs(9));
    assert_eq!(told(&mut book, 0, secs(9)).first(), Some(&(42, 42, Some(0))));
}
