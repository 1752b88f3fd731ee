//! Nodes on tokio whose peers are known by their names, with a resolver within this process.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use quorate::adapters::tokio::{Handle, MemoryStorage, Resolver, Udp};
use quorate::{ClusterId, Config, HardState};
use tokio::time::sleep;

use crate::support::{Id, millis, soon};

/// Where the nodes are, by their ids.
type Places = Arc<Mutex<Vec<Option<SocketAddr>>>>;

fn resolver(places: &Places) -> Resolver {
    let places = Arc::clone(places);
    Resolver::new(move |name| {
        let id: Option<usize> = name.host().strip_prefix("node-").and_then(|id| id.parse().ok());
        let place = id.and_then(|id| places.lock().unwrap()[id - 1]);
        place.map(|place| vec![place]).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    })
}

/// Waits until a name that never resolves was looked up too.
#[tokio::test]
async fn nodes_that_know_names_alone_lead_although_one_look_up_hangs() {
    let places: Places = Arc::new(Mutex::new(vec![None; 3]));
    let (end, hangs) = std::sync::mpsc::channel::<()>();
    let hangs = Mutex::new(hangs);
    let first = HardState::bootstrap(ClusterId(1), [1, 2, 3]).unwrap();
    let hanging = Resolver::new(move |_| {
        let _until_the_test_ends = hangs.lock().unwrap().recv();
        Err(io::Error::from(io::ErrorKind::TimedOut))
    });
    let mut nodes: Vec<Handle<Id>> = Vec::new();
    let mut peers = Vec::new();
    for id in 1..=3 {
        let named = |transport: Udp<Id>, other: Id| {
            transport.peer(other, format!("node-{other}:7000").parse().unwrap()).unwrap()
        };
        let transport = Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        places.lock().unwrap()[usize::try_from(id).unwrap() - 1] = Some(transport.local_addr());
        let resolver = if id == 3 { hanging.clone() } else { resolver(&places) };
        let transport = (1..=3).filter(|&other| other != id).fold(transport.resolver(resolver), named);
        peers.push(transport.peers());
        nodes.push(Handle::start(Config::new(id), first.clone(), MemoryStorage::new(), transport).unwrap());
    }
    soon("a leader of all three", async {
        while !nodes.iter().all(|node| node.leadership().borrow().leader.is_some()) {
            sleep(millis(1)).await;
        }
    })
    .await;
    soon("look-ups", async {
        while !peers.iter().all(|peers| peers.counters().lookups >= 2) {
            sleep(millis(1)).await;
        }
    })
    .await;
    assert_eq!(peers[2].address(1), places.lock().unwrap()[0], "node 3 is told by the others where they are");
    for node in nodes {
        node.shutdown().await.unwrap();
    }
    drop(end);
}
