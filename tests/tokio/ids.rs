//! Whatever a node is named by: through datagrams, a file and the task.

use std::io;
use std::net::SocketAddr;

use quorate::adapters::store::Store;
use quorate::adapters::tokio::{Channel, Handle, Network, Options, Transport};
use quorate::adapters::wire;
use quorate::{ClusterId, Config, HardState, Message, Name, NodeId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::support::{SEED, millis, soon};

/// A network of datagrams.
struct Wire<I>(Channel<I>);

impl<I: NodeId + Serialize + DeserializeOwned + Send + Sync + 'static> Transport<I> for Wire<I> {
    fn send(&mut self, to: I, message: &Message<I>) {
        let read = wire::decode(&wire::encode(message)).unwrap();
        assert_eq!(&read, message);
        self.0.send(to, &read);
    }

    async fn recv(&mut self) -> io::Result<Option<(I, Message<I>)>> {
        self.0.recv().await
    }
}

/// Three nodes elect a leader, and again after all were stopped and opened their files.
async fn elects<I: NodeId + Serialize + DeserializeOwned + Send + Sync + 'static>(ids: [I; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let path = |id: I| folder.path().join(ids.iter().position(|&other| other == id).unwrap().to_string());
    let first = HardState::bootstrap(ClusterId(1), ids).unwrap();
    for id in ids {
        Store::create(path(id), &first).unwrap();
    }
    let mut last = None;
    for _ in 0..2 {
        let (network, origin) = (Network::new(), Instant::now());
        let nodes: Vec<Handle<I>> = (SEED..)
            .zip(ids)
            .map(|(seed, id)| {
                let (store, saved) = Store::<I>::open(path(id)).unwrap();
                let clock = move || origin.elapsed().into();
                let options = Options::new(Config::new(id)).clock(clock).seed(seed).save_on_blocking_pool();
                Handle::start(options, saved, store, Wire(network.join(id))).unwrap()
            })
            .collect();
        let leader = soon("a leader", async {
            loop {
                let known: Vec<_> = nodes.iter().map(|node| node.leadership().borrow().leader).collect();
                match known[0] {
                    Some(leader) if known.iter().all(|&known| known == Some(leader)) => break leader,
                    _ => sleep(millis(1)).await,
                }
            }
        })
        .await;
        assert!(ids.contains(&leader.id));
        assert!(Some(leader.term) > last, "what was stored counts");
        last = Some(leader.term);
        for node in nodes {
            node.shutdown().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn integers_name_nodes() {
    elects([1_u64, 2, u64::MAX]).await;
}

#[tokio::test(start_paused = true)]
async fn uuids_name_nodes() {
    elects([1, 2, u128::MAX].map(Uuid::from_u128)).await;
}

#[tokio::test(start_paused = true)]
async fn addresses_name_nodes() {
    let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
    elects(["10.0.0.1:7000", "10.0.0.2:7000", "[2001:db8::1]:7000"].map(parse)).await;
}

#[tokio::test(start_paused = true)]
async fn sixteen_bytes_name_nodes() {
    elects([*b"alpha\0\0\0\0\0\0\0\0\0\0\0", *b"beta\0\0\0\0\0\0\0\0\0\0\0\0", [0xff; 16]]).await;
}

#[tokio::test(start_paused = true)]
async fn short_texts_name_nodes() {
    let longest = "x".repeat(63);
    elects(["web-0", "10.0.0.2:7000", &longest].map(|text| text.parse::<Name<63>>().unwrap())).await;
}
