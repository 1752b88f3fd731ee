//! Datagrams that came while a state was written. A host goes on receiving then, because an operator wants to know why the
//! node does nothing; what is not for the operator waits here, as it would wait in the socket.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::prelude::rust_2024::*;

/// How many datagrams wait at most, and how many bytes they have together: more than come during a write that is not
/// hopelessly late.
const MOST: usize = 1_024;
const MOST_BYTES: usize = 512 * 1_024;

/// Datagrams that are to be handled later, in the order in which they came.
#[derive(Debug)]
pub(super) struct Backlog {
    datagrams: VecDeque<(Vec<u8>, SocketAddr)>,
    bytes: usize,
}

impl Backlog {
    pub(super) fn new() -> Self {
        Backlog { datagrams: VecDeque::new(), bytes: 0 }
    }

    /// Keeps a datagram, behind all others. Returns whether there was room for it.
    pub(super) fn push(&mut self, bytes: &[u8], source: SocketAddr) -> bool {
        let total = self.bytes.saturating_add(bytes.len());
        if self.datagrams.len() >= MOST || total > MOST_BYTES {
            return false;
        }
        self.bytes = total;
        self.datagrams.push_back((bytes.into(), source));
        true
    }

    /// Takes the oldest datagram, and copies it into `buffer`. Returns its length and its source.
    pub(super) fn pop_into(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let (bytes, source) = self.datagrams.pop_front()?;
        self.bytes = self.bytes.saturating_sub(bytes.len());
        buffer.iter_mut().zip(&bytes).for_each(|(place, byte)| *place = *byte);
        Some((bytes.len().min(buffer.len()), source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_come_back_in_order_and_those_beyond_the_room_are_refused() {
        let source = SocketAddr::from(([127, 0, 0, 1], 7));
        for (length, room) in [(1, MOST), (2_048, 256), (MOST_BYTES, 1)] {
            let mut backlog = Backlog::new();
            let body = |number: usize| std::vec![u8::try_from(number % 251).unwrap_or(0); length];
            let kept = (0..2 * MOST).filter(|&number| backlog.push(&body(number), source)).count();
            assert_eq!(kept, room, "of {length} bytes");
            let mut buffer = std::vec![0; length];
            for number in 0..kept {
                assert_eq!(backlog.pop_into(&mut buffer), Some((length, source)));
                assert_eq!(buffer, body(number));
                assert!(backlog.push(&body(number), source), "there is room for one again");
            }
        }
    }
}
