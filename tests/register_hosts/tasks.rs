//! Nodes as tokio tasks on loopback that share a register.

use std::time::Duration;

use quorate::adapters::register::{Cell, RegisterEvent, Silence};
use quorate::adapters::tokio::{CommandError, Handle, MemoryStorage, Network, Options, Transport, Udp};
use quorate::{Config, Lease, Position};
use tokio::time::{sleep, timeout};

use super::memory::{Awaited, MemoryRegister};
use super::{A, B, Id, PATIENCE, R, denial_of_a_later_term, first, register, speaks, timing};

fn options(id: Id) -> Options<Id> {
    Options::new(Config { timing: timing(), ..Config::new(id) })
}

fn awaited(id: Id, memory: &MemoryRegister) -> Options<Id> {
    options(id).register(register(Awaited(memory.clone())))
}

fn blocking(id: Id, cell: impl Cell) -> Options<Id> {
    options(id).blocking_register(register(cell))
}

fn transport() -> Udp<Id> {
    Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

fn start(options: Options<Id>, transport: Udp<Id>) -> Handle<Id> {
    Handle::start(options, first(), MemoryStorage::new(), transport).unwrap()
}

/// The machines A and B.
fn pair(options: impl Fn(Id) -> Options<Id>) -> [Handle<Id>; 2] {
    let one = transport();
    let two = transport().peer(A, one.local_addr().into()).unwrap();
    [start(options(A), one), start(options(B), two)]
}

async fn wait<T>(what: &str, mut seen: impl AsyncFnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = seen().await {
                return found;
            }
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// The node that leads by a membership that all have acknowledged, the other one, and the lease. To both of them the voter
/// of the register speaks.
async fn settle([one, two]: [Handle<Id>; 2]) -> (Handle<Id>, Handle<Id>, Lease) {
    for node in [&one, &two] {
        wait("signatures", async || node.register_status().await.unwrap().filter(speaks)).await;
    }
    let leads = async |node: &Handle<Id>| {
        let lease = node.lease()?;
        node.status().await.unwrap().committed.then_some(lease)
    };
    let (is_first, lease) = wait("a leader", async || match leads(&one).await {
        Some(lease) => Some((true, lease)),
        None => leads(&two).await.map(|lease| (false, lease)),
    })
    .await;
    if is_first { (one, two, lease) } else { (two, one, lease) }
}

async fn silence(node: &Handle<Id>) -> Option<Silence<Id>> {
    node.register_status().await.unwrap().unwrap().silence
}

async fn assert_the_other_takes_over(nodes: [Handle<Id>; 2]) {
    let (leader, follower, lease) = settle(nodes).await;
    leader.abort().await.unwrap();
    let next =
        wait("the other to lead", async || follower.lease().filter(|next| next.term > lease.term)).await;
    wait("a later end of the lease", async || follower.lease().filter(|later| later.until > next.until))
        .await;
}

#[tokio::test]
async fn a_node_whose_register_is_awaited_leads_when_the_other_machine_dies() {
    let memory = MemoryRegister::new();
    assert_the_other_takes_over(pair(|id| awaited(id, &memory))).await;
}

#[tokio::test]
async fn a_node_whose_register_blocks_leads_when_the_other_machine_dies() {
    let memory = MemoryRegister::new();
    assert_the_other_takes_over(pair(|id| blocking(id, memory.clone()))).await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_dropped_and_costs_no_lease_while_the_other_machine_is_there() {
    let memory = MemoryRegister::new();
    let (leader, follower, lease) = settle(pair(|id| awaited(id, &memory))).await;
    memory.hang();
    wait("the follower to miss the register", async || silence(&follower).await).await;
    let failed = async |node: &Handle<Id>| node.register_status().await.unwrap().unwrap().calls.failed;
    let before = failed(&follower).await;
    wait("more calls to fail", async || (failed(&follower).await >= before + 3).then_some(())).await;
    assert!(memory.hanging() <= 2, "{} calls hang", memory.hanging());
    let later = leader.lease().unwrap();
    wait("a lease that grows", async || leader.lease().filter(|grown| grown.until > later.until)).await;
    assert_eq!(later.term, lease.term);
    follower.abort().await.unwrap();
    leader.abort().await.unwrap();
    // Unlike a thread, a task is not left behind with its call.
    wait("all calls to be dropped", async || (memory.hanging() == 0).then_some(())).await;
}

#[tokio::test]
async fn a_client_that_panics_costs_the_voter_and_not_the_node() {
    for is_awaited in [true, false] {
        let memory = MemoryRegister::new();
        let options = |id| if is_awaited { awaited(id, &memory) } else { blocking(id, memory.clone()) };
        let (leader, follower, lease) = settle(pair(options)).await;
        memory.panic();
        wait("the follower to miss the register", async || silence(&follower).await).await;
        memory.work();
        let end = follower.lease().or_else(|| leader.lease()).unwrap_or(lease).until;
        // Both nodes still hear each other, and do as they are told.
        wait("a lease that grows", async || {
            [&leader, &follower].into_iter().find_map(|node| node.lease().filter(|grown| grown.until > end))
        })
        .await;
        timeout(PATIENCE, follower.abort()).await.unwrap().unwrap();
        timeout(PATIENCE, leader.abort()).await.unwrap().unwrap();
    }
}

/// A transport of the program's own may be deceived about who sends.
#[tokio::test]
async fn a_message_in_the_name_of_the_registers_voter_has_no_effect_whatever_carries_it() {
    let (memory, network) = (MemoryRegister::new(), Network::new());
    let node = |id| {
        let channel = network.join(id);
        Handle::start(awaited(id, &memory), first(), MemoryStorage::new(), channel).unwrap()
    };
    let (leader, _follower, lease) = settle([node(A), node(B)]).await;
    let mut forger = network.join(R);
    let status = leader.status().await.unwrap();
    for _ in 0..5 {
        forger.send(status.id, &denial_of_a_later_term(lease.term, status.version));
        let later = leader.lease().unwrap();
        wait("a lease that grows", async || leader.lease().filter(|grown| grown.until > later.until)).await;
    }
    assert_eq!(leader.lease().unwrap().term, lease.term);
    let received = timeout(Duration::from_millis(1), forger.recv()).await;
    assert!(received.is_err(), "nothing is sent to the voter: {received:?}");
}

#[tokio::test]
async fn a_node_that_leads_has_a_position_recorded_and_one_without_a_register_says_so() {
    let memory = MemoryRegister::new();
    let (leader, follower, _) = settle(pair(|id| awaited(id, &memory))).await;
    let position = Position { term: 1, index: 5 };
    for (node, recorded) in [(&leader, true), (&follower, false)] {
        let mut news = node.register_events();
        node.record_position(position).await.unwrap();
        let told = wait("an answer", async || {
            let event = news.recv().await.unwrap();
            (!matches!(event, RegisterEvent::Silent(_))).then_some(event)
        });
        let expected = if recorded {
            RegisterEvent::PositionRecorded(position)
        } else {
            RegisterEvent::PositionRefused(position)
        };
        assert_eq!(told.await, expected);
    }
    assert_eq!(leader.status().await.unwrap().position, position);
    let without = start(options(A), transport());
    assert_eq!(without.register_status().await.unwrap(), None);
    assert!(matches!(without.record_position(position).await, Err(CommandError::NoRegister)));
}
