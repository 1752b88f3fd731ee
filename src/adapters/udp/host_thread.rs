//! The host's thread: the contract, as code.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::prelude::rust_2024::*;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::shared::Shared;
use super::{Command, HostFailure, LeaderAddress, Notice};
use crate::adapters::actions::{Action, Actions};
use crate::adapters::counters::ElectionCounters;
use crate::adapters::departure::{Departure, Farewell};
use crate::adapters::endpoint::{Endpoint, NodeView, Transmit, is_usable};
use crate::adapters::seal::SystemRng;
use crate::adapters::socket;
use crate::adapters::timer::{Precision, receive_within};
use crate::adapters::upkeep::Upkeep;
use crate::config::Timing;
use crate::election::Election;
use crate::io::{Input, Urgency};
use crate::rejection::Rejection;
use crate::types::{NodeId, Timestamp};

/// The longest wait for a datagram: it bounds how late a command is seen whose wake-up got lost.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

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
    pub(super) election: Election<I, ChaCha8Rng>,
    pub(super) endpoint: Endpoint<I, SystemRng>,
    pub(super) socket: UdpSocket,
    pub(super) local: SocketAddr,
    pub(super) upkeep: Upkeep<I>,
    /// Until when the host waits for a disk, once it stops.
    pub(super) ending: Option<Timestamp>,
    /// The answer to the command whose outputs are acted on.
    pub(super) reply: Option<Reply<I>>,
    pub(super) shared: Arc<Shared<I>>,
    pub(super) commands: Receiver<Command<I>>,
    pub(super) actions: Actions<I>,
    pub(super) transmits: Vec<Transmit>,
    pub(super) buffer: Vec<u8>,
    pub(super) timing: Timing,
    /// There is one from the command to shut down on.
    pub(super) departure: Option<Departure>,
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
        self.advance(None);
        self.act()?;
        while let Ok(command) = self.commands.try_recv() {
            self.obey(command)?;
        }
        let farewell = self.depart()?;
        self.look_after()?;
        self.endpoint.handle_timeout(self.shared.clock.now(), &mut self.transmits);
        self.flush();
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
                let _was_checked = self.endpoint.configure(id, address);
            }
            Command::SetKeys { keys, reply } => {
                let _gone = reply.send(self.endpoint.set_keys(keys));
            }
            Command::Shutdown { patience } => {
                self.departure = Some(Departure::new(&self.timing, patience, self.shared.clock.now()));
            }
            Command::Abort => return Err(End::Told),
            Command::SetHealthy(is_healthy) => self.upkeep.declare_health(is_healthy),
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
            match departure.next(&self.election, self.shared.clock.now()) {
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
    /// row: they are not worth looking after the election each time.
    fn receive(&mut self, also: Option<Timestamp>) -> Result<(), End> {
        let latest = self.shared.clock.now().saturating_add(LONGEST_WAIT);
        let deadlines = [
            self.election.deadline(),
            self.endpoint.deadline(),
            also,
            Some(self.upkeep.deadline()),
            Some(latest),
        ];
        let due = deadlines.into_iter().flatten().min().unwrap_or(latest);
        loop {
            let left = due.saturating_duration_since(self.shared.clock.now());
            let received = receive_within(&self.socket, Precision::THREAD.leg(left), &mut self.buffer);
            // Only now is the clock read: the message has been received.
            let now = self.shared.clock.now();
            match received {
                Ok(None) => {}
                Ok(Some((0, source))) if source == own_address(self.local) => return Ok(()),
                Ok(Some((length, source))) => {
                    let bytes = self.buffer.get_mut(..length).unwrap_or_default();
                    let message = self.endpoint.handle_datagram(bytes, source, now, &mut self.transmits);
                    self.flush();
                    if let Some((from, message)) = message {
                        self.advance(Some(Input::Receive { from, message }));
                        return self.act();
                    }
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

    fn fail_to_receive(&mut self, error: io::Error) -> Result<(), End> {
        self.endpoint.count_receive_error();
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
    fn advance_by_command(&mut self, input: Input<I>, addresses: &[(I, SocketAddr)]) -> Option<Rejection<I>> {
        let input = self.upkeep.translate(input);
        self.advance(Some(input));
        // After the step, which decides whose addresses are kept; before its messages are sent.
        for &(id, address) in addresses {
            let _was_checked = self.endpoint.introduce(id, address, self.shared.clock.now());
        }
        self.actions.take_rejection()
    }

    /// Ticks, and steps what was received or ordered before.
    pub(super) fn advance(&mut self, input: Option<Input<I>>) {
        self.actions.tick(&mut self.election, self.shared.clock.now());
        if let Some(input) = input {
            self.actions.step(&mut self.election, input);
        }
        self.endpoint.observe(&NodeView::of(&self.election));
    }

    /// Acts on the outputs, in order.
    fn act(&mut self) -> Result<(), End> {
        let acted = self.act_on_outputs();
        // What is reported as news is found in the status too.
        let published = acted.and_then(|()| Ok(self.publish()?));
        for event in self.actions.take_news() {
            if let Some(departure) = &mut self.departure {
                departure.observe(&event, self.shared.clock.now());
            }
            self.shared.events.push(Notice::Event(event));
        }
        published
    }

    fn act_on_outputs(&mut self) -> Result<(), End> {
        while let Some(action) = self.actions.next() {
            match action {
                Action::Persist(state) => self.persist(state)?,
                Action::Send { to, message } => {
                    self.endpoint.send(to, &message, self.shared.clock.now(), &mut self.transmits);
                    self.flush();
                }
                Action::Withdraw => self.shared.leases.withdraw()?,
            }
        }
        Ok(())
    }

    fn flush(&mut self) {
        socket::send_all(&self.socket, &mut self.endpoint, &mut self.transmits);
    }

    /// Shows what is true after all outputs so far were acted on.
    fn publish(&mut self) -> Result<(), HostFailure> {
        self.shared.leases.publish(self.election.lease())?;
        let (mut status, leader) = (self.election.status(), self.leader());
        status.diagnosis = self.endpoint.diagnosis(status.now);
        let counters = self.endpoint.counters();
        let election = self.count_elections();
        self.shared.update(|view| {
            view.status = status;
            view.leader = leader;
            view.counters = counters;
            view.election = election;
        });
        while let Some(event) = self.endpoint.poll_event() {
            self.actions.count_event(&event);
            self.shared.events.push(Notice::Event(event));
        }
        if let Some(addresses) = self.endpoint.poll_addresses() {
            self.shared.update(|view| view.addresses.clone_from(&addresses));
            self.shared.events.push(Notice::Addresses(addresses));
        }
        Ok(())
    }

    fn count_elections(&self) -> ElectionCounters {
        let mut counters = self.actions.counters().clone();
        counters.refused_writes = self.upkeep.refused_writes();
        counters
    }

    fn leader(&self) -> Option<LeaderAddress<I>> {
        let mut leader = self.endpoint.leader()?;
        if leader.id == self.election.id() {
            leader.address = Some(self.local).filter(|&local| is_usable(local));
        }
        Some(leader)
    }
}

/// Where a socket that listens on `local` reaches itself.
pub(super) fn own_address(mut local: SocketAddr) -> SocketAddr {
    if local.ip().is_unspecified() {
        local.set_ip(match local {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    local
}

/// However the thread ends: there is no lease, all watchers are told, and the reason is known.
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
        self.shared.end.set();
    }
}
