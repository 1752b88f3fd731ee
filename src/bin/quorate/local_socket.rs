//! A Unix socket that tells programs in any language of the lease, the leader and the news, as lines of JSON. The
//! guide's page `guide::languages` has the lines and what a client must do.
//!
//! Nothing waits for a client. A line is written to the buffer that the system keeps for the client's connection, and a client
//! whose buffer is full is disconnected. What clients send is not read.
//!
//! One thing is waited for, because two nodes could work at a time without it: a node whose lease ends early, as in a
//! handover, lets no other node lead before the clients that were told of the lease have hung up, or the lease would have ended:
//! they may be busy up to then with what they began before the end that they were told.

mod bind;
mod clients;
mod lines;
mod owner;

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use quorate::adapters::clock::BootClock;
use quorate::adapters::udp::{Host, LeaderAddress, Notice, Worker};
use quorate::{Lease, Term, Timestamp};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::clients::Clients;
use self::owner::{Owner, is_at};
use crate::Id;
use crate::failure::Failure;

/// How often the socket looks for clients that have hung up, and for changes that are no news of the election, such as
/// another address of the leader.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// How many clients are let in before the state is free for others again.
const MOST_AT_ONCE: usize = 16;

/// How often a lease that has ended early looks for clients that have hung up.
const SHORT_LOOK: Duration = Duration::from_millis(1);

#[derive(Clone)]
pub(crate) struct LocalSocket(Arc<Shared>);

struct Shared {
    group: String,
    id: Id,
    /// How long before the end of the lease its clients have to have stopped.
    margin: Duration,
    clock: BootClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    clients: Clients,
    lease: Option<Lease>,
    leader: Option<LeaderAddress<Id>>,
}

/// A socket at which nobody is let in yet. Its file is removed when this is dropped, if it is still that of this socket.
pub(crate) struct Bound {
    listener: UnixListener,
    path: PathBuf,
    file: Metadata,
    /// Dropped last: until then no other process takes the path.
    _owner: Owner,
}

impl Bound {
    /// Takes the path, also that of a process that has ended.
    pub(crate) fn bind(path: &Path) -> Result<Bound, Failure> {
        let owner = Owner::of(path)?;
        let (listener, file) = bind::bind(path)?;
        Ok(Bound { listener, path: path.to_owned(), file, _owner: owner })
    }

    /// Lets clients in, on a thread of its own. They have stopped `margin` before the end of the lease.
    pub(crate) fn serve(&self, group: &str, margin: Duration, host: &Host<Id>) -> io::Result<LocalSocket> {
        let (group, id) = (group.to_owned(), host.status().id);
        let (clock, state) = (BootClock::new(), Mutex::default());
        let socket = LocalSocket(Arc::new(Shared { group, id, margin, clock, state }));
        let (server, worker, listener) = (socket.clone(), host.worker(), self.listener.try_clone()?);
        thread::Builder::new().name("socket".into()).spawn(move || server.serve(&listener, &worker))?;
        Ok(socket)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if is_at(&self.file, &self.path) {
            let _removed_by_somebody = fs::remove_file(&self.path);
        }
    }
}

impl LocalSocket {
    /// The watcher of the lease. It waits for nothing; [`wait_for_clients`](Self::wait_for_clients) does.
    pub(crate) fn tell_lease(&self, lease: Option<Lease>) {
        let mut state = self.lock();
        state.lease = lease;
        let usable = self.usable(lease);
        let busy_until = lease.filter(|_| usable.is_some()).map(|lease| lease.until);
        state.clients.tell(&lines::lease(usable), busy_until);
    }

    /// Returns when no client can work any more by a lease that has ended.
    pub(crate) fn wait_for_clients(&self) {
        loop {
            let mut state = self.lock();
            state.clients.forget_gone();
            if !state.clients.may_work_at(self.0.clock.now()) {
                return;
            }
            drop(state);
            thread::sleep(SHORT_LOOK);
        }
    }

    /// Tells the news. The worker knows who leads.
    pub(crate) fn tell(&self, notice: &Notice<Id>, worker: &Worker<Id>) {
        let mut state = self.lock();
        if let Some(line) = lines::news(notice) {
            state.clients.tell(&line, None);
        }
        state.tell_leader(worker.leader());
    }

    fn serve(&self, listener: &UnixListener, worker: &Worker<Id>) {
        loop {
            let _also_after_a_signal = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&LOOK));
            // Programs that connect without end must not keep the watcher of the lease from the state.
            thread::sleep(SHORT_LOOK);
            let mut state = self.lock();
            state.clients.forget_gone();
            state.tell_leader(worker.leader());
            self.admit(listener, &mut state);
        }
    }

    /// Lets a few of those in that wait. Each is told at once how things stand.
    fn admit(&self, listener: &UnixListener, state: &mut State) {
        for _ in 0..MOST_AT_ONCE {
            let Ok((client, _unnamed)) = listener.accept() else { return };
            let usable = self.usable(state.lease);
            let busy_until = state.lease.filter(|_| usable.is_some()).map(|lease| lease.until);
            let line = lines::state(&self.0.group, self.0.id, usable, state.leader.as_ref());
            let _gone_at_once: io::Result<()> = state.clients.admit(client, &line, busy_until);
        }
    }

    /// The term of the lease, and when clients have to have stopped, if they may still work.
    fn usable(&self, lease: Option<Lease>) -> Option<(Term, Timestamp)> {
        let lease = lease?;
        let end = lease.until.saturating_sub(self.0.margin);
        (self.0.clock.now() < end).then_some((lease.term, end))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tell_leader(&mut self, leader: Option<LeaderAddress<Id>>) {
        if self.leader != leader {
            self.leader = leader;
            self.clients.tell(&lines::leader(leader.as_ref()), None);
        }
    }
}
