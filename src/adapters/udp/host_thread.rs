//! The host's thread: the contract, as code.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::prelude::rust_2024::*;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::names::LookUp;
use super::node::{Node, lock};
use super::shared::Shared;
use super::waker::own_address;
use super::{Command, HostFailure, Notice};
use crate::adapters::actions::{Action, Wait};
use crate::adapters::backlog::Backlog;
use crate::adapters::departure::{Departure, Farewell};
use crate::adapters::endpoint::Transmit;
use crate::adapters::socket;
use crate::adapters::timer::{Legs, longest_leg, receive_within};
#[cfg(feature = "tracing")]
use crate::adapters::trace::Spans;
use crate::adapters::upkeep::Upkeep;
use crate::config::Timing;
use crate::event::Event;
use crate::io::{Input, Urgency};
use crate::rejection::Rejection;
use crate::types::{NodeId, Timestamp};

/// How much later than it asks an endpoint may be looked after whose node follows a leader. A heartbeat is there before, so
/// that a node at rest need not be woken for what its endpoint does each second.
const SLACK: Duration = Duration::from_millis(60);

/// How long to leave a broken socket alone.
const RESPITE: Duration = Duration::from_millis(1);

/// Why the host's thread ends.
pub(super) enum End {
    Failure(HostFailure),
    /// The program wants it.
    Told,
}

impl From<HostFailure> for End {
    fn from(failure: HostFailure) -> Self {
        End::Failure(failure)
    }
}

/// The answer to a command that was not given yet.
pub(super) type Reply<I> = (SyncSender<Result<(), Rejection<I>>>, Option<Rejection<I>>);

/// How long a host that stops waits for a disk.
const LAST_WRITE: Duration = Duration::from_millis(200);

pub(super) struct HostThread<I: NodeId> {
    /// Locked for no longer than a step takes.
    pub(super) node: Arc<Mutex<Node<I>>>,
    pub(super) look_up: LookUp,
    pub(super) socket: Arc<UdpSocket>,
    pub(super) local: SocketAddr,
    pub(super) upkeep: Upkeep<I>,
    /// Until when the host waits for a disk, once it stops.
    pub(super) ending: Option<Timestamp>,
    /// The answer to the command whose outputs are acted on.
    pub(super) reply: Option<Reply<I>>,
    pub(super) shared: Arc<Shared<I>>,
    pub(super) commands: Receiver<Command<I>>,
    pub(super) transmits: Vec<Transmit>,
    /// What came while a state was written.
    pub(super) backlog: Backlog,
    #[cfg(feature = "tracing")]
    pub(super) spans: Spans,
    pub(super) buffer: Vec<u8>,
    pub(super) timing: Timing,
    /// There is one from the command to shut down on.
    pub(super) departure: Option<Departure>,
    pub(super) legs: Legs,
    /// When the clock that the timer runs by read zero.
    pub(super) started: Instant,
}

impl<I: NodeId + Serialize + DeserializeOwned> HostThread<I> {
    /// Runs until it is told to stop or cannot go on, and says so.
    pub(super) fn run(mut self, watchers: JoinHandle<()>) {
        let mut last_words = LastWords {
            shared: Arc::clone(&self.shared),
            watchers: Some(watchers),
            failure: Some(HostFailure::Panicked),
        };
        last_words.failure = match self.serve() {
            End::Told => None,
            End::Failure(failure) => Some(failure),
        };
        // The election is dropped before its end becomes known, and so is the lock on its store.
        drop(self);
        drop(last_words);
    }

    fn serve(&mut self) -> End {
        let end = self.serve_until_told();
        if !matches!(end, End::Told) {
            return end;
        }
        let last = self.shared.clock.now().saturating_add(LAST_WRITE);
        self.ending = Some(last);
        // While the election waits for a write, nothing may be sent.
        let resigned = if self.upkeep.is_writing() { Ok(None) } else { self.resign(Urgency::Now) };
        // What gives a promise back was asked for just now.
        self.wait_for_register(self.shared.clock.now().saturating_add(LAST_WRITE));
        self.wait_for_idle_disk(last);
        resigned.err().unwrap_or(end)
    }

    fn serve_until_told(&mut self) -> End {
        loop {
            if let Err(end) = self.serve_once() {
                return end;
            }
        }
    }

    fn serve_once(&mut self) -> Result<(), End> {
        self.shared.pulse.beat(self.shared.clock.now());
        self.advance(None);
        self.act()?;
        while let Ok(command) = self.commands.try_recv() {
            self.obey(command)?;
        }
        self.attend_register()?;
        let farewell = self.depart()?;
        self.look_after()?;
        let now = self.shared.clock.now();
        lock(&self.node).endpoint.handle_timeout(now, &mut self.transmits);
        self.flush();
        self.look_up_names();
        self.receive(farewell)
    }

    /// Does what the program wants.
    fn obey(&mut self, command: Command<I>) -> Result<(), End> {
        match command {
            Command::Step { input, addresses, reply } => {
                let rejection = self.advance_by_command(input, &addresses);
                self.reply = Some((reply, rejection));
                self.act()?;
                self.answer();
            }
            other => self.obey_at_once(other)?,
        }
        Ok(())
    }

    /// Does what the program wants, as far as nothing has to be sent or stored for it.
    pub(super) fn obey_at_once(&mut self, command: Command<I>) -> Result<(), End> {
        match command {
            Command::Step { input, addresses, reply } => {
                let rejection = self.advance_by_command(input, &addresses);
                let _gone = reply.send(rejection.map_or(Ok(()), Err));
            }
            Command::Introduce { id, address } => {
                let _was_checked = lock(&self.node).endpoint.configure_peer(id, address);
            }
            Command::LookedUp { name, answer } => {
                let now = self.shared.clock.now();
                lock(&self.node).endpoint.complete_lookup(&name, answer, now);
            }
            Command::SetKeys { keys, reply } => {
                let is_sealed = lock(&self.node).endpoint.set_keys(keys);
                let _gone = reply.send(is_sealed);
            }
            Command::Advertise(text) => lock(&self.node).endpoint.advertise(text),
            Command::Shutdown { patience } => {
                self.departure = Some(Departure::new(&self.timing, patience, self.shared.clock.now()));
            }
            Command::Abort => return Err(End::Told),
            Command::SetHealthy(is_healthy) => self.upkeep.declare_health(is_healthy),
            #[cfg(feature = "register")]
            Command::RecordPosition { position, reply } => {
                let _gone = reply.send(self.record_position(position));
            }
            Command::Called(called) => self.complete_call(called),
            Command::Written(written) => self.finish_write(written)?,
        }
        Ok(())
    }

    /// Answers the command whose outputs are acted on, unless that was done before.
    pub(super) fn answer(&mut self) {
        if let Some((reply, rejection)) = self.reply.take() {
            let _gone = reply.send(rejection.map_or(Ok(()), Err));
        }
    }

    /// Takes the next steps of a node that is shut down. Returns when the following one is due.
    fn depart(&mut self) -> Result<Option<Timestamp>, End> {
        loop {
            let Some(departure) = &mut self.departure else { return Ok(None) };
            let farewell = departure.next(&lock(&self.node).election, self.shared.clock.now());
            match farewell {
                Farewell::HandOver => {
                    let rejection = self.resign(Urgency::WhenReady)?;
                    if let (Some(departure), Some(reason)) = (&mut self.departure, rejection) {
                        departure.reject(&reason, self.shared.clock.now());
                    }
                }
                Farewell::Stay(due) => return Ok(Some(due)),
                Farewell::Leave => return Err(End::Told),
            }
        }
    }

    fn resign(&mut self, urgency: Urgency) -> Result<Option<Rejection<I>>, End> {
        let rejection = self.advance_by_command(Input::Resign { successor: None, urgency }, &[]);
        self.act()?;
        Ok(rejection)
    }

    /// Looks after the health of the node.
    fn look_after(&mut self) -> Result<(), End> {
        if self.advance_health() { self.act() } else { Ok(()) }
    }

    /// Waits for a message until something is due, `also` at that time. Datagrams without a message may be many in a
    /// row: they are not worth looking after the election each time. The longest leg bounds how late a command is seen
    /// whose wake-up got lost.
    fn receive(&mut self, also: Option<Timestamp>) -> Result<(), End> {
        let latest = self.shared.clock.now().saturating_add(longest_leg(false));
        let due = self.deadline(also).map_or(latest, |due| due.min(latest));
        loop {
            let received = match self.backlog.pop_into(&mut self.buffer) {
                Some(datagram) => Ok(Some(datagram)),
                None => self.receive_until(due),
            };
            // Only now is the clock read: the message has been received.
            let now = self.shared.clock.now();
            match received {
                Ok(None) => {}
                Ok(Some((0, source))) if source == own_address(self.local) => return Ok(()),
                Ok(Some((length, source))) => {
                    let bytes = self.buffer.get_mut(..length).unwrap_or_default();
                    let transmits = &mut self.transmits;
                    let message = lock(&self.node).endpoint.handle_datagram(bytes, source, now, transmits);
                    self.flush();
                    if let Some((from, message)) = message {
                        self.advance(Some(Input::Receive { from, message }));
                        return self.act();
                    }
                    self.answer_operator()?;
                }
                Err(error) => {
                    return self.fail_to_receive(error);
                }
            }
            if now >= due {
                return Ok(());
            }
        }
    }

    /// When something is to be done though no datagram comes, `also` at that time.
    fn deadline(&self, also: Option<Timestamp>) -> Option<Timestamp> {
        let node = lock(&self.node);
        let (leads, now) = (node.leads(), self.shared.clock.now());
        let slack = if node.leader().is_some() && !leads { SLACK } else { Duration::ZERO };
        let later = |due: Timestamp| if due > now { due.saturating_add(slack) } else { due };
        let (endpoint, upkeep) = (node.endpoint.deadline().map(later), self.upkeep.deadline(leads));
        let register = node.register.as_ref().map(|register| register.deadline());
        [node.election.deadline(), endpoint, upkeep, register, also].into_iter().flatten().min()
    }

    /// Waits for a datagram, until `due` at the latest or for one leg.
    pub(super) fn receive_until(&mut self, due: Timestamp) -> io::Result<Option<(usize, SocketAddr)>> {
        let now = self.shared.clock.now();
        let (left, longest) = (due.saturating_duration_since(now), longest_leg(self.leads()));
        let leg = self.legs.leg(left, longest, now, self.started.elapsed());
        receive_within(&self.socket, leg, &mut self.buffer)
    }

    pub(super) fn fail_to_receive(&mut self, error: io::Error) -> Result<(), End> {
        lock(&self.node).endpoint.count_receive_error();
        if socket::is_closed(&error) {
            return Err(HostFailure::Socket(Arc::new(error)).into());
        }
        match error.kind() {
            // News of a datagram that was sent earlier, to where no socket listens.
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {}
            _ => thread::sleep(RESPITE),
        }
        Ok(())
    }

    /// Steps a command. Returns why it cannot be carried out, if it cannot.
    pub(super) fn advance_by_command(
        &mut self,
        input: Input<I>,
        addresses: &[(I, SocketAddr)],
    ) -> Option<Rejection<I>> {
        let input = self.upkeep.translate(input);
        self.advance(Some(input));
        let node = &mut *lock(&self.node);
        // After the step, which decides whose addresses are kept; before its messages are sent.
        for &(id, address) in addresses {
            let _was_checked = node.endpoint.introduce(id, address, self.shared.clock.now());
        }
        node.actions.take_rejection()
    }

    /// Ticks, and steps what was received or ordered before.
    pub(super) fn advance(&mut self, input: Option<Input<I>>) {
        let now = self.shared.clock.now();
        lock(&self.node).advance(input, now);
        self.trace();
    }

    #[cfg(feature = "tracing")]
    fn trace(&mut self) {
        let sights = lock(&self.node).actions.take_sights();
        sights.iter().for_each(|sight| self.spans.follow(sight));
    }

    #[cfg(not(feature = "tracing"))]
    fn trace(&mut self) {}

    pub(super) fn leads(&self) -> bool {
        lock(&self.node).leads()
    }

    /// Acts on the outputs, in order. Messages in a row are sent together.
    pub(super) fn act(&mut self) -> Result<(), End> {
        let acted = self.act_on_outputs();
        self.flush();
        let published = acted.and_then(|()| Ok(self.publish()?));
        self.report_news();
        published
    }

    /// What is reported as news is found in the status too.
    fn report_news(&mut self) {
        let news = lock(&self.node).actions.take_news();
        for event in news {
            if let Some(departure) = &mut self.departure {
                departure.observe(&event, self.shared.clock.now());
            }
            self.shared.events.push(Notice::Event(event));
        }
    }

    fn act_on_outputs(&mut self) -> Result<(), End> {
        loop {
            let action = lock(&self.node).actions.next();
            match action {
                None => return Ok(()),
                Some(Action::Persist(state)) => {
                    self.flush();
                    self.persist(state)?;
                }
                Some(Action::Send { to, message }) => {
                    let now = self.shared.clock.now();
                    lock(&self.node).send(to, message, now, &mut self.transmits);
                }
                Some(Action::Withdraw) => {
                    self.flush();
                    self.shared.leases.withdraw(&self.shared.pulse)?;
                    self.record(Wait::Withdrawn);
                }
            }
        }
    }

    /// Records that the host waits before it acts on what follows, or no longer.
    pub(super) fn record(&self, wait: Wait) {
        let now = self.shared.clock.now();
        lock(&self.node).actions.record_wait(wait, now);
    }

    pub(super) fn flush(&mut self) {
        if !self.transmits.is_empty() {
            socket::send_all(&self.socket, &mut lock(&self.node).endpoint, &mut self.transmits);
        }
    }

    /// Shows what is true after all outputs so far were acted on. Other threads look at the node itself, so what has not
    /// changed costs nothing here.
    fn publish(&mut self) -> Result<(), HostFailure> {
        let lease = lock(&self.node).election.lease();
        self.shared.leases.publish(lease)?;
        while let Some(event) = self.poll_event() {
            self.shared.events.push(Notice::Event(event));
        }
        let addresses = lock(&self.node).endpoint.poll_addresses();
        if let Some(addresses) = addresses {
            self.shared.view().addresses.clone_from(&addresses);
            self.shared.events.push(Notice::Addresses(addresses));
        }
        Ok(())
    }

    /// Takes the next event that the election does not know of.
    fn poll_event(&mut self) -> Option<Event<I>> {
        let node = &mut *lock(&self.node);
        let event = node.endpoint.poll_event()?;
        node.actions.count_event(&event);
        Some(event)
    }
}

/// However the thread ends: there is no lease, all watchers are told, and the reason is known.
struct LastWords<I: NodeId> {
    shared: Arc<Shared<I>>,
    watchers: Option<JoinHandle<()>>,
    failure: Option<HostFailure>,
}

impl<I: NodeId> Drop for LastWords<I> {
    fn drop(&mut self) {
        let _watcher_failed_too = self.shared.leases.withdraw(&self.shared.pulse);
        self.shared.leases.close();
        if let Some(watchers) = self.watchers.take() {
            let _failed_too = watchers.join();
        }
        let failure = self.failure.take();
        self.shared.record_end(failure.as_ref());
        let mut view = self.shared.view();
        view.has_ended = true;
        view.failure.clone_from(&failure);
        drop(view);
        if let Some(failure) = failure {
            self.shared.events.push(Notice::Failed(failure));
        }
        self.shared.events.close();
        self.shared.end.set();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use std::sync::mpsc::channel;
    use std::vec;

    use super::super::HostConfig;
    use super::*;
    use crate::adapters::actions::Actions;
    use crate::adapters::clock::BootClock;
    use crate::adapters::endpoint::Endpoint;
    use crate::adapters::health::HealthConfig;
    use crate::adapters::random;
    use crate::adapters::seal::SystemRng;
    use crate::adapters::timer::Precision;
    use crate::config::Config;
    use crate::election::Election;
    use crate::hard_state::HardState;
    use crate::types::{ClusterId, Priority};

    /// A node that is alone and never leads, driven by the test.
    fn idle_host() -> HostThread<u32> {
        let clock = BootClock::new();
        let lan = Timing::lan();
        let timing = Timing {
            promise: lan.promise * 20,
            promise_limit: lan.promise_limit * 20,
            heartbeat_interval: lan.heartbeat_interval * 20,
            retry_interval: lan.retry_interval * 20,
            stagger: lan.stagger * 20,
            ..lan
        };
        let config = Config { priority: Priority::NEVER_LEADS, timing, ..Config::new(1) };
        let saved = HardState::bootstrap(ClusterId(1), [1]).unwrap();
        let election =
            Election::new(config, saved.clone(), clock.now(), random::generator().unwrap()).unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let (socket, local) = socket::bind(listen, &socket::Protection::OnlyLoopback).unwrap();
        let endpoint = HostConfig::new(config, listen).into_endpoint(ClusterId(1), (&socket, local), None);
        let node = Node {
            election,
            endpoint: endpoint.unwrap(),
            actions: Actions::new(clock.now()),
            register: None,
            local,
        };
        let node = Arc::new(Mutex::new(node));
        let (_, commands) = channel();
        HostThread {
            shared: Arc::new(Shared::new(clock, Duration::ZERO, Arc::clone(&node))),
            node,
            look_up: Box::new(|_| Ok(())),
            socket: Arc::new(socket),
            local,
            upkeep: Upkeep::new(None, saved, &config, HealthConfig::default(), clock.now()),
            ending: None,
            reply: None,
            commands,
            transmits: Vec::new(),
            backlog: Backlog::new(),
            #[cfg(feature = "tracing")]
            spans: Spans::new(),
            buffer: vec![0; Endpoint::<u32, SystemRng>::BUFFER],
            timing,
            departure: None,
            legs: Legs::new(Precision::THREAD),
            started: Instant::now(),
        }
    }

    #[test]
    fn a_turn_in_which_nothing_changes_allocates_nothing() {
        let mut host = idle_host();
        host.advance(None);
        assert!(host.act().is_ok() && host.look_after().is_ok());
        let cost = allocation_counter::measure(|| {
            for _ in 0..100 {
                host.shared.pulse.beat(host.shared.clock.now());
                host.advance(None);
                assert!(host.act().is_ok() && host.look_after().is_ok());
                let _due = host.deadline(None);
                host.flush();
            }
        });
        assert_eq!((cost.count_total, cost.bytes_total), (0, 0));
    }
}
