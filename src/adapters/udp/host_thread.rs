//! The host's thread: the contract, as code.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::ControlFlow;
use std::prelude::rust_2024::*;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::vec;

use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Command, HostFailure, LeaderAddress, Notice, Shared};
use crate::adapters::actions::{Action, Actions};
use crate::adapters::departure::{Departure, Farewell};
use crate::adapters::endpoint::{Endpoint, NodeView, Transmit, is_usable};
use crate::adapters::seal::SystemRng;
use crate::adapters::timer::{Precision, receive_within};
use crate::config::Timing;
use crate::election::Election;
use crate::hard_state::HardState;
use crate::io::{Input, Urgency};
use crate::rejection::Rejection;
use crate::types::{NodeId, Timestamp};

/// The longest wait for a datagram: it bounds how late a command is seen whose wake-up got lost.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// How long to leave a broken socket alone.
const RESPITE: Duration = Duration::from_millis(1);

pub(super) type Save<I> = Box<dyn FnMut(&HardState<I>) -> Result<(), Box<dyn Error + Send + Sync>> + Send>;

pub(super) struct HostThread<I: NodeId> {
    pub(super) election: Election<I, ChaCha8Rng>,
    pub(super) endpoint: Endpoint<I, SystemRng>,
    pub(super) socket: UdpSocket,
    pub(super) local: SocketAddr,
    pub(super) save: Save<I>,
    pub(super) shared: Arc<Shared<I>>,
    pub(super) commands: Receiver<Command<I>>,
    pub(super) actions: Actions<I>,
    pub(super) transmits: Vec<Transmit>,
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
        last_words.failure = self.serve().err();
        // The election is dropped before its end becomes known, and so is the lock on its store.
        drop(self);
        drop(last_words);
    }

    fn serve(&mut self) -> Result<(), HostFailure> {
        let mut buffer = vec![0; Endpoint::<I, SystemRng>::BUFFER];
        loop {
            self.advance(None);
            self.act()?;
            while let Ok(command) = self.commands.try_recv() {
                if self.obey(command)?.is_break() {
                    return self.resign(Urgency::Now).map(drop);
                }
            }
            let ControlFlow::Continue(farewell) = self.depart()? else {
                return self.resign(Urgency::Now).map(drop);
            };
            self.endpoint.handle_timeout(self.shared.clock.now(), &mut self.transmits);
            self.flush();
            self.receive(&mut buffer, farewell)?;
        }
    }

    /// Does what the program wants. Breaks if that is to stop.
    fn obey(&mut self, command: Command<I>) -> Result<ControlFlow<()>, HostFailure> {
        match command {
            Command::Step { input, addresses, reply } => {
                let rejection = self.step(input, &addresses)?;
                let _gone = reply.send(rejection.map_or(Ok(()), Err));
            }
            Command::Introduce { id, address } => self.endpoint.configure(id, address),
            Command::SetKeys { keys, reply } => {
                let _gone = reply.send(self.endpoint.set_keys(keys));
            }
            Command::Shutdown { patience } => {
                self.departure = Some(Departure::new(&self.timing, patience, self.shared.clock.now()));
            }
            Command::Abort => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes the next steps of a node that is shut down. Returns when the following one is due; breaks if the
    /// node is to stop.
    fn depart(&mut self) -> Result<ControlFlow<(), Option<Timestamp>>, HostFailure> {
        loop {
            let Some(departure) = &mut self.departure else { return Ok(ControlFlow::Continue(None)) };
            match departure.next(&self.election, self.shared.clock.now()) {
                Farewell::HandOver => {
                    let rejection = self.resign(Urgency::WhenReady)?;
                    if let (Some(departure), Some(reason)) = (&mut self.departure, rejection) {
                        departure.reject(&reason, self.shared.clock.now());
                    }
                }
                Farewell::Stay(due) => return Ok(ControlFlow::Continue(Some(due))),
                Farewell::Leave => return Ok(ControlFlow::Break(())),
            }
        }
    }

    fn resign(&mut self, urgency: Urgency) -> Result<Option<Rejection<I>>, HostFailure> {
        self.step(Input::Resign { successor: None, urgency }, &[])
    }

    /// Waits for a message until something is due, `also` at that time. Datagrams without a message may be many in a row: they are
    /// not worth looking after the election each time.
    fn receive(&mut self, buffer: &mut [u8], also: Option<Timestamp>) -> Result<(), HostFailure> {
        let latest = self.shared.clock.now().saturating_add(LONGEST_WAIT);
        let deadlines = [self.election.deadline(), self.endpoint.deadline(), also, Some(latest)];
        let due = deadlines.into_iter().flatten().min().unwrap_or(latest);
        loop {
            let left = due.saturating_duration_since(self.shared.clock.now());
            let received = receive_within(&self.socket, Precision::THREAD.leg(left), buffer);
            // Only now is the clock read: the message has been received.
            let now = self.shared.clock.now();
            match received {
                Ok(None) => {}
                Ok(Some((0, source))) if source == own_address(self.local) => return Ok(()),
                Ok(Some((length, source))) => {
                    let bytes = buffer.get_mut(..length).unwrap_or_default();
                    let message = self.endpoint.handle_datagram(bytes, source, now, &mut self.transmits);
                    self.flush();
                    if let Some((from, message)) = message {
                        self.advance(Some(Input::Receive { from, message }));
                        return self.act().map(drop);
                    }
                }
                Err(error) => {
                    self.fail_to_receive(&error);
                    return Ok(());
                }
            }
            if now >= due {
                return Ok(());
            }
        }
    }

    fn fail_to_receive(&mut self, error: &io::Error) {
        match error.kind() {
            // News of a datagram that was sent earlier, to where no socket listens.
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {}
            _ => thread::sleep(RESPITE),
        }
        self.endpoint.count_receive_error();
    }

    /// Obeys the program. Returns why it cannot be done, if it cannot.
    fn step(
        &mut self,
        input: Input<I>,
        addresses: &[(I, SocketAddr)],
    ) -> Result<Option<Rejection<I>>, HostFailure> {
        self.advance(Some(input));
        // After the step, which decides whose addresses are kept; before its messages are sent.
        for &(id, address) in addresses {
            self.endpoint.introduce(id, address, self.shared.clock.now());
        }
        self.act()
    }

    /// Ticks, and steps what was received or ordered before.
    fn advance(&mut self, input: Option<Input<I>>) {
        self.election.tick_into(self.shared.clock.now(), &mut self.actions.outputs);
        if let Some(input) = input {
            self.election.step_into(input, &mut self.actions.outputs);
        }
        self.endpoint.observe(&NodeView::of(&self.election));
    }

    /// Acts on the outputs, in order. Returns the last rejection among them.
    fn act(&mut self) -> Result<Option<Rejection<I>>, HostFailure> {
        let acted = self.act_on_outputs();
        // What is reported as news is found in the status too.
        let published = acted.and_then(|()| self.publish());
        for event in self.actions.take_news() {
            if let Some(departure) = &mut self.departure {
                departure.observe(&event, self.shared.clock.now());
            }
            self.shared.events.push(Notice::Event(event));
        }
        published.map(|()| self.actions.take_rejection())
    }

    fn act_on_outputs(&mut self) -> Result<(), HostFailure> {
        while let Some(action) = self.actions.next() {
            match action {
                Action::Persist(state) => {
                    (self.save)(&state).map_err(|error| HostFailure::Persist(error.into()))?;
                }
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
        for Transmit { to, bytes } in self.transmits.drain(..) {
            self.endpoint.count_transmit(&self.socket.send_to(&bytes, to));
        }
    }

    /// Shows what is true after all outputs so far were acted on.
    fn publish(&mut self) -> Result<(), HostFailure> {
        self.shared.leases.publish(self.election.lease())?;
        let (status, leader) = (self.election.status(), self.leader());
        let counters = self.endpoint.counters();
        self.shared.update(|view| {
            view.status = status;
            view.leader = leader;
            view.counters = counters;
        });
        while let Some(event) = self.endpoint.poll_event() {
            self.shared.events.push(Notice::Event(event));
        }
        if let Some(addresses) = self.endpoint.poll_addresses() {
            self.shared.update(|view| view.addresses.clone_from(&addresses));
            self.shared.events.push(Notice::Addresses(addresses));
        }
        Ok(())
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
