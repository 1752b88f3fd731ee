//! The host's thread: the contract, as code.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::mem;
use std::net::{SocketAddr, UdpSocket};
use std::ops::ControlFlow::{self, Break, Continue};
use std::prelude::rust_2024::*;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::vec;

use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::book::Book;
use super::cover::{Cover, Uncovered};
use super::datagram::{self, Datagram};
use super::post::{self, HELLO_EVERY, TIDY_EVERY, Unsent};
use super::{Command, Counters, HostFailure, Leader, Notice, Shared};
use crate::adapters::seal::MAX_SEALED;
use crate::election::Election;
use crate::hard_state::HardState;
use crate::io::{Event, Input, Output, Rejection, Urgency};
use crate::message::Message;
use crate::types::{NodeId, Timestamp};

/// The longest and the shortest wait for a datagram: the longest bounds how late a command is seen
/// whose wake-up got lost.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
const SHORTEST_WAIT: Duration = Duration::from_micros(100);

/// How long to leave a broken socket alone.
const RESPITE: Duration = Duration::from_millis(1);

pub(super) type Save<I> = Box<dyn FnMut(&HardState<I>) -> Result<(), Box<dyn Error + Send + Sync>> + Send>;

pub(super) struct Runner<I> {
    pub(super) election: Election<I, ChaCha8Rng>,
    socket: UdpSocket,
    local: SocketAddr,
    pub(super) cover: Cover<I>,
    pub(super) book: Book<I>,
    save: Save<I>,
    pub(super) shared: Arc<Shared<I>>,
    commands: Receiver<Command<I>>,
    pub(super) outputs: Vec<Output<I>>,
    news: Vec<Event<I>>,
    /// Who is answered now, and where its datagram came from.
    pub(super) asker: Option<(I, SocketAddr)>,
    counters: Counters,
    next_hello: Timestamp,
    next_tidy: Timestamp,
}

impl<I: NodeId + Serialize + DeserializeOwned> Runner<I> {
    pub(super) fn new(
        election: Election<I, ChaCha8Rng>,
        (socket, local): (UdpSocket, SocketAddr),
        cover: Cover<I>,
        peers: &[(I, SocketAddr)],
        save: Save<I>,
        shared: Arc<Shared<I>>,
        commands: Receiver<Command<I>>,
    ) -> Self {
        let me = election.id();
        let peers: Vec<_> = peers.iter().copied().filter(|&(id, _)| id != me).collect();
        Runner {
            election,
            socket,
            local,
            cover,
            book: Book::new(&peers),
            save,
            shared,
            commands,
            outputs: Vec::new(),
            news: Vec::new(),
            asker: None,
            counters: Counters::default(),
            next_hello: Timestamp::ORIGIN,
            next_tidy: Timestamp::ORIGIN,
        }
    }

    /// Runs until it is told to stop or cannot go on, and says so.
    pub(super) fn run(mut self, watchers: JoinHandle<()>) {
        let mut last_words = LastWords {
            shared: Arc::clone(&self.shared),
            watchers: Some(watchers),
            failure: Some(HostFailure::Panicked),
        };
        last_words.failure = self.serve().err();
        // The election is gone before anybody hears of its end, and so is the lock on its store.
        drop(self);
        drop(last_words);
    }

    fn serve(&mut self) -> Result<(), HostFailure> {
        // One byte more than the longest datagram, to tell a longer one.
        let mut buffer = vec![0; MAX_SEALED + 1];
        loop {
            self.election.tick_into(self.shared.clock.now(), &mut self.outputs);
            self.act()?;
            while let Ok(command) = self.commands.try_recv() {
                match command {
                    Command::Step { input, addresses, reply } => {
                        let met = self.step(input, &addresses)?;
                        let _gone = reply.send(met.map_or(Ok(()), Err));
                    }
                    Command::SetKeys { keys, reply } => {
                        let _gone = reply.send(self.cover.set_keys(keys));
                    }
                    Command::Stop => {
                        let farewell = Input::Resign { successor: None, urgency: Urgency::Now };
                        return self.step(farewell, &[]).map(drop);
                    }
                }
            }
            self.greet();
            if self.shared.clock.now() >= self.next_tidy {
                self.tidy();
            }
            self.receive(&mut buffer)?;
        }
    }

    /// "I am here", for as long as nobody leads.
    fn greet(&mut self) {
        let now = self.shared.clock.now();
        if now < self.next_hello || self.election.leader().is_some() {
            return;
        }
        self.next_hello = now.saturating_add(HELLO_EVERY);
        let hello = datagram::hello(self.election.id(), self.election.hard_state().cluster);
        for ((id, address), hello) in self.book.configured().into_iter().zip(hello.iter().cycle()) {
            // To others goes a greeting of the seal: see `tidy`.
            if self.cover.has_met(id) {
                let letter = self.cover.letter(id, hello.clone());
                self.send_covered(letter, &[address]);
            }
        }
    }

    /// Waits for a datagram until the election is due. Of those that are refused many may come in a row:
    /// they are not worth looking after the election each time.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<(), HostFailure> {
        let latest = self.shared.clock.now().saturating_add(LONGEST_WAIT);
        let due = self.election.deadline().map_or(latest, |due| due.min(latest));
        loop {
            let wait = due.saturating_duration_since(self.shared.clock.now()).max(SHORTEST_WAIT);
            let received =
                self.socket.set_read_timeout(Some(wait)).and_then(|()| self.socket.recv_from(buffer));
            match received {
                Ok((0, source)) if source == super::socket::own_address(self.local) => return Ok(()),
                Ok((length, source)) => {
                    let opened = self.cover.open(buffer.get_mut(..length).unwrap_or_default());
                    if let ControlFlow::Break(done) = self.hear(opened, source) {
                        return done;
                    }
                }
                Err(error) => return self.fail_to_receive(&error),
            }
            if self.shared.clock.now() >= due {
                return Ok(());
            }
        }
    }

    /// Breaks if it was worth anything.
    fn hear(&mut self, opened: Uncovered<I>, source: SocketAddr) -> ControlFlow<Result<(), HostFailure>> {
        match opened {
            Uncovered::Datagram(Datagram::Peer(letter)) => return Break(self.take(letter, source)),
            Uncovered::Datagram(Datagram::Hello(from, cluster)) => self.note(from, cluster, source),
            Uncovered::Datagram(Datagram::Question(nonce, length)) => {
                return Break(self.answer(nonce, length, source));
            }
            Uncovered::Met(from) => self.greet_back(from, source),
            Uncovered::Reply(reply) => self.send_bytes(&reply, source),
            Uncovered::Refused => {}
            Uncovered::Oversized => self.bump(|counters| &mut counters.oversized),
            Uncovered::Datagram(Datagram::Answer(..)) | Uncovered::Undecodable => {
                self.bump(|counters| &mut counters.undecodable);
            }
        }
        Continue(())
    }

    fn fail_to_receive(&mut self, error: &io::Error) -> Result<(), HostFailure> {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => return Ok(()),
            // News of a datagram sent earlier, to where nobody listens.
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {}
            _ => thread::sleep(RESPITE),
        }
        self.count(|counters| &mut counters.receive_errors)
    }

    /// What the program wants, after a tick. Gives back why it cannot be.
    fn step(
        &mut self,
        input: Input<I>,
        addresses: &[(I, SocketAddr)],
    ) -> Result<Option<Rejection<I>>, HostFailure> {
        let now = self.shared.clock.now();
        self.election.tick_into(now, &mut self.outputs);
        self.election.step_into(input, &mut self.outputs);
        // After the step, which decides whom this node has to do with; before its messages are sent.
        for &(id, address) in addresses {
            if self.admits(id) {
                self.book.introduced(id, address, now);
            }
        }
        self.act()
    }

    /// Whether `id` may have an address here.
    pub(super) fn admits(&self, id: I) -> bool {
        let other = id != self.election.id();
        other && (self.election.is_concerned_with(id) || self.book.is_configured(id))
    }

    /// Acts on the outputs, in order. Gives back the last rejection among them.
    pub(super) fn act(&mut self) -> Result<Option<Rejection<I>>, HostFailure> {
        let mut outputs = mem::take(&mut self.outputs);
        let acted = self.act_on(&mut outputs);
        self.outputs = outputs;
        // Whoever hears the news finds it in the status too.
        let acted = acted.and_then(|rejection| self.publish().map(|()| rejection));
        for event in self.news.drain(..) {
            self.shared.events.push(Notice::Event(event));
        }
        acted
    }

    fn act_on(&mut self, outputs: &mut Vec<Output<I>>) -> Result<Option<Rejection<I>>, HostFailure> {
        let mut rejection = None;
        for output in outputs.drain(..) {
            match output {
                // What follows waits until it is durable; if it never is, nothing follows.
                Output::Persist(state) => {
                    (self.save)(&state).map_err(|error| HostFailure::Persist(error.into()))?;
                }
                Output::Send { to, message } => self.send(to, &message),
                Output::Event(event) => self.announce(event)?,
                Output::Rejected(reason) => rejection = Some(reason),
            }
        }
        Ok(rejection)
    }

    /// What follows a step-down waits until nobody acts as leader any more.
    fn announce(&mut self, event: Event<I>) -> Result<(), HostFailure> {
        match event {
            Event::SteppedDown { .. } => self.shared.leases.withdraw()?,
            Event::MembershipChanged { .. } | Event::TargetReached { .. } | Event::TargetAbandoned => {
                self.tidy();
            }
            _ => {}
        }
        self.news.push(event);
        Ok(())
    }

    /// Forgets where those are that this node has nothing to do with any more.
    fn tidy(&mut self) {
        let election = &self.election;
        self.book.keep(|id| election.is_concerned_with(id));
        let now = self.shared.clock.now();
        self.next_tidy = now.saturating_add(TIDY_EVERY);
        // Before there is anything to say: the first letter to whom this node has not met is lost.
        for id in self.book.ids() {
            if !self.cover.has_met(id) {
                let greeting = self.cover.hello(id);
                self.send_covered(greeting, &self.book.route(id, now));
            }
        }
    }

    fn send(&mut self, to: I, message: &Message<I>) {
        let now = self.shared.clock.now();
        match post::write(&mut self.book, self.election.id(), to, message, self.asker, now) {
            Ok((bytes, route)) => {
                let letter = self.cover.letter(to, bytes);
                self.send_covered(letter, &route);
            }
            Err(Unsent::Unroutable) => self.bump(|counters| &mut counters.unroutable),
            Err(Unsent::Unwritable) => self.bump(|counters| &mut counters.send_errors),
        }
    }

    /// None is what could not be sealed.
    pub(super) fn send_covered(&mut self, bytes: Option<Vec<u8>>, addresses: &[SocketAddr]) {
        match bytes {
            Some(bytes) => addresses.iter().for_each(|&address| self.send_bytes(&bytes, address)),
            None => self.bump(|counters| &mut counters.send_errors),
        }
    }

    fn send_bytes(&mut self, bytes: &[u8], address: SocketAddr) {
        match self.socket.send_to(bytes, address) {
            Ok(_) => self.bump(|counters| &mut counters.sent),
            Err(_) => self.bump(|counters| &mut counters.send_errors),
        }
    }

    /// Shows what is true after all outputs so far were acted on.
    fn publish(&mut self) -> Result<(), HostFailure> {
        self.shared.leases.publish(self.election.lease())?;
        let moved = self.book.addresses(self.election.membership().members());
        let (status, leader, counters) = (self.election.status(), self.leader(), self.counters());
        self.shared.update(|view| {
            view.status = status;
            view.leader = leader;
            view.counters = counters;
        });
        if let Some(addresses) = moved
            && self.shared.update(|view| mem::replace(&mut view.addresses, addresses.clone()) != addresses)
        {
            self.shared.events.push(Notice::Addresses(addresses));
        }
        Ok(())
    }

    pub(super) fn leader(&self) -> Option<Leader<I>> {
        let (id, term) = self.election.leader()?;
        let address = if id == self.election.id() {
            Some(self.local).filter(|&local| datagram::is_usable(local))
        } else {
            self.book.address(id)
        };
        Some(Leader { cluster: self.election.hard_state().cluster, id, term, address })
    }

    pub(super) fn bump(&mut self, which: impl FnOnce(&mut Counters) -> &mut u64) {
        let counter = which(&mut self.counters);
        *counter = counter.saturating_add(1);
    }

    fn counters(&self) -> Counters {
        Counters { refused: self.cover.refused(), ..self.counters }
    }

    /// Counts what is not handed to the election, and shows it.
    pub(super) fn count(&mut self, which: impl FnOnce(&mut Counters) -> &mut u64) -> Result<(), HostFailure> {
        self.bump(which);
        let counters = self.counters();
        self.shared.update(|view| view.counters = counters);
        Ok(())
    }
}

/// However the thread ends: no lease, all watchers told, the reason known.
struct LastWords<I: NodeId> {
    shared: Arc<Shared<I>>,
    watchers: Option<JoinHandle<()>>,
    failure: Option<HostFailure>,
}

impl<I: NodeId> Drop for LastWords<I> {
    fn drop(&mut self) {
        let _watcher_failed_too = self.shared.leases.withdraw();
        self.shared.leases.close();
        if let Some(watchers) = self.watchers.take() {
            let _failed_too = watchers.join();
        }
        let failure = self.failure.take();
        self.shared.update(|view| {
            view.leader = None;
            view.failure.clone_from(&failure);
        });
        if let Some(failure) = failure {
            self.shared.events.push(Notice::Failed(failure));
        }
        self.shared.events.close();
    }
}
