//! The socket that tells programs of the lease, and the clients in other languages.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::nodes::{Process, until};
use crate::{PATIENCE, free_address, quorate, run};

const NODES: usize = 3;

/// Three nodes, each with a socket.
struct Group {
    folder: TempDir,
    addresses: [String; NODES],
    nodes: [Option<Process>; NODES],
}

impl Group {
    fn start(task: &[&str], command: &[&str]) -> Group {
        let (folder, addresses) = (TempDir::new().unwrap(), [(); NODES].map(|()| free_address()));
        let mut group = Group { folder, addresses, nodes: [const { None }; NODES] };
        (0..NODES).for_each(|node| group.spawn(node, task, command));
        group
    }

    fn spawn(&mut self, node: usize, task: &[&str], command: &[&str]) {
        let (data, log) = (self.path(&format!("{node}.data")), self.path(&format!("{node}.log")));
        fs::create_dir_all(&data).unwrap();
        let mut process = quorate(task);
        process.args(["--group", "test", "--first-rollout", "--socket", &self.path(&format!("{node}.sock"))]);
        process.args(["--id", &format!("n{node}"), "--listen", &self.addresses[node], "--data", &data]);
        for peer in (0..NODES).filter(|&peer| peer != node) {
            process.arg("--peer").arg(format!("n{peer}={}", self.addresses[peer]));
        }
        let log = File::options().create(true).append(true).open(log).unwrap();
        process.args(command).stdout(Stdio::null()).stderr(log);
        self.nodes[node] = Some(Process(process.spawn().unwrap()));
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn signal(&self, node: usize, signal: Signal) {
        kill_process(Pid::from_child(&self.nodes[node].as_ref().unwrap().0), signal).unwrap();
    }

    fn connect(&self, node: usize) -> Client {
        let path = self.path(&format!("{node}.sock"));
        let connection = until("the socket", || UnixStream::connect(&path).ok());
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(BufReader::new(connection))
    }

    /// A node that leads, and the first line of a client of it.
    fn leader(&self) -> (usize, Client, Value) {
        until("a leader", || {
            (0..NODES).find_map(|node| {
                let mut client = self.connect(node);
                let first = client.line()?;
                (!first["lease"].is_null()).then_some((node, client, first))
            })
        })
    }
}

struct Client(BufReader<UnixStream>);

impl Client {
    /// The next line, unless the connection has ended.
    fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap()),
            // The node ended before it had read what the client wrote.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads a line to its end, or to that of the connection.
    fn line_or_part(&mut self) -> bool {
        self.0.read_line(&mut String::new()).unwrap() > 0
    }

    fn has_hung_up(&self) -> bool {
        let mut connection = [PollFd::new(self.0.get_ref(), PollFlags::empty())];
        poll(&mut connection, Some(&Timespec::default())).unwrap();
        connection[0].revents().contains(PollFlags::HUP)
    }

    /// Reads until a line has what is looked for.
    fn find<T>(&mut self, seen: impl Fn(&Value) -> Option<T>) -> T {
        loop {
            let line = self.line().unwrap();
            if let Some(seen) = seen(&line) {
                return seen;
            }
        }
    }
}

/// What programs of any language read.
fn boot_time() -> u128 {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap().as_nanos()
}

fn end_of(line: &Value) -> Option<u128> {
    line["lease"]["until_ns"].as_u64().map(u128::from)
}

#[test]
fn a_client_is_told_at_once_how_things_stand_and_then_of_each_change() {
    let group = Group::start(&["node"], &[]);
    let mode = until("the socket", || fs::metadata(group.path("0.sock")).ok()).permissions().mode();
    let (leader, mut client, first) = group.leader();
    assert_eq!(mode & 0o777, 0o660, "of the user and the group of the process");
    assert_eq!((&first["group"], &first["id"]), (&json!("test"), &json!(format!("n{leader}"))));
    let term = first["lease"]["term"].as_u64().unwrap();
    let leads = json!({
        "id": format!("n{leader}"), "term": term, "address": group.addresses[leader], "advertised": null,
    });
    assert_eq!(first["leader"], leads);
    client.0.get_mut().write_all(b"what a client says changes nothing\n").unwrap();
    let grown = client.find(|line| end_of(line).filter(|&end| Some(end) > end_of(&first)));
    assert!(grown < boot_time() + 450_000_000, "no longer than the longest promise");

    let follower = (leader + 1) % NODES;
    let mut watcher = group.connect(follower);
    let first = watcher.line().unwrap();
    assert_eq!((&first["lease"], &first["leader"]), (&Value::Null, &leads), "known to all");
    group.signal(leader, Signal::KILL);
    let next = watcher.find(|line| line["leader"]["term"].as_u64().filter(|&next| next > term));
    let mut watcher = group.connect(follower);
    assert_eq!(watcher.line().unwrap()["leader"]["term"], next);
    while client.line().is_some() {}
}

#[test]
fn no_other_node_leads_before_the_end_of_the_lease_that_a_client_was_told() {
    let group = Group::start(&["node", "--wan"], &[]);
    let (leader, mut client, first) = group.leader();
    group.signal(leader, Signal::TERM);
    let (mut latest, mut lines) = (end_of(&first), vec![first]);
    while let Some(line) = client.line() {
        latest = latest.max(end_of(&line));
        let has_ended = line.get("lease") == Some(&Value::Null);
        lines.push(line);
        if has_ended {
            break;
        }
    }
    // The client does not hang up, and so says nothing of its work.
    until("the next leader", || {
        let mut others = (0..NODES).filter(|&node| node != leader);
        others.find(|&node| group.connect(node).line().is_some_and(|line| !line["lease"].is_null()))
    });
    assert!(boot_time() > latest.unwrap(), "{lines:?}");
}

#[test]
fn a_client_that_does_not_read_is_disconnected_and_delays_nobody() {
    let group = Group::start(&["node"], &[]);
    let (leader, mut reader, first) = group.leader();
    let mut idle = group.connect(leader);
    let mut leases = 0;
    let mut has_ended = || {
        let line = reader.line().unwrap();
        let is_same = |lease: &Value| lease["term"] == first["lease"]["term"];
        assert!(line.get("lease").is_none_or(is_same), "{line}");
        leases += 1;
        leases > 1_000 || idle.has_hung_up()
    };
    while !has_ended() {}
    assert!(idle.has_hung_up(), "after {leases} lines");
    let mut kept = 0;
    while idle.line_or_part() {
        kept += 1;
    }
    assert!(kept > 50 && kept <= leases, "{kept} of {leases} lines were kept");
}

#[test]
fn no_more_than_64_clients_are_let_in() {
    let group = Group::start(&["node"], &[]);
    let mut clients: Vec<_> = (0..64).map(|_| group.connect(0)).collect();
    assert!(clients.iter_mut().all(|client| client.line().unwrap()["error"].is_null()));
    let mut refused = group.connect(0);
    assert!(refused.line().unwrap()["error"].as_str().unwrap().contains("64 clients"));
    assert_eq!(refused.line(), None);
    drop(clients);
    until("room", || group.connect(0).line().unwrap()["error"].is_null().then_some(()));
}

#[test]
fn the_socket_of_a_dead_process_is_replaced_and_that_of_a_living_one_is_not() {
    let mut group = Group::start(&["node"], &[]);
    assert!(group.connect(0).line().is_some());
    let path = group.path("0.sock");
    assert!(refused(&path).contains("a process that is running listens on"));
    assert!(group.connect(0).line().is_some(), "the socket is as it was");
    fs::write(group.path("file"), "of somebody").unwrap();
    assert!(refused(&group.path("file")).contains("is no socket"));
    assert_eq!(fs::read_to_string(group.path("file")).unwrap(), "of somebody");
    assert!(refused(&group.path(&"long".repeat(40))).contains("too long"));
    assert!(refused("/nonexistent/socket").contains("cannot make the socket"));

    group.nodes[0] = None;
    assert!(
        fs::exists(&path).unwrap() && UnixStream::connect(&path).is_err(),
        "what a killed process leaves"
    );
    group.spawn(0, &["node"], &[]);
    assert_eq!(group.connect(0).line().unwrap()["id"], "n0");
    group.signal(0, Signal::TERM);
    assert!(group.nodes[0].as_mut().unwrap().0.wait().unwrap().success());
    assert!(!fs::exists(&path).unwrap(), "a process that ends removes its socket");
}

/// What a process says that is refused the socket at this path.
#[track_caller]
fn refused(socket: &str) -> String {
    let data = TempDir::new().unwrap();
    let (address, data) = (free_address(), data.path().to_str().unwrap().to_owned());
    let group = ["node", "--group", "other", "--id", "n9", "--first-rollout=n9", "--listen", &address];
    let output = run(&[&group[..], &["--data", &data, "--socket", socket]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    said
}

/// The other process has found the socket of a dead one, and is about to replace it.
#[test]
fn a_path_on_which_another_process_is_about_to_listen_is_left_to_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sock").to_str().unwrap().to_owned();
    drop(UnixListener::bind(&path).unwrap());
    let lock = File::create(format!("{path}.lock")).unwrap();
    lock.lock().unwrap();
    let before = fs::symlink_metadata(&path).unwrap().ino();
    assert!(refused(&path).contains("a process that is running listens on"));
    assert_eq!(fs::symlink_metadata(&path).unwrap().ino(), before);
    assert!(fs::exists(format!("{path}.lock")).unwrap());
}

/// The socket of a dead process is there, which each of them could replace.
#[test]
fn of_processes_that_start_at_once_with_one_path_one_has_it_and_the_others_are_refused() {
    const STARTS: usize = 6;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for round in 0..3 {
        let socket = path(&format!("{round}.sock"));
        drop(UnixListener::bind(&socket).unwrap());
        let start = |place: usize| {
            let (id, data, address) =
                (format!("n{place}"), path(&format!("{round}.{place}")), free_address());
            fs::create_dir(&data).unwrap();
            let args = ["node", "--group", "test", "--id", &id, "--listen", &address, "--data", &data];
            let mut node = quorate(&[&args[..], &["--socket", &socket]].concat());
            node.arg(format!("--first-rollout={id}")).stdout(Stdio::null()).stderr(Stdio::piped());
            Process(node.spawn().unwrap())
        };
        let mut nodes: Vec<Process> = (0..STARTS).map(start).collect();
        let runs = |node: &mut Process| node.0.try_wait().unwrap().is_none();
        let began = Instant::now();
        while nodes.iter_mut().filter_map(|node| runs(node).then_some(())).count() > 1 {
            assert!(began.elapsed() < PATIENCE, "several processes have the socket");
            thread::sleep(Duration::from_millis(20));
        }
        let left = nodes.iter_mut().position(runs).unwrap();
        let connection = until("the socket", || UnixStream::connect(&socket).ok());
        assert_eq!(Client(BufReader::new(connection)).line().unwrap()["id"], format!("n{left}"));
        for (place, mut node) in nodes.into_iter().enumerate().filter(|&(place, _)| place != left) {
            let mut said = String::new();
            node.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert_eq!(node.0.wait().unwrap().code(), Some(2), "{place}: {said}");
            assert!(said.contains("a process that is running listens on"), "{said}");
        }
    }
}

#[test]
fn a_process_that_ends_removes_no_socket_that_somebody_has_put_in_the_place_of_its_own() {
    let mut group = Group::start(&["node"], &[]);
    assert!(group.connect(0).line().is_some());
    let path = group.path("0.sock");
    fs::remove_file(&path).unwrap();
    let _of_somebody = UnixListener::bind(&path).unwrap();
    group.signal(0, Signal::TERM);
    assert!(group.nodes[0].as_mut().unwrap().0.wait().unwrap().success());
    assert!(UnixStream::connect(&path).is_ok());
    assert!(!fs::exists(format!("{path}.lock")).unwrap(), "the lock of the process is gone");
}

#[test]
fn a_worker_in_python_works_under_the_lease_alone() {
    workers_work_under_the_lease_alone(&["python3"], "worker.py");
}

#[test]
fn a_worker_in_shell_works_under_the_lease_alone() {
    workers_work_under_the_lease_alone(&["bash", "socat", "jq"], "worker.sh");
}

#[test]
fn a_worker_in_python_hangs_up_when_its_lease_has_ended_and_not_before() {
    a_worker_hangs_up_when_its_lease_has_ended_and_not_before(&["python3"], "worker.py");
}

#[test]
fn a_worker_in_shell_hangs_up_when_its_lease_has_ended_and_not_before() {
    a_worker_hangs_up_when_its_lease_has_ended_and_not_before(&["bash", "socat", "jq"], "worker.sh");
}

/// The test is the node.
fn a_worker_hangs_up_when_its_lease_has_ended_and_not_before(tools: &[&str], client: &str) {
    if is_missing(tools, client) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let node = UnixListener::bind(path("sock")).unwrap();
    node.set_nonblocking(true).unwrap();
    let program = format!("{}/examples/clients/{client}", env!("CARGO_MANIFEST_DIR"));
    let worker = Worker::start(Command::new(tools[0]).args([&program, &path("sock")]), path("work"));
    let far = u64::try_from(boot_time()).unwrap() + 600_000_000_000;
    let lease = |term: u64, until: u64| json!({ "for_ms": 600_000, "term": term, "until_ns": until });
    for term in [7, 8] {
        let connection = until("the worker to connect", || node.accept().ok()).0;
        let mut connection = Client(BufReader::new(connection));
        let mut tell =
            |line: Value| connection.0.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        tell(json!({ "group": "test", "id": "n0", "leader": null, "lease": null }));
        tell(json!({ "leader": null }));
        tell(json!({ "lease": lease(term, far) }));
        tell(json!({ "lease": lease(term, far + 1) }));
        let works = || worker.stamps().iter().filter(|stamp| stamp.term == term).count();
        until("work in this term", || (works() > 3).then_some(()));
        assert!(!connection.has_hung_up(), "while it may work");
        connection.0.get_mut().write_all(b"{\"lease\":null}\n").unwrap();
        until("the worker to hang up", || connection.has_hung_up().then_some(()));
        let done = works();
        // The next connection, which the worker makes at once, waits in the queue of the node meanwhile.
        assert_eq!(works(), done, "it has stopped before it hung up");
    }
}

fn is_missing(tools: &[&str], client: &str) -> bool {
    let missing = tools.iter().find(|tool| Command::new(tool).arg("--version").output().is_err());
    if let Some(tool) = missing {
        println!("skipped: {client} needs {tool}, which is not here");
    }
    missing.is_some()
}

/// A leader is frozen, the next one is told to stop, and the one after that is killed.
fn workers_work_under_the_lease_alone(tools: &[&str], client: &str) {
    if is_missing(tools, client) {
        return;
    }
    let program = format!("{}/examples/clients/{client}", env!("CARGO_MANIFEST_DIR"));
    let group = Group::start(&["run"], &["--", "sleep", "600"]);
    let mut workers: Vec<Worker> = (0..NODES)
        .map(|node| {
            drop(group.connect(node));
            Worker::start(
                Command::new(tools[0]).args([&program, &group.path(&format!("{node}.sock"))]),
                group.path(&format!("{node}.work")),
            )
        })
        .collect();
    let works_after = |term: u64| {
        until("work in a later term", || {
            (0..NODES).find_map(|node| {
                let last = workers[node].stamps().last().copied().filter(|stamp| stamp.term > term)?;
                Some((node, last.term))
            })
        })
    };
    let (first, term) = works_after(0);
    group.signal(first, Signal::STOP);
    let (second, term) = works_after(term);
    group.signal(first, Signal::CONT);
    until("the first one to be back", || {
        let knows = |line: Value| line["leader"]["id"] == format!("n{second}");
        group.connect(first).line().is_some_and(knows).then_some(())
    });
    group.signal(second, Signal::TERM);
    let (third, _term) = works_after(term);
    group.signal(third, Signal::KILL);
    let ended = workers[third].0.0.wait().unwrap();
    assert_eq!(ended.code(), Some(1), "a worker ends when its node has");

    let mut work: Vec<_> = (0..NODES)
        .flat_map(|node| workers[node].stamps().into_iter().map(move |stamp| (stamp, node)))
        .collect();
    work.sort_unstable_by_key(|&(stamp, _node)| stamp.at);
    for pair in work.windows(2) {
        let [(before, one), (after, other)] = pair else { panic!("pairs") };
        assert!(before.term <= after.term, "{before:?} of {one}, and then {after:?} of {other}");
        assert!(before.term < after.term || one == other, "{before:?} of {one}, and {after:?} of {other}");
    }
    println!("{} pieces of work", work.len());
}

/// A client, and the file of what it has done.
struct Worker(Process, String);

/// A piece of work: in which term, and when it began.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    term: u64,
    at: u64,
}

impl Worker {
    fn start(command: &mut Command, file: String) -> Worker {
        let output = File::create(&file).unwrap();
        Worker(
            Process(command.stdin(Stdio::null()).stdout(output).stderr(Stdio::null()).spawn().unwrap()),
            file,
        )
    }

    fn stamps(&self) -> Vec<Stamp> {
        let mut text = fs::read_to_string(&self.1).unwrap();
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        let stamp = |line: &str| {
            let (term, at) = line.split_once(' ')?;
            Some(Stamp { term: term.parse().ok()?, at: at.parse().ok()? })
        };
        text.lines().map(|line| stamp(line).unwrap()).collect()
    }
}
