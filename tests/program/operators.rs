//! A group of processes, and what an operator does with it.

use std::fs;
use std::process::Output;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::nodes::{Process, until};
use crate::{free_address, quorate, run};

/// Nodes `a`, `b` and so on, each a process.
struct Group {
    folder: TempDir,
    addresses: Vec<String>,
    nodes: Vec<Option<Process>>,
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// How many nodes found the group.
const FOUNDERS: usize = 3;

impl Group {
    /// Starts the founders, and waits until one leads.
    fn start(options: &[&str]) -> Group {
        let folder = TempDir::new().unwrap();
        let addresses = NAMES.map(|_| free_address()).into();
        let mut group = Group { folder, addresses, nodes: NAMES.map(|_| None).into() };
        assert!(run(&["keygen", &group.path("key")]).status.success());
        for node in 0..FOUNDERS {
            group.spawn(node, "key", &[&["--first-rollout"], options].concat());
        }
        until("a leader", || group.leader());
        group
    }

    /// The host and the port of a node.
    fn host(&self, node: usize) -> String {
        self.addresses[node].replace("127.0.0.1", "localhost")
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn spawn(&mut self, node: usize, key: &str, options: &[&str]) {
        let (name, key, data) = (NAMES[node], self.path(key), self.path(NAMES[node]));
        fs::create_dir_all(&data).unwrap();
        let mut command = quorate(&["node", "--group", "test", "--key", &key, "--id", name, "--data", &data]);
        // A busy machine stops a process for longer than a promise that is made for a local network.
        command.args(["--wan", "--listen", &self.addresses[node]]).args(options);
        command.args(["--advertise", &format!("http://{name}/")]);
        for founder in (0..FOUNDERS).filter(|&founder| founder != node) {
            command.arg("--peer").arg(format!("{}={}", NAMES[founder], self.host(founder)));
        }
        let log = fs::File::create(self.path(&format!("{name}.log"))).unwrap();
        self.nodes[node] = Some(Process(command.stdout(log).spawn().unwrap()));
    }

    /// A command of an operator, who names the address of node `via`.
    fn operate(&self, via: usize, command: &[&str]) -> Output {
        let key = self.path("key");
        run(&[command, &["--group", "test", "--key", &key, "--at", &self.host(via)]].concat())
    }

    #[track_caller]
    fn done(&self, via: usize, command: &[&str]) -> String {
        let output = self.operate(via, command);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{command:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, via: usize, command: &[&str], code: i32) -> String {
        let output = self.operate(via, command);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.lines().count()), (Some(code), 1), "{command:?}: {errors}");
        errors
    }

    /// What the nodes that run say of themselves.
    fn reports(&self) -> Vec<Value> {
        let key = self.path("key");
        let runs = |&node: &usize| self.nodes[node].is_some();
        let addresses = (0..NAMES.len()).filter(runs).map(|node| &*self.addresses[node]);
        let args: Vec<&str> =
            ["status", "--json", "--group", "test", "--key", &key].into_iter().chain(addresses).collect();
        let lines = String::from_utf8(run(&args).stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The place of the node that leads, if all that run agree.
    fn leader(&self) -> Option<usize> {
        let leaders: Vec<_> =
            self.reports().iter().map(|report| report["report"]["status"]["leader"]["id"].clone()).collect();
        let first = leaders.first()?.as_str()?;
        let agree = leaders.iter().all(|leader| leader == first);
        NAMES.iter().position(|&name| name == first && agree)
    }
}

/// The rows of a table by the node that each begins with.
fn row<'a>(table: &'a str, node: &str) -> &'a str {
    table.lines().find(|line| line.split(' ').next() == Some(node)).unwrap_or_default()
}

#[test]
fn an_operator_sees_all_members_from_any_of_them() {
    let mut group = Group::start(&[]);
    let key = group.path("key");
    let (leader, id) = (group.leader().unwrap(), String::from_utf8(run(&["keys", &key]).stdout).unwrap());
    let other = (leader + 1) % FOUNDERS;

    let said = run(&["status", "--group", "test", "--key", &key, &group.addresses[leader]]);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!((8..=12).contains(&said.lines().count()), "{said}");
    for part in
        ["leader in term", "members     a b c, version", "committed", "3 voters present, 2 needed", id.trim()]
    {
        assert!(said.contains(part), "{part:?} in {said}");
    }
    let reports = group.reports();
    assert_eq!(reports.len(), FOUNDERS);
    assert!(reports.iter().all(|report| report["report"]["keys"][0] == id.trim()), "{reports:?}");
    assert_eq!(reports[0]["address"], *group.addresses[0]);

    // Followers learn a moment later that the membership is committed.
    let table = until("all to agree", || {
        let table = group.done(other, &["watch", "--rounds", "1"]);
        (!table.contains('→')).then_some(table)
    });
    assert!(!table.contains('\x1b'), "{table}");
    assert!(table.starts_with(&format!("group test: node {} leads; 3 of 3 nodes answer\n", NAMES[leader])));
    for (node, role) in [(leader, "leader"), (other, "follower")] {
        let row = row(&table, NAMES[node]);
        assert!(row.contains(role) && row.contains(id.trim()) && row.contains(" ms"), "{table}");
    }

    for report in &reports {
        let id = report["report"]["status"]["id"].as_str().unwrap();
        let own = report["report"]["advertised"].as_array().unwrap();
        assert!(own.contains(&json!([id, format!("http://{id}/")])), "{report}");
    }
    let all = until("all to know what each advertises", || {
        let reports = group.reports();
        let texts = reports.iter().map(|report| report["report"]["advertised"].clone()).collect::<Vec<_>>();
        texts
            .iter()
            .all(|told| told == &texts[0] && told.as_array().unwrap().len() == 3)
            .then(|| texts[0].clone())
    });
    assert_eq!(all, json!([["a", "http://a/"], ["b", "http://b/"], ["c", "http://c/"]]));
    let table = group.done(other, &["watch", "--rounds", "1"]);
    assert!(table.lines().nth(1).unwrap().ends_with("  advertises"), "{table}");
    for name in &NAMES[..FOUNDERS] {
        assert!(row(&table, name).ends_with(&format!("  http://{name}/")), "{table}");
    }

    // A node that is gone, and one that has been given a second key before the others.
    group.nodes[other] = None;
    let third = FOUNDERS - leader - other;
    let second = group.path("second");
    assert!(run(&["keygen", &second]).status.success());
    let both = [&key, &second].map(|file| fs::read_to_string(file).unwrap()).concat();
    fs::write(&second, both).unwrap();
    group.nodes[third] = None;
    group.spawn(third, "second", &["--first-rollout"]);
    until("the node to be back", || {
        let table = group.done(leader, &["watch", "--rounds", "1"]);
        let (silent, differs) = (row(&table, NAMES[other]), row(&table, NAMES[third]));
        let shown = silent.contains("silent") && differs.contains(&format!("→ {}", id.trim()));
        (shown && differs.contains("follower")).then_some(())
    });
    let missing =
        run(&["status", "--group", "test", "--key", &key, &group.addresses[other], &group.addresses[third]]);
    let errors = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(missing.status.code(), Some(1), "{errors}");
    assert!(errors.contains("no reply from") && errors.contains("1 of 2 nodes"), "{errors}");
}

#[test]
fn an_operator_changes_the_members_and_the_leader_from_any_member() {
    let mut group = Group::start(&[]);
    let before = group.leader().unwrap();
    let heir = (before + 1) % FOUNDERS;
    let said = group.done(heir, &["resign", "--to", NAMES[heir]]);
    assert!(said.starts_with(&format!("node {} leads in term ", NAMES[heir])), "{said}");
    assert!(group.done(before, &["resign"]).contains(" leads in term "));

    for node in [3, 4] {
        group.spawn(node, "key", &["--joins"]);
    }
    let place = |node: usize| format!("{}={}", NAMES[node], group.host(node));
    let said = group.done(0, &["members", "add", "--learner", &place(3)]);
    assert!(said.starts_with("the members are a b c (d), in version "), "{said}");
    let said = group.refused(1, &["members", "promote", "d", "--if-version", "0.1"], 1);
    assert!(said.contains("the group has moved on: the members are a b c (d), in version "), "{said}");
    let version = said.trim_end().rsplit(' ').next().unwrap();
    let said = group.done(1, &["members", "promote", "d", "--if-version", version]);
    assert!(said.starts_with("the members are a b c d, in version "), "{said}");
    let said = group.done(2, &["members", "replace", "a", &place(4)]);
    assert!(said.starts_with("the members are b c d e, in version "), "{said}");
    // A node that is removed still says where the others are.
    let said = group.done(0, &["members", "remove", "d"]);
    assert!(said.starts_with("the members are b c e, in version "), "{said}");

    for (command, part) in [
        (&["members", "remove", "a"][..], "node a is no member: the members are b c e"),
        (&["members", "add", &place(1)], "node b is a member already"),
        (&["members", "promote", "b"], "node b has a vote already"),
        (&["resign", "--to", "a"], "node a is no voter"),
    ] {
        let said = group.refused(1, command, 2);
        assert!(said.contains(part), "{said}");
    }
}

/// Node `d` does not run, so the first change is under way until the end.
#[test]
fn of_two_changes_the_first_says_that_another_one_came_and_a_third_waits_for_members_that_it_saw() {
    let group = Group::start(&[]);
    let place = format!("d={}", group.host(3));
    thread::scope(|scope| {
        let first = scope.spawn(|| group.refused(0, &["members", "add", &place], 1));
        until("the change to be under way", || {
            let under_way = |report: &Value| !report["report"]["status"]["target"].is_null();
            group.reports().iter().any(under_way).then_some(())
        });
        let version = ["members", "remove", "c", "--if-version", "0.1"];
        let said = group.refused(1, &version, 1);
        assert!(
            said.contains("the group has moved on: a change to voters [a, b, c, d] is under way"),
            "{said}"
        );
        let said = group.done(1, &["members", "remove", "d"]);
        assert!(said.starts_with("the members are a b c, in version "), "{said}");
        let said = first.join().unwrap();
        assert!(
            said.contains("the leader has taken the change, and then another one")
                || said.contains("has ended before"),
            "{said}"
        );
    });
}

#[test]
fn a_node_that_takes_no_commands_is_seen_and_does_nothing() {
    let group = Group::start(&["--no-commands"]);
    let before = group.leader();
    let said = group.refused(0, &["resign"], 1);
    assert!(said.contains("was started with --no-commands, so nothing was done"), "{said}");
    assert_eq!(group.leader(), before);

    let other = group.path("other");
    assert!(run(&["keygen", &other]).status.success());
    let args = ["resign", "--group", "test", "--key", &other, "--wait-s", "1", "--at", &group.addresses[0]];
    let stranger = run(&args);
    let said = String::from_utf8(stranger.stderr).unwrap();
    assert_eq!(stranger.status.code(), Some(1), "{said}");
    assert!(said.contains("no leader was found: no reply from"), "{said}");
}
