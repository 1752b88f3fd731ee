//! How other threads wake a host's thread: by an empty datagram from its socket to itself. Should that get lost, the thread
//! looks again soon.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Weak};

/// Wakes a host's thread, and does not keep its socket.
#[derive(Clone, Debug)]
pub(super) struct Waker {
    socket: Weak<UdpSocket>,
    own: SocketAddr,
}

impl Waker {
    /// Wakes the thread that waits for `socket`, which listens on `local`.
    pub(super) fn new(socket: &Arc<UdpSocket>, local: SocketAddr) -> Self {
        Waker { socket: Arc::downgrade(socket), own: own_address(local) }
    }

    pub(super) fn wake(&self) {
        if let Some(socket) = self.socket.upgrade() {
            let _looks_again_soon = socket.send_to(&[], self.own);
        }
    }
}

/// Where a socket that listens on `local` reaches itself.
pub(super) fn own_address(mut local: SocketAddr) -> SocketAddr {
    if local.ip().is_unspecified() {
        local.set_ip(match local {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    local
}
