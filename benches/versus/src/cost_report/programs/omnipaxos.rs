//! A program that runs one node of three.

use std::hint::black_box;
use std::time::Duration;

use omnipaxos::messages::Message;
use omnipaxos::storage::{Entry, NoSnapshot};
use omnipaxos::{ClusterConfig, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;

#[derive(Clone, Debug)]
struct Nothing;

impl Entry for Nothing {
    type Snapshot = NoSnapshot;
}

fn main() {
    let config = OmniPaxosConfig {
        cluster_config: ClusterConfig { configuration_id: 1, nodes: vec![1, 2, 3], flexible_quorum: None },
        server_config: ServerConfig { pid: 1, election_tick_timeout: 5, ..ServerConfig::default() },
    };
    let storage = MemoryStorage::<Nothing>::default();
    let mut node = config.build(storage).expect("a valid start");
    let mut outgoing = Vec::new();
    loop {
        let received = receive(Duration::from_millis(10));
        node.tick();
        if let Some(message) = received {
            node.handle_incoming(message);
        }
        node.take_outgoing_messages(&mut outgoing);
        outgoing.drain(..).for_each(|message| drop(black_box(message)));
        black_box(node.get_current_leader());
    }
}

fn receive(wait: Duration) -> Option<Message<Nothing>> {
    std::thread::sleep(wait);
    black_box(None)
}
