use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use quorate::adapters::register::{Cell, CellError};
use quorate_register::open;
use tempfile::TempDir;

use crate::contract::{self, PATIENCE};
use crate::faults::{IMPATIENCE, survive_kills};
use crate::server::{Cable, Server, find_program, free_port, id_of, open_folder, owned_by, wait_until};

/// A server of PostgreSQL with its data in a folder of its own.
pub(crate) struct Postgres {
    pub(crate) server: Server,
    pub(crate) port: u16,
    psql: PathBuf,
    _folder: TempDir,
}

impl Postgres {
    /// `None`, and a line that says why, where there is none.
    pub(crate) fn start() -> Option<Self> {
        let folders = (13..30).rev().map(|version| format!("/usr/lib/postgresql/{version}/bin").into());
        let folders: Vec<PathBuf> = folders.collect();
        let [initdb, postgres, psql] =
            ["initdb", "postgres", "psql"].map(|name| find_program(name, &folders));
        let (Some(initdb), Some(postgres), Some(psql)) = (initdb, postgres, psql) else {
            println!("SKIPPED: registers in PostgreSQL, as there is none: apt-get install postgresql");
            return None;
        };
        // The server refuses to run as root.
        let user =
            rustix::process::geteuid().is_root().then(|| (id_of("-u", "postgres"), id_of("-g", "postgres")));
        if let Some((None, _) | (_, None)) = user {
            println!("SKIPPED: registers in PostgreSQL, as there is no user postgres to run it as");
            return None;
        }
        let as_user = |mut command: Command| {
            if let Some((Some(user), Some(group))) = user {
                command.uid(user).gid(group);
            }
            command
        };
        let folder = open_folder();
        if let Some((Some(user), _)) = user {
            owned_by(folder.path(), user);
        }
        let data = folder.path().join("data");
        let mut command = as_user(Command::new(initdb));
        command.current_dir(folder.path()).arg("--pgdata").arg(&data);
        command.args(["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]);
        let said = command.output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));

        let port = free_port();
        let mut command = as_user(Command::new(postgres));
        command.current_dir(folder.path()).arg("-D").arg(&data).args([
            "-p",
            &port.to_string(),
            "-h",
            "127.0.0.1",
        ]);
        command.arg("-k").arg(folder.path());
        let mut server = Server::new(command);
        server.start();
        let postgres = Postgres { server, port, psql, _folder: folder };
        postgres.wait();
        Some(postgres)
    }

    /// Waits until it takes connections.
    pub(crate) fn wait(&self) {
        wait_until("PostgreSQL", || {
            self.psql("SELECT 1").status().is_ok_and(|status| status.success()).then_some(())
        });
    }

    fn psql(&self, sql: &str) -> Command {
        let mut command = Command::new(&self.psql);
        command.args([
            "-X",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            "postgres",
            "-c",
            sql,
        ]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command
    }

    fn run(&self, sql: &str) {
        assert!(self.psql(sql).status().unwrap().success(), "{sql}");
    }

    pub(crate) fn url(&self, register: &str) -> String {
        url(self.port, "postgres", register)
    }
}

pub(crate) fn url(port: u16, user: &str, register: &str) -> String {
    format!("postgres://{user}@127.0.0.1:{port}/postgres?sslmode=disable&register={register}")
}

#[test]
fn a_register_in_postgresql_keeps_the_contract_and_its_word_when_killed() {
    let Some(mut postgres) = Postgres::start() else { return };
    let url = postgres.url("of-group-7");
    contract::keep(&|| open(&url, PATIENCE).unwrap());
    let mut cell = open(&postgres.url("killed"), IMPATIENCE).unwrap();
    survive_kills("PostgreSQL", &mut *cell, &mut postgres.server);
}

#[test]
fn each_error_of_postgresql_is_of_the_right_kind() {
    let Some(postgres) = Postgres::start() else { return };
    let url_of = |user: &str| url(postgres.port, user, "r");
    let mut cell = open(&url_of("postgres"), PATIENCE).unwrap();
    let first = cell.create(b"first").unwrap().unwrap();
    let unchanged = || open(&url_of("postgres"), PATIENCE).unwrap().read().unwrap().unwrap().1 == b"first";

    // No server, no database, no permission, a server that only reads.
    assert_not_done(open(&url(free_port(), "postgres", "r"), PATIENCE).unwrap().swap(&first, b"x"));
    assert_not_done(open(&url_of("nobody"), PATIENCE).unwrap().swap(&first, b"x"));
    postgres.run("CREATE ROLE reader LOGIN");
    postgres.run("GRANT SELECT ON quorate_register TO reader");
    let mut reader = open(&url_of("reader"), PATIENCE).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().1, b"first");
    assert_not_done(reader.swap(&first, b"x"));
    postgres.run("ALTER ROLE reader SET default_transaction_read_only = on");
    assert_not_done(open(&url_of("reader"), PATIENCE).unwrap().swap(&first, b"x"));
    assert!(unchanged());

    // What the page has the operator grant is enough to read and to replace, and not to create.
    postgres.run("CREATE ROLE machine LOGIN");
    let page = include_str!("../../../../src/guide/register.md");
    for grant in page.lines().filter(|line| line.starts_with("GRANT ")) {
        postgres.run(grant);
    }
    postgres.run("INSERT INTO quorate_register VALUES ('machine', 1, '')");
    let mut machine = open(&url(postgres.port, "machine", "machine"), PATIENCE).unwrap();
    let (tag, _) = machine.read().unwrap().unwrap();
    assert!(machine.swap(&tag, b"x").unwrap().is_some());
    assert_not_done(open(&url(postgres.port, "machine", "another"), PATIENCE).unwrap().create(b"x"));

    // A row that another session has locked. The time-out of the statement is the server's, so it is never made.
    postgres.run("ALTER ROLE reader SET default_transaction_read_only = off");
    let lock = "BEGIN; SELECT FROM quorate_register FOR UPDATE; SELECT pg_sleep(3600)";
    let mut holder = Server::new(postgres.psql(lock));
    holder.start();
    let patient = format!("{}&connect_timeout=60", url_of("postgres"));
    let sleeps =
        "DO $$ BEGIN ASSERT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'); END $$";
    wait_until("the lock", || postgres.psql(sleeps).status().unwrap().success().then_some(()));
    assert_not_done(blocked(&patient).swap(&first, b"x"));

    // The session is ended while the statement runs: it could have been committing.
    let ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let swap = std::thread::spawn({
        let (url, first) = (url_of("postgres"), first.clone());
        move || open(&url, PATIENCE).unwrap().swap(&first, b"x")
    });
    wait_until("the session to end", || {
        postgres.run(ends);
        swap.is_finished().then_some(())
    });
    assert_unknown(swap.join().unwrap());
    drop(holder);
    postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    assert!(unchanged());

    // The statement gets there, and its answer does not get back.
    let cable = Cable::to(postgres.port);
    let mut far = open(&url(cable.port, "postgres", "r"), Duration::from_secs(2)).unwrap();
    wait_until("an answer", || far.read().ok());
    cable.drop_answers();
    assert_unknown(far.swap(&first, b"second"));
    let seen = || cell.read().unwrap().filter(|(_, bytes)| bytes == b"second");
    let (second, _) = wait_until("the write", seen);
    // The connection is cut.
    cable.mend();
    wait_until("an answer", || far.read().ok());
    cable.cut();
    assert!(far.swap(&second, b"x").is_err());
    assert_not_done(far.swap(&second, b"x"));
    cable.mend();
    assert_eq!(wait_until("an answer", || far.read().ok()).unwrap().1, b"second");
    assert!(far.swap(&second, b"third").unwrap().is_some());
}

/// A client whose statements are given up soon, and which itself has patience.
fn blocked(url: &str) -> Box<dyn Cell> {
    use tokio_postgres::Config;

    let config: Config = url.replace("&register=r", "").parse().unwrap();
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let tls = tls.with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let tls = tokio_postgres_rustls::MakeRustlsConnect::new(tls);
    let cell = quorate_register::PostgresCell::new(config, tls, "r", Duration::from_millis(500));
    Box::new(quorate_register::Blocking::new(cell, PATIENCE).unwrap())
}

fn assert_not_done<T: std::fmt::Debug>(result: Result<T, CellError>) {
    assert!(matches!(result, Err(CellError::NotDone(_))), "{result:?}");
}

fn assert_unknown<T: std::fmt::Debug>(result: Result<T, CellError>) {
    assert!(matches!(result, Err(CellError::Unknown(_))), "{result:?}");
}
