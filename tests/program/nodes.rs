//! Nodes as processes: with and without an input, told to stop, and asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{PATIENCE, free_address, quorate, run};

/// A process that does not outlive its test.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_by_itself = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[track_caller]
pub(crate) fn until<T>(what: &str, seen: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = seen() {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What the node at this address says of itself, once it leads.
fn leader(group: &[&str], address: &str) -> Option<String> {
    let output = run(&[&["status"], group, &[address]].concat());
    let said = String::from_utf8(output.stdout).unwrap();
    said.contains("leader in term ").then_some(said)
}

/// An address for probes that is free now.
fn free_tcp_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// What is answered over HTTP.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: node\r\n\r\n").as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn a_node_without_an_input_runs_until_it_is_told_to_stop() {
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("key").to_str().unwrap().to_owned();
    assert!(run(&["keygen", &key]).status.success());
    let data = folder.path().to_str().unwrap();
    let address = free_address();
    const URL: &str = "http://10.0.0.1:8080/";
    let group = ["--group", "test", "--key", &key];
    let probes = free_tcp_address();
    let own = ["--id", "web-0", "--listen", &address, "--data", data, "--first-rollout=web-0"];
    let shown = ["--probes", &probes, "--advertise", URL];
    let args = [&["node"], &group[..], &own, &shown];
    let mut node = Process(quorate(&args.concat()).stdout(Stdio::piped()).spawn().unwrap());
    let said = until("the node to lead", || leader(&group, &address));
    assert!(said.starts_with("node web-0 of group test at "), "{said}");
    assert!(node.0.try_wait().unwrap().is_none(), "the node runs on after the end of its input");

    // On a busy machine a lease may lapse between two of these, and the node is elected again.
    let is_answered = |path, part: &str| until(path, || get(&probes, path).contains(part).then_some(()));
    is_answered("/leader", &format!("\naddress {address}\nadvertises {URL}\n"));
    is_answered("/readyz", "HTTP/1.1 200 OK\r\n");
    is_answered("/metrics", "quorate_is_leader{group=\"test\",node=\"web-0\"} 1\n");

    let without_key = run(&["status", "--group", "test", &address]);
    assert_eq!(without_key.status.code(), Some(1), "a node with keys answers nobody without them");

    kill_process(Pid::from_child(&node.0), Signal::TERM).unwrap();
    assert!(node.0.wait().unwrap().success());
    let lines = BufReader::new(node.0.stdout.take().unwrap()).lines().map(Result::unwrap).collect::<Vec<_>>();
    assert!(lines.iter().any(|line| line.contains("elected")), "{lines:?}");
}
