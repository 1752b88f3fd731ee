//! A thread that answers probes on a TCP socket.

mod connection;
mod room;

use std::boxed::Box;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::prelude::rust_2024::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::connection::Connection;
use self::room::{Held, Source, place_to_free};
use super::Response;

/// How many clients are served at once. One of those with the most connections makes room for the next.
const MOST_CONNECTIONS: usize = 64;

/// How long the thread waits at most before it looks whether it is to end.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How long to leave a listener alone that takes no connection: the process may have no descriptor left.
const RESPITE: Duration = Duration::from_millis(100);

/// How long the end of a server waits to wake its thread.
const WAKE_TIMEOUT: Duration = Duration::from_millis(100);

/// Answers probes, until it is dropped.
pub struct ProbeServer {
    local: SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Why probes cannot be answered.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeServerError {
    /// The address cannot be listened on.
    #[error("cannot listen for probes on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// There is no thread to answer on.
    #[error("no thread to answer probes on")]
    Thread(#[source] io::Error),
}

/// What is answered to a path.
type Answer = Box<dyn Fn(&str) -> Response + Send>;

impl ProbeServer {
    /// Listens on `listen`, and answers there as `answer` says, which is called with the path, on a thread of the server.
    /// All clients wait while it runs. Port 0 takes any free one.
    ///
    /// # Errors
    /// [`ProbeServerError`] if the address cannot be listened on, or there is no thread.
    pub fn start(
        listen: SocketAddr,
        answer: impl Fn(&str) -> Response + Send + 'static,
    ) -> Result<Self, ProbeServerError> {
        let (listener, local) =
            bind(listen).map_err(|source| ProbeServerError::Listen { address: listen, source })?;
        let ends = Arc::new(AtomicBool::new(false));
        let server = Server {
            listener,
            listens_from: Instant::now(),
            connections: Vec::new(),
            answer: Box::new(answer),
            ends: Arc::clone(&ends),
        };
        let thread = thread::Builder::new().name("quorate-probes".into());
        let thread = thread.spawn(move || server.run()).map_err(ProbeServerError::Thread)?;
        Ok(ProbeServer { local, ends, thread: Some(thread) })
    }

    /// The address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl Drop for ProbeServer {
    /// Ends when the port is free again.
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        // A client wakes the thread, which looks again soon in any case.
        let _looks_again_soon = TcpStream::connect_timeout(&reachable(self.local), WAKE_TIMEOUT);
        let _panicked = self.thread.take().map(JoinHandle::join);
    }
}

impl fmt::Debug for ProbeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeServer").field("local", &self.local).finish_non_exhaustive()
    }
}

struct Server {
    listener: TcpListener,
    /// From when on connections are taken.
    listens_from: Instant,
    /// In the order in which they came.
    connections: Vec<Connection>,
    answer: Answer,
    ends: Arc<AtomicBool>,
}

impl Server {
    fn run(mut self) {
        while !self.ends.load(Ordering::Acquire) {
            self.wait();
            let now = Instant::now();
            self.accept(now);
            let answer = &self.answer;
            self.connections.retain_mut(|connection| connection.advance(answer, now));
        }
    }

    /// Waits until a client has something for the server, or takes something from it, or time is up for one.
    fn wait(&self) {
        let now = Instant::now();
        let listens = self.listens_from <= now;
        let next_accept = Some(self.listens_from).filter(|_| !listens);
        let deadlines = self.connections.iter().map(Connection::deadline).chain(next_accept);
        let left = deadlines.map(|due| due.saturating_duration_since(now)).fold(LONGEST_WAIT, Duration::min);
        let Ok(timeout) = Timespec::try_from(left) else { return };
        let listener = listens.then(|| PollFd::new(&self.listener, PollFlags::IN));
        let mut descriptors: Vec<PollFd<'_>> = self.connections.iter().map(Connection::interest).collect();
        descriptors.extend(listener);
        let _looks_at_all = poll(&mut descriptors, Some(&timeout));
    }

    fn accept(&mut self, now: Instant) {
        for _ in 0..MOST_CONNECTIONS {
            if now < self.listens_from {
                return;
            }
            match self.listener.accept() {
                Ok((stream, address)) => self.add(stream, Source::of(address.ip()), now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(_) => self.listens_from = now.checked_add(RESPITE).unwrap_or(now),
            }
        }
    }

    fn add(&mut self, stream: TcpStream, source: Source, now: Instant) {
        // A client whose socket blocks would keep the others waiting.
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        if self.connections.len() >= MOST_CONNECTIONS {
            let held: Vec<Held> = self.connections.iter().map(Connection::held).collect();
            if let Some(place) = place_to_free(&held, source) {
                self.connections.remove(place);
            }
        }
        self.connections.push(Connection::new(stream, source, now));
    }
}

fn bind(listen: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// Where a socket that listens on `local` reaches itself.
fn reachable(mut local: SocketAddr) -> SocketAddr {
    if local.ip().is_unspecified() {
        local.set_ip(match local {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
        });
    }
    local
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn machine(number: u8) -> Source {
        Source::of([10, 0, 0, number].into())
    }

    /// A server that serves nobody by itself, and whether it still serves a client from each of these machines.
    struct World(Server);

    impl World {
        fn new() -> World {
            let (listener, _) = bind(([127, 0, 0, 1], 0).into()).unwrap();
            let answer: Answer = Box::new(|_| Response::line(200, "ok"));
            let (listens_from, ends) = (Instant::now(), Arc::default());
            World(Server { listener, listens_from, connections: Vec::new(), answer, ends })
        }

        fn connect(&mut self, from: u8, now: Instant) -> TcpStream {
            let client = TcpStream::connect(self.0.listener.local_addr().unwrap()).unwrap();
            let theirs = loop {
                match self.0.listener.accept() {
                    Ok((theirs, _)) => break theirs,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            };
            self.0.add(theirs, machine(from), now);
            client
        }

        fn serves(&self, from: u8) -> usize {
            self.0.connections.iter().filter(|connection| connection.held().source == machine(from)).count()
        }

        fn advance(&mut self, now: Instant) {
            let answer = &self.0.answer;
            self.0.connections.retain_mut(|connection| connection.advance(answer, now));
        }
    }

    #[test]
    fn a_machine_with_hundreds_of_connections_keeps_no_other_from_an_answer() {
        let (mut world, now) = (World::new(), Instant::now());
        let _kubelet = world.connect(1, now);
        let clients: Vec<TcpStream> = (0..200).map(|_| world.connect(9, now)).collect();
        let _prometheus = world.connect(2, now);
        assert_eq!([1, 2, 9].map(|from| world.serves(from)), [1, 1, MOST_CONNECTIONS - 2]);
        drop(clients);
    }

    #[test]
    fn a_client_whose_request_is_not_whole_after_a_second_is_not_waited_for() {
        let (mut world, now) = (World::new(), Instant::now());
        let after = |millis| now.checked_add(Duration::from_millis(millis)).unwrap();
        let _silent = world.connect(1, now);
        world.advance(after(999));
        assert_eq!(world.serves(1), 1);
        world.advance(after(1_000));
        assert_eq!(world.serves(1), 0);
    }
}
