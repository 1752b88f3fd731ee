//! Hosts whose peers are known by their names, with a resolver within this process.

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};

use quorate::adapters::udp::Resolver;

use super::*;

/// What names stand for. Asks are counted.
#[derive(Clone, Default)]
struct Registry {
    records: Arc<Mutex<BTreeMap<String, Vec<SocketAddr>>>>,
    asked: Arc<Mutex<u32>>,
}

impl Registry {
    fn set(&self, id: Id, address: SocketAddr) {
        self.records.lock().unwrap().insert(format!("node-{id}.example"), vec![address]);
    }

    fn resolver(&self) -> Resolver {
        let Registry { records, asked } = self.clone();
        Resolver::new(move |name| {
            *asked.lock().unwrap() += 1;
            assert_eq!(name.port(), 7000);
            let known = records.lock().unwrap().get(name.host()).cloned();
            known.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        })
    }
}

/// Three members that know each other by name. They start in any order, before the registry knows of any.
fn trio_by_name(registry: &Registry, states: &[HardState<Id>; 3]) -> Vec<Host<Id>> {
    let start = |(id, state): (Id, &HardState<Id>)| {
        let others = (1..=3).filter(|&other| other != id);
        let named = |config: HostConfig<Id>, other| {
            config.peer(other, format!("node-{other}.example:7000").parse().unwrap())
        };
        let config = HostConfig { resolver: registry.resolver(), ..config(id) };
        let host = host(others.fold(config, named), state.clone());
        registry.set(id, host.local_addr());
        host
    };
    (1..).zip(states).map(start).collect()
}

#[test]
fn hosts_that_know_names_alone_lead_and_lead_again_when_all_have_started_elsewhere() {
    let registry = Registry::default();
    let first = first(1, &[1, 2, 3]);
    let hosts = trio_by_name(&registry, &[first.clone(), first.clone(), first]);
    let (_, lease) = leader(&hosts);
    let asked = hosts.iter().map(|host| host.counters().lookups).sum::<u64>();
    assert!(asked >= 6 && asked == u64::from(*registry.asked.lock().unwrap()), "{asked}");
    // No host remembers an address from before, and none is told one.
    let states = [1, 2, 3].map(|_| HardState { term: lease.term, ..super::first(1, &[1, 2, 3]) });
    hosts.into_iter().for_each(|host| host.abort().unwrap());
    let hosts = trio_by_name(&registry, &states);
    assert!(leader(&hosts).1.term > lease.term);
}

/// Ends the look-ups of a name when it is dropped.
fn hanging() -> (Sender<()>, Resolver) {
    let (end, hangs) = channel::<()>();
    let hangs = Mutex::new(hangs);
    let resolver = Resolver::new(move |_| {
        let _until_the_test_ends = hangs.lock().unwrap().recv();
        Err(io::Error::from(io::ErrorKind::TimedOut))
    });
    (end, resolver)
}

#[test]
fn a_look_up_that_hangs_keeps_no_host_from_its_election_its_commands_or_its_end() {
    let (end, resolver) = hanging();
    let hosts = trio_of(|id| HostConfig { resolver: resolver.clone(), ..config(id) });
    for host in &hosts {
        for other in 1..=3 {
            host.introduce(other, format!("node-{other}.example:7000").parse().unwrap()).unwrap();
        }
    }
    let (place, _) = leader(&hosts);
    wait("the look-ups", || hosts.iter().all(|host| host.counters().lookups == 2).then_some(()));
    hosts[place].set_priority(Priority(5)).unwrap();
    let addresses: Vec<_> = hosts.iter().map(Host::local_addr).collect();
    hosts.into_iter().for_each(|host| host.shutdown().unwrap());
    for address in addresses {
        // The socket is closed, although look-ups are under way.
        UdpSocket::bind(address).unwrap();
    }
    drop(end);
}

#[test]
fn a_host_takes_a_name_while_it_runs() {
    let registry = Registry::default();
    let resolver = registry.resolver();
    let one = host(HostConfig { resolver, ..config(1) }, first(1, &[1, 2]));
    let two = host(config(2), first(1, &[1, 2]));
    registry.set(2, two.local_addr());
    one.introduce(2, "node-2.example:7000".parse().unwrap()).unwrap();
    leader(&[one, two]);
}
