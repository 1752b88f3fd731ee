use std::process::Command;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions};
use quorate::adapters::register::{CellError, Tag};
use quorate_register::open;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::contract::{self, PATIENCE};
use crate::faults::{IMPATIENCE, survive_kills};
use crate::server::{Cable, Server, find_program, free_port, wait_until};

/// A server of NATS with JetStream, and a bucket `registers` in it.
struct Nats {
    server: Server,
    port: u16,
    runtime: Runtime,
    _folder: TempDir,
}

impl Nats {
    /// `None`, and a line that says why, where there is none.
    fn start() -> Option<Self> {
        let Some(program) = find_program("nats-server", &["/usr/sbin".into()]) else {
            println!("SKIPPED: registers in NATS, as there is no server: apt-get install nats-server");
            return None;
        };
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        // The operator may do anything, and a machine what the page grants it.
        let page = include_str!("../../../../src/guide/register.md");
        let granted = page.split_once("permissions: {").unwrap().1.split_once("\n}").unwrap().0;
        let users = format!(
            "authorization: {{ users: [ {{ user: operator, password: a }}\n\
             {{ user: machine, password: b, permissions: {{ {granted} }} }} ] }}"
        );
        let file = folder.path().join("nats.conf");
        std::fs::write(&file, users).unwrap();
        let mut command = Command::new(program);
        command
            .args(["--jetstream", "--addr", "127.0.0.1", "--port", &port.to_string(), "--config"])
            .arg(file);
        command.arg("--store_dir").arg(folder.path());
        let mut server = Server::new(command);
        server.start();
        let runtime = Runtime::new().unwrap();
        let nats = Nats { server, port, runtime, _folder: folder };
        let client = wait_until("NATS", || nats.client().ok());
        nats.make_bucket(&client);
        Some(nats)
    }

    fn client(&self) -> Result<Client, async_nats::ConnectError> {
        let options = ConnectOptions::new().user_and_password("operator".to_owned(), "a".to_owned());
        self.runtime.block_on(options.connect(format!("nats://127.0.0.1:{}", self.port)))
    }

    fn make_bucket(&self, client: &Client) {
        // As the client's `create_key_value` does it, which asks for what servers before 2.10 do not tell.
        let config = stream::Config {
            name: "KV_registers".to_owned(),
            subjects: vec!["$KV.registers.>".to_owned()],
            max_messages_per_subject: 1,
            discard: stream::DiscardPolicy::New,
            storage: stream::StorageType::File,
            num_replicas: 1,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            ..stream::Config::default()
        };
        self.runtime.block_on(async { jetstream::new(client.clone()).create_stream(config).await.unwrap() });
    }

    fn url(&self, key: &str) -> String {
        url(self.port, "registers", key)
    }
}

fn url(port: u16, bucket: &str, key: &str) -> String {
    format!("nats://operator:a@127.0.0.1:{port}/{bucket}/{key}")
}

/// Killed, not cut from power: what was written is in the caches of the system, and not lost. See `sync_interval`.
#[test]
fn a_register_in_nats_keeps_the_contract_and_its_word_when_killed() {
    let Some(mut nats) = Nats::start() else { return };
    contract::keep(&|| open(&nats.url("of/group-7"), PATIENCE).unwrap());
    let mut cell = open(&nats.url("killed"), IMPATIENCE).unwrap();
    survive_kills("NATS", &mut *cell, &mut nats.server);
}

#[test]
fn each_error_of_nats_is_of_the_right_kind() {
    let Some(nats) = Nats::start() else { return };
    let mut cell = open(&nats.url("r"), PATIENCE).unwrap();
    let first = cell.create(b"first").unwrap().unwrap();

    // No server, no such bucket.
    assert_not_done(open(&url(free_port(), "registers", "r"), PATIENCE).unwrap().swap(&first, b"x"));
    assert_not_done(open(&url(nats.port, "none", "r"), PATIENCE).unwrap().swap(&first, b"x"));

    // The write gets there, and its answer does not get back.
    let cable = Cable::to(nats.port);
    let mut far = open(&url(cable.port, "registers", "r"), Duration::from_secs(2)).unwrap();
    wait_until("an answer", || far.read().ok());
    cable.drop_answers();
    let swapped = far.swap(&first, b"second");
    assert!(matches!(swapped, Err(CellError::Unknown(_))), "{swapped:?}");
    let (second, _) =
        wait_until("the write", || cell.read().unwrap().filter(|(_, bytes)| bytes == b"second"));
    // The connection is cut.
    cable.cut();
    wait_until("the client to notice", || {
        matches!(far.swap(&second, b"x"), Err(CellError::NotDone(_))).then_some(())
    });
    cable.mend();
    let (found, bytes) = wait_until("an answer", || far.read().ok()).unwrap();
    assert_eq!((found, &bytes[..]), (second.clone(), &b"second"[..]), "what was given up is not sent later");
    assert!(far.swap(&second, b"third").unwrap().is_some());

    // The bucket is deleted under a client that knows it.
    let client = nats.client().unwrap();
    nats.runtime.block_on(async { jetstream::new(client).delete_stream("KV_registers").await.unwrap() });
    assert_not_done(cell.swap(&second, b"x"));
}

#[test]
fn a_machine_may_replace_its_register_and_write_no_other_key() {
    let Some(nats) = Nats::start() else { return };
    for key in ["group-7", "another"] {
        open(&nats.url(key), PATIENCE).unwrap().create(b"first").unwrap().unwrap();
    }
    let as_machine = |key: &str| nats.url(key).replace("operator:a", "machine:b");
    let mut machine = open(&as_machine("group-7"), PATIENCE).unwrap();
    let (tag, _) = machine.read().unwrap().unwrap();
    assert!(machine.swap(&tag, b"second").unwrap().is_some());
    // The server gives no answer to what it does not permit.
    let mut another = open(&as_machine("another"), Duration::from_secs(2)).unwrap();
    let (tag, _) = wait_until("an answer", || another.read().ok()).unwrap();
    assert!(matches!(another.swap(&tag, b"x"), Err(CellError::Unknown(_))));
    assert_eq!(open(&nats.url("another"), PATIENCE).unwrap().read().unwrap().unwrap().1, b"first");
}

#[test]
fn a_key_that_was_deleted_is_missing_and_is_not_created_again() {
    let Some(nats) = Nats::start() else { return };
    let mut cell = open(&nats.url("r"), PATIENCE).unwrap();
    let first = cell.create(b"first").unwrap().unwrap();
    let client = nats.client().unwrap();
    nats.runtime.block_on(async {
        let store = jetstream::new(client).get_key_value("registers").await.unwrap();
        store.delete("r").await.unwrap();
    });
    assert_eq!(cell.read().unwrap(), None);
    assert_eq!(cell.swap(&first, b"x").unwrap(), None);
    assert_eq!(cell.create(b"again").unwrap(), None::<Tag>);
}

fn assert_not_done<T: std::fmt::Debug>(result: Result<T, CellError>) {
    assert!(matches!(result, Err(CellError::NotDone(_))), "{result:?}");
}
