//! The proxy passes datagrams on between the machines. Where a fault says so, it delays each datagram for
//! a random time, so that datagrams overtake each other, and passes some on twice.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::UdpSocket;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::Failure;
use crate::netns::{MACHINES, alias, home, machine_at};

/// A delay of the datagrams from and to some machines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Delay {
    pub(crate) machines: Vec<usize>,
    /// The longest delay.
    pub(crate) most: Duration,
    /// Whether one datagram in four is passed on twice.
    pub(crate) doubled: bool,
}

pub(crate) struct Proxy(Arc<Shared>);

struct Shared {
    /// The socket of each alias.
    sockets: Vec<UdpSocket>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    delays: Vec<(usize, Delay)>,
    held: BinaryHeap<Reverse<HeldDatagram>>,
    rng: ChaCha8Rng,
}

/// A datagram that waits, ordered by the time at which it is due.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct HeldDatagram {
    due: Instant,
    from: usize,
    to: usize,
    bytes: Vec<u8>,
}

impl Proxy {
    pub(crate) fn start(seed: u64) -> Result<Proxy, Failure> {
        let sockets = (0..MACHINES).map(|index| UdpSocket::bind(alias(index)));
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let state = Mutex::new(State { delays: Vec::new(), held: BinaryHeap::new(), rng });
        let sockets = sockets.collect::<Result<_, _>>()?;
        let shared = Arc::new(Shared { sockets, state, changed: Condvar::new() });
        for index in 0..MACHINES {
            let receiver = Arc::clone(&shared);
            thread::spawn(move || receiver.receive(index));
        }
        let sender = Arc::clone(&shared);
        thread::spawn(move || sender.send_due());
        Ok(Proxy(shared))
    }

    /// Adds a delay for the fault of this number.
    pub(crate) fn delay(&self, fault: usize, delay: Delay) {
        self.0.lock().delays.push((fault, delay));
    }

    pub(crate) fn mend(&self, fault: usize) {
        self.0.lock().delays.retain(|&(number, _)| number != fault);
    }
}

impl Shared {
    /// Receives the datagrams that are sent to the alias of `to`.
    fn receive(&self, to: usize) {
        let mut buffer = vec![0; 65_536];
        loop {
            let Ok((length, source)) = self.sockets[to].recv_from(&mut buffer) else { continue };
            let Some(from) = machine_at(source) else { continue };
            let mut state = self.lock();
            let copies = state.delays_of_copies(from, to);
            for hold in copies {
                let (due, bytes) = (Instant::now() + hold, buffer[..length].to_vec());
                state.held.push(Reverse(HeldDatagram { due, from, to, bytes }));
            }
            self.changed.notify_all();
        }
    }

    fn send_due(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            match state.held.pop() {
                Some(Reverse(datagram)) if datagram.due <= now => {
                    // The receiver sees the alias of the sender. If no process listens there, the
                    // datagram is lost.
                    let _lost = self.sockets[datagram.from].send_to(&datagram.bytes, home(datagram.to));
                }
                Some(early) => {
                    let left = early.0.due - now;
                    state.held.push(early);
                    state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The delay of each copy of a datagram.
    fn delays_of_copies(&mut self, from: usize, to: usize) -> Vec<Duration> {
        let concerns = |delay: &Delay| delay.machines.contains(&from) || delay.machines.contains(&to);
        let delays = self.delays.iter().map(|(_, delay)| delay).filter(|delay| concerns(delay));
        let (most, doubled) = delays.fold((Duration::ZERO, false), |(most, doubled), delay| {
            (most.max(delay.most), doubled || delay.doubled)
        });
        let copies = if doubled && self.rng.next_u32().is_multiple_of(4) { 2 } else { 1 };
        (0..copies).map(|_| most.mul_f64(f64::from(self.rng.next_u32()) / f64::from(u32::MAX))).collect()
    }
}
