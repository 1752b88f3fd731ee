//! Sockets, and what is required to open one.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::vec::Vec;

use rand_core::TryCryptoRng;

use super::endpoint::{Endpoint, Transmit};
use super::seal::Keyring;
use crate::types::NodeId;

/// How much is received in advance, in bytes of the system's own count. What waits there is late: by no more
/// than the few milliseconds in which a host refuses as much.
const RECEIVE_BUFFER: usize = 1024 * 1024;

/// How much may be on its way, in bytes of the system's own count: a few datagrams to each member of the largest group,
/// and what waits in the system for members on machines that are gone.
const SEND_BUFFER: usize = 2 * 1024 * 1024;

/// Whether datagrams are sealed. All nodes of a group choose the same.
#[derive(Clone, Debug, Default)]
pub enum Protection {
    /// Nothing was chosen: datagrams are not sealed, and the node starts only on a loopback address.
    #[default]
    OnlyLoopback,
    /// Datagrams are sealed with these keys.
    Sealed(Keyring),
    /// Datagrams are not sealed, wherever the node listens: any machine that can send to its port can depose
    /// its leader and have two elected.
    Unsealed,
}

/// Why an address is not listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The operating system refused.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Other machines could send to the address, and neither were keys given nor was it chosen to do without:
    /// see [`Protection`].
    #[error("will not listen on {address} unsealed unless told to")]
    Unsealed {
        /// The address.
        address: SocketAddr,
    },
}

impl Protection {
    pub(super) fn into_keys(self) -> Option<Keyring> {
        match self {
            Protection::Sealed(keys) => Some(keys),
            Protection::OnlyLoopback | Protection::Unsealed => None,
        }
    }
}

/// Listens on `address`, with a socket that does not block. Returns the socket, and its own address.
pub(super) fn bind(
    address: SocketAddr,
    protection: &Protection,
) -> Result<(UdpSocket, SocketAddr), BindError> {
    if matches!(protection, Protection::OnlyLoopback) && !address.ip().is_loopback() {
        return Err(BindError::Unsealed { address });
    }
    let listen = |source| BindError::Listen { address, source };
    let socket = UdpSocket::bind(address).map_err(listen)?;
    socket.set_nonblocking(true).map_err(listen)?;
    enlarge_receive_buffer(&socket);
    enlarge_send_buffer(&socket);
    let local = socket.local_addr().map_err(listen)?;
    Ok((socket, local))
}

/// Makes room for what arrives while the node has to wait for a processor or a disk. As much as the system
/// allows will do.
fn enlarge_receive_buffer(socket: &UdpSocket) {
    #[cfg(target_os = "linux")]
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER).is_ok() {
        return;
    }
    let _smaller = rustix::net::sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BUFFER);
}

/// Makes room for what cannot leave the machine at once: while the network is busy, and while the system looks for
/// machines of the same subnet that do not answer. As much as the system allows will do.
fn enlarge_send_buffer(socket: &UdpSocket) {
    #[cfg(target_os = "linux")]
    if rustix::net::sockopt::set_socket_send_buffer_size_force(socket, SEND_BUFFER).is_ok() {
        return;
    }
    let _smaller = rustix::net::sockopt::set_socket_send_buffer_size(socket, SEND_BUFFER);
}

/// How much may be on its way, if the system says so.
pub(super) fn send_buffer(socket: &UdpSocket) -> Option<usize> {
    rustix::net::sockopt::socket_send_buffer_size(socket).ok().filter(|&bytes| bytes > 0)
}

/// Sends what an endpoint has to send, by as few system calls as the system allows, and tells it what became of that.
pub(super) fn send_all<I: NodeId, R: TryCryptoRng>(
    socket: &UdpSocket,
    endpoint: &mut Endpoint<I, R>,
    transmits: &mut Vec<Transmit>,
) {
    let mut rest = transmits.as_slice();
    while let [first, others @ ..] = rest {
        match send_some(socket, first, rest) {
            Ok(count) => {
                let count = count.clamp(1, rest.len());
                (0..count).for_each(|_| endpoint.count_transmit(&io::Result::Ok(())));
                rest = rest.get(count..).unwrap_or_default();
            }
            Err(error) => {
                if is_too_long(&error) {
                    endpoint.report_too_long(first.to);
                }
                endpoint.count_transmit(&io::Result::<()>::Err(error));
                rest = others;
            }
        }
    }
    transmits.clear();
}

/// Sends the `first` of `all` these datagrams, and as many behind it as one system call takes. Returns how many were
/// sent. An error is about the first.
fn send_some(socket: &UdpSocket, first: &Transmit, all: &[Transmit]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    if all.len() > 1 {
        match batch::send(socket, all) {
            // Something between this program and the kernel does not know the call.
            Err(rustix::io::Errno::NOSYS) => {}
            sent => return Ok(sent?),
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = all;
    socket.send_to(&first.bytes, first.to).map(|_| 1)
}

/// Several datagrams by one system call.
#[cfg(target_os = "linux")]
mod batch {
    use std::io::IoSlice;
    use std::net::UdpSocket;
    use std::vec::Vec;

    use rustix::io::Errno;
    use rustix::net::addr::SocketAddrArg;
    use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};

    use super::Transmit;

    /// How many datagrams one call takes: a round of heartbeats in most groups.
    const AT_ONCE: usize = 64;

    /// Sends the first of these datagrams, and others behind it. Returns how many were sent. An error is about the first.
    pub(super) fn send(socket: &UdpSocket, transmits: &[Transmit]) -> Result<usize, Errno> {
        let batch = || transmits.iter().take(AT_ONCE);
        let addresses: Vec<SocketAddrAny> = batch().map(|transmit| transmit.to.as_any()).collect();
        let bodies: Vec<[IoSlice<'_>; 1]> = batch().map(|transmit| [IoSlice::new(&transmit.bytes)]).collect();
        let mut controls: Vec<_> = batch().map(|_| SendAncillaryBuffer::default()).collect();
        let parts = addresses.iter().zip(&bodies).zip(&mut controls);
        let mut messages: Vec<MMsgHdr<'_>> =
            parts.map(|((to, body), control)| MMsgHdr::new_with_addr(to, body, control)).collect();
        sendmmsg(socket, &mut messages, SendFlags::empty())
    }
}

/// Whether the system refuses a datagram because of its length. Some take 9 KiB at most unless told otherwise.
fn is_too_long(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::MSGSIZE)
}

/// Whether an error of a socket says that there is no socket any more. All other errors may pass: networks come back,
/// and buffers empty.
pub(super) fn is_closed(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    errno.is_some_and(|errno| [rustix::io::Errno::BADF, rustix::io::Errno::NOTSOCK].contains(&errno))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rustix::io::Errno;

    use super::*;
    use crate::types::ClusterId;

    #[test]
    fn a_datagram_that_is_too_long_for_the_system_is_told_from_one_that_cannot_be_sent_for_another_reason() {
        let bound = bind(SocketAddr::from(([127, 0, 0, 1], 0)), &Protection::OnlyLoopback);
        let sent = bound.map(|(socket, to)| socket.send_to(&std::vec![0; 70_000], to));
        assert!(matches!(&sent, Ok(Err(error)) if is_too_long(error)), "{sent:?}");
        assert!(!is_too_long(&io::Error::from(Errno::NETUNREACH)));
    }

    /// A datagram to `to` with this content.
    fn transmit(to: SocketAddr, bytes: Vec<u8>) -> Transmit {
        Transmit { to, bytes }
    }

    #[test]
    fn all_datagrams_are_sent_in_order_though_the_system_refuses_one_among_them() {
        let any = || bind(SocketAddr::from(([127, 0, 0, 1], 0)), &Protection::OnlyLoopback).unwrap();
        let ((socket, _), (receiver, to)) = (any(), any());
        let rng = ChaCha20Rng::seed_from_u64(1);
        let mut endpoint = Endpoint::new(1_u8, ClusterId(1), None, rng).unwrap();
        for refused in 0..5 {
            let body = |index: u8| if index == refused { std::vec![0; 70_000] } else { std::vec![index; 3] };
            let mut transmits: Vec<Transmit> = (0..5).map(|index| transmit(to, body(index))).collect();
            send_all(&socket, &mut endpoint, &mut transmits);
            let (counters, rounds) = (endpoint.counters(), u64::from(refused).saturating_add(1));
            assert_eq!((counters.sent, counters.send_errors), (rounds.saturating_mul(4), rounds));
            assert!(transmits.is_empty());
            let mut buffer = [0; 9];
            let received = core::iter::from_fn(|| {
                let (length, _) = receiver.recv_from(&mut buffer).ok()?;
                (length == 3).then_some(buffer[0])
            });
            let sent = (0..5).filter(|&index| index != refused);
            assert!(received.eq(sent), "without datagram {refused}");
        }
    }

    #[test]
    fn only_the_loss_of_the_socket_itself_is_final() {
        let of = |errno: Errno| is_closed(&io::Error::from(errno));
        assert!([Errno::BADF, Errno::NOTSOCK].into_iter().all(of));
        let passing = [Errno::NETUNREACH, Errno::CONNREFUSED, Errno::NOBUFS, Errno::HOSTUNREACH, Errno::PERM];
        assert!(!passing.into_iter().any(of));
        assert!(!of(Errno::MFILE) && !of(Errno::NOMEM) && !of(Errno::INTR) && !of(Errno::MSGSIZE));
    }
}
