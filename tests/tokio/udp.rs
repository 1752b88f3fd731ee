//! Over loopback, in real time. Bounds are generous.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use quorate::adapters::Advertised;
use quorate::adapters::endpoint::operator::{Change, ChangeKind, Command, Refused};
use quorate::adapters::seal::{Key, Keyring};
use quorate::adapters::tokio::{self as tokio_host, Handle, MemoryStorage, QueryError, Udp, UnusableAddress};
use quorate::adapters::udp::{Host, HostConfig, Operator, OperatorError, who_leads, who_leads_sealed};
use quorate::{ClusterId, Config, Event, Force, HardState, Priority, Target};
use tokio::net::UdpSocket;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::support::{Id, millis, soon};

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn first() -> HardState<Id> {
    HardState::bootstrap(ClusterId(1), [1, 2, 3]).unwrap()
}

fn start(id: Id, saved: HardState<Id>, transport: Udp<Id>) -> Handle<Id> {
    Handle::start(Config::new(id), saved, MemoryStorage::new(), transport).unwrap()
}

#[tokio::test]
async fn a_transport_takes_no_address_that_no_node_can_have() {
    let transport = Udp::<Id>::bind(any_port()).unwrap();
    let (peers, usable) = (transport.peers(), transport.local_addr());
    for address in ["0.0.0.0:7", "[::]:7", "224.0.0.1:7", "[::ffff:224.0.0.1]:7", "127.0.0.1:0"] {
        let address: SocketAddr = address.parse().unwrap();
        assert_eq!(peers.introduce(2, address.into()), Err(UnusableAddress(address)));
        assert_eq!(
            Udp::bind(any_port()).unwrap().peer(2, address.into()).err(),
            Some(UnusableAddress(address))
        );
    }
    assert_eq!((peers.introduce(2, usable.into()), peers.addresses()), (Ok(()), [(2, usable)].into()));
}

/// Nodes and hosts in one group, each told only of those before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_and_blocking_hosts_elect_together_and_a_newcomer_is_let_in() {
    let one = Udp::bind(any_port()).unwrap();
    let two = Udp::bind(any_port()).unwrap().peer(1, one.local_addr().into()).unwrap();
    let config = HostConfig::new(Config::new(3), any_port()).peer(1, one.local_addr().into());
    let host = Host::start(config, first(), |_| Ok::<_, Infallible>(())).unwrap();
    let (peers, address) = (one.peers(), one.local_addr());
    let nodes = [start(1, first(), one), start(2, first(), two)];
    for node in &nodes {
        soon("a leader", node.wait_for_leader()).await.unwrap();
    }

    let answer = spawn_blocking(move || who_leads::<Id>(ClusterId(1), address, Duration::from_secs(20)));
    let known = answer.await.unwrap().unwrap();
    assert!(known.is_some_and(|leader| leader.address.is_some()), "{known:?}");

    // Only one that a node leads takes a target here.
    let newcomer = Udp::bind(any_port()).unwrap();
    let (place, known) = (newcomer.local_addr(), newcomer.peers());
    peers.introduce(4, place.into()).unwrap();
    let newcomer = start(4, HardState::joining(ClusterId(1)), newcomer);
    soon("node 1 to lead and to take the target", async {
        loop {
            let target = Target::new([1, 2, 3, 4], []).unwrap();
            if nodes[0].reconfigure(target, Force::Never).await.is_ok() {
                break;
            }
            let _refused = nodes[1].resign(Some(1), quorate::Urgency::WhenReady).await;
            let _refused = host.resign(Some(1), quorate::Urgency::WhenReady);
            sleep(millis(20)).await;
        }
    })
    .await;
    soon("the newcomer to vote and to know where all are", async {
        loop {
            let voter = |id| move |member: &quorate::MemberStatus<Id>| member.id == id && member.voter;
            let votes = newcomer.status().await.unwrap().members.iter().any(voter(4));
            if votes && (1..=3).all(|id| known.address(id).is_some()) {
                break;
            }
            sleep(millis(5)).await;
        }
    })
    .await;
    assert!(known.addresses().len() == 3 && known.counters().received > 0);

    // The newcomer is reached by all.
    soon("the shutdown", nodes[0].shutdown()).await.unwrap();
    soon("a leader", newcomer.wait_for_leader()).await.unwrap();
}

#[tokio::test]
async fn garbage_is_refused_and_counted_and_harms_nobody() {
    let transport = Udp::bind(any_port()).unwrap();
    let (address, peers) = (transport.local_addr(), transport.peers());
    let alone = HardState::bootstrap(ClusterId(1), [1]).unwrap();
    let node = start(1, alone, transport);
    soon("a leader", node.wait_for_leader()).await.unwrap();
    let stranger = UdpSocket::bind(any_port()).await.unwrap();
    for bytes in [&b""[..], b"x", b"qr\x02\x01", b"qr\x02\x63", &[0xff; 1_400], &[b'q'; 40_000]] {
        stranger.send_to(bytes, address).await.unwrap();
    }
    let refused = || {
        let counters = peers.counters();
        counters.undecodable + counters.other_version + counters.oversized
    };
    soon("six refusals", async {
        while refused() < 6 {
            sleep(millis(1)).await;
        }
    })
    .await;
    assert_eq!(peers.counters().oversized, 1);
    assert!(node.status().await.is_ok() && peers.addresses().is_empty());
}

#[tokio::test]
async fn what_was_sent_to_another_is_not_heard_by_who_is_there_now() {
    let newcomer = Udp::bind(any_port()).unwrap();
    let (address, peers) = (newcomer.local_addr(), newcomer.peers());
    let newcomer = start(4, HardState::joining(ClusterId(1)), newcomer);
    let _one = start(1, first(), Udp::bind(any_port()).unwrap().peer(2, address.into()).unwrap());
    soon("letters", async {
        while peers.counters().misdirected + peers.counters().received < 5 {
            sleep(millis(1)).await;
        }
    })
    .await;
    assert_eq!(peers.counters().received, 0);
    assert!(newcomer.status().await.unwrap().members.is_empty());
}

fn bootstrap(members: &[Id]) -> HardState<Id> {
    HardState::bootstrap(ClusterId(1), members.iter().copied()).unwrap()
}

#[tokio::test]
async fn who_knows_one_member_and_never_stands_is_found_and_it_is_forgotten_when_it_has_left() {
    let one = Udp::bind(any_port()).unwrap();
    let (address, peers) = (one.local_addr(), one.peers());
    let one = start(1, bootstrap(&[1, 2]), one);
    let witness = Udp::bind(any_port()).unwrap().peer(1, address.into()).unwrap();
    let place = witness.local_addr();
    let config = Config { priority: Priority::NEVER_LEADS, ..Config::new(2) };
    let witness = Handle::start(config, bootstrap(&[1, 2]), MemoryStorage::new(), witness).unwrap();
    assert_eq!(soon("a leader", one.wait_for_leader()).await.unwrap().id, 1);
    assert_eq!(peers.addresses(), [(2, place)]);

    let mut news = witness.events();
    witness.leave().await.unwrap();
    soon("its removal", async { while news.recv().await.unwrap() != Event::Removed {} }).await;
    soon("no address of it", async {
        while !peers.addresses().is_empty() {
            sleep(millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stranger_is_answered_where_it_asks_from_and_not_remembered() {
    let one = Udp::bind(any_port()).unwrap();
    let (address, peers) = (one.local_addr(), one.peers());
    let _one = start(1, bootstrap(&[1]), one);
    let stranger = Udp::bind(any_port()).unwrap().peer(1, address.into()).unwrap();
    // It takes itself for a member, as one does that was removed while it was down.
    let saved = HardState { life: bootstrap(&[1]).life, ..bootstrap(&[1, 2]) };
    let stranger = start(2, saved, stranger);
    let mut news = stranger.events();
    // That it is no member of the group that there is.
    let answered = async { while news.recv().await.unwrap() != Event::Removed {} };
    soon("an answer", answered).await;
    assert!(peers.counters().strangers > 0 && peers.addresses().is_empty());
}

#[tokio::test]
async fn a_newcomer_that_nobody_introduced_says_where_it_is() {
    let one = Udp::bind(any_port()).unwrap();
    let address = one.local_addr();
    let one = start(1, bootstrap(&[1]), one);
    let newcomer = Udp::bind(any_port()).unwrap().peer(1, address.into()).unwrap();
    let newcomer = start(2, HardState::joining(ClusterId(1)), newcomer);
    soon("a leader that takes the target", async {
        while one.reconfigure(Target::new([1], [2]).unwrap(), Force::Never).await.is_err() {
            sleep(millis(5)).await;
        }
    })
    .await;
    assert_eq!(soon("its leader", newcomer.wait_for_leader()).await.unwrap().id, 1);
}

fn keys(keys: &[u8]) -> Keyring {
    Keyring::new(keys.iter().map(|&byte| Key::new(&[byte; 32]))).unwrap()
}

#[tokio::test]
async fn without_keys_it_listens_only_where_nobody_else_can_send_to_it_or_if_it_is_told_to() {
    for anywhere in ["0.0.0.0:0", "[::]:0"] {
        let anywhere: SocketAddr = anywhere.parse().unwrap();
        let refused = Udp::<Id>::bind(anywhere).unwrap_err();
        assert!(refused.to_string().contains("unsealed"), "{refused}");
    }
    let anywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    assert!(Udp::<Id>::bind_unsealed(anywhere).is_ok());
    assert!(Udp::<Id>::bind_sealed(anywhere, keys(&[1])).is_ok());
    assert!(!Udp::<Id>::bind(any_port()).unwrap().peers().set_keys(keys(&[1])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_and_blocking_hosts_of_one_key_elect_together_and_others_are_not_heard() {
    let bind = |key| Udp::bind_sealed(any_port(), keys(&[key])).unwrap();
    let one = bind(1);
    let two = bind(1).peer(1, one.local_addr().into()).unwrap();
    let config =
        HostConfig::new(Config::new(3), any_port()).peer(1, one.local_addr().into()).sealed(keys(&[1]));
    let host = Host::start(config, first(), |_| Ok::<_, Infallible>(())).unwrap();
    let (address, peers) = (one.local_addr(), [one.peers(), two.peers()]);
    let nodes = [start(1, first(), one), start(2, first(), two)];
    for node in &nodes {
        soon("a leader", node.wait_for_leader()).await.unwrap();
    }
    let leads = async |key| loop {
        let question =
            move || who_leads_sealed::<Id>(ClusterId(1), address, &keys(&[key]), Duration::from_secs(20));
        if let Some(leader) = spawn_blocking(question).await.unwrap().unwrap() {
            break leader;
        }
    };
    soon("an answer", leads(1)).await;

    // One that has another key, and much to say.
    let stranger = bind(9).peer(1, address.into()).unwrap();
    let heard = stranger.peers();
    let _stranger = start(2, HardState { term: quorate::Term(900), ..first() }, stranger);
    soon("refusals", async {
        while peers[0].counters().refused.unknown_key < 3 {
            sleep(millis(5)).await;
        }
    })
    .await;
    assert_eq!(heard.counters().received, 0);

    for ring in [&[1, 2][..], &[2, 1], &[2]] {
        peers.iter().for_each(|peers| assert!(peers.set_keys(keys(ring))));
        host.set_keys(keys(ring)).unwrap();
        let before = [peers[0].counters().received, peers[1].counters().received, host.counters().received];
        soon("all to be heard with other keys", async {
            let now =
                || [peers[0].counters().received, peers[1].counters().received, host.counters().received];
            while now().iter().zip(before).any(|(now, before)| *now < before + 5) {
                sleep(millis(5)).await;
            }
        })
        .await;
    }
    let known = soon("an answer", leads(2)).await;
    assert!(known.term < quorate::Term(900), "{known:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_a_node_and_changes_its_group() {
    let keys = || Keyring::new([Key::new(&[1; 32])]).unwrap();
    let bind = || Udp::bind_sealed(any_port(), keys()).unwrap().taking_commands();
    let (one, two) = (bind(), bind());
    let [first, second] = [&one, &two].map(Udp::local_addr);
    let node = start(1, HardState::bootstrap(ClusterId(1), [1]).unwrap(), one);
    let newcomer = start(2, HardState::joining(ClusterId(1)), two);
    soon("a leader", node.wait_for_leader()).await.unwrap();
    let operator = Operator::new(ClusterId(1), keys()).waiting(Duration::from_secs(20));
    let asked = spawn_blocking(move || {
        let report = operator.report::<Id>(first).unwrap();
        let add = Change { addresses: vec![second], ..Change::new(2_i64, ChangeKind::Add) };
        let refused = operator.command(first, &Command::Change(add)).unwrap_err();
        assert!(matches!(refused, OperatorError::Refused(Refused::OtherIds(_))), "{refused}");
        let add = Change { addresses: vec![second], ..Change::new(2 as Id, ChangeKind::Add) };
        operator.command(first, &Command::Change(add)).unwrap();
        report
    });
    assert_eq!(soon("a report", asked).await.unwrap().status.members.len(), 1);
    soon("the newcomer to follow", newcomer.wait_for_leader()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_knows_what_the_leader_advertises_and_a_change_of_it() {
    let url: Advertised = "http://10.0.0.1/".parse().unwrap();
    let one = Udp::bind(any_port()).unwrap().advertising(url);
    let two = Udp::bind(any_port()).unwrap().peer(1, one.local_addr().into()).unwrap();
    let (peers, address) = (one.peers(), two.local_addr());
    let pair = HardState::bootstrap(ClusterId(1), [1, 2]).unwrap();
    let _leader = start(1, pair.clone(), one);
    let never = Config { priority: Priority::NEVER_LEADS, ..Config::new(2) };
    let follower = Handle::start(never, pair, MemoryStorage::new(), two).unwrap();

    let mut leadership = follower.leadership();
    for text in [url, "http://10.0.0.9/".parse().unwrap()] {
        peers.advertise(Some(text));
        soon("the text", leadership.wait_for(|shown| shown.advertised == Some(text))).await.unwrap();
        let known = tokio_host::who_leads::<Id>(ClusterId(1), address, None, Duration::from_secs(20)).await;
        assert_eq!(known.unwrap().unwrap().advertised, Some(text));
    }
    let nobody = UdpSocket::bind(any_port()).await.unwrap().local_addr().unwrap();
    let refused = tokio_host::who_leads::<Id>(ClusterId(1), nobody, None, millis(20)).await.unwrap_err();
    assert!(matches!(refused, QueryError::TimedOut { .. }), "{refused}");
}
