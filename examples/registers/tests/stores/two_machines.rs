//! Two hosts and a row of a real PostgreSQL: who leads while the server is killed, its connections are cut, and machines
//! come and go.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate::adapters::clock::BootClock;
use quorate::adapters::register::{self, Cell, RegisterConfig, Use};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{ClusterId, Config, HardState, Lease, Term, Timing};
use quorate_register::open;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::contract::PATIENCE;
use crate::postgres::{Postgres, url};
use crate::server::{Cable, wait_until};

/// The voter in the register. The machines are 1 and 2.
const R: u64 = 9;

/// How often each fault happens, unless `QUORATE_REGISTER_FAULTS` says another.
const FAULTS: u64 = 10;

/// Promises long enough that a machine that does much else loses no lease by it.
fn timing() -> Timing {
    let wan = Timing::wan();
    Timing { promise: wan.promise * 2, ..wan }
}

/// What all watchers of leases have seen.
#[derive(Default)]
struct Ledger {
    held: [Option<Lease>; 2],
    terms: Vec<Term>,
    violations: Vec<String>,
}

impl Ledger {
    /// The host of the machine `index` is told of its lease, or that it is over; until that call returns, no other leads.
    fn note(&mut self, index: usize, lease: Option<Lease>) {
        let now = BootClock::new().now();
        self.held[index] = lease;
        let Some(lease) = lease else { return };
        if let Some(other) = self.held[1 - index].filter(|other| other.holds_at(now)) {
            self.violations.push(format!("{lease:?} and {other:?} at {now:?}"));
        }
        match self.terms.last() {
            Some(last) if *last > lease.term => self.violations.push(format!("{lease:?} after {last:?}")),
            Some(last) if *last == lease.term => {}
            _ => self.terms.push(lease.term),
        }
    }
}

/// A machine, whose host can be taken away and brought back.
struct Machine {
    id: u64,
    url: String,
    address: SocketAddr,
    disk: Arc<Mutex<HardState<u64>>>,
    host: Option<Host<u64>>,
}

impl Machine {
    fn new(id: u64, url: String, first: &HardState<u64>) -> Self {
        let disk = Arc::new(Mutex::new(first.clone()));
        Machine { id, url, address: "127.0.0.1:0".parse().unwrap(), disk, host: None }
    }

    fn start(&mut self, peer: Option<SocketAddr>, ledger: &Arc<Mutex<Ledger>>) {
        let timing = timing();
        let cell = open(&self.url, timing.promise_limit / 3).unwrap();
        let usage = Use::Spare { look: Duration::from_millis(500) };
        let config = Config { timing, ..Config::new(self.id) };
        let mut config = HostConfig::new(config, self.address).register(RegisterConfig::new(R, usage, cell));
        if let Some(address) = peer {
            config = config.peer(3 - self.id, address.into());
        }
        let (disk, saved) = (Arc::clone(&self.disk), self.disk.lock().unwrap().clone());
        let save = move |state: &HardState<u64>| {
            *disk.lock().unwrap() = state.clone();
            Ok::<_, Infallible>(())
        };
        let host = Host::start(config, saved, save).unwrap();
        let (ledger, index) = (Arc::clone(ledger), usize::from(self.id == 2));
        host.watch(move |lease| ledger.lock().unwrap().note(index, lease));
        self.address = host.local_addr();
        self.host = Some(host);
    }

    fn host(&self) -> &Host<u64> {
        self.host.as_ref().unwrap()
    }

    fn stop(&mut self) {
        self.host.take().unwrap().abort().unwrap();
    }

    fn lease(&self) -> Option<Lease> {
        self.host.as_ref()?.lease()
    }
}

/// The index of the machine that leads, and its term.
fn leader(machines: &[Machine; 2]) -> (usize, Term) {
    wait_until("a leader", || {
        let led = |index: usize| Some((index, machines[index].lease()?.term));
        led(0).or_else(|| led(1))
    })
}

/// Waits until the lease lasts longer than any promise that was given before.
fn go_on(machine: &Machine, term: Term) {
    let end = BootClock::new().now().saturating_add(timing().promise);
    wait_until("the lease to grow", || {
        let lease = machine.lease();
        assert!(
            lease.is_none_or(|lease| lease.term == term),
            "the leader was lost and elected again: {lease:?}"
        );
        lease.filter(|lease| lease.until > end)
    });
}

fn assert_kept(machine: &Machine, term: Term, fault: &str) {
    let lease = machine.lease();
    assert!(
        lease.is_some_and(|lease| lease.term == term),
        "the leader of {term:?} was lost by {fault}: {lease:?}"
    );
}

#[test]
fn of_two_machines_and_a_row_of_postgresql_one_leads_whatever_is_killed_or_cut() {
    let Some(mut postgres) = Postgres::start() else { return };
    let given = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let faults = given("QUORATE_REGISTER_FAULTS").unwrap_or(FAULTS);
    let seed = given("QUORATE_REGISTER_SEED").unwrap_or(1);
    println!("two machines: QUORATE_REGISTER_SEED={seed} QUORATE_REGISTER_FAULTS={faults}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut while_ago =
        |longest: u64| std::thread::sleep(Duration::from_millis(20 + rng.next_u64() % longest));

    let first = HardState::bootstrap(ClusterId(7), [1, 2, R]).unwrap();
    let mut operator = open(&postgres.url("group-7"), PATIENCE).unwrap();
    operator.create(&register::create(&first, R).unwrap()).unwrap().expect("it is new");
    let cables = [Cable::to(postgres.port), Cable::to(postgres.port)];
    let [one, two] = [0, 1].map(|index| url(cables[index].port, "postgres", "group-7"));
    let mut machines = [Machine::new(1, one, &first), Machine::new(2, two, &first)];
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    machines[0].start(None, &ledger);
    let peer = machines[0].address;
    machines[1].start(Some(peer), &ledger);
    let reach = |machine: &Machine| {
        wait_until("the register", || {
            machine.host().register_status().filter(|status| status.silence.is_none())
        });
    };

    for _ in 0..faults {
        // Both machines are up: the leader does not need the register.
        let (led, term) = leader(&machines);
        machines.iter().for_each(reach);
        postgres.server.kill();
        while_ago(300);
        assert_kept(&machines[led], term, "the death of the server");
        postgres.server.start();
        postgres.wait();
        cables.iter().for_each(Cable::cut);
        while_ago(300);
        assert_kept(&machines[led], term, "a cut of all connections");
        cables.iter().for_each(Cable::mend);
        machines.iter().for_each(reach);

        // One is up: it goes on by the promises of the register, also when its connection is cut and made again.
        machines[1 - led].stop();
        cables[led].cut();
        while_ago(100);
        cables[led].mend();
        go_on(&machines[led], term);
        let peer = machines[led].address;
        machines[1 - led].start(Some(peer), &ledger);
        wait_until("the follower", || machines[1 - led].host().leader().filter(|leader| leader.term == term));
        reach(&machines[1 - led]);
        assert_kept(&machines[led], term, "the other's return");

        // The leader stops, and the server is killed and comes back: the other one is elected with the register.
        machines[led].stop();
        postgres.server.kill();
        while_ago(300);
        postgres.server.start();
        let (next, later) = leader(&machines);
        assert!(next == 1 - led && later > term, "machine {next} leads {later:?} after {term:?}");
        let peer = machines[next].address;
        machines[led].start(Some(peer), &ledger);
    }
    let ledger = ledger.lock().unwrap();
    println!(
        "two machines: {faults} times the server was killed while both were up, {faults} times when the leader stopped, \
         {faults} times all connections were cut, {faults} times those of a leader that was alone: {} leaders, {} \
         violations",
        ledger.terms.len(),
        ledger.violations.len(),
    );
    assert!(ledger.violations.is_empty(), "{:?}", ledger.violations);
    assert!(ledger.terms.len() as u64 > faults);
}
