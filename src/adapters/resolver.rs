//! Looks names up, off the thread of the election.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::prelude::rust_2024::*;
use std::sync::Arc;
use std::thread;

use super::endpoint::{MAX_ANSWERS, PeerName};

/// Looks names up: the resolver of the operating system unless told otherwise, which reads `/etc/hosts` and asks the
/// DNS servers of the machine.
///
/// ```
/// use std::io::{Error, ErrorKind};
/// use std::net::SocketAddr;
///
/// use quorate::adapters::udp::Resolver;
///
/// // A registry of the program's own.
/// let resolver = Resolver::new(|name| match name.host() {
///     "db-1" => Ok([SocketAddr::from(([10, 0, 0, 1], name.port()))].into()),
///     _ => Err(Error::from(ErrorKind::NotFound)),
/// });
/// assert!(resolver.resolve(&"db-1:7000".parse()?).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Resolver(Arc<Resolve>);

type Resolve = dyn Fn(&PeerName) -> io::Result<Vec<SocketAddr>> + Send + Sync;

impl Resolver {
    /// Looks names up by `resolve`. It is called on a thread of its own for each look-up, may take as long as it likes,
    /// and is not asked for the same name again meanwhile. Of the addresses that it returns, the first 64 are used.
    pub fn new(resolve: impl Fn(&PeerName) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Resolver(Arc::new(resolve))
    }

    /// The addresses that a name stands for.
    ///
    /// # Errors
    /// Those of the resolver.
    pub fn resolve(&self, name: &PeerName) -> io::Result<Vec<SocketAddr>> {
        let mut addresses = (self.0)(name)?;
        addresses.truncate(MAX_ANSWERS);
        Ok(addresses)
    }

    /// Looks a name up on a thread of its own, which a look-up that hangs keeps for itself, and has `tell` called with the
    /// answer there.
    ///
    /// # Errors
    /// If there is no thread; `tell` is not called then.
    pub(super) fn look_up(
        &self,
        name: PeerName,
        tell: impl FnOnce(PeerName, io::Result<Vec<SocketAddr>>) + Send + 'static,
    ) -> io::Result<()> {
        let resolver = self.clone();
        let look_up = move || {
            let answer = catch_unwind(AssertUnwindSafe(|| resolver.resolve(&name)));
            let panicked = |_| Err(io::Error::other("the resolver panicked"));
            let answer = answer.unwrap_or_else(panicked);
            tell(name, answer);
        };
        thread::Builder::new().name("quorate-names".into()).spawn(look_up).map(drop)
    }
}

impl Default for Resolver {
    /// That of the operating system.
    fn default() -> Self {
        Resolver::new(|name| Ok((name.host(), name.port()).to_socket_addrs()?.take(MAX_ANSWERS).collect()))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// Looks a name up as a host does.
    fn answer(resolver: &Resolver, name: &str) -> Option<Vec<SocketAddr>> {
        let (tell, told) = channel();
        let started = resolver.look_up(name.parse().ok()?, move |_, answer| {
            let _gone = tell.send(answer);
        });
        started.ok().and_then(|()| told.recv().ok())?.ok()
    }

    #[test]
    fn the_system_knows_the_machine_itself() {
        let addresses = answer(&Resolver::default(), "localhost:7000").unwrap_or_default();
        assert!(!addresses.is_empty(), "no address of localhost");
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 7000));
    }

    #[test]
    fn a_resolver_that_fails_panics_or_does_not_end_its_list_is_survived() {
        let many =
            Resolver::new(|name| Ok(std::vec![SocketAddr::from(([10, 0, 0, 1], name.port())); 100_000]));
        assert_eq!(answer(&many, "a:1").map(|addresses| addresses.len()), Some(MAX_ANSWERS));
        let failing = Resolver::new(|_| Err(io::Error::from(io::ErrorKind::NotFound)));
        assert_eq!(answer(&failing, "a:1"), None);
        let (tell, told) = channel();
        let panicking = Resolver::new(|_| std::panic::resume_unwind(Box::new(())));
        let started = "a:1".parse().map(|name| {
            panicking.look_up(name, move |_, answer| {
                let _gone = tell.send(answer.is_err());
            })
        });
        assert!(matches!(started, Ok(Ok(()))) && told.recv() == Ok(true));
    }
}
