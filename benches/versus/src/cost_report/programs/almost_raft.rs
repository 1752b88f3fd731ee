//! A program that runs one node of three.

use std::hint::black_box;

use almost_raft::election::{RaftElectionState, raft_election};
use almost_raft::{ClusterNode, Message};
use async_trait::async_trait;
use tokio::runtime::Builder;
use tokio::sync::mpsc::channel;

#[derive(Clone, Debug)]
struct Peer(String);

#[async_trait]
impl ClusterNode for Peer {
    type NodeType = Peer;
    type NodeIdType = String;

    async fn send_message(&self, message: Message<Peer>) {
        drop(black_box(message));
    }

    fn node_id(&self) -> &String {
        &self.0
    }
}

fn main() {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let peers = vec![Peer("2".to_owned()), Peer("3".to_owned())];
    let (to_host, mut news) = channel(64);
    let (state, input) = RaftElectionState::init("1".to_owned(), 150, 50, 20, peers, to_host, 3, 2);
    black_box(input);
    runtime.block_on(async {
        tokio::spawn(raft_election(state));
        while let Some(message) = news.recv().await {
            drop(black_box(message));
        }
    });
}
