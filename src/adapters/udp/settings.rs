//! What a host is configured with.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::prelude::rust_2024::*;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::waker::Waker;
use super::{Command, HealthConfig, HostStartError, PeerAddress, Protection, Resolver};
use crate::adapters::Advertised;
use crate::adapters::attendant::Attendant;
use crate::adapters::endpoint::Endpoint;
use crate::adapters::random::JitterRng;
#[cfg(feature = "record")]
use crate::adapters::record::Recorder;
use crate::adapters::seal::{Keyring, SystemRng};
use crate::adapters::socket;
use crate::adapters::timer::default_margin;
use crate::config::Config;
use crate::election::Election;
use crate::types::{ClusterId, NodeId};

/// What a host is configured with.
///
/// Exhaustive, like [`Config`]: end a literal with `..HostConfig::new(config, listen)`.
#[derive(Clone, Debug)]
pub struct HostConfig<I> {
    /// The node.
    pub config: Config<I>,
    /// The address to listen on. Port 0 takes any free one: see [`Host::local_addr`](super::Host::local_addr).
    pub listen: SocketAddr,
    /// The addresses or names of other nodes, as far as they are known beforehand. One node that is up is enough; a node
    /// that joins a group needs none. Of one node there may be up to four of each: give both what is configured and what
    /// was learned before a restart, since either may be out of date. They are never forgotten, unlike the addresses that
    /// are learned later. A host does not start with an address that no node can have: unspecified, of several machines,
    /// or with the port 0. That a name stands for no address is no error: the host looks again while the node is missing.
    pub peers: Vec<(I, PeerAddress)>,
    /// How the names of peers are looked up: by the operating system unless told otherwise.
    pub resolver: Resolver,
    /// How long before the end of a lease its watchers are told that it has ended, so that they
    /// have stopped when it does. A tenth of a promise unless told otherwise, the shortest if they are tuned;
    /// well below half of it.
    pub margin: Duration,
    /// Whether datagrams are sealed, and with which keys.
    pub protection: Protection,
    /// What the node advertises to the others, if anything: see [`Advertised`].
    pub advertised: Option<Advertised>,
    /// Whether the host takes [commands](crate::adapters::endpoint::operator) of everybody who has the group's key. It
    /// does not unless told.
    pub takes_commands: bool,
    /// How the host finds out whether the node is in a state to lead.
    pub health: HealthConfig,
    /// The register whose voter the host speaks for, if there is one: set by [`register`](Self::register).
    #[cfg(feature = "register")]
    pub register: Option<super::HostRegister<I>>,
    /// What records the node, if anything does: set by [`record`](Self::record).
    #[cfg(feature = "record")]
    pub recorder: Option<Recorder>,
}

impl<I> HostConfig<I> {
    /// A node that listens and knows no peers yet.
    #[must_use]
    pub fn new(config: Config<I>, listen: SocketAddr) -> Self {
        let (margin, protection) = (default_margin(&config.timing), Protection::OnlyLoopback);
        HostConfig {
            config,
            listen,
            peers: Vec::new(),
            resolver: Resolver::default(),
            margin,
            protection,
            advertised: None,
            takes_commands: false,
            health: HealthConfig::default(),
            #[cfg(feature = "register")]
            register: None,
            #[cfg(feature = "record")]
            recorder: None,
        }
    }

    /// Seals datagrams with `keys`, the same on all hosts of the group.
    #[must_use]
    pub fn sealed(mut self, keys: Keyring) -> Self {
        self.protection = Protection::Sealed(keys);
        self
    }

    /// Does without a seal also where other machines can send to the host: for a network of which you trust
    /// every machine. See [`Protection::Unsealed`].
    #[must_use]
    pub fn unsealed(mut self) -> Self {
        self.protection = Protection::Unsealed;
        self
    }

    /// Advertises this to the others, for example the URL at which the program of this node is reached.
    #[must_use]
    pub fn advertising(mut self, text: Advertised) -> Self {
        self.advertised = Some(text);
        self
    }

    /// Takes commands of everybody who has the group's key: see
    /// [`operator`](crate::adapters::endpoint::operator).
    #[must_use]
    pub fn taking_commands(mut self) -> Self {
        self.takes_commands = true;
        self
    }

    /// Records all that goes into the node and comes out of it. See [`record`](crate::adapters::record).
    #[cfg(feature = "record")]
    #[must_use]
    pub fn record(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Adds a peer: `"10.0.0.2:7000".parse()?`, `"db-2.example:7000".parse()?`, or a `SocketAddr` by `into()`.
    #[must_use]
    pub fn peer(mut self, id: I, address: PeerAddress) -> Self {
        self.peers.push((id, address));
        self
    }
}

impl<I: NodeId + Send + 'static> HostConfig<I> {
    /// Starts the agent of the register's voter, if there is one, and tells the election of it. The ends of its calls are
    /// passed to the `host`.
    #[cfg(feature = "register")]
    pub(super) fn start_register(
        &self,
        election: &mut Election<I, JitterRng>,
        host: &Sender<Command<I>>,
        waker: &Waker,
    ) -> Result<Option<Attendant<I>>, HostStartError> {
        let Some(register) = self.register.clone() else { return Ok(None) };
        election.expect_register_voter();
        let host = (host.clone(), waker.clone());
        register.start(&self.config, election.cluster(), host).map(Some)
    }

    #[cfg(not(feature = "register"))]
    pub(super) fn start_register(
        &self,
        _: &mut Election<I, JitterRng>,
        _: &Sender<Command<I>>,
        _: &Waker,
    ) -> Result<Option<Attendant<I>>, HostStartError> {
        Ok(None)
    }
}

impl<I: NodeId> HostConfig<I> {
    /// The endpoint of this node, which is bound to `local` behind `socket`, and speaks for the voter of `register`.
    pub(super) fn into_endpoint(
        self,
        cluster: ClusterId,
        (socket, local): (&UdpSocket, SocketAddr),
        register: Option<&Attendant<I>>,
    ) -> Result<Endpoint<I, SystemRng>, HostStartError> {
        let (id, keys) = (self.config.id, self.protection.into_keys());
        let endpoint = SystemRng::new().and_then(|rng| Endpoint::new(id, cluster, keys, rng));
        let mut endpoint = endpoint.map_err(|error| HostStartError::Seed(io::Error::other(error)))?;
        if let Some(register) = register {
            endpoint.expect_register_voter(register.voter());
        }
        endpoint.bind(local);
        endpoint.take_commands(self.takes_commands);
        endpoint.advertise(self.advertised);
        if let Some(bytes) = socket::send_buffer(socket) {
            endpoint.set_send_buffer(bytes);
        }
        for (id, address) in self.peers {
            endpoint.configure_peer(id, address)?;
        }
        Ok(endpoint)
    }
}
