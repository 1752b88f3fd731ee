//! A node whose program has a loop of its own round an endpoint. Its socket has the send buffer that Linux gives to any
//! program, whatever the machine allows to one that asks for more, as the hosts do.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use quorate::adapters::clock::BootClock;
use quorate::adapters::endpoint::{Endpoint, NodeView, Transmit};
use quorate::adapters::seal::{Keyring, SystemRng};
use quorate::{Config, Election, HardState, Input, Output, Term};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{set_socket_send_buffer_size, socket_send_buffer_size};

use crate::{Failure, Id};

/// Half of what Linux counts for the send buffer of any socket.
const SEND_BUFFER: usize = 106_496;

/// The term of the leader that the node knows, and how many datagrams the system has refused to send.
pub(crate) type View = Arc<Mutex<(Option<Term>, u64)>>;

struct Loop {
    socket: UdpSocket,
    clock: BootClock,
    election: Election<Id, ChaCha8Rng>,
    endpoint: Endpoint<Id, SystemRng>,
    view: View,
}

/// Starts the node, which runs as long as anybody looks at it. Nothing is stored: no node restarts.
pub(crate) fn start(
    config: Config<Id>,
    first: HardState<Id>,
    listen: SocketAddr,
    peers: Vec<(Id, SocketAddr)>,
    keys: Keyring,
) -> Result<View, Failure> {
    let (socket, clock) = (UdpSocket::bind(listen)?, BootClock::new());
    socket.set_nonblocking(true)?;
    set_socket_send_buffer_size(&socket, SEND_BUFFER)?;
    let mut endpoint = Endpoint::new(config.id, first.cluster, Some(keys), SystemRng::new()?)?;
    endpoint.bind(listen);
    endpoint.set_send_buffer(socket_send_buffer_size(&socket)?);
    peers.into_iter().try_for_each(|(id, address)| endpoint.configure(id, address))?;
    let rng = ChaCha8Rng::seed_from_u64(config.id.into());
    let election = Election::new(config, first, clock.now(), rng)?;
    let view = View::default();
    let node = Loop { socket, clock, election, endpoint, view: Arc::clone(&view) };
    thread::spawn(move || node.run());
    Ok(view)
}

impl Loop {
    fn run(mut self) {
        let mut buffer = vec![0; Endpoint::<Id, SystemRng>::BUFFER];
        let (mut outputs, mut transmits) = (Vec::new(), Vec::new());
        let mut input = None;
        while Arc::strong_count(&self.view) > 1 {
            let now = self.clock.now();
            self.election.tick_into(now, &mut outputs);
            if let Some((from, message)) = input.take() {
                self.election.step_into(Input::Receive { from, message }, &mut outputs);
            }
            self.endpoint.observe(&NodeView::of(&self.election));
            for output in outputs.drain(..) {
                if let Output::Send { to, message } = output {
                    self.endpoint.send(to, &message, now, &mut transmits);
                }
            }
            self.endpoint.handle_timeout(now, &mut transmits);
            for Transmit { to, bytes } in transmits.drain(..) {
                self.endpoint.count_transmit(&self.socket.send_to(&bytes, to));
            }
            let leader = self.election.leader().map(|leader| leader.term);
            *self.view.lock().unwrap() = (leader, self.endpoint.counters().send_errors);
            self.wait();
            if let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
                let now = self.clock.now();
                input = self.endpoint.handle_datagram(&mut buffer[..length], source, now, &mut transmits);
            }
        }
    }

    /// Returns when a datagram has come, or when something is due.
    fn wait(&self) {
        let due = [self.election.deadline(), self.endpoint.deadline()].into_iter().flatten().min();
        let longest = Duration::from_millis(50);
        let left = due.map_or(longest, |due| due.saturating_duration_since(self.clock.now()).min(longest));
        let left = Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
        let _woken_or_due = poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&left));
    }
}
