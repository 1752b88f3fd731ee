//! How the socket comes to its name, which may be that of a process that has ended, and is taken from no other.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind as bind_to, connect, listen, socket_with,
};

use super::owner::taken;
use crate::failure::{BadInput, Failure};

/// The mode of the socket's file: the user and the group of this process can connect.
const MODE: u32 = 0o660;

/// How many connections wait to be let in.
const BACKLOG: i32 = 16;

/// Listens at `path`, which this process owns. Nobody can connect before the mode of the file is as it should be. Returns
/// what the file is, too.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, Metadata), Failure> {
    let name = path.display();
    let address = SocketAddrUnix::new(path).map_err(|_| {
        BadInput::new(format_args!(
            "{name} is too long for the path of a socket: give --socket a shorter one"
        ))
    })?;
    make_room(path, &address)?;
    let cannot = |error| BadInput::new(format_args!("cannot make the socket {name}: {error}"));
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags(), None)?;
    bind_to(&socket, &address).map_err(io::Error::from).map_err(cannot)?;
    let file = fs::symlink_metadata(path).map_err(cannot)?;
    fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(cannot)?;
    listen(&socket, BACKLOG)?;
    Ok((socket.into(), file))
}

/// Removes the socket of a process that has ended. Refuses anything else that has this name.
fn make_room(path: &Path, address: &SocketAddrUnix) -> Result<(), BadInput> {
    let name = path.display();
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(BadInput::new(format_args!(
                "{name} exists and is no socket: give --socket another path"
            )));
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BadInput::new(format_args!("cannot look at {name}: {error}"))),
    }
    match try_connect(address) {
        Err(Errno::CONNREFUSED | Errno::NOENT) => match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(BadInput::new(format_args!("cannot replace the socket {name}: {error}")))
            }
            _ => Ok(()),
        },
        Err(error) if error != Errno::AGAIN => {
            Err(BadInput::new(format_args!("cannot tell whether a process listens on {name}: {error}")))
        }
        Ok(()) | Err(_) => Err(taken(path)),
    }
}

/// Connects without waiting: a process that accepts nobody is a running one too.
fn try_connect(address: &SocketAddrUnix) -> rustix::io::Result<()> {
    connect(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags(), None)?, address)
}

fn flags() -> SocketFlags {
    SocketFlags::CLOEXEC | SocketFlags::NONBLOCK
}
