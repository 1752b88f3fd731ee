//! What operators ask of the node: see the module `operator`.

use core::net::SocketAddr;
use core::time::Duration;
use std::boxed::Box;
use std::collections::VecDeque;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::address::canonical;
use super::confirmation::Tickets;
use super::datagram::{self, Nonce};
use super::operator::{Asked, Command, Refused, Reply, Report, Request, Ticket};
use super::{Endpoint, Transmit};
use crate::adapters::Advertised;
use crate::status::Status;
use crate::types::{NodeId, Timestamp};

/// How long the reason for a rejection may be, in bytes. It has to fit into the reply.
const LONGEST_REASON: usize = 512;

/// To how many commands the replies are remembered.
const REMEMBERED: usize = 16;

/// The request that the host is to answer, and what keeps a command from being carried out twice.
pub(super) struct Requests<I> {
    takes_commands: bool,
    tickets: Tickets,
    /// Came with the last datagram.
    pending: Option<Pending<I>>,
    /// The nonces of the last commands, and what was replied to them.
    last: VecDeque<(Nonce, Outcome)>,
}

type Outcome = Result<(), Refused>;

struct Pending<I> {
    nonce: Nonce,
    asker: SocketAddr,
    /// How long the reply may be.
    room: usize,
    /// What the host has not been told yet.
    request: Option<Request<I>>,
    /// The node that the command makes a member, and where it may be.
    newcomer: Option<(I, Vec<SocketAddr>)>,
}

impl<I> Requests<I> {
    pub(super) fn new<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        Ok(Requests {
            takes_commands: false,
            tickets: Tickets::new(rng)?,
            pending: None,
            last: VecDeque::new(),
        })
    }

    /// Another datagram came in: the request before it was answered, or never will be.
    pub(super) fn forget(&mut self) {
        self.pending = None;
    }
}

impl<I: NodeId, R: TryCryptoRng> Endpoint<I, R> {
    /// Takes commands of operators from now on, or no more: see [`operator`](super::operator). It does not unless told.
    pub fn take_commands(&mut self, takes_commands: bool) {
        self.requests.takes_commands = takes_commands;
    }

    /// Whether the last datagram brought a request of an operator.
    #[must_use]
    pub fn has_request(&self) -> bool {
        self.requests.pending.as_ref().is_some_and(|pending| pending.request.is_some())
    }

    /// Takes the request of an operator that came with the last datagram. Answer it before the next one is handled.
    pub fn poll_request(&mut self) -> Option<Request<I>> {
        self.requests.pending.as_mut()?.request.take()
    }
}

impl<I: NodeId + Serialize + DeserializeOwned, R: TryCryptoRng> Endpoint<I, R> {
    /// Takes a datagram that came while a state is written, if it asks for the status: answer it by
    /// [`answer_status`](Self::answer_status), so that an operator hears that the node waits for its disk. Returns whether
    /// it does. Keep all other datagrams, in order, and [handle](Self::handle_datagram) them once the outputs were acted on.
    pub fn take_status_request(&mut self, bytes: &[u8], source: SocketAddr, now: Timestamp) -> bool {
        let Some((nonce, room)) = self.sealing.read_status_request(bytes) else { return false };
        self.now = now;
        let asker = canonical(source);
        self.requests.pending = Some(Pending { nonce, asker, room, request: None, newcomer: None });
        true
    }

    /// Answers the request for the status. `wall_clock` is the time since 1970.
    pub fn answer_status(&mut self, status: Status<I>, wall_clock: Duration, out: &mut Vec<Transmit>) {
        let Some(Pending { nonce, asker, room, .. }) = self.requests.pending.take() else { return };
        let report = Report {
            status,
            wall_clock,
            addresses: self.book.addresses().collect(),
            keys: self.sealing.key_ids(),
            takes_commands: self.requests.takes_commands,
            advertised: self.all_advertised(),
        };
        let ticket = Ticket(self.requests.tickets.current(self.now));
        self.reply(nonce, (asker, room), &self.within_a_datagram(nonce, report, ticket), out);
    }

    /// What members advertise, this node included.
    fn all_advertised(&self) -> Vec<(I, Advertised)> {
        let others = self.members.iter().copied().filter(|&id| id != self.id);
        let mut all: Vec<_> =
            others.chain([self.id]).filter_map(|id| Some((id, self.advertised(id)?))).collect();
        all.sort_unstable_by_key(|&(id, _)| id);
        all
    }

    /// The report as a reply: without what members advertise, if no datagram takes it otherwise.
    fn within_a_datagram(&self, nonce: Nonce, report: Report<I>, ticket: Ticket) -> Reply<I> {
        let mut reply = Reply::Report(Box::new(report), ticket);
        let length = datagram::encode_reply(self.cluster, nonce, (self.id, &reply)).map(|bytes| bytes.len());
        if let Reply::Report(report, _) = &mut reply
            && length.is_some_and(|length| length > datagram::MAX_PLAIN)
        {
            report.advertised.clear();
        }
        reply
    }

    /// Answers the command, which is being carried out, or not for the reason given. Call it after
    /// [`observe`](Self::observe) has shown the step, and before its messages are sent: the addresses of a newcomer are
    /// learned here.
    pub fn answer_command(&mut self, outcome: Result<(), String>, out: &mut Vec<Transmit>) {
        let Some(Pending { nonce, asker, room, newcomer, .. }) = self.requests.pending.take() else { return };
        if let (Ok(()), Some((id, addresses))) = (&outcome, newcomer) {
            for address in addresses {
                let _unusable = self.introduce(id, address, self.now);
            }
        }
        let outcome = outcome.map_err(|reason| Refused::Rejected(shortened(reason)));
        if self.requests.last.len() >= REMEMBERED {
            self.requests.last.pop_front();
        }
        self.requests.last.push_back((nonce, outcome.clone()));
        self.reply_to_command(nonce, (asker, room), outcome, out);
    }

    pub(super) fn receive_request(
        &mut self,
        (nonce, asked): (Nonce, Asked<I>),
        (asker, room): (SocketAddr, usize),
        out: &mut Vec<Transmit>,
    ) {
        let request = match asked {
            _ if !self.sealing.is_sealed() => Err(Err(Refused::Unsealed)),
            Asked::Status => Ok(Request::Status),
            Asked::Command(ticket, command) => self.accept_command(nonce, ticket, command),
        };
        match request {
            Ok(request) => {
                let newcomer = match &request {
                    Request::Command(command) => command.newcomer(),
                    Request::Status => None,
                };
                let newcomer = newcomer.map(|(id, addresses)| (id, addresses.to_vec()));
                let request = Some(request);
                self.requests.pending = Some(Pending { nonce, asker, room, request, newcomer });
            }
            Err(outcome) => self.reply_to_command(nonce, (asker, room), outcome, out),
        }
    }

    /// The command, if it is to be carried out, or else what is replied to it at once.
    fn accept_command(
        &mut self,
        nonce: Nonce,
        ticket: Ticket,
        command: Command<I>,
    ) -> Result<Request<I>, Outcome> {
        if !self.requests.takes_commands {
            return Err(Err(Refused::NoCommands));
        }
        match self.requests.last.iter().find(|(last, _)| *last == nonce) {
            Some((_, outcome)) => Err(outcome.clone()),
            None => match self.requests.tickets.redeem(ticket.0, self.now) {
                true => Ok(Request::Command(command)),
                false => Err(Err(Refused::Stale)),
            },
        }
    }

    fn reply_to_command(
        &mut self,
        nonce: Nonce,
        to: (SocketAddr, usize),
        outcome: Outcome,
        out: &mut Vec<Transmit>,
    ) {
        let reply = outcome.map_or_else(Reply::Refused, |()| Reply::Accepted);
        self.reply(nonce, to, &reply, out);
    }

    /// Replies with no more bytes than came.
    fn reply(
        &mut self,
        nonce: Nonce,
        (asker, room): (SocketAddr, usize),
        reply: &Reply<I>,
        out: &mut Vec<Transmit>,
    ) {
        let encode = |reply: &Reply<I>| datagram::encode_reply(self.cluster, nonce, (self.id, reply));
        let Some(mut bytes) = encode(reply) else {
            return self.counters.count(|counters| &mut counters.send_errors);
        };
        if bytes.len() > room {
            let needed = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            bytes = encode(&Reply::Refused(Refused::TooShort(needed))).unwrap_or_default();
        }
        if bytes.is_empty() || bytes.len() > room {
            return self.counters.count(|counters| &mut counters.short_questions);
        }
        self.counters.count(|counters| &mut counters.requests);
        match self.sealing.seal_broadcast(bytes) {
            Some(bytes) => self.transmit(asker, bytes, out),
            None => self.counters.count(|counters| &mut counters.send_errors),
        }
    }
}

/// The beginning of a text that is too long.
fn shortened(mut text: String) -> String {
    while text.len() > LONGEST_REASON {
        text.pop();
    }
    text
}
