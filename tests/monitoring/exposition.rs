//! The text of metrics is valid, and says what both hosts have counted.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::counters::ElectionCounters;
use quorate::adapters::metrics::Metrics;
use quorate::adapters::seal::{Key, Keyring};
use quorate::adapters::tokio::{Handle, MemoryStorage, Udp};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{ClusterId, Config, Election, HardState, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::time::sleep;

use crate::parser::{Exposition, parse};

const GROUP: ClusterId = ClusterId(7);

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn keys() -> Keyring {
    Keyring::new([Key::new(&[7; 32])]).unwrap()
}

fn first() -> HardState<u16> {
    HardState::bootstrap(GROUP, [1, 2, 3]).unwrap()
}

/// What the metrics that an issue of alerts depends on are called, and of which kind they are.
const FAMILIES: [(&str, &str, &str); 23] = [
    ("quorate_is_leader", "gauge", ""),
    ("quorate_has_leader", "gauge", ""),
    ("quorate_is_ready", "gauge", ""),
    ("quorate_term", "gauge", ""),
    ("quorate_leader_term", "gauge", ""),
    ("quorate_lease_seconds", "gauge", "seconds"),
    ("quorate_voters", "gauge", ""),
    ("quorate_quorum", "gauge", ""),
    ("quorate_voters_that_may_fail", "gauge", ""),
    ("quorate_quorum_last_heard_seconds", "gauge", "seconds"),
    ("quorate_quarantine_seconds", "gauge", "seconds"),
    ("quorate_pending_write_seconds", "gauge", "seconds"),
    ("quorate_leader_changes", "counter", ""),
    ("quorate_leaderless_seconds", "counter", "seconds"),
    ("quorate_elections", "counter", ""),
    ("quorate_renewals", "counter", ""),
    ("quorate_step_downs", "counter", ""),
    ("quorate_failed_handovers", "counter", ""),
    ("quorate_alarms", "counter", ""),
    ("quorate_refusals", "counter", ""),
    ("quorate_round_trip_seconds", "histogram", "seconds"),
    ("quorate_persist_seconds", "histogram", "seconds"),
    ("quorate_refused_writes", "counter", ""),
];

/// What both hosts share, and what only those have that send datagrams.
const MORE: [(&str, &str, &str); 5] = [
    ("quorate_messages", "counter", ""),
    ("quorate_datagrams", "counter", ""),
    ("quorate_name_lookups", "counter", ""),
    ("quorate_failed_name_lookups", "counter", ""),
    ("quorate_build", "info", ""),
];

/// Checks what has to hold of the metrics of any host that has taken part in an election.
fn check(exposition: &Exposition, node: u16) {
    let kinds = exposition.0.iter().map(|it| (it.name.as_str(), it.kind.as_str(), it.unit.as_str()));
    assert!(kinds.eq(FAMILIES.into_iter().chain(MORE)), "{exposition:?}");
    for family in &exposition.0 {
        assert!(family.help.len() > 10, "{family:?}");
        for sample in &family.samples {
            assert_eq!(sample.labels["group"], "7", "{sample:?}");
            assert_eq!(sample.labels["node"], node.to_string(), "{sample:?}");
        }
    }
    assert_eq!(exposition.value("quorate_has_leader"), 1.0);
    assert_eq!(exposition.value("quorate_leader_term"), exposition.value("quorate_term"));
    let is_leader = exposition.value("quorate_is_leader") == 1.0;
    assert_eq!(exposition.value("quorate_lease_seconds") > 0.0, is_leader);
    assert_eq!(exposition.samples("quorate_voters_that_may_fail").len(), usize::from(is_leader));
    assert_eq!((exposition.value("quorate_voters"), exposition.value("quorate_quorum")), (3.0, 2.0));
    assert!(exposition.value("quorate_leader_changes_total") >= 1.0);
    assert!(exposition.value("quorate_leaderless_seconds_total") > 0.0);
    assert!(exposition.value("quorate_persist_seconds_count") >= 1.0);
    assert!(exposition.value("quorate_persist_seconds_sum") > 0.0);
    let reasons = exposition.label_values("quorate_step_downs_total", "reason");
    assert_eq!(reasons, ["lease_lapsed", "new_leader", "resigned"]);
    assert_eq!(exposition.samples("quorate_refusals_total").len(), 8);
    let datagrams = exposition.sum("quorate_datagrams_total");
    assert!(datagrams >= exposition.sum("quorate_messages_total"), "{datagrams} datagrams");
    let verdicts = exposition.label_values("quorate_datagrams_total", "verdict");
    assert!(verdicts.len() >= 30 && verdicts.contains(&"seal_forged"), "{verdicts:?}");
}

/// The leader has measured what its messages take.
fn check_round_trips(exposition: &Exposition) {
    let count = exposition.value("quorate_round_trip_seconds_count");
    let buckets = exposition.samples("quorate_round_trip_seconds_bucket");
    assert_eq!((buckets.len(), buckets[16].labels["le"].as_str()), (17, "+Inf"));
    assert!(count > 2.0 && buckets[16].value == count, "{count}");
    assert!(buckets.is_sorted_by(|one, next| one.value <= next.value), "{buckets:?}");
}

/// Waits until `seen` returns a value.
fn wait<T>(mut seen: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain");
        thread::sleep(Duration::from_millis(1));
    }
}

/// What is scraped once all nodes know a leader, whose lease was renewed by heartbeats.
fn is_settled(metrics: &Metrics<u16>) -> bool {
    let has_led = !metrics.is_leader() || metrics.counters.round_trips.count > 4;
    metrics.leader().is_some() && has_led && metrics.counters.persists.count > 0
}

#[test]
fn a_strict_parser_reads_the_metrics_of_a_thread_host() {
    let mut hosts: Vec<Host<u16>> = Vec::new();
    for id in 1..=3 {
        let mut config = HostConfig::new(Config::new(id), any_port()).sealed(keys());
        config.peers = (1..).zip(hosts.iter().map(|host| host.local_addr().into())).collect();
        hosts.push(Host::start(config, first(), |_| Ok::<_, Infallible>(())).unwrap());
    }
    let metrics = wait(|| {
        let metrics: Vec<_> = hosts.iter().map(Host::metrics).collect();
        let leaders = metrics.iter().filter(|metrics| metrics.is_leader()).count();
        (leaders == 1 && metrics.iter().all(is_settled)).then_some(metrics)
    });
    let addresses: Vec<_> = hosts.iter().map(Host::local_addr).collect();
    for (id, metrics) in (1..).zip(&metrics) {
        let leader = metrics.leader().unwrap().id;
        assert_eq!(metrics.leader_address, Some(addresses[usize::from(leader) - 1]));
        assert!(hosts[usize::from(leader) - 1].idle_for() < Duration::from_secs(10));
        let Some(exposition) = parse(&metrics.to_open_metrics()) else { return };
        check(&exposition, id);
        if metrics.is_leader() {
            check_round_trips(&exposition);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strict_parser_reads_the_metrics_of_a_tokio_host() {
    let mut nodes: Vec<(SocketAddr, Handle<u16>)> = Vec::new();
    for id in 1..=3 {
        let mut transport = Udp::bind_sealed(any_port(), keys()).unwrap();
        for (peer, (address, _)) in (1..).zip(&nodes) {
            transport = transport.peer(peer, (*address).into()).unwrap();
        }
        let address = transport.local_addr();
        nodes.push((
            address,
            Handle::start(Config::new(id), first(), MemoryStorage::new(), transport).unwrap(),
        ));
    }
    let began = Instant::now();
    let metrics = loop {
        let mut metrics = Vec::new();
        for (_, node) in &nodes {
            metrics.push(node.metrics().await.unwrap());
        }
        let leaders = metrics.iter().filter(|metrics| metrics.is_leader()).count();
        if leaders == 1 && metrics.iter().all(is_settled) {
            break metrics;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain: {metrics:?}");
        sleep(Duration::from_millis(1)).await;
    };
    for (id, metrics) in (1..).zip(&metrics) {
        let leader = metrics.leader().unwrap().id;
        assert_eq!(metrics.leader_address, Some(nodes[usize::from(leader) - 1].0));
        assert!(nodes[usize::from(leader) - 1].1.idle_for() < Duration::from_secs(10));
        let Some(exposition) = parse(&metrics.to_open_metrics()) else { return };
        check(&exposition, id);
        if metrics.is_leader() {
            check_round_trips(&exposition);
        }
    }
}

/// Ids and the name of the group are whatever the program likes, and their text is escaped.
#[test]
fn an_id_or_a_name_with_quotes_and_line_breaks_is_a_label_all_the_same() {
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    struct Odd;
    impl std::fmt::Debug for Odd {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a \"node\"\\\n{of=\"mine\"} 1")
        }
    }
    let saved = HardState::bootstrap(GROUP, [Odd]).unwrap();
    let now = Timestamp::ORIGIN;
    let election = Election::new(Config::new(Odd), saved, now, ChaCha8Rng::seed_from_u64(1)).unwrap();
    let metrics = Metrics::new(election.status(), ElectionCounters::new(now), now);
    let Some(exposition) = parse(&metrics.clone().of_group("our \"group\"\n").to_open_metrics()) else {
        return;
    };
    assert_eq!(exposition.label_values("quorate_is_leader", "group"), ["our \"group\"\n"]);
    let Some(exposition) = parse(&metrics.to_open_metrics()) else { return };
    assert_eq!(exposition.label_values("quorate_is_leader", "group"), ["7"]);
    assert_eq!(exposition.label_values("quorate_is_leader", "node"), ["a \"node\"\\\n{of=\"mine\"} 1"]);
    assert!(exposition.samples("quorate_datagrams_total").is_empty(), "it sends none");
}
