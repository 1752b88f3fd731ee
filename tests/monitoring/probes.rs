//! The servers of both hosts answer probes, whatever else comes to their port.

use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::counters::ElectionCounters;
use quorate::adapters::metrics::Metrics;
use quorate::adapters::probes::{ProbeServer, STUCK_AFTER, Vitals, answer};
use quorate::adapters::tokio::{Handle, MemoryStorage, Network, Options};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{ClusterId, Config, HardState, Timestamp, Timing, Urgency};
use quorate_sim::ManualNetwork;
use tokio::task::spawn_blocking;

/// How long an answer may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn alone() -> HardState<u16> {
    HardState::bootstrap(ClusterId(1), [1]).unwrap()
}

fn host() -> Host<u16> {
    let config = HostConfig::new(Config::new(1), any_port()).advertising("http://one/".parse().unwrap());
    Host::start(config, alone(), |_| Ok::<_, Infallible>(())).unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The status and the body that a probe gets.
fn probe(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = connect(address);
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: node\r\n\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// Probes until the status is this one. Returns the body.
#[track_caller]
fn await_status(address: SocketAddr, path: &str, wanted: u16) -> String {
    let began = Instant::now();
    loop {
        let (status, body) = probe(address, path);
        if status == wanted {
            return body;
        }
        assert!(began.elapsed() < PATIENCE, "{path}: {status} {body}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_thread_host_answers_probes_from_its_start_to_its_end_and_after_it() {
    let host = host();
    let server = host.serve_probes(any_port()).unwrap();
    let address = server.local_addr();
    assert_eq!(probe(address, "/livez"), (200, "ok\n".into()));
    await_status(address, "/readyz", 200);
    let leader = format!("leader 1\nterm 1\naddress {}\nadvertises http://one/\n", host.local_addr());
    assert_eq!(probe(address, "/leader").1, leader);
    assert!(probe(address, "/metrics").1.contains("quorate_is_leader{group=\"1\",node=\"1\"} 1\n"));
    assert_eq!(host.answer_probe("/livez").status, 200);
    let named = host.serve_probes_of_group("backup", any_port()).unwrap();
    let leads = "quorate_is_leader{group=\"backup\",node=\"1\"} 1\n";
    assert!(probe(named.local_addr(), "/metrics").1.contains(leads));
    host.shutdown().unwrap();
    let stopped = "the host has stopped: the program has told it to\n";
    for path in ["/livez", "/readyz", "/leader"] {
        assert_eq!(probe(address, path), (503, stopped.into()), "{path}");
    }
    assert!(probe(address, "/metrics").1.contains("quorate_is_leader{group=\"1\",node=\"1\"} 0\n"));
    drop(server);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_thread_host_whose_watcher_does_not_return_is_idle() {
    let (host, releases) = (host(), Arc::new(Mutex::new(())));
    let (held, watcher) = (releases.lock().unwrap(), Arc::clone(&releases));
    let (works, begins) = channel();
    host.watch(move |lease| match lease {
        Some(_) => drop(works.send(())),
        // What a program must not do: it goes on with its work though the lease is over.
        None => drop(watcher.lock()),
    });
    begins.recv_timeout(PATIENCE).unwrap();
    let began = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| host.resign(None, Urgency::Now).unwrap());
        while host.idle_for() < Duration::from_millis(300) {
            assert!(began.elapsed() < PATIENCE, "the host takes a turn all the time");
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(host.answer_probe("/livez").status, 200, "not for long yet");
        assert!(host.metrics().to_open_metrics().ends_with("# EOF\n"), "they can be read all the same");
        drop(held);
    });
    while host.idle_for() >= Duration::from_millis(300) {
        assert!(began.elapsed() < PATIENCE, "the host goes on");
        thread::sleep(Duration::from_millis(1));
    }
}

/// What a host that is stuck for so long, or has stopped, is answered.
#[test]
fn a_host_that_has_done_nothing_for_ten_seconds_is_not_alive() {
    let mut network = ManualNetwork::new(1, Timing::lan());
    network.elect(1);
    let status = network.node(1).status();
    let (counters, now) = (ElectionCounters::new(status.now), status.now);
    let mut vitals = Vitals::new(Metrics::new(status, counters, now));
    vitals.idle_for = STUCK_AFTER - Duration::from_millis(1);
    assert_eq!((answer("/livez", &vitals).status, answer("/readyz", &vitals).status), (200, 200));
    vitals.idle_for = STUCK_AFTER;
    for path in ["/livez", "/readyz"] {
        let response = answer(path, &vitals);
        assert_eq!(
            (response.status, response.body.as_str()),
            (503, "the host is stuck: it has done nothing for 10s\n")
        );
    }
    vitals.idle_for = Duration::ZERO;
    vitals.metrics = None;
    let of = |path: &str| (answer(path, &vitals).status, answer(path, &vitals).body);
    assert_eq!(of("/livez"), (200, "ok\n".into()));
    assert_eq!(of("/readyz"), (503, "the node does not answer\n".into()));
    assert_eq!(of("/metrics"), (503, "the node does not answer\n".into()));
    assert_eq!(of("/leader"), (503, "no leader is known\n".into()));
}

/// A tokio node whose clock is that of `ahead` seconds from now on.
fn node(ahead: &Arc<AtomicBool>) -> Handle<u16> {
    let (origin, ahead) = (Instant::now(), Arc::clone(ahead));
    let options = Options::new(Config::new(1)).clock(move || {
        let jump = if ahead.load(Ordering::SeqCst) { 2 * STUCK_AFTER } else { Duration::ZERO };
        Timestamp::from(origin.elapsed() + jump)
    });
    Handle::start(options, alone(), MemoryStorage::new(), Network::new().join(1)).unwrap()
}

#[tokio::test]
async fn a_tokio_node_answers_probes_while_its_runtime_is_blocked_and_after_its_end() {
    let jumps = Arc::new(AtomicBool::new(false));
    let node = node(&jumps);
    let server = node.serve_probes(any_port()).unwrap();
    let address = server.local_addr();
    node.wait_for_leader().await.unwrap();
    let bodies = spawn_blocking(move || {
        await_status(address, "/readyz", 200);
        ["/livez", "/leader", "/metrics"].map(|path| await_status(address, path, 200))
    });
    let [live, leader, metrics] = bodies.await.unwrap();
    assert_eq!(
        (live.as_str(), leader.as_str()),
        ("ok\n", "leader 1\nterm 1\n"),
        "a channel has no addresses"
    );
    assert!(metrics.contains("quorate_is_leader{group=\"1\",node=\"1\"} 1\n"));
    assert_eq!(node.answer_probe("/leader").await.body, leader);
    let named = node.serve_probes_of_group("backup", any_port()).unwrap();
    let metrics = spawn_blocking(move || await_status(named.local_addr(), "/metrics", 200)).await.unwrap();
    assert!(metrics.contains("quorate_is_leader{group=\"backup\",node=\"1\"} 1\n"), "{metrics}");

    // The only thread of the runtime is held up here.
    let blocked = |path| probe(address, path);
    assert_eq!(blocked("/livez").0, 200, "it has taken a turn a moment ago");
    assert_eq!(blocked("/metrics"), (503, "the node does not answer\n".into()));
    jumps.store(true, Ordering::SeqCst);
    let (status, body) = blocked("/livez");
    assert!(status == 503 && body.starts_with("the host is stuck: it has done nothing for 2"), "{body}");

    drop(node);
    // A server does not keep the node running.
    let ended = spawn_blocking(move || {
        let began = Instant::now();
        while !probe(address, "/leader").1.starts_with("the host has stopped: ") {
            assert!(began.elapsed() < PATIENCE, "the node runs on");
        }
    });
    ended.await.unwrap();
}

#[test]
fn slow_clients_and_garbage_keep_no_probe_from_its_answer() {
    let host = host();
    let server = host.serve_probes(any_port()).unwrap();
    let address = server.local_addr();
    await_status(address, "/readyz", 200);
    // Three times as many as are served at once: some are silent, some send one byte, some send a request and do not
    // read, some send what is no request.
    let mut slow: Vec<TcpStream> = Vec::new();
    for number in 0..192 {
        let mut stream = connect(address);
        let bytes: &[u8] = match number % 4 {
            0 => b"",
            1 => b"G",
            2 => b"GET /metrics HTTP/1.1\r\n\r\n",
            _ => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        };
        let _closed_already = stream.write_all(bytes);
        slow.push(stream);
        if number % 16 == 0 {
            assert_eq!(probe(address, "/livez").0, 200, "after {number} slow clients");
        }
    }
    let has_ended = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let read = stream.read_to_end(&mut Vec::new());
        read.map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |_| true)
    };
    let ended = slow.iter_mut().map(has_ended).filter(|&ended| ended).count();
    assert!(ended >= 128, "the oldest have made room: {ended}");
    assert_eq!(probe(address, "/leader").0, 200);
}

#[test]
fn many_probes_at_once_are_all_answered() {
    let host = host();
    let server = host.serve_probes(any_port()).unwrap();
    let address = server.local_addr();
    await_status(address, "/readyz", 200);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for path in ["/livez", "/readyz", "/leader", "/metrics"].into_iter().cycle().take(100) {
                    assert_eq!(probe(address, path).0, 200, "{path}");
                }
            });
        }
    });
    assert!(host.lease().is_some());
}

/// A client that sends more than its request gets the response, and not the news that its connection was reset.
#[test]
fn a_request_that_is_too_long_is_refused_in_words() {
    let server = ProbeServer::start(any_port(), |path| panic!("{path} is asked for")).unwrap();
    let mut stream = connect(server.local_addr());
    stream.write_all(&[b'a'; 32 * 1_024]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
}

#[test]
fn an_address_that_is_taken_is_an_error_that_names_it() {
    let host = host();
    let server = host.serve_probes(any_port()).unwrap();
    let refused = host.serve_probes(server.local_addr()).unwrap_err();
    assert_eq!(refused.to_string(), format!("cannot listen for probes on {}", server.local_addr()));
}
