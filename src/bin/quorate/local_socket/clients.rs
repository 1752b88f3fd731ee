//! The clients that are connected, and until when they may work.

use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixStream;

use quorate::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_send_buffer_size;

/// How many clients may be connected.
const MOST: usize = 64;

/// How much memory the system keeps for what a client has not read yet. A line takes about a kilobyte of it, and the system
/// doubles what it is asked for.
const BUFFER: usize = 64 * 1024;

const TOO_MANY: &str = "{\"error\":\"64 clients are connected, and no more are let in\"}\n";

#[derive(Default)]
pub(super) struct Clients {
    connected: Vec<Client>,
    /// The latest end of a lease of which a client was told that was disconnected since, and may not know that yet.
    owed: Timestamp,
}

struct Client {
    connection: UnixStream,
    /// The latest end of a lease of which it was told.
    may_work_until: Timestamp,
}

impl Clients {
    /// Lets a client in, with its first line.
    pub(super) fn admit(
        &mut self,
        mut connection: UnixStream,
        line: &str,
        busy_until: Option<Timestamp>,
    ) -> io::Result<()> {
        connection.set_nonblocking(true)?;
        set_socket_send_buffer_size(&connection, BUFFER)?;
        if self.connected.len() >= MOST {
            return connection.write_all(TOO_MANY.as_bytes());
        }
        self.connected.push(Client { connection, may_work_until: Timestamp::ORIGIN });
        let newcomer = self.connected.len().saturating_sub(1);
        self.tell_from(newcomer, line, busy_until);
        Ok(())
    }

    /// Writes a line to each client, which brings a lease or not.
    pub(super) fn tell(&mut self, line: &str, busy_until: Option<Timestamp>) {
        self.tell_from(0, line, busy_until);
    }

    fn tell_from(&mut self, first: usize, line: &str, busy_until: Option<Timestamp>) {
        let mut place = first;
        while let Some(client) = self.connected.get_mut(place) {
            // Also a client that has got only a part of the line may have understood it.
            client.may_work_until = client.may_work_until.max(busy_until.unwrap_or_default());
            match client.tell(line) {
                Told::Whole => place = place.saturating_add(1),
                Told::Gone => drop(self.connected.swap_remove(place)),
                Told::Slow => {
                    let client = self.connected.swap_remove(place);
                    self.owed = self.owed.max(client.may_work_until);
                }
            }
        }
    }

    /// Forgets the clients that have hung up: they have stopped whatever they did by a lease.
    pub(super) fn forget_gone(&mut self) {
        self.connected.retain(|client| !client.has_hung_up());
    }

    /// Whether a client may still be at work at this time.
    pub(super) fn may_work_at(&self, now: Timestamp) -> bool {
        now < self.owed || self.connected.iter().any(|client| now < client.may_work_until)
    }
}

enum Told {
    Whole,
    /// It has hung up.
    Gone,
    /// It has not read for so long that the line does not fit into the buffer of its connection.
    Slow,
}

impl Client {
    fn tell(&mut self, line: &str) -> Told {
        loop {
            match self.connection.write(line.as_bytes()) {
                Ok(written) if written == line.len() => return Told::Whole,
                Ok(_a_part) => return Told::Slow,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Told::Gone,
                Err(_no_room) => return Told::Slow,
            }
        }
    }

    fn has_hung_up(&self) -> bool {
        let mut connection = [PollFd::new(&self.connection, PollFlags::empty())];
        let polled = poll(&mut connection, Some(&Timespec::default()));
        let [connection] = connection;
        polled.is_ok() && connection.revents().contains(PollFlags::HUP)
    }
}
