//! Carries datagrams between the machines, and holds them up for a random time where it is told to:
//! so they overtake each other too. Some it carries twice.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::UdpSocket;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::Failure;
use crate::netns::{PLACES, alias, home, place_of};

/// What happens to the datagrams from and to some places.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Delay {
    pub(crate) places: Vec<usize>,
    /// Any time below it.
    pub(crate) most: Duration,
    /// One in four goes twice.
    pub(crate) doubled: bool,
}

pub(crate) struct Proxy(Arc<Post>);

struct Post {
    /// The socket of each alias.
    sockets: Vec<UdpSocket>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    delays: Vec<(usize, Delay)>,
    held: BinaryHeap<Reverse<Parcel>>,
    rng: ChaCha8Rng,
}

/// Ordered by when it is due.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Parcel {
    due: Instant,
    from: usize,
    to: usize,
    bytes: Vec<u8>,
}

impl Proxy {
    pub(crate) fn start(seed: u64) -> Result<Proxy, Failure> {
        let sockets = (0..PLACES).map(|place| UdpSocket::bind(alias(place)));
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let state = Mutex::new(State { delays: Vec::new(), held: BinaryHeap::new(), rng });
        let sockets = sockets.collect::<Result<_, _>>()?;
        let post = Arc::new(Post { sockets, state, changed: Condvar::new() });
        for place in 0..PLACES {
            let post = Arc::clone(&post);
            thread::spawn(move || post.take(place));
        }
        let carrier = Arc::clone(&post);
        thread::spawn(move || carrier.carry());
        Ok(Proxy(post))
    }

    /// Holds up datagrams on behalf of the fault of this number.
    pub(crate) fn delay(&self, fault: usize, delay: Delay) {
        self.0.lock().delays.push((fault, delay));
    }

    pub(crate) fn mend(&self, fault: usize) {
        self.0.lock().delays.retain(|&(number, _)| number != fault);
    }
}

impl Post {
    /// Takes what is sent to the alias of `to`.
    fn take(&self, to: usize) {
        let mut buffer = vec![0; 65_536];
        loop {
            let Ok((length, source)) = self.sockets[to].recv_from(&mut buffer) else { continue };
            let Some(from) = place_of(source) else { continue };
            let mut state = self.lock();
            let copies = state.hold_ups(from, to);
            for hold in copies {
                let (due, bytes) = (Instant::now() + hold, buffer[..length].to_vec());
                state.held.push(Reverse(Parcel { due, from, to, bytes }));
            }
            self.changed.notify_all();
        }
    }

    fn carry(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            match state.held.pop() {
                Some(Reverse(parcel)) if parcel.due <= now => {
                    // Its receiver sees it come from the alias of its sender. If nobody is there, it
                    // is lost.
                    let _lost = self.sockets[parcel.from].send_to(&parcel.bytes, home(parcel.to));
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
    /// For how long each copy of a datagram is held.
    fn hold_ups(&mut self, from: usize, to: usize) -> Vec<Duration> {
        let concerns = |delay: &Delay| delay.places.contains(&from) || delay.places.contains(&to);
        let delays = self.delays.iter().map(|(_, delay)| delay).filter(|delay| concerns(delay));
        let (most, doubled) = delays.fold((Duration::ZERO, false), |(most, doubled), delay| {
            (most.max(delay.most), doubled || delay.doubled)
        });
        let copies = if doubled && self.rng.next_u32().is_multiple_of(4) { 2 } else { 1 };
        (0..copies).map(|_| most.mul_f64(f64::from(self.rng.next_u32()) / f64::from(u32::MAX))).collect()
    }
}
