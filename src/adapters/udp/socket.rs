//! The socket.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// How much is received ahead, in bytes of the system's own count. What waits there is late: no more
/// than the host refuses in a few milliseconds.
const RECEIVE_BUFFER: usize = 1024 * 1024;

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

/// Room for what arrives while the thread has to wait for a processor or a disk. As much as the system
/// allows will do.
pub(in crate::adapters) fn enlarge(socket: &UdpSocket) {
    #[cfg(target_os = "linux")]
    let set = rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER);
    #[cfg(not(target_os = "linux"))]
    let set = Err::<(), _>(rustix::io::Errno::NOSYS);
    if set.is_err() {
        let _smaller = rustix::net::sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BUFFER);
    }
}
