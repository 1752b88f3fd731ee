//! A program that runs one node of three.

use std::hint::black_box;
use std::time::Duration;

use raft::prelude::{ConfState, Message};
use raft::storage::MemStorage;
use raft::{Config, RawNode};
use slog::{Discard, Logger, o};

fn main() {
    let config = Config {
        election_tick: 15,
        heartbeat_tick: 5,
        pre_vote: true,
        check_quorum: true,
        ..Config::new(1)
    };
    let storage = MemStorage::new_with_conf_state(ConfState::from((vec![1, 2, 3], Vec::new())));
    let mut node =
        RawNode::new(&config, storage, &Logger::root(Discard, o!())).expect("a valid start");
    loop {
        let received = receive(Duration::from_millis(10));
        node.tick();
        if let Some(message) = received {
            node.step(message).expect("a valid message");
        }
        while node.has_ready() {
            let mut ready = node.ready();
            send(ready.take_messages());
            if !ready.entries().is_empty() {
                node.mut_store().wl().append(ready.entries()).expect("entries follow each other");
            }
            if let Some(state) = ready.hs() {
                node.mut_store().wl().set_hardstate(state.clone());
            }
            send(ready.take_persisted_messages());
            let mut light = node.advance(ready);
            if let Some(commit) = light.commit_index() {
                node.mut_store().wl().mut_hard_state().commit = commit;
            }
            send(light.take_messages());
            node.advance_apply();
        }
        black_box(node.raft.leader_id);
    }
}

fn send(messages: Vec<Message>) {
    drop(black_box(messages));
}

fn receive(wait: Duration) -> Option<Message> {
    std::thread::sleep(wait);
    black_box(None)
}
