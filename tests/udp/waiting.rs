//! What hosts do while their disk hangs: they answer operators, and leave everything else for later.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use quorate::adapters::endpoint::operator::Report;
use quorate::adapters::endpoint::{Endpoint, NodeView, Transmit};
use quorate::adapters::seal::SystemRng;
use quorate::adapters::tokio::{Handle, Storage, Udp};
use quorate::adapters::udp::{Operator, OperatorError};
use quorate::message::Body;
use quorate::{Election, Input, Message, Output};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

/// A disk that hangs for as long as the test holds the lock.
#[derive(Clone)]
struct Disk(Arc<Mutex<()>>);

impl Storage<Id> for Disk {
    fn save(&mut self, _: &HardState<Id>) -> Result<(), SaveError> {
        drop(self.0.lock());
        Ok(())
    }
}

/// Node 1 of two, whose other node is the test.
enum Node {
    Thread(Host<Id>),
    Tokio(Handle<Id>, SocketAddr),
}

impl Node {
    fn on_thread(mut disk: Disk) -> Self {
        Node::Thread(Host::start(config(1), first(1, &[1, 2]), move |state| disk.save(state)).unwrap())
    }

    fn on_tokio(disk: Disk) -> Self {
        let (tell, told) = channel();
        let bind = move || {
            let udp = Udp::bind_sealed(any_port(), ring(&[1]))?;
            tell.send(udp.local_addr()).unwrap();
            Ok::<_, BindError>(udp)
        };
        let handle = Handle::start_on_thread(Config::new(1), first(1, &[1, 2]), disk, bind).unwrap();
        Node::Tokio(handle, told.recv().unwrap())
    }

    fn address(&self) -> SocketAddr {
        match self {
            Node::Thread(host) => host.local_addr(),
            Node::Tokio(_, address) => *address,
        }
    }

    fn has_failed(&self) -> bool {
        match self {
            Node::Thread(host) => host.failure().is_some(),
            Node::Tokio(handle, _) => handle.leadership().borrow().stopped.is_some(),
        }
    }
}

/// Node 2, which does nothing of its own accord.
struct Puppet {
    socket: UdpSocket,
    host: SocketAddr,
    endpoint: Endpoint<Id, SystemRng>,
    election: Election<Id, ChaCha20Rng>,
    now: Timestamp,
    outputs: Vec<Output<Id>>,
    transmits: Vec<Transmit>,
}

impl Puppet {
    fn new(host: SocketAddr) -> Self {
        let socket = UdpSocket::bind(any_port()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let rng = SystemRng::new().unwrap();
        let mut endpoint = Endpoint::new(2, GROUP, Some(ring(&[1])), rng).unwrap();
        endpoint.configure(1, host).unwrap();
        let now = BootClock::new().now();
        let rng = ChaCha20Rng::seed_from_u64(2);
        let election = Election::new(Config::new(2), first(1, &[1, 2]), now, rng).unwrap();
        let (outputs, transmits) = (Vec::new(), Vec::new());
        Puppet { socket, host, endpoint, election, now, outputs, transmits }
    }

    /// Sends what there is to send. Returns the rounds of the requests for votes.
    fn send(&mut self) -> Vec<u64> {
        let mut rounds = Vec::new();
        self.endpoint.observe(&NodeView::of(&self.election));
        for output in self.outputs.drain(..) {
            if let Output::Send { to, message } = output {
                if let Body::VoteRequest(_) = message.body() {
                    rounds.push(message.header().round.0);
                }
                self.endpoint.send(to, &message, self.now, &mut self.transmits);
            }
        }
        self.endpoint.handle_timeout(self.now, &mut self.transmits);
        for Transmit { to, bytes } in self.transmits.drain(..) {
            self.socket.send_to(&bytes, to).unwrap();
        }
        rounds
    }

    /// The next message of the host.
    fn receive(&mut self) -> Option<Message<Id>> {
        let mut buffer = [0; 2_048];
        let (length, source) = self.socket.recv_from(&mut buffer).ok()?;
        assert_eq!(source, self.host);
        let bytes = &mut buffer[..length];
        let message = self.endpoint.handle_datagram(bytes, source, self.now, &mut self.transmits);
        self.send();
        message.map(|(_, message)| message)
    }

    /// Answers all that the host asks.
    fn answer(&mut self) {
        self.now = BootClock::new().now();
        while let Some(message) = self.receive() {
            self.election.tick_into(self.now, &mut self.outputs);
            self.election.step_into(Input::Receive { from: 1, message }, &mut self.outputs);
            self.send();
        }
        self.send();
    }

    /// Asks for votes until so many requests are sent, as if time went by fast. Returns their rounds.
    fn ask(&mut self, count: usize) -> Vec<u64> {
        let mut rounds = Vec::new();
        while rounds.len() < count {
            self.now = self.now.max(self.election.deadline().unwrap());
            self.election.tick_into(self.now, &mut self.outputs);
            rounds.extend(self.send());
        }
        rounds
    }
}

/// A node whose first write hangs, and the other node of its group.
fn waiting(node: fn(Disk) -> Node, disk: &Disk, operator: &Operator) -> (Node, Puppet, Report<Id>) {
    let node = node(disk.clone());
    let mut puppet = Puppet::new(node.address());
    let report = wait("a write that hangs, in a report", || {
        puppet.answer();
        let report = operator.report::<Id>(node.address()).ok()?;
        report.status.pending_write.is_some().then_some(report)
    });
    while puppet.socket.recv(&mut [0; 2_048]).is_ok() {}
    (node, puppet, report)
}

#[test]
fn a_host_whose_disk_hangs_answers_operators_and_handles_messages_afterwards_in_order() {
    let operator = Operator::new(GROUP, ring(&[1])).waiting(PATIENCE);
    for node in [Node::on_thread, Node::on_tokio] {
        let disk = Disk(Arc::new(Mutex::new(())));
        let hang = disk.0.lock().unwrap();
        let (node, mut puppet, report) = waiting(node, &disk, &operator);
        assert_eq!((report.status.term, report.status.voted_for), (Term(0), None), "as on disk");
        let rounds = puppet.ask(20);
        let strangers = Operator::new(GROUP, ring(&[9])).waiting(Duration::from_millis(50));
        let refused = strangers.report::<Id>(node.address()).unwrap_err();
        assert!(matches!(refused, OperatorError::TimedOut { .. }), "another key: {refused}");
        // The report is answered behind all messages that came before the question.
        let later = operator.report::<Id>(node.address()).unwrap();
        assert!(later.status.pending_write > report.status.pending_write, "it is as of now");
        assert_eq!(puppet.receive(), None, "nothing of the protocol leaves");

        drop(hang);
        let mut answered = Vec::new();
        wait("the answers", || {
            let message = puppet.receive()?;
            if let Body::VoteReply(_) = message.body() {
                answered.push(message.header().round.0);
            }
            (answered.len() >= rounds.len()).then_some(())
        });
        assert_eq!(answered, rounds, "each once, in order");
        let report = operator.report::<Id>(node.address()).unwrap();
        assert!(report.status.pending_write.is_none() && !node.has_failed());
    }
}

#[test]
fn a_flood_while_a_disk_hangs_takes_bounded_room_and_hides_no_operator() {
    let operator = Operator::new(GROUP, ring(&[1])).waiting(PATIENCE);
    let disk = Disk(Arc::new(Mutex::new(())));
    let hang = disk.0.lock().unwrap();
    let (node, _puppet, _) = waiting(Node::on_thread, &disk, &operator);
    let Node::Thread(host) = &node else { panic!("it is on a thread") };
    let flood = UdpSocket::bind(any_port()).unwrap();
    wait("a backlog that is full", || {
        (0..100).for_each(|_| drop(flood.send_to(&[7; 900], host.local_addr())));
        (host.counters().overflowed > 0).then_some(())
    });
    assert!(operator.report::<Id>(host.local_addr()).unwrap().status.pending_write.is_some());
    drop(hang);
    wait("the end of the write", || host.status().pending_write.is_none().then_some(()));
    let refused = |host: &Host<Id>| host.counters().refused.unsealed;
    wait("what was kept to be refused", || (refused(host) >= 500).then_some(()));
    let ids: BTreeSet<Id> = host.status().members.iter().map(|member| member.id).collect();
    assert_eq!(ids, [1, 2].into());
}
